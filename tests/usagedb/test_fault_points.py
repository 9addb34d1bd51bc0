"""What deletes, renames, copies and makes tables, killed and refused at every step: the next run
ends the work."""

import datetime
from pathlib import Path

import pytest

from tests.conftest import Site
from tests.epmtlite.made_jobs import BEGIN, epmt, made_job, record, write_job
from tests.fault_points import (
    MOST_FAILURES,
    MOST_KILLS,
    REFUSALS,
    Fault,
    Place,
    fail_at_every_step,
    kill_at_every_step,
)
from tests.older_schema import downgrade
from tests.usagedb import copying, person_site
from tests.usagedb.person_site import ACTIONS, RUN_NAME, UUID, traces
from tests.xaltload.samples import RUN, changed, written
from usagedb import schema
from usagedb.config import DatabaseConfig

FAULT_PACKAGES = (
    "usagedb", "usagedb.dialects", "lmodtrack", "xaltload", "epmtlite", "afcollect",
)  # fmt: skip
# What differs from run to run: when, and how often it had to be begun.
OWN = ("usage_run", "usage_copy", "usage_copy_table", "usage_schema")
LATER, LATER_START = datetime.timedelta(days=10), 1768089600.5  # 2026-01-11
# Where a word that is no person is like a name: a module, an argument of somebody else.
ALIKE = {"module_name", "path", "path_folded", "cmdline"}
FILLED: list = []  # the bytes of a database, see filled
DELETE = ("delete_old_records", "--yes", "-q", "--end")
PERSON = ("usage_person", *ACTIONS, "--yes", "-q")
SMALL = {"usagedb.copy_rows.ROWS_PER_BATCH": 4, "usagedb.copy_work.ROWS_PER_BATCH": 4}


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


@pytest.fixture
def filled(tmp_path):
    """A database on SQLite with data of all tools about two people, and some that are younger; it
    is filled once."""
    if not FILLED:
        config = DatabaseConfig("sqlite", str(tmp_path / "filled.db"), "test")
        site = Site(config, tmp_path)
        person_site.fill(site, tmp_path / "inputs")
        fill_more(site, tmp_path)
        FILLED.append(Path(config.database).read_bytes())
    return FILLED[0]


def fill_more(site, directory):
    """Store a job and a run that are ten days younger, old rows of runs, and the key of the
    pseudonyms, which would be another one each time."""
    then = BEGIN + LATER
    late = made_job(
        [record(start=int(LATER.total_seconds() * 1e6))], jobid="102", job_pl_start_ts=then,
        job_pl_submit_ts=then, job_el_stop_ts=then + datetime.timedelta(hours=1),
    )  # fmt: skip
    epmt(site, "submit", write_job(late, directory / "102"))
    run = changed(RUN, userT__run_uuid=UUID.format(n=3), userDT__start_time=LATER_START)
    (directory / RUN_NAME.format(n=3, user="x")).write_bytes(written(run))
    assert site.run("xalt_file_to_db", "-q", directory).returncode == 0
    database = site.connect()
    for moment in (1.5e9, 1.6e9, 1.7e9):
        database.execute(
            "INSERT INTO usage_run (command, host, started_at, message) VALUES (?, ?, ?, ?)",
            ("store_module_data", "old", moment, "/home/otter/usage.log"),
        )
    database.execute("INSERT INTO xalt_pseudonym VALUES (1, ?)", (bytes(range(32)),))
    database.close()


class Stored:
    """A database on SQLite, which a command is to change."""

    def __init__(self, directory, faults, content, *words):
        self.faults, self.words = faults, words
        self.directory = directory / "place"
        self.directory.mkdir()
        config = DatabaseConfig("sqlite", str(self.directory / "usage.db"), "test")
        self.site = Site(config, self.directory)
        self.fill(content)
        self.place = Place(self.directory)
        before = self.held()
        assert self.run(Fault()).returncode == 0
        self.wanted = self.held()
        assert self.wanted != before

    def fill(self, content):
        """Write the file of the database."""
        (self.directory / "usage.db").write_bytes(content)

    def run(self, fault):
        """Run the command."""
        command, *words = self.words
        return self.faults.run(command, "--confFn", self.site.conf_path, *words, fault=fault)

    def held(self):
        """Return what there is."""
        return held_by(self.site, self.words[0])

    def check(self, _at):
        """Make sure that the database holds what one clean run leaves."""
        assert self.held() == self.wanted


def held_by(site, command):
    """Return everything in a database and the rows of usage_run, without those of a command."""
    sql = "SELECT * FROM usage_run WHERE command NOT LIKE ? ORDER BY run_id"
    return {**everything(site), "usage_run": site.rows(sql, (command + "%",))}


class Copy(Stored):
    """A database with some tables that is copied into a new one, a few rows at a time."""

    names: tuple = ("lmod",)
    rows_per_table = 10

    def __init__(self, directory, faults, _content):
        super().__init__(directory, faults, b"", "usage_copy")
        assert self.wanted == held_by(self.site, "usage_copy")

    def fill(self, _content):
        """Put rows into the tables, and name the new database."""
        copying.fill(self.site, rows_per_table=self.rows_per_table, names=self.names)
        new = self.directory / "new"
        new.mkdir()
        self.target = Site(DatabaseConfig("sqlite", str(new / "new.db"), "test"), new)

    def run(self, fault):
        """Copy it."""
        words = ("-q", "--wait", "60", "--from", self.site.conf_path,
                 "--to", self.target.conf_path)  # fmt: skip
        return self.faults.run(*self.words, *words, fault=fault, settings=SMALL)

    def held(self):
        """Return what the copy holds."""
        is_there = Path(self.target.config.database).exists()
        return held_by(self.target, "usage_copy") if is_there else {}


class CopyOfAll(Copy):
    """A database with all tables that is copied into one with the same, empty ones."""

    names = ()
    rows_per_table = 2

    def fill(self, content):
        """Make the tables of both."""
        super().fill(content)
        self.target.create()


class NewTables(Stored):
    """The tables of all schemas in a database that is not there."""

    def fill(self, content):
        """Make nothing."""

    def held(self):
        """Return what there is, with the tables themselves and which steps have been noted."""
        if not Path(self.site.config.database).exists():
            return {}
        return {
            **super().held(),
            "tables": self.site.rows("SELECT type, name, sql FROM sqlite_master ORDER BY name"),
            "steps": self.site.rows("SELECT schema_name, version, step FROM usage_schema ORDER BY"
                                    " 1, 2, 3"),
        }  # fmt: skip


class OldTables(NewTables):
    """Tables of older versions, with rows."""

    def fill(self, content):
        """Take away what the later versions have made."""
        Stored.fill(self, content)
        downgrade(self.site, "xalt", 2)
        downgrade(self.site, "epmt", 1)
        database = self.site.connect()
        database.run_ddl("ALTER TABLE lmod_conversion DROP COLUMN marks")
        database.execute("DELETE FROM usage_schema WHERE schema_name = 'lmod' AND version > 1")
        database.close()


def deletion(kept_table, *words):
    """Return what makes the Stored of a delete_old_records that leaves some rows of a table."""

    def make(directory, faults, content):
        stored = Stored(directory, faults, content, *DELETE, *words)
        assert stored.wanted[kept_table]
        return stored

    return make


def person(*words):
    """Return what makes the Stored of a usage_person that changes what is known of otter."""

    def make(directory, faults, content):
        stored = Stored(directory, faults, content, *PERSON, *words)
        assert {column for _table, column in traces(stored.site, "otter")} == ALIKE
        assert traces(stored.site, "bert")
        return stored

    return make


WORKS = {
    "delete lmod": deletion("lmod_use", "2026-01-02"),
    "delete xalt": deletion("xalt_run", "2026-01-05", "--schema", "xalt"),
    "anonymize xalt": deletion("xalt_run", "2026-01-05", "--schema", "xalt", "--anonymize"),
    "delete epmt": deletion("epmt_job", "2026-03-05", "--schema", "epmt"),
    "delete usage": deletion("usage_run", "2026-01-05", "--schema", "usage"),
    "erase": person("erase", "otter"),
    "erase all but statistics": person("erase", "otter", "--keep-statistics"),
    "pseudonymise": person("pseudonymise", "otter", "--as", "anon-1"),
    "copy lmod": Copy,
    "copy all": CopyOfAll,
    "make tables": lambda *places: NewTables(*places, "createDB", "-q"),
    "upgrade tables": lambda *places: OldTables(*places, "createDB", "-q"),
}


FIRST = ("delete lmod", "erase", "copy lmod")  # `make test` tries half of the steps of the others


@pytest.fixture(params=WORKS)
def stored(request, tmp_path, faults, filled):
    """A Stored for each work."""
    return WORKS[request.param](tmp_path, faults, filled)


@pytest.fixture
def share(request):
    """Of how many steps that are tried otherwise one is tried."""
    return 1 if request.node.callspec.params["stored"] in FIRST else 2


def test_kill_9_at_every_step_and_the_next_run_ends_the_work(stored, share):
    place, run, check = stored.place, stored.run, stored.check
    kill_at_every_step(place, run, check, statuses=(0,), most=MOST_KILLS // share)


@REFUSALS
def test_a_file_system_that_refuses_any_step_is_told_and_the_next_run_ends_the_work(
    stored, share, error, which
):
    place, run, check = stored.place, stored.run, stored.check
    fail_at_every_step(place, run, check, error, which, also=(0,), most=MOST_FAILURES // share)
