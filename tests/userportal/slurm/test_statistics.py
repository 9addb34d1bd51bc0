"""How the jobs of some time went is counted by partition, by user and by state."""

import pytest

from tests.userportal.slurm import made
from tests.userportal.slurm.made import ANN, BOB, NOON, add, job_row, pending, running
from userportal.slurm.model import JobStart, UserUsage

DAY = 86400


@pytest.fixture
def filled(store):
    """A store with jobs that begin at NOON + 60 + number; the limit is 120 minutes."""
    add(
        store,
        job_row(1),
        job_row(2, time_end=NOON + 62 + 7200),
        job_row(3, state=6, time_end=NOON + 63 + 7200),
        job_row(4, timelimit=4294967295),
        job_row(5, partition="gpu", state=6),
        job_row(6, state=5, partition="none"),
        job_row(7, time_start=NOON - DAY),
        job_row(8, time_end=NOON + 9 * DAY),
        job_row(9, **running()),
        job_row(10, **pending()),
        job_row(11, id_user=BOB, id_assoc=5, account="def-bob", time_end=NOON + 71),
        job_row(12, time_start=NOON + 99, time_end=NOON + 50, state=3),
    )
    return store


def test_partitions_have_their_lengths_and_timeouts(filled):
    cpu, gpu = filled.partition_statistics(NOON, NOON + DAY)
    assert (cpu.partition, cpu.completed, cpu.timed_out, cpu.measured) == ("cpu", 4, 1, 3)
    assert cpu.mean_ratio == pytest.approx((0.5 + 1.0 + 0.0) / 3, abs=1e-4)
    assert [place for place, count in enumerate(cpu.histogram) if count] == [0, 10, 20]
    assert cpu.timeout_ratio == 0.2
    assert (gpu.partition, gpu.completed, gpu.timed_out, gpu.measured) == ("gpu", 0, 1, 0)
    assert (gpu.mean_ratio, gpu.timeout_ratio) == (None, 1.0)


def test_statistics_can_be_those_of_an_account(filled):
    (found,) = filled.partition_statistics(NOON, NOON + DAY, "def-bob")
    assert (found.completed, found.timed_out) == (1, 0)
    assert filled.partition_statistics(NOON, NOON + DAY, "nosuch") == []
    assert filled.partition_statistics(NOON - 9 * DAY, NOON - 8 * DAY) == []


def test_jobs_are_counted_by_how_long_they_waited_and_ran(store):
    add(
        store,
        *(job_row(number, time_eligible=NOON, time_start=NOON + wait, time_end=NOON + wait + run)
          for number, (wait, run) in enumerate(
              [(0, 0), (59, 59), (60, 300), (299, 899), (3600, 86399), (604800, 604800)], 1)),
        job_row(20, partition="gpu", time_eligible=0, time_start=NOON, time_end=NOON + 60),
        job_row(21, partition="gpu", time_eligible=NOON + 9, time_start=NOON, time_end=NOON + 60,
                state=5),
        job_row(22, time_eligible=NOON, time_start=NOON - DAY),
        job_row(23, **running()),
        job_row(24, **pending()),
        job_row(25, time_start=NOON + 99, time_end=NOON + 50),
    )  # fmt: skip
    cpu, gpu = store.partition_lengths(NOON, NOON + 20 * DAY)
    assert (cpu.partition, gpu.partition) == ("cpu", "gpu")
    assert cpu.ran == [2, 0, 2, 0, 0, 0, 0, 1, 0, 0, 1]
    assert cpu.waited == [2, 2, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert gpu.ran == [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert gpu.waited == [0] * 11


def test_lengths_can_be_those_of_an_account(filled):
    (found,) = filled.partition_lengths(NOON, NOON + DAY, "def-bob")
    assert (found.partition, sum(found.ran)) == ("cpu", 1)
    assert filled.partition_lengths(NOON, NOON + DAY, "nosuch") == []
    assert filled.partition_lengths(NOON - 9 * DAY, NOON - 8 * DAY) == []


def test_starts_are_those_of_the_window(filled):
    found = filled.starts(NOON, NOON + DAY, "def-bob")
    assert found == [JobStart(NOON + 71, "def-bob", "cpu")]
    assert sorted(one.start - NOON for one in filled.starts(NOON, NOON + DAY)) == [
        61, 62, 63, 64, 65, 66, 71,
    ]  # fmt: skip
    assert len(filled.starts(NOON, NOON + DAY, limit=2)) == 2
    assert filled.starts(NOON, NOON + DAY, "nosuch") == []


def test_the_largest_users_come_first_with_what_they_had_in_the_window(store):
    gpu = {"tres_alloc": "1=4,2=1,1001=2,1002=2"}
    add(
        store,
        job_row(1, time_start=NOON - 500, time_end=NOON + 100),
        job_row(2, id_user=BOB, id_assoc=4, time_start=NOON + 3000, **{**running(), **gpu}),
        job_row(3, time_start=NOON + 10, time_end=NOON + 20, time_suspended=4),
        job_row(4, **pending()),
        job_row(5, time_start=NOON - 50, time_end=NOON - 1),
        job_row(6, time_start=NOON + 4000, time_end=NOON + 5000),
    )
    found = store.largest_users(NOON, NOON + 3600)
    assert found == [
        UserUsage(BOB, "bob", 1, 4 * 600, 2 * 600, (1 << 20) * 600),
        UserUsage(ANN, "ann", 2, 8 * 106, 0, 8000 * (1 << 20) * 106),
    ]
    assert found[0].core_hours == pytest.approx(2 / 3)
    assert store.largest_users(NOON, NOON + 3600, account="def-bob") == []
    assert store.largest_users(NOON, NOON + 3600, account="nosuch") == []


def test_who_had_a_number_before_is_another_user(store):
    add(
        store,
        *(job_row(one, id_assoc=one, time_start=NOON, time_end=NOON + 60) for one in (3, 4, 5, 7)),
    )
    found = store.largest_users(NOON, NOON + 3600)
    assert [(one.user_id, one.name, one.jobs) for one in found] == [
        (ANN, "ann", 2),
        (ANN, "bob", 2),
    ]


HOUR = 3600


def pause(store, job_id, start, end):
    """Store when a job was suspended, in seconds after NOON; end None: it still is."""
    row = {"job_db_inx": store.job(job_id).db_index, "id_assoc": 3, "time_start": NOON + start,
           "time_end": 0 if end is None else NOON + end}  # fmt: skip
    add(store, row, table="suspend_table")


def core_hours(store, since, until):
    """Return (jobs, core hours) of ann, whose jobs have 8 cores, in hours after NOON."""
    (found,) = store.largest_users(NOON + since * HOUR, NOON + until * HOUR)
    return found.jobs, found.core_hours / 8


def hours(start, end, suspended=0):
    """Return the times of a job's row."""
    return {"time_start": NOON + start * HOUR, "time_end": NOON + end * HOUR,
            "time_suspended": suspended}  # fmt: skip


def test_a_job_that_is_suspended_counts_up_to_then(store):
    since_two = hours(0, 0, NOON + 2 * HOUR) | running(state=2)
    add(store, job_row(1, **since_two))
    assert core_hours(store, -1, 1) == (1, 1)
    assert core_hours(store, 0, 10) == (1, 2)
    assert core_hours(store, 1, 10) == (1, 1)
    assert core_hours(store, 5, 10) == (1, 0)
    pause(store, 1, 2 * HOUR, None)
    assert core_hours(store, 1, 10) == (1, 1)


def test_a_job_that_was_cancelled_while_it_was_suspended_counts_up_to_then(store):
    add(store, job_row(1, **hours(0, 6, NOON + 2 * HOUR)))
    assert core_hours(store, 1, 10) == (1, 1)
    pause(store, 1, 2 * HOUR, None)
    assert core_hours(store, 1, 10) == (1, 1)


def test_a_pause_before_the_window_takes_nothing_from_it(store):
    add(store, job_row(1, **hours(-20, 10, 10 * HOUR)))
    pause(store, 1, -19 * HOUR, -9 * HOUR)
    assert core_hours(store, 0, 10) == (1, 10)
    assert core_hours(store, 0, 4) == (1, 4)
    assert core_hours(store, -10, 4) == (1, 13)
    assert core_hours(store, -20, 10) == (1, 20)


def test_a_pause_counts_as_far_as_it_is_in_the_window(store):
    add(store, job_row(1, **hours(0, 10, 3 * HOUR)))
    pause(store, 1, 1 * HOUR, 2 * HOUR)
    pause(store, 1, 5 * HOUR, 7 * HOUR)
    assert core_hours(store, 0, 10) == (1, 7)
    assert core_hours(store, 0, 6) == (1, 4)
    assert core_hours(store, 6, 8) == (1, 1)
    assert core_hours(store, 5, 7) == (1, 0)


def test_a_job_that_is_suspended_again_has_both_pauses(store):
    # slurmdbd stores the moment less the seconds of the first pause.
    again = hours(0, 0, NOON + 5 * HOUR - HOUR) | running(state=2)
    add(store, job_row(1, **again))
    assert core_hours(store, 0, 10) == (1, 4)
    pause(store, 1, 1 * HOUR, 2 * HOUR)
    pause(store, 1, 5 * HOUR, None)
    assert core_hours(store, 0, 10) == (1, 4)
    assert core_hours(store, 0, 2) == (1, 1)
    assert core_hours(store, 2, 10) == (1, 3)


@pytest.mark.parametrize("is_there", [True, False])
def test_pauses_that_are_not_known_are_spread_over_the_job(database, is_there):
    store = made.make(database, () if is_there else ("suspend_table",))
    add(store, job_row(1, **hours(0, 10, 4 * HOUR)))
    assert core_hours(store, 0, 10) == (1, 6)
    assert core_hours(store, 5, 20) == (1, 3)


def test_of_pauses_that_are_purged_the_rest_is_spread(store):
    add(store, job_row(1, **hours(0, 10, 4 * HOUR)))
    pause(store, 1, 6 * HOUR, 8 * HOUR)
    # Of 8 hours outside the known pause, 2 are unknown ones.
    assert core_hours(store, 0, 10) == (1, 6)
    assert core_hours(store, 0, 4) == (1, 3)
    assert core_hours(store, 6, 10) == (1, 1.5)


def test_a_job_that_runs_again_counts_its_pause_where_it_was(store):
    add(store, job_row(1, **hours(0, 0, 2 * HOUR) | running()))
    pause(store, 1, 3 * HOUR, 5 * HOUR)
    assert core_hours(store, 0, 2) == (1, 2)
    assert core_hours(store, 2, 6) == (1, 2)


def test_pauses_are_asked_for_suspended_jobs_alone(store, monkeypatch):
    asked, columns = [], store.columns

    def noted(table):
        asked.append(table)
        return columns(table)

    monkeypatch.setattr(store, "columns", noted)
    add(store, *(job_row(number) for number in range(1, 9)))
    assert core_hours(store, 0, 24) == (8, 8)
    assert "suspend_table" not in asked
    add(store, job_row(9, **hours(0, 2, 60)))
    core_hours(store, 0, 24)
    assert "suspend_table" in asked


def test_suspended_time_is_no_part_of_the_limit(store):
    half = {"state": 3, "timelimit": 120}
    add(
        store,
        job_row(1, **hours(0, 6, 5 * HOUR), **half),
        job_row(2, **hours(0, 6, NOON + HOUR), **half),
        job_row(3, **hours(0, 1, NOON + HOUR), **half),
        job_row(4, **hours(0, 1, 9 * HOUR), **half),
    )
    (found,) = store.partition_statistics(NOON, NOON + DAY)
    assert (found.measured, found.mean_ratio) == (4, pytest.approx(1.5 / 4))
    assert [(place, many) for place, many in enumerate(found.histogram) if many] == [
        (0, 1),
        (10, 3),
    ]
    (lengths,) = store.partition_lengths(NOON, NOON + DAY)
    assert lengths.ran == [1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0]


def test_an_empty_table_has_no_statistics(store):
    assert store.partition_statistics(0, NOON) == store.starts(0, NOON) == []
    assert store.largest_users(0, NOON) == []
