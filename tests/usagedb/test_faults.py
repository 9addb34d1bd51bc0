"""The small commands that change something, killed at some steps and refused by the file system:
the next run ends the work."""

import dataclasses
import itertools
import os

import pytest

from tests.fault_points import (
    FAIL,
    FULL,
    KILL_BEFORE,
    READ_ONLY,
    REFUSED_STATUSES,
    Fault,
    assert_told,
    chosen,
)
from tests.usagedb.small_works import WORKS

FAULT_PACKAGES = (
    "usagedb", "usagedb.dialects", "lmodtrack", "xaltload", "epmtlite", "epmtlite.collect",
)  # fmt: skip
# Of each kind of fault so many steps are tried; `make soak` tries them all.
MOST_STEPS = int(os.environ.get("HPCUSAGE_FAULT_STEPS", "3"))
KINDS = (
    Fault(action=KILL_BEFORE),
    Fault(action=FAIL, error=FULL, lasting=True),
    Fault(action=FAIL, error=READ_ONLY, lasting=True),
)


@pytest.fixture(params=WORKS, ids=lambda work: " ".join(work.words[:2]))
def work(request, tmp_path, faults):
    """A Work for each command."""
    return request.param(tmp_path, faults)


def test_a_small_command_that_is_stopped_loses_nothing_and_its_next_run_ends_the_work(work):
    work.place.restore()
    steps = work.run(Fault()).steps
    assert steps > 2
    for kind, at in itertools.product(KINDS, chosen(steps, MOST_STEPS)):
        work.place.restore()
        done = work.run(dataclasses.replace(kind, at=at))
        if done.returncode != -9:
            assert_told(done, (0, *REFUSED_STATUSES))
        work.check_between()
        again = work.run(Fault())
        assert again.returncode in (0, work.done_status), (kind, at, again.stderr)
        assert "Traceback" not in again.stderr
        assert work.held() == work.wanted, (kind, at)
