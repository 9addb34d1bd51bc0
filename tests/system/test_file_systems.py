"""Real file systems that are full or read-only: it is told, and the next run ends the work."""

import os

import pytest

from tests.afcollect.conftest import TOKEN, Machine
from tests.afcollect.serving import Server
from tests.conftest import Site, run_command
from tests.epmtlite.made_jobs import contents as jobs_in
from tests.epmtlite.made_jobs import made_job, random_records, write_job
from tests.lmodtrack.logs import assert_holds, log_of, make_loads
from tests.private_mounts import require_mounts, run_read_only, run_twice_in_small
from tests.userportal.jobscripts.conftest import Machine as SpoolMachine
from tests.userportal.jobscripts.serving import TOKEN as PORTAL_TOKEN
from tests.userportal.jobscripts.serving import Server as Portal
from tests.xaltload.loading import contents, expected, make_records, write_records
from usagedb.config import DatabaseConfig

LOADS = make_loads(3000, seed=71, users=60, modules=60)
RECORDS = make_records(30, seed=72)
JOB = made_job(random_records(300, seed=73), jobid="100")
FREE_BYTES = 100_000


@pytest.fixture(autouse=True)
def mounts():
    """All tests here need mounts."""
    require_mounts()


class Input:
    """An input, the command that loads and removes it, and a database on SQLite."""

    def __init__(self, directory):
        self.database, self.inputs = directory / "database", directory / "inputs"
        for path in (self.database, self.inputs):
            path.mkdir()
        config = DatabaseConfig("sqlite", str(self.database / "usage.db"), "test")
        self.site = Site(config, self.database).create()

    def words(self):
        """Return the command line."""
        command, *words = self.line
        return (command, *words[:-1], "--confFn", self.site.conf_path, words[-1])

    def again(self):
        """Make the input anew; return its path."""
        self.make()
        return self.line[-1]

    def is_left(self):
        """Tell whether the input is still there."""
        return any(path.is_file() for path in self.inputs.rglob("*"))


class Log(Input):
    """A log of module loads."""

    def __init__(self, directory):
        super().__init__(directory)
        self.line = ("store_module_data", "--store_all", "--delete", self.inputs / "usage.log-1")
        self.make()

    def make(self):
        """Write the log."""
        self.line[-1].write_bytes(log_of(LOADS))

    def check(self):
        """Make sure that all is stored once."""
        assert_holds(self.site, LOADS)


class Tree(Input):
    """A tree of records."""

    def __init__(self, directory):
        super().__init__(directory)
        self.line = ("xalt_file_to_db", "--delete", self.inputs)
        self.make()

    def make(self):
        """Write the records."""
        write_records(self.inputs, RECORDS)

    def check(self):
        """Make sure that all is stored once."""
        assert contents(self.site) == expected(RECORDS)


class Job(Input):
    """The directory of a job."""

    def __init__(self, directory):
        super().__init__(directory)
        self.line = ("epmt", "submit", "-q", "--remove", self.inputs / "100")
        self.make()

    def make(self):
        """Write the job."""
        write_job(JOB, self.line[-1])

    def check(self):
        """Make sure that the job is stored once."""
        jobs, orphans = jobs_in(self.site)
        assert [len(job["processes"]) for job in jobs.values()] == [300] and orphans == []


@pytest.fixture(params=[Log, Tree, Job], ids=["log", "tree", "job"])
def loaded(request, tmp_path):
    """An Input of each kind."""
    return request.param(tmp_path)


@pytest.fixture
def machine(tmp_path):
    """A login node whose documents go to a server."""
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server").start()
    yield Machine(tmp_path, server)
    server.stop()


@pytest.fixture
def spool_machine(tmp_path):
    """The machine of slurmctld."""
    portal = Portal(tmp_path).start()
    yield SpoolMachine(tmp_path, portal)
    portal.stop()


def assert_ends_the_work(loaded):
    """Run the command again; nothing is missing, nothing is twice, and the input has gone."""
    command, *words = loaded.words()
    done = run_command(command, *words)
    assert done.returncode == 0, done.stderr
    loaded.check()
    assert not loaded.is_left()


def test_a_full_file_system_is_74_and_the_next_run_ends_the_work(loaded):
    done = run_twice_in_small(loaded.database, FREE_BYTES, *loaded.words())
    assert done.returncode == 74 and "second run" not in done.stderr, done.stderr
    assert "make room" in done.stderr or "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    loaded.check()
    assert not loaded.is_left()


def test_a_read_only_database_is_refused_and_the_input_stays(loaded):
    done = run_read_only(loaded.database, *loaded.words())
    assert done.returncode in (74, 77) and "Error: " in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and loaded.is_left()
    assert_ends_the_work(loaded)


def test_a_read_only_input_is_stored_and_that_it_stays_is_told(loaded):
    done = run_read_only(loaded.inputs, *loaded.words())
    assert done.returncode in (3, 74, 77) and "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr and loaded.is_left()
    loaded.check()
    assert_ends_the_work(loaded)


def test_a_read_only_state_directory_of_the_collector_loses_nothing_that_can_be_sent(machine):
    machine.state.mkdir(mode=0o700)
    words = (*machine.arguments(), "-s", "--wait", "600")
    done = run_read_only(
        machine.state, "afmetrics_collector", *words, cwd=machine.work,
        env={**os.environ, "AFMETRICS_TOKEN": TOKEN},
    )  # fmt: skip
    assert done.returncode == 3 and "what is not sent now is lost" in done.stderr
    assert [one["kind"] for one in machine.server.taken] == ["ssh"]


def test_the_portals_own_tables_are_whole_once_there_is_room(tmp_path):
    state, conf = tmp_path / "state", tmp_path / "portal.conf"
    state.mkdir()
    conf.write_text(f"[portal]\nhttps = no\nhosts = x\nstate = {state}\n")
    words = ("userportal", "--conf", conf, "migrate", "--verbosity", "0")
    done = run_twice_in_small(state, FREE_BYTES, *words)
    assert done.returncode == 74 and "second run" not in done.stderr, done.stderr
    assert "make room" in done.stderr and "Traceback" not in done.stderr
    assert run_command(*words[:-2], "--check").returncode == 0
    done = run_read_only(state, *words)
    assert done.returncode == 77 and "Error: " in done.stderr and "Traceback" not in done.stderr


def test_a_read_only_state_directory_of_job_scripts_is_told(spool_machine):
    spool_machine.submit(1)
    spool_machine.state.mkdir(mode=0o700)
    words = ("jobscripts", "--once", "--config", spool_machine.ini)
    done = run_read_only(spool_machine.state, "userportal", *words)
    assert done.returncode in (74, 77) and "Error: " in done.stderr, done.stderr
    assert PORTAL_TOKEN not in done.stderr
    assert spool_machine.run("--once").returncode == 0
    assert spool_machine.server.scripts.keys() == {1}
