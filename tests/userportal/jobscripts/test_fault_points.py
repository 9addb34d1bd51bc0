"""The collector of job scripts, killed and refused at every step: each script arrives once."""

import pytest

from tests.fault_points import (
    REFUSALS,
    Place,
    fail_at_every_step,
    kill_at_every_step,
)
from tests.userportal.jobscripts.conftest import Machine

FAULT_PACKAGES = ("usagedb", "usagedb.dialects", "userportal.jobscripts")
SCRIPTS = {job_id: f"script {job_id}" for job_id in range(1, 5)}
PROGRAM = """
from usagedb import cli
from userportal.jobscripts.command import jobscripts
cli.run(jobscripts)
"""


class Spool:
    """A spool with the scripts of some jobs, and the collector."""

    def __init__(self, directory, faults, server):
        self.faults, self.server = faults, server
        self.program = directory / "program.py"
        self.program.write_text(PROGRAM)
        (directory / "place").mkdir()
        self.machine = Machine(directory / "place", server)
        for job_id, script in SCRIPTS.items():
            self.machine.submit(job_id, script)
        self.place = Place(directory / "place")

    def restore(self):
        """As Place.restore; the portal has no scripts."""
        self.place.restore()
        self.server.scripts.clear()

    def run(self, fault):
        """Collect once."""
        return self.faults.run(self.program, "--once", "--config", self.machine.ini, fault=fault)

    def check(self, _at):
        """Make sure that the portal has all scripts."""
        assert self.server.scripts == SCRIPTS


@pytest.fixture
def spool(tmp_path, faults, server):
    """A Spool."""
    return Spool(tmp_path, faults, server)


def test_kill_9_at_every_step_of_a_collection_loses_no_script(spool):
    kill_at_every_step(spool, spool.run, spool.check)


@REFUSALS
def test_a_file_system_that_refuses_any_step_of_a_collection_loses_no_script(spool, error, which):
    fail_at_every_step(spool, spool.run, spool.check, error, which)
