"""The fair-share levels of accounts at the starts of their jobs, by partition."""

import bisect
import dataclasses
import math
import statistics

from userportal.metrics.expression import any_of, mean, metric

STEP_SECONDS = 3600
MOST_POINTS = 10_000  # of one series in one answer
MOST_ACCOUNTS = 2000
ACCOUNTS_PER_QUERY = 200


@dataclasses.dataclass(frozen=True)
class Levels:
    """The levels at the starts of the jobs of a partition."""

    partition: str
    mean: float
    median: float
    maximum: float
    minimum: float
    count: int


def levels_at_starts(source, starts, since, until):
    """Return the Levels of JobStarts, by partition; jobs of unknown level are left out."""
    accounts = sorted({one.account for one in starts if one.account})[:MOST_ACCOUNTS]
    series = series_of(source, accounts, since, until)
    step = step_seconds(since, until)
    found: dict = {}
    for one in starts:
        level = level_at(series.get(one.account), one.start, step)
        if level is not None:
            found.setdefault(one.partition, []).append(level)
    return [levels_of(partition, values) for partition, values in sorted(found.items())]


def series_of(source, accounts, since, until):
    """Return {account: Series} of the levels, a step between two points."""
    step = step_seconds(since, until)
    queries = []
    for first in range(0, len(accounts), ACCOUNTS_PER_QUERY):
        some = any_of(accounts[first : first + ACCOUNTS_PER_QUERY])
        level = mean(metric("slurm_account_levelfs", account=some), by=("account",))
        queries.append((level, since - step, until, step))
    answers = source.range_many(queries)
    return {one.labels.get("account"): one for series in answers for one in series}


def step_seconds(since, until):
    """Return the seconds between two points: an hour, more if these were too many."""
    return max(STEP_SECONDS, math.ceil((until - since) / MOST_POINTS))


def level_at(series, at, step):
    """Return the level at a moment: the point before it, or else the one after it.

    None if neither is within a step.
    """
    if series is None:
        return None
    place = bisect.bisect_right(series.times, at)
    for number in (place - 1, place):
        if 0 <= number < len(series.times) and abs(series.times[number] - at) <= step:
            return series.values[number]
    return None


def levels_of(partition, values):
    """Return the Levels of a partition's values."""
    return Levels(
        partition, statistics.fmean(values), statistics.median(values), max(values), min(values),
        len(values),
    )  # fmt: skip
