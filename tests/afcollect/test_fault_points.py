"""The outbox, killed and refused at every step: each finished job arrives."""

import os

import pytest

from tests.afcollect.conftest import TOKEN
from tests.afcollect.serving import Server
from tests.afcollect.stand_ins import put
from tests.fault_points import (
    REFUSALS,
    Place,
    fail_at_every_step,
    kill_at_every_step,
)

FAULT_PACKAGES = ("usagedb", "usagedb.dialects", "afcollect", "requests", "psutil")
WAITING = [f"{number}.0" for number in (1, 2, 3)]
NEW = "9.0"


class Node:
    """A login node whose outbox holds three finished jobs, and a fourth that has just ended."""

    def __init__(self, directory, faults, server):
        self.faults, self.server, self.directory = faults, server, directory / "place"
        self.programs = directory / "programs"
        for path in (self.directory, self.programs):
            path.mkdir()
        put(self.programs, "condor_q", "true")
        self.server.stop()
        self.finished(*WAITING)
        assert self.run(None).returncode == 75
        self.finished(*WAITING, NEW)
        self.server.start()
        self.place = Place(self.directory)

    def finished(self, *jobs):
        """Let the batch system tell of some finished jobs."""
        lines = "; ".join(f"echo 'mink {job} 12 4 '" for job in jobs)
        put(self.programs, "condor_history", lines)

    def restore(self):
        """As Place.restore; the endpoint has seen nothing."""
        self.place.restore()
        self.server.taken.clear()

    def run(self, fault):
        """Collect and send."""
        return self.faults.run(
            "afmetrics_collector", "-b", "--batch-system", "condor", "-c", "MY-AF", "--url",
            self.server.url, "--ca-file", self.server.ca_file, "--state-dir",
            self.directory / "state", fault=fault, cwd=self.directory, AFMETRICS_TOKEN=TOKEN,
            PATH=f"{self.programs}:{os.environ['PATH']}",
        )  # fmt: skip

    def came(self):
        """Return the finished jobs that have arrived, and make sure that none is missing."""
        found = [one["Id"] for one in self.server.taken if one.get("state") == "finished"]
        assert set(found) == {*WAITING, NEW}
        return found

    def check(self, _at):
        """Make sure that each job arrived, and that one document at most came again."""
        assert len(self.came()) <= len(WAITING) + 2


@pytest.fixture
def node(tmp_path, faults, server):
    """A Node."""
    assert isinstance(server, Server)
    return Node(tmp_path, faults, server)


def test_kill_9_at_every_step_of_a_run_loses_no_document(node):
    kill_at_every_step(node, node.run, node.check)


@REFUSALS
def test_a_file_system_that_refuses_any_step_of_a_run_loses_no_document(node, error, which):
    fail_at_every_step(node, node.run, lambda _at: node.came(), error, which)
