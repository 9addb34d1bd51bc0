"""store_module_data, killed and refused at every step: nothing is lost, nothing is twice."""

import gzip
import json

import pytest

from tests.conftest import Site, new_site
from tests.fault_points import (
    REFUSALS,
    Place,
    fail_at_every_step,
    kill_at_every_commit,
    kill_at_every_step,
)
from tests.lmodtrack.logs import assert_holds, log_of, make_loads
from usagedb.config import DatabaseConfig

FAULT_PACKAGES = ("usagedb", "lmodtrack", "usagedb.dialects")
COMMAND = "store_module_data"
LOADS = make_loads(400, seed=61, days=3, users=12, modules=15)
BAD = [b"Jan  1 00:00:00 login1 ModuleUsageTracking: user=ann module=x\n", b"nonsense\n"]
LOG = BAD[0] + log_of(LOADS) + BAD[1]
SMALL = {"lmodtrack.reading.PART_ROWS": 50, "usagedb.source.BLOCK_BYTES": 4096}


class Logs:
    """A log, a database on SQLite, and what is to become of them."""

    def __init__(self, directory, faults):
        self.faults = faults
        self.directory = directory / "place"
        self.directory.mkdir()
        self.site = Site(
            DatabaseConfig("sqlite", str(self.directory / "usage.db"), "test"), self.directory
        ).create("lmod")
        self.log = self.directory / "moduleUsage.log-20260104"
        self.log.write_bytes(LOG)
        self.rejected = self.directory / "rejected"
        self.archive = self.directory / "archive"
        self.place = Place(self.directory)

    def run(self, fault):
        """Load the log and move it to the archive; the second run finds it gone."""
        names = [self.log] if self.log.exists() else [f"{self.log}*"]
        return self.faults.run(
            COMMAND, "--confFn", self.site.conf_path, "--archive", self.archive, "--reject",
            self.rejected, *names, fault=fault, settings=SMALL,
        )  # fmt: skip

    def check(self, _at):
        """Make sure that all is stored once, that the log is in the archive, and all that was
        rejected in its file."""
        assert_holds(self.site, LOADS)
        assert self.site.rows("SELECT position, unsaved FROM lmod_log") == [(len(LOG), 0)]
        assert not self.log.exists()
        copies = list(self.archive.iterdir())
        named = [path for path in copies if not path.name.startswith(".")]
        assert named and all(gzip.decompress(path.read_bytes()) == LOG for path in named)
        lines = [json.loads(line) for line in self.rejected.read_text().splitlines() if line[-1:]
                 == "}"]  # fmt: skip
        assert {line["text"] for line in lines} == {line.decode().strip() for line in BAD}


@pytest.fixture
def logs(tmp_path, faults):
    """Logs on SQLite."""
    return Logs(tmp_path, faults)


def test_kill_9_at_every_step_of_a_load_its_archive_and_its_rejects_loses_nothing(logs):
    kill_at_every_step(logs.place, logs.run, logs.check)


@REFUSALS
def test_a_file_system_that_refuses_any_step_is_told_and_the_next_run_ends_the_work(
    logs, error, which
):
    fail_at_every_step(logs.place, logs.run, logs.check, error, which)


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_kill_9_at_every_commit_on_a_server_loses_and_doubles_nothing(
    request, backend, tmp_path, faults
):  # fmt: skip
    site = new_site(request, backend, tmp_path).create("lmod")
    loads = []

    def load(number, fault):
        log = tmp_path / f"moduleUsage.log-{number:08d}"
        if not log.exists():
            some = make_loads(120, seed=100 + number, users=12, modules=15)
            log.write_bytes(log_of(some))
            loads.extend(some)
        return faults.run(
            COMMAND, "--confFn", site.conf_path, "--wait", "60", "--store_all", log, fault=fault,
            settings=SMALL,
        )  # fmt: skip

    count = kill_at_every_commit(load)
    assert_holds(site, loads)
    assert site.rows("SELECT COUNT(*), SUM(line_count) FROM lmod_log") == [(count, 120 * count)]
