"""What deletes and copies, killed and refused at every step: the next run ends the work."""

import pytest

from tests.conftest import Site
from tests.fault_points import (
    REFUSALS,
    Fault,
    Place,
    fail_at_every_step,
    kill_at_every_step,
)
from tests.usagedb import copying, person_site
from tests.usagedb.person_site import ACTIONS, traces
from usagedb import schema
from usagedb.config import DatabaseConfig

FAULT_PACKAGES = (
    "usagedb", "usagedb.dialects", "lmodtrack", "xaltload", "epmtlite", "afcollect",
)  # fmt: skip
# What differs from run to run: when, and how often it had to be begun.
OWN = ("usage_run", "usage_copy", "usage_copy_table", "usage_schema")


def everything(site):
    """Return {table: sorted rows} of all tables with data."""
    database, found = site.connect(), {}
    try:
        for tool in schema.known_schemas().values():
            for kind, table in tool.tables():
                is_data = kind == "TABLE" and table not in OWN
                if is_data and database.dialect.has_table(database, table):
                    found[table] = sorted(map(repr, database.rows(f"SELECT * FROM {table}")))
        return found
    finally:
        database.close()


class Stored:
    """A database on SQLite with data of all tools, which a command is to change."""

    def __init__(self, directory, faults, command, *arguments):
        self.faults, self.command, self.arguments = faults, command, arguments
        self.directory = directory / "place"
        self.directory.mkdir()
        config = DatabaseConfig("sqlite", str(self.directory / "usage.db"), "test")
        self.site = Site(config, self.directory)
        self.fill(directory / "inputs")
        self.place = Place(self.directory)
        assert self.run(Fault()).returncode == 0
        self.wanted = everything(self.site)

    def fill(self, inputs):
        """Load data of all tools."""
        person_site.fill(self.site, inputs)

    def run(self, fault):
        """Run the command."""
        words = ("--confFn", self.site.conf_path, *self.arguments)
        return self.faults.run(self.command, *words, fault=fault)

    def check(self, _at):
        """Make sure that the database holds what one clean run leaves."""
        assert everything(self.site) == self.wanted


class Copy(Stored):
    """A database that is copied into a new one."""

    def __init__(self, directory, faults):
        self.new = directory / "place" / "new.db"
        super().__init__(directory, faults, "usage_copy")
        self.wanted = everything(self.site)

    def fill(self, _inputs):
        """Put rows into some tables."""
        copying.fill(self.site, rows_per_table=10, names=("lmod",))

    def run(self, fault):
        """Copy it."""
        config = DatabaseConfig("sqlite", str(self.new), "test")
        self.new.with_name("new").mkdir(exist_ok=True)
        self.target = Site(config, self.new.with_name("new"))
        words = ("-q", "--from", self.site.conf_path, "--to", self.target.conf_path)
        return self.faults.run(self.command, *words, fault=fault)

    def check(self, _at):
        """Make sure that both hold the same."""
        assert everything(self.site) == self.wanted
        assert everything(self.target) == self.wanted


def purge(directory, faults):
    """Return a Stored for delete_old_records."""
    stored = Stored(directory, faults, "delete_old_records", "--end", "2026-01-02", "--yes", "-q")
    assert stored.wanted["lmod_use"]
    return stored


def erasure(directory, faults):
    """Return a Stored for usage_person erase."""
    stored = Stored(directory, faults, "usage_person", "erase", "otter", "--yes", "-q", *ACTIONS)
    assert traces(stored.site, "bert")
    return stored


@pytest.fixture(params=[purge, erasure, Copy], ids=["delete_old_records", "erase", "copy"])
def stored(request, tmp_path, faults):
    """A Stored for each command."""
    return request.param(tmp_path, faults)


def test_kill_9_at_every_step_and_the_next_run_ends_the_work(stored):
    kill_at_every_step(stored.place, stored.run, stored.check)


@REFUSALS
def test_a_file_system_that_refuses_any_step_is_told_and_the_next_run_ends_the_work(
    stored, error, which
):
    fail_at_every_step(stored.place, stored.run, stored.check, error, which)
