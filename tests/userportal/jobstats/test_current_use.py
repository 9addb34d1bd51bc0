"""What a user's running jobs use of what they have: true numbers, above 100 % only if it is so."""

import time

import pytest

from tests.userportal.jobstats.little import GIB, Samples, job_row, reader, served, write_site
from tests.userportal.jobstats.test_job_page import text_of
from tests.userportal.slurm.made import running
from userportal.jobstats import current_use
from userportal.metrics.series import Series
from userportal.metrics.site_filter import NO_FILTER
from userportal.slurm.model import RunningTotals

MINUTE = 60
NOW = int(time.time()) // MINUTE * MINUTE
ENDED, LONG, SHORT, GREEDY = 201, 202, 203, 204
BEYOND = "More than 100 %"


def row(job_id, minutes, cores, **values):
    """Return the row of a job that began some minutes ago, with a GiB for each core."""
    amounts = f"1={cores},2={cores * 1024},4=1,1001={cores // 2}"
    return job_row(job_id, time_start=NOW - minutes * MINUTE, tres_alloc=amounts, **values)


def write(samples, job_id, begun, ended, cores, busy):
    """Write the samples of a job between two times, minutes ago; busy is a part of its cores."""
    part = Samples(samples.writer, NOW - begun * MINUTE, NOW - ended * MINUTE)
    labels = part.of_job(job_id, "c001")
    for core in range(cores):
        part.growing("slurm_job_core_usage_total", busy * 1e9, core=core, **labels)
    part.constant("slurm_job_memory_max", min(busy, 1) * cores * GIB, **labels)
    for gpu in range(cores // 2):
        part.constant("slurm_job_utilization_gpu", 100 * min(busy, 1), gpu=gpu, **labels)


@pytest.fixture
def page(tmp_path):
    """A function: the page of ann's, and what it says of use, with some jobs and samples."""

    def page_of(rows, samples):
        with served(write_site(tmp_path / "site", rows, samples)):
            return text_of(reader("ann").html("jobstats/ann/"))

    return page_of


def test_jobs_that_have_ended_are_not_set_against_what_others_have(page):
    def samples(to):
        write(to, ENDED, 55, 10, 16, 1.0)
        write(to, LONG, 58, 0, 4, 0.5)

    ended = row(ENDED, 55, 16, time_end=NOW - 10 * MINUTE)
    shown = page([ended, row(LONG, 58, 4, **running())], samples)
    assert "Cores 4 2 50 %" in shown and "Memory 4 GiB 2 GiB 50 %" in shown
    assert "GPUs 2 1 50 %" in shown
    assert BEYOND not in shown


def test_a_job_that_has_just_begun_counts_as_far_as_it_ran(page):
    def samples(to):
        write(to, LONG, 58, 0, 2, 1.0)
        write(to, SHORT, 10, 0, 8, 0.5)

    shown = page([row(LONG, 58, 2, **running()), row(SHORT, 10, 8, **running())], samples)
    # 2 of 2 and 4 of 8 cores, though the second job was there in a sixth of the hour.
    assert "Cores 10 6 60 %" in shown
    assert "GPUs 5 3 60 %" in shown
    assert BEYOND not in shown


def test_more_than_all_is_shown_and_said_to_be_so(page):
    shown = page([row(GREEDY, 58, 2, **running())], lambda to: write(to, GREEDY, 58, 0, 2, 1.5))
    assert "Cores 2 3 150 %" in shown
    assert "More than 100 %: these jobs really use more than they have been allocated" in shown


def test_of_very_many_jobs_all_are_asked_for_and_the_running_ones_counted(page, monkeypatch):
    monkeypatch.setattr(current_use, "MOST_NAMED", 0)

    def samples(to):
        write(to, ENDED, 55, 10, 16, 1.0)
        write(to, LONG, 58, 0, 4, 0.5)

    ended = row(ENDED, 55, 16, time_end=NOW - 10 * MINUTE)
    assert "Cores 4 2 50 %" in page([ended, row(LONG, 58, 4, **running())], samples)


def test_the_query_of_many_jobs_does_not_name_them(page):
    page([], lambda to: None)  # Django's settings are there
    few, many = (
        current_use.queries("ann", range(1, count + 1), NOW)[0][0].render(NO_FILTER)
        for count in (current_use.MOST_NAMED, current_use.MOST_NAMED + 1)
    )
    assert 'slurmjobid=~"1|2|' in few and "slurmjobid=~" not in many


@pytest.mark.parametrize(
    ("series", "highest"),
    [
        ([], None),
        ([Series({}, [], [])], None),
        ([Series({}, [1, 2], [5, 1]), Series({}, [2, 3], [5, 1])], 6),
    ],
)
def test_the_highest_of_all_is_that_of_one_moment(series, highest):
    assert current_use.highest_together(series) == highest


def test_what_is_not_measured_stays_unknown():
    assert current_use.added_up([]) is current_use.added_up([None]) is None
    assert current_use.added_up([None, 0.0]) == 0
    assert RunningTotals().job_ids == ()
