"""The loaders of XALT's records, killed and refused at every step: nothing is lost or twice."""

import json
import os
import tarfile

import pytest

from tests.conftest import Site, new_site
from tests.fault_points import (
    REFUSALS,
    Place,
    fail_at_every_step,
    kill_at_every_commit,
    kill_at_every_step,
)
from tests.xaltload.loading import (
    assert_sets_hold,
    contents,
    expected,
    make_records,
    write_records,
)
from tests.xaltload.test_load_syslog import lines_of, write_log
from usagedb.config import DatabaseConfig

FAULT_PACKAGES = ("usagedb", "usagedb.dialects", "xaltload")
RECORDS = make_records(8, seed=62)
BAD_NAME = "run.aurora.2026_01_01_00_00_00_1234.otter.zzz.0188a2f0-0000-7000-8000-000000000001.json"
BAD_TEXT = b'{"no record": 1}'
SMALL = {"xaltload.reading.PART_RECORDS": 6}


class Records:
    """A place with a database on SQLite, and the file of rejected records."""

    def __init__(self, directory, faults):
        self.faults = faults
        self.directory = directory / "place"
        self.directory.mkdir()
        path = str(self.directory / "usage.db")
        self.site = Site(DatabaseConfig("sqlite", path, "test"), self.directory).create("xalt")
        self.rejected = self.directory / "rejected"
        self.wait_seconds = 60  # for one that was killed, until all of it is gone

    def load(self, command, *arguments, fault=None):
        """Run a loader that stores a few records at a time."""
        return self.faults.run(
            command, "--confFn", self.site.conf_path, "--reject", self.rejected, "--wait",
            self.wait_seconds, *arguments, fault=fault, settings=SMALL,
        )  # fmt: skip

    def assert_whole(self):
        """Make sure that the database holds all records once."""
        assert contents(self.site) == expected(RECORDS)
        assert_sets_hold(self.site)


class Tree(Records):
    """A tree of records, one of them bad, that are removed in one of three ways."""

    def __init__(self, directory, faults, how):
        super().__init__(directory, faults)
        self.tree, self.how = self.directory / "tree", how
        paths = write_records(self.tree, RECORDS, places=3)
        self.names = {path.name for path in paths}
        bad = self.tree / BAD_NAME
        bad.write_bytes(BAD_TEXT)
        os.utime(bad, (1.7e9, 1.7e9))
        self.aside, self.archive = self.directory / "aside", self.directory / "archive"
        self.place = Place(self.directory)

    def run(self, fault):
        """Load the tree."""
        how = ("--archive", self.archive) if self.how == "archive" else ("--delete",)
        arguments = (*how, "--quarantine", self.aside, self.tree)
        return self.load("xalt_file_to_db", *arguments, fault=fault)

    def check(self, _at):
        """Make sure that all is stored, that no record is left, and that the bad one is kept."""
        self.assert_whole()
        assert list(self.tree.rglob("*.json")) == []
        assert {path.read_bytes() for path in self.aside.glob("run.*")} == {BAD_TEXT}
        texts = {json.loads(line)["text"] for line in self.rejected.read_text().splitlines()
                 if line.endswith("}")}  # fmt: skip
        assert texts == {BAD_TEXT.decode()}
        if self.how == "archive":
            assert self.archived() == self.names

    def archived(self):
        """Return the names of the records in the archives."""
        found = set()
        for path in self.archive.glob("xalt*.tar.gz"):
            with tarfile.open(path) as archive:
                found.update(os.path.basename(name) for name in archive.getnames())  # noqa: PTH119
        return found


class Logs(Records):
    """A log of syslog whose last records go on in a second one."""

    def __init__(self, directory, faults):
        super().__init__(directory, faults)
        lines = lines_of(RECORDS)
        cut = len(lines) * 3 // 4
        self.logs = [write_log(self.directory / f"xalt.log-{number}", part)
                     for number, part in enumerate((lines[:cut], lines[cut:]))]  # fmt: skip
        self.leftover = self.directory / "leftover"
        self.place = Place(self.directory)

    def run(self, fault, number=0):
        """Load one log."""
        arguments = ("--leftover", self.leftover, "--syslog", self.logs[number])
        return self.load("xalt_syslog_to_db", *arguments, fault=fault)

    def check(self, _at):
        """Load the second log, and make sure that all is there."""
        done = self.run(None, 1)
        assert (done.returncode, done.stderr) == (0, "")
        self.assert_whole()
        assert not self.leftover.exists()
        assert [one.name for one in self.directory.glob(".left*")] == []


@pytest.fixture
def logs(tmp_path, faults):
    """Logs on SQLite."""
    return Logs(tmp_path, faults)


@pytest.mark.parametrize("how", ["delete", "archive"])
def test_kill_9_at_every_step_of_a_load_of_files_loses_nothing(tmp_path, faults, how):
    tree = Tree(tmp_path, faults, how)
    kill_at_every_step(tree.place, tree.run, tree.check)


@REFUSALS
def test_a_file_system_that_refuses_any_step_of_a_load_of_files_is_told(
    tmp_path, faults, error, which
):  # fmt: skip
    tree = Tree(tmp_path, faults, "archive")
    fail_at_every_step(tree.place, tree.run, tree.check, error, which)


def test_kill_9_at_every_step_of_a_load_of_logs_loses_nothing(logs):
    kill_at_every_step(logs.place, logs.run, logs.check)


@REFUSALS
def test_a_file_system_that_refuses_any_step_of_a_load_of_logs_is_told(logs, error, which):
    fail_at_every_step(logs.place, logs.run, logs.check, error, which)


def test_a_second_loader_of_logs_leaves_the_leftover_of_the_first_alone(logs):
    database = logs.site.connect()
    assert database.dialect.lock(database, "xalt_load")
    temporary = logs.directory / ".leftover.new"
    temporary.write_bytes(b"of the first")
    logs.wait_seconds = 0
    done = logs.run(None)
    assert done.returncode == 75 and "another xalt_load is running" in done.stderr
    assert temporary.read_bytes() == b"of the first"
    database.close()
    assert logs.run(None).returncode == 0 and not temporary.exists()


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_kill_9_at_every_commit_on_a_server_loses_and_doubles_nothing(
    request, backend, tmp_path, faults
):  # fmt: skip
    site = new_site(request, backend, tmp_path).create("xalt")
    records = []

    def load(number, fault):
        tree = tmp_path / f"tree-{number}"
        if not tree.exists():
            some = make_records(5, seed=200 + number)
            records.extend(some)
            write_records(tree, some, places=2)
        return faults.run(
            "xalt_file_to_db", "--confFn", site.conf_path, "--wait", "60", "--delete", tree,
            fault=fault, settings=SMALL,
        )  # fmt: skip

    kill_at_every_commit(load)
    assert list(tmp_path.rglob("*.json")) == []
    assert contents(site) == expected(records)
    assert_sets_hold(site)
