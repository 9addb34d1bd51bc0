"""Accounts, members, managers and amounts from a file, a directory and Slurm."""

import contextlib

import hypothesis.strategies as st
import pytest
from hypothesis import given

from usagedb import errors
from usagedb.config import DatabaseConfig
from usagedb.database import Database
from userportal import sections
from userportal.access import cloud_projects
from userportal.access.account_file import AccountFile
from userportal.access.account_sources import LdapAccounts, default_storage
from userportal.access.allocations import Allocations, ComputeAmount, StorageAmount
from userportal.access.ldap_allocations import allocation_of
from userportal.access.ldap_directory import Directory
from userportal.access.slurm_accounts import SlurmAccounts
from userportal.slurm.database import SlurmDatabase

GIB = 2**30
FILE = """\
[rrg-ash]
members = ann, bob
managers = mia
cpu = 128
gpu = 4
gid = 30001
description = Trees
project_gib = 20480
project_files = 2000000
nearline_gib = 1024
[def-ash]
members = ann bob
[rrg-old]
members = ann
cpu = 1
status = expired
[lab]
members = carol
[lab_secret]
members = dan
accounts = lab_secret
cpu = 2
[p_cpu]
members = eve
"""


def file_source(tmp_path, text=FILE):
    """Return the Allocations of a file's text."""
    path = tmp_path / "accounts.ini"
    path.write_text(text, encoding="utf-8")
    return Allocations(AccountFile(path))


def test_an_account_is_that_of_the_part_before_its_first_underscore(tmp_path):
    found = file_source(tmp_path)
    assert found.is_member("ann", "rrg-ash_cpu")
    assert found.is_member("ann", "rrg-ash_gpu")
    assert found.is_member("ann", "rrg-ash")
    assert not found.is_member("carol", "rrg-ash_cpu")
    assert not found.is_member("ann", "rrg-gro_cpu")


def test_a_suffix_is_taken_away_as_a_whole(tmp_path):
    found = file_source(tmp_path, "[rrg-group]\nmembers = ann\n[rrg-gro]\nmembers = eve\n")
    assert found.members_of("rrg-group_cpu") == ["ann"]
    assert found.members_of("rrg-gro_gpu") == ["eve"]


def test_an_allocation_of_the_whole_name_comes_first(tmp_path):
    found = file_source(tmp_path)
    assert found.members_of("lab_secret") == ["dan"]
    assert not found.is_member("carol", "lab_secret")
    assert found.is_member("carol", "lab_other")
    assert found.is_member("eve", "p_cpu")


def test_an_allocation_whose_accounts_are_listed_has_no_others(tmp_path):
    text = "[rrg-ann]\nmembers = ann\naccounts = rrg-ann, ann_big\n[bob]\nmembers = bob\n"
    found = file_source(tmp_path, text)
    assert found.members_of("rrg-ann") == found.members_of("ann_big") == ["ann"]
    for account in ("rrg-ann_secret", "rrg-ann_cpu", "rrg-ann_secret_gpu", "ann_bigger"):
        assert found.allocation(account) is None
    assert found.members_of("bob_any") == ["bob"]


def test_a_group_without_a_list_has_what_a_listed_one_does_not(tmp_path):
    text = "[p_a]\nmembers = ann\naccounts = p_a_fast\n[p]\nmembers = bob\n"
    assert file_source(tmp_path, text).members_of("p_a_cpu") == ["bob"]


def test_a_manager_belongs_to_the_account(tmp_path):
    found = file_source(tmp_path)
    assert found.is_member("mia", "rrg-ash_cpu") and found.is_manager("mia", "rrg-ash_cpu")
    assert found.is_member("ann", "rrg-ash_cpu") and not found.is_manager("ann", "rrg-ash_cpu")
    assert found.managers_of("rrg-ash_gpu") == ["mia"]
    assert found.members_of("rrg-ash_gpu") == ["ann", "bob", "mia"]


def test_what_is_not_active_gives_nobody_anything(tmp_path):
    found = file_source(tmp_path)
    assert not found.is_member("ann", "rrg-old_cpu")
    assert found.members_of("rrg-old") == [] and found.allocation("rrg-old") is None
    assert "rrg-old_cpu" not in found.accounts_of("ann")


def test_accounts_and_amounts_of_a_user(tmp_path):
    found = file_source(tmp_path)
    assert found.accounts_of("ann") == ["def-ash_cpu", "def-ash_gpu", "rrg-ash_cpu", "rrg-ash_gpu"]
    assert found.compute_of_user("bob")[2:] == [
        ComputeAmount("rrg-ash_cpu", "cpu", 128.0), ComputeAmount("rrg-ash_gpu", "gpu", 4.0),
    ]  # fmt: skip
    assert found.compute_of_account("def-ash_gpu") == [ComputeAmount("def-ash_gpu", "gpu", None)]
    assert found.compute_of_account("unknown_cpu") == []
    assert found.accounts_of("stranger") == []


def test_storage_of_a_user_is_the_own_and_that_of_the_groups(tmp_path):
    storage = {
        "home": sections.Storage(default_gib=50, default_files=500_000),
        "project": sections.Storage(default_gib=1024),
    }
    path = tmp_path / "accounts.ini"
    path.write_text(FILE)
    found = Allocations(AccountFile(path), default_storage(storage)).storage_of("ann")
    assert found == [
        StorageAmount("ann", "home", 50 * GIB, 500_000),
        StorageAmount("rrg-ash", "nearline", 1024 * GIB, None, 30001),
        StorageAmount("rrg-ash", "project", 20480 * GIB, 2_000_000, 30001),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a]\nmember = ann\n", "members is meant"),
        ("[a]\ncpu = many\n", "no number"),
        ("[a]\ncpu = -1\n", "no number"),
        ("[a]\ncpu = nan\n", "no number"),
        ("[a b]\nmembers = ann\n", "can be no account"),
        ("[a]\n[a]\n", "already exists"),
        ("members = ann\n", "no section headers"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(tmp_path, text, told):
    with pytest.raises(errors.ConfigurationError, match=told) as error:
        file_source(tmp_path, text).accounts_of("ann")
    assert str(tmp_path / "accounts.ini") in str(error.value)


@given(st.text(max_size=60))
def test_no_account_name_makes_asking_fail(tmp_path, name):
    found = file_source(tmp_path)
    assert not found.is_member("stranger", name)


def test_a_directory_answers_in_the_same_way(ldap_settings):
    found = Allocations(LdapAccounts(Directory(sections.Ldap(**ldap_settings))))
    assert found.accounts_of("ann") == ["def-ash_cpu", "def-ash_gpu", "rrg-ash_cpu", "rrg-ash_gpu"]
    assert found.is_member("bob", "rrg-ash_gpu") and not found.is_member("carol", "rrg-ash_gpu")
    assert not found.is_member("ann", "rrg-old_cpu")
    assert not found.is_member("ann", "*") and not found.is_member("ann", "rrg-*_cpu")
    assert found.is_manager("ann", "rrg-ash_cpu") and not found.is_manager("bob", "rrg-ash_cpu")


@given(st.lists(st.text(max_size=40), max_size=5), st.text(max_size=20))
def test_no_resource_makes_reading_fail(resources, gid):
    values = {"cn": ["x"], "ccResource": resources, "gidNumber": [gid]}
    found = allocation_of(values, "store", "aspen")
    assert found.name == "x" and not found.is_active


@pytest.mark.parametrize(
    ("resource", "amounts"),
    [
        ("a:aspen-compute:cpu=5", {"cpu": 5.0}),
        ("a:aspen-gpu:gpu=2.5", {"gpu": 2.5}),
        ("a:aspen-gpu:cpu=2", {}),
        ("a:aspen:cpu=5", {}),
        ("aspen-compute:cpu=5", {}),
        ("a:aspen-compute:cpu=5:expired=2020", {}),
        ("a:aspen-compute:startdate=2030:cpu=5", {}),
        ("a:aspen-compute:cpu=-5", {}),
        ("a:aspen-compute:cpu=1e99", {}),
        ("a:aspen-compute:cpu=", {}),
    ],
)
def test_what_a_resource_says(resource, amounts):
    found = allocation_of({"cn": ["x"], "ccResource": [resource]}, "store", "aspen")
    assert {k: v for k in ("cpu", "gpu") if (v := getattr(found, k)) is not None} == amounts


class SlurmSources:
    """Sources that are one database of Slurm."""

    def __init__(self, config):
        self.config = config

    @contextlib.contextmanager
    def slurm(self):
        """Give the block the open SlurmDatabase."""
        with contextlib.closing(Database(self.config)) as database:
            yield SlurmDatabase(database, "aspen")


ASSOCIATIONS = (
    ("", "lab", 0, "1=128,1001=4"), ("ann", "lab", 0, ""), ("bob", "lab", 0, ""),
    ("gone", "lab", 1, ""), ("", "lab_secret", 0, ""), ("dan", "lab_secret", 0, ""),
    ("", "old", 1, "1=5"), ("ann", "old", 1, ""), ("", "Lab", 0, ""), ("eve", "Lab", 0, ""),
)  # fmt: skip


@pytest.fixture
def slurm_sources(tmp_path):
    """The tables of Slurm that accounts come from."""
    config = DatabaseConfig(backend="sqlite", database=str(tmp_path / "slurm.db"), source="test")
    with contextlib.closing(Database(config)) as database:
        database.run_ddl(
            "CREATE TABLE aspen_assoc_table (id_assoc INTEGER PRIMARY KEY, user TEXT"
            " COLLATE NOCASE, acct TEXT COLLATE NOCASE, deleted INTEGER, grp_tres TEXT)"
        )
        database.run_ddl(
            "CREATE TABLE acct_coord_table"
            " (acct TEXT COLLATE NOCASE, user TEXT COLLATE NOCASE, deleted INTEGER)"
        )
        database.run_ddl("CREATE TABLE tres_table (id INTEGER, type TEXT, name TEXT)")
        for row in ASSOCIATIONS:
            database.execute(
                "INSERT INTO aspen_assoc_table (user, acct, deleted, grp_tres)"
                " VALUES (?, ?, ?, ?)", row,
            )  # fmt: skip
        database.execute(
            "INSERT INTO acct_coord_table VALUES ('lab', 'mia', 0), ('lab', 'x', 1),"
            " ('Lab', 'zed', 0), ('lab', 'MIA', 1)"
        )
        database.execute("INSERT INTO tres_table VALUES (1, 'cpu', ''), (1001, 'gres', 'gpu')")
    return SlurmSources(config)


def test_accounts_of_slurm_are_those_of_its_associations(slurm_sources):
    found = Allocations(SlurmAccounts(slurm_sources, "aspen"))
    assert found.accounts_of("ann") == ["lab"]
    assert found.members_of("lab") == ["ann", "bob", "mia"]
    assert found.accounts_of("MIA") == [] and found.accounts_of("zed") == ["Lab"]
    assert found.is_manager("mia", "lab") and found.accounts_of("mia") == ["lab"]
    assert not found.is_manager("x", "lab") and not found.is_member("gone", "lab")
    assert not found.is_member("ann", "old")
    assert found.compute_of_account("lab") == [
        ComputeAmount("lab", "cpu", 128.0), ComputeAmount("lab", "gpu", 4.0),
    ]  # fmt: skip
    assert found.compute_of_account("lab_secret") == [ComputeAmount("lab_secret", "cpu", None)]


def test_an_account_of_slurm_is_not_part_of_another_one(slurm_sources):
    found = Allocations(SlurmAccounts(slurm_sources, "aspen"))
    assert not found.is_member("ann", "lab_secret")
    assert not found.is_member("ann", "lab_deleted")
    assert found.members_of("Lab") == ["eve", "zed"]  # though the database takes both for the same


def test_without_coordinators_there_are_members(slurm_sources):
    with contextlib.closing(Database(slurm_sources.config)) as database:
        database.run_ddl("DROP TABLE acct_coord_table")
    found = Allocations(SlurmAccounts(slurm_sources, "aspen"))
    assert found.members_of("lab") == ["ann", "bob"]


YAML = """\
---
# projects of the cloud
projects:
  web:            # with a remark
    members: [ann, "bob"]
    quota: 5
    owner: {name: ann}
  data lake:
    pi: mia
    members:
      - ann
      - 'carol'
  flat:
    members:
    - dan
  empty:
    members: []
others:
  web2:
    members: [eve]
"""
INI = """\
[web]
members = ann, bob
[data lake]
pi = mia
members = ann carol
[flat]
members=dan
[empty]
"""
MEMBERS = {"web": {"ann", "bob"}, "data lake": {"ann", "carol"}, "flat": {"dan"}, "empty": set()}


@pytest.mark.parametrize("text", [YAML, INI])
def test_projects_are_read_in_both_forms(tmp_path, text):
    path = tmp_path / "projects"
    path.write_text(text)
    assert cloud_projects.read(text, path) == MEMBERS
    found = cloud_projects.projects_for(path)
    assert found.projects_of("ann") == ["data lake", "web"]
    assert found.members_of("flat") == ["dan"] and found.members_of("none") == []
    assert (found.pi_of("data lake"), found.pi_of("web"), found.pi_of("none")) == ("mia", "", "")
    assert found.projects_of("mia") == []  # who answers for it is not by this a member
    path.write_text("[other]\nmembers = zoe\n")
    assert found.projects_of("ann") == [] and found.projects_of("zoe") == ["other"]


@pytest.mark.parametrize(
    ("written", "pi"),
    [
        ("mia", "mia"), ("'M. Example'", "M. Example"), ('"\u00c9lo\u00efse"', "\u00c9lo\u00efse"),
        ("null", ""), ("", ""), ("[mia]", ""), ("{name: mia}", ""), ("*one", ""),
        ("\n      - mia", ""), ("mia Example", "mia Example"), ("'" + 300 * "x" + "'", 200 * "x"),
    ],
)  # fmt: skip
def test_the_investigator_of_a_project_is_one_name_or_not_told(tmp_path, written, pi):
    text = f"projects:\n  a:\n    pi: {written}\n    members: [ann]\n"
    project = cloud_projects.read(text, tmp_path / "p")["a"]
    assert (project, project.pi) == ({"ann"}, pi)


def test_the_simple_reader_agrees_with_a_whole_one():
    yaml = pytest.importorskip("yaml")
    projects = yaml.safe_load(YAML)["projects"]
    assert {name: set(one["members"]) for name, one in projects.items()} == MEMBERS


@pytest.mark.parametrize(
    "text",
    [
        "projects:\n  a:\n    members: *all\n",
        "projects:\n  a:\n    members:\n      - &x ann\n",
        "projects:\n  a:\n    members:\n      - {name: ann}\n",
        "projects:\n  a:\n    members:\n      - name: ann\n",
        "projects:\n  a:\n    members: ann\n",
        "projects:\n  a:\n    members: [ann, [bob]]\n",
        "projects:\n  a:\n    members: [ann,\n      bob]\n",
        "projects:\n  a:\n    members: [a b]\n",
        "projects:\n  a:\n    members: [ann]\n  a:\n    members: [eve]\n",
        "projects:\n  - a\n",
        "projects: {a: {members: [ann]}}\n",
    ],
)
def test_yaml_of_another_form_is_refused_rather_than_misread(tmp_path, text):
    with pytest.raises(errors.ConfigurationError, match="projects.yml"):
        cloud_projects.read(text, tmp_path / "projects.yml")


@given(st.text(alphabet="abp:-[]{}, \n'\"#&*rojects members", max_size=80))
def test_no_text_is_read_otherwise_than_by_a_whole_reader(tmp_path, text):
    yaml = pytest.importorskip("yaml")
    try:
        found = cloud_projects.read("projects:\n" + text, tmp_path / "p")
    except errors.ConfigurationError:
        return
    members = {member for project in found.values() for member in project}
    if not members:
        return
    whole = str(yaml.safe_load("projects:\n" + text))
    assert all(member in whole for member in members)
