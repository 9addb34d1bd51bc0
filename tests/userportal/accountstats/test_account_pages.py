"""The page of an account, and the list of the own ones."""

import re

import pytest

from tests.userportal.jobstats.little import reader, served, write_site
from tests.userportal.jobstats.test_job_page import graphs_of, text_of
from tests.userportal.slurm.made import CLUSTER
from usagedb.config import read_config
from usagedb.database import Database
from userportal.records.models import Note
from userportal.slurm import tables


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A portal with three accounts, and one that only Slurm knows."""
    path = write_site(tmp_path_factory.mktemp("pages") / "site")
    database = Database(read_config(path.with_name("slurm_db.conf")))
    names = ("rrg-ann", "rrg-cores_cpu", "slurms-own")
    rows = [{"id_assoc": 50 + place, "acct": name, "user": "ann", "deleted": 0}
            for place, name in enumerate(names)]  # fmt: skip
    accounts = [{"name": name, "description": "", "organization": "", "deleted": 0}
                for name in names]  # fmt: skip
    tables.insert(database, CLUSTER, "assoc_table", rows)
    tables.insert(database, CLUSTER, "acct_table", accounts)
    database.close()
    with served(path) as portal:
        yield portal


def test_the_own_accounts_are_listed_with_what_they_were_given(site):
    shown = text_of(reader("ann").html("accountstats/"))
    assert re.search(r"def-ann CPU default", shown)
    assert re.search(r"rrg-ann CPU 100 rrg-ann GPU 4", shown)
    assert re.search(r"rrg-cores_cpu CPU 50", shown)
    assert "You belong to no account of this cluster." in text_of(
        reader("sam").html("accountstats/")
    )


def test_an_account_has_its_amounts_members_and_managers(site):
    shown = text_of(reader("ann").html("accountstats/rrg-ann/"))
    assert "Cores 100 GPUs 4 Managers bob Members ann, bob" in shown


def test_members_are_links_for_those_alone_who_may_follow_them(site):
    link = 'href="/secure/jobstats/bob/"'
    assert link not in reader("ann").html("accountstats/rrg-ann/")
    assert link in reader("hal").html("accountstats/rrg-ann/")


def test_graphs_of_gpus_are_for_accounts_that_may_have_some(site):
    found = {name: graphs_of(reader("ann").html(f"accountstats/{name}/"))
             for name in ("rrg-ann", "rrg-cores_cpu", "def-ann")}  # fmt: skip
    assert len(found["rrg-ann"]) == 17
    assert found["def-ann"] == found["rrg-ann"]
    assert [name for name in found["rrg-cores_cpu"] if name.startswith("gpu")] == []
    assert len(found["rrg-cores_cpu"]) == 10


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("rrg-ann", {"ann": 200, "bob": 200, "hal": 200, "sam": 200}),
        ("def-ann", {"ann": 200, "bob": 403, "hal": 200, "sam": 200}),
        ("slurms-own", {"ann": 403, "bob": 403, "hal": 200, "sam": 200}),
        ("no-such", {"ann": 403, "bob": 403, "hal": 404, "sam": 404}),
    ],
)
def test_accounts_are_shown_to_members_helpers_and_staff(site, account, expected):
    found = {name: reader(name).get(f"accountstats/{account}/").status_code for name in expected}
    assert found == expected


def test_notes_about_an_account_are_shown_to_staff_alone(site):
    note = Note.objects.create(title="Odd account", notes="look", account="rrg-ann")
    try:
        for name, is_shown in (("ann", False), ("hal", False), ("sam", True)):
            assert ("Odd account" in reader(name).html("accountstats/rrg-ann/")) == is_shown
    finally:
        note.delete()
