"""The running jobs of partitions with large memory, on each backend."""

import pytest

from tests.userportal.slurm import made
from tests.userportal.slurm.made import NOON, job_row, running

LATER = NOON + 9000


@pytest.fixture
def store(site):
    """A SlurmDatabase with jobs in several partitions, on each backend in turn."""
    database = site.connect()
    found = made.make(database)
    old = {"time_start": NOON, "time_eligible": NOON}
    made.add(
        found,
        job_row(1, **running(), **old, partition="LargeMem"),
        job_row(2, **{**running(), "state": 1 | 0x8000}, **old, partition="cpu,verylarge"),
        job_row(3, **running(), **old, partition="small"),
        job_row(4, **old, partition="large"),
        job_row(5, **running(), time_start=LATER, time_eligible=NOON, partition="large"),
        job_row(6, **running(), time_start=NOON, time_eligible=NOON - 10**6, partition="large"),
        job_row(7, **{**running(), "state": 2}, **old, partition="large"),
        job_row(8, **running(), **old, partition="100%_odd!"),
    )
    yield found
    database.close()


def numbers(store, *parts):
    """Return the numbers of the jobs that are found by parts of the names of partitions."""
    found = store.running_in_partitions(parts, LATER - 3600, NOON - 86400)
    return sorted(job.job_id for job in found)


def test_they_are_found_by_a_part_of_the_name_in_any_case(store):
    assert numbers(store, "large") == [1, 2]
    assert numbers(store, "LARGE", "small") == [1, 2, 3]


def test_without_a_part_none_are_found(store):
    assert numbers(store) == []


@pytest.mark.parametrize("part", ["100%_", "ODD!", "%_o"])
def test_signs_of_patterns_stand_for_themselves(store, part):
    assert numbers(store, part) == [8]


@pytest.mark.parametrize("part", ["l_rge", "l%e", "' OR 1=1 --", "\\"])
def test_no_part_is_a_pattern_or_sql(store, part):
    assert numbers(store, part) == []
