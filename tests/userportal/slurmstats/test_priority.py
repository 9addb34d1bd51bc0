"""The fair-share levels of accounts when their jobs began."""

import pytest

from userportal.metrics.history import History, HistoryWriter
from userportal.metrics.series import Series
from userportal.slurm.model import JobStart
from userportal.slurmstats import priority
from userportal.slurmstats.priority import Levels

HOUR = 3600
START = 1_700_000_000 // HOUR * HOUR


@pytest.fixture
def history(tmp_path):
    """A history with the levels of two accounts over ten hours: 1, 2, 3 … and 0.5."""
    times = [START + number * 300 for number in range(120)]
    with HistoryWriter(tmp_path / "metrics.db") as writer:
        rising = [1 + number // 12 for number in range(120)]
        writer.add("slurm_account_levelfs", {"account": "a"}, times, rising)
        writer.add("slurm_account_levelfs", {"account": "b", "instance": "x"}, times, [0.5] * 120)
        writer.add("slurm_account_levelfs", {"account": "b", "instance": "y"}, times, [0.5] * 120)
    return History(tmp_path / "metrics.db")


def test_levels_are_those_of_the_hour_in_which_jobs_began(history):
    starts = [JobStart(START + 10 + hour * HOUR, "a", "cpu") for hour in (0, 1, 3)]
    starts += [JobStart(START + 5 * HOUR, "b", "gpu"), JobStart(START, "unknown", "gpu")]
    assert priority.levels_at_starts(history, starts, START, START + 10 * HOUR) == [
        Levels("cpu", 7 / 3, 2, 4, 1, 3), Levels("gpu", 0.5, 0.5, 0.5, 0.5, 1),
    ]  # fmt: skip


def test_without_jobs_nothing_is_asked(history):
    assert priority.levels_at_starts(history, [], START, START + HOUR) == []


def test_hostile_accounts_ask_for_no_others(history):
    starts = [JobStart(START + 10, name, "cpu") for name in ('a"} or up{x="', ".*", "a|b", "")]
    assert priority.levels_at_starts(history, starts, START, START + HOUR) == []


def test_ten_years_are_asked_for_with_fewer_points(history):
    years = 3650 * 24 * HOUR
    starts = [JobStart(START + 2 * HOUR, "b", "cpu")]
    (found,) = priority.levels_at_starts(history, starts, START + 10 * HOUR - years,
                                         START + 10 * HOUR)  # fmt: skip
    assert (found.count, found.mean) == (1, 0.5)


@pytest.mark.parametrize(
    ("at", "level"),
    [(0, 1), (-1, None), (99, 1), (100, 1), (150, 1), (200, 2), (250, 2), (299, 2), (300, 2),
     (301, None), (399, None), (400, 5), (500, 5), (600, 5), (601, None)],
)  # fmt: skip
def test_a_level_holds_for_one_step(at, level):
    series = Series({}, [100, 200, 500], [1, 2, 5])
    assert priority.level_at(series, at, 100) == level
    assert priority.level_at(None, at, 100) is None
