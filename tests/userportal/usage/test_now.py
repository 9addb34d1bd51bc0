"""Who uses most now, by known samples."""

import pytest

from tests.userportal.jobstats import few_jobs, recorded
from tests.userportal.jobstats.few_jobs import ONE, TWO, UNMEASURED
from tests.userportal.jobstats.little import END, GIB, Samples
from userportal.metrics.history import History, HistoryWriter
from userportal.slurm.model import Job
from userportal.usage import now


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A history of recorded series and of a few jobs."""
    path = tmp_path_factory.mktemp("usage") / "history.db"
    with HistoryWriter(path) as writer:
        recorded.write(Samples(writer))
        few_jobs.write_cgroup(Samples(writer), Samples(writer).of_job(ONE, "c001"), 1)
        few_jobs.write_cgroup(Samples(writer), Samples(writer).of_job(TWO, "c002"), 4)
    return History(path)


def test_users_are_in_the_order_of_their_cores_by_account(source):
    found = now.compute_uses(source, END)
    assert [(use.user, use.account, use.cores_allocated, use.cores_used) for use in found] == [
        ("ann", "rrg-ann", 8, 2), ("bob", "rrg-ann", 4, 1), ("ann", "def-ann", 2, 0.5),
    ]  # fmt: skip
    assert (found[0].memory_allocated_bytes, found[0].memory_peak_bytes) == (16 * GIB, 12 * GIB)


def test_only_those_with_most_are_told(source):
    assert [use.cores_allocated for use in now.compute_uses(source, END, most=1)] == [8]


def test_users_of_gpus_come_with_their_cores_and_idle_gpus(source):
    found = now.gpu_uses(source, END)
    assert [(use.user, use.gpus_allocated, use.gpus_used, use.gpus_not_idle) for use in found] == [
        ("ann", 3, 1.75, 3), ("bob", 1, 0, 0),
    ]  # fmt: skip
    assert found[0].cores_allocated == 8


def test_nobody_uses_anything_before_the_first_sample(source):
    assert now.compute_uses(source, END - 10**6) == []
    assert now.gpu_uses(source, END - 10**6) == []


def test_jobs_are_in_the_order_of_what_they_leave_unused(source):
    jobs = [Job(TWO, db_index=1), Job(ONE, db_index=2), Job(UNMEASURED, user_id=3, db_index=3)]
    found = now.job_uses(source, jobs, {1: "ann", 2: "bob", 3: None}, END, 30)
    assert [(use.user, use.job_id) for use in found] == [
        ("bob", ONE),
        ("ann", TWO),
        ("3", UNMEASURED),
    ]
    assert found[1].cores_used == pytest.approx(0.75)
    assert (found[1].cores_allocated, found[1].memory_allocated_bytes) == (2, 4 * GIB)
    assert found[2].lowest_ratio is None
