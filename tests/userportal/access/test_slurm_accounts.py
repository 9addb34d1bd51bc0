"""Accounts, coordinators and limits as a real slurmdbd writes them."""

import contextlib
import re

import pytest

from tests.services import require_service
from tests.slurm_cluster import CLUSTER, DATABASE, PROGRAMS, SlurmCluster
from usagedb.config import DatabaseConfig
from usagedb.database import Database
from userportal.access.allocations import Allocations, ComputeAmount
from userportal.access.slurm_accounts import SlurmAccounts
from userportal.slurm.database import SlurmDatabase

COMMANDS = (
    "add account lab", "add account lab_secret", "add account old",
    "add user ann account=lab,old", "add user bob account=lab", "add user dan account=lab_secret",
    "add user mia account=lab_secret", "add coordinator account=lab names=mia",
    "modify account lab set GrpTRES=cpu=128,gres/gpu=4", "delete user ann account=old",
)  # fmt: skip


class SlurmSources:
    """Sources that are the database of a cluster."""

    def __init__(self, config):
        self.config = config

    @contextlib.contextmanager
    def slurm(self):
        """Give the block the open SlurmDatabase."""
        with contextlib.closing(Database(self.config)) as database:
            yield SlurmDatabase(database, CLUSTER)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The Allocations of a real cluster."""
    require_service(*PROGRAMS)
    more = ["AccountingStorageTRES=gres/gpu"]
    with SlurmCluster(tmp_path_factory.mktemp("slurm"), more) as cluster:
        for command in COMMANDS:
            cluster.run("sacctmgr", "-i", *command.split())
        text = (cluster.directory / "slurmdbd.conf").read_text()
        port = int(re.search(r"StoragePort=(\d+)", text)[1])
        config = DatabaseConfig(
            backend="mysql", database=DATABASE, hosts=("127.0.0.1",), port=port, user="root",
            source="test",
        )  # fmt: skip
        yield Allocations(SlurmAccounts(SlurmSources(config), CLUSTER))


def test_members_are_the_users_of_an_account(found):
    assert found.accounts_of("ann") == ["lab"]
    assert found.is_member("bob", "lab") and not found.is_member("bob", "lab_secret")
    assert not found.is_member("ann", "old") and not found.is_member("ann", "lab_cpu")


def test_a_coordinator_answers_for_an_account(found):
    assert found.managers_of("lab") == ["mia"] and found.is_manager("mia", "lab")
    assert found.accounts_of("mia") == ["lab", "lab_secret"]
    assert found.members_of("lab") == ["ann", "bob", "mia"]


def test_limits_are_the_amounts(found):
    assert found.compute_of_account("lab") == [
        ComputeAmount("lab", "cpu", 128.0), ComputeAmount("lab", "gpu", 4.0),
    ]  # fmt: skip
    assert found.compute_of_account("lab_secret") == [ComputeAmount("lab_secret", "cpu", None)]


@pytest.mark.parametrize("name", ["LAB", "lab ", "läb", "%", "l'b", "Ann"])
def test_letters_that_the_database_takes_for_the_same_are_not(found, name):
    assert found.members_of(name) == [] and found.accounts_of(name) == []
