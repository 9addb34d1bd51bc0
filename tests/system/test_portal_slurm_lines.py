"""The lines that the portal needs in Slurm and its database, tried on a real Slurm."""

import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.services import CONF, require_service, wait_until
from tests.slurm_cluster import CLUSTER, DATABASE, PROGRAMS, SlurmCluster
from usagedb import errors
from usagedb.config import DatabaseConfig
from usagedb.database import Database

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="the portal needs Python 3.10")

SAMPLE = "slurm-portal.conf.sample"


def lines_for(file_name: str) -> "list[str]":
    """Return the lines of the sample that are for one file, without comments."""
    part = re.search(
        rf"^# ---- [^\n]*{re.escape(file_name)}[^\n]*\n(.*?)(?=^# ---- |\Z)",
        (CONF / SAMPLE).read_text(), re.MULTILINE | re.DOTALL,
    )  # fmt: skip
    assert part
    return [line for line in part[1].splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def slurm() -> Iterator[SlurmCluster]:
    """Give a Slurm with the lines of the sample, but for cgroups, which not every machine has."""
    require_service(*PROGRAMS)
    lines = [line for line in lines_for("slurm.conf") if "/cgroup" not in line]
    assert len(lines) == 3
    with (
        tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory,
        SlurmCluster(Path(directory, "slurm"), ["GresTypes=gpu", *lines]) as started,
    ):
        yield started


class SlurmAccount(NamedTuple):
    """The account of the sample on the database of a Slurm."""

    config: DatabaseConfig
    job: int  # that has ended

    def asked(self, sql: str) -> "list[Any]":
        """Return the rows of a query."""
        database = Database(self.config)
        try:
            return list(database.rows(sql))
        finally:
            database.close()


@pytest.fixture(scope="module")
def slurm_account(slurm: SlurmCluster) -> SlurmAccount:
    """Give the account that the statements of the sample make, after a job."""
    job = int(slurm.run_to_end(script="echo of the portal"))
    port = re.search(r"StoragePort=(\d+)", (slurm.directory / "slurmdbd.conf").read_text())
    assert port
    config = DatabaseConfig("mysql", DATABASE, "test", ("127.0.0.1",), int(port[1]), user="root")
    root = Database(config)
    for line in lines_for("mysql < FILE"):
        statement = line.replace("mycluster_", f"{CLUSTER}_").rstrip(";")
        root.run_ddl(statement.replace("'portal'@'portal.example.org'", "'portal'@'localhost'"))
    root.close()
    made = config.replaced(user="portal", password="choose-a-password", read_only=True)  # noqa: S106
    return SlurmAccount(made, job)


@contextlib.contextmanager
def slurm_of(account: SlurmAccount) -> "Iterator[Any]":
    """Give the block the SlurmDatabase as the portal reads it."""
    from userportal.slurm.database import SlurmDatabase

    database = Database(account.config)
    try:
        yield SlurmDatabase(database, CLUSTER)
    finally:
        database.close()


def test_slurm_keeps_scripts_and_no_environments(
    slurm: SlurmCluster, slurm_account: SlurmAccount
) -> None:
    shown = slurm.run("scontrol", "show", "config")
    flags = re.search(r"^AccountingStoreFlags\s*= (\S+)", shown, re.MULTILINE)
    assert flags
    assert set(flags[1].lower().split(",")) == {"job_script", "job_comment"}
    with slurm_of(slurm_account) as store:
        # slurmdbd has the script later than the job's end.
        wait_until(lambda: store.script(store.job(slurm_account.job)), "the script to be stored")
        assert "echo of the portal" in store.script(store.job(slurm_account.job))


def test_the_account_for_slurm_reads_all_that_the_portal_shows(
    slurm_account: SlurmAccount,
) -> None:
    from userportal.access.slurm_accounts import allocation_of, coordinators_of
    from userportal.slurm.model import JobFilter

    with slurm_of(slurm_account) as store:
        job = store.job(slurm_account.job)
        assert job.state_name == "COMPLETED"
        assert [step.name for step in store.steps(job)] == ["batch"]
        assert store.page(JobFilter(user_id=job.user_id), limit=1).jobs == [job]
        assert store.users_of_account("root") == ["root"]
        assert "root" in store.accounts()
        assert "gres/gpu" in store.tres_names().values()
        assert "normal" in store.qos_names().values()
        assert coordinators_of(store, "root") == []
        assert allocation_of(store, "root").members == ("root",)
        assert store.dependents(job) == []
        assert store.events(job.nodes, job.start, job.end) is not None
        assert "time_end" in store.columns("suspend_table")


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT * FROM {CLUSTER}_job_env_table",
        "SELECT * FROM mysql.global_priv",
        f"INSERT INTO {DATABASE}.tres_table (creation_time) VALUES (1)",
        f"DELETE FROM {CLUSTER}_job_table",
        f"UPDATE {CLUSTER}_job_table SET job_name = 'x'",
        "CREATE TABLE made (number INT)",
    ],
)
def test_the_account_for_slurm_can_do_nothing_else(slurm_account: SlurmAccount, sql: str) -> None:
    with pytest.raises(errors.UsageDBError, match="command denied"):
        slurm_account.asked(sql)
