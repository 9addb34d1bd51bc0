"""The fair-share levels of accounts at the starts of their jobs, by partition."""

import bisect
import dataclasses
import statistics

from userportal.metrics.expression import any_of, metric, total

STEP_SECONDS = 3600
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
    found: dict = {}
    for one in starts:
        level = level_at(series.get(one.account), one.start)
        if level is not None:
            found.setdefault(one.partition, []).append(level)
    return [levels_of(partition, values) for partition, values in sorted(found.items())]


def series_of(source, accounts, since, until):
    """Return {account: Series} of the levels, an hour between two points."""
    queries = []
    for first in range(0, len(accounts), ACCOUNTS_PER_QUERY):
        some = any_of(accounts[first : first + ACCOUNTS_PER_QUERY])
        level = total(metric("slurm_account_levelfs", account=some), by=("account",))
        queries.append((level, since, until, STEP_SECONDS))
    answers = source.range_many(queries) if queries else []
    return {one.labels.get("account"): one for series in answers for one in series}


def level_at(series, at):
    """Return the point of a series that is nearest before a moment, or the first; None if none."""
    if series is None or not series.times:
        return None
    return series.values[max(0, bisect.bisect_right(series.times, at) - 1)]


def levels_of(partition, values):
    """Return the Levels of a partition's values."""
    return Levels(
        partition, statistics.fmean(values), statistics.median(values), max(values), min(values),
        len(values),
    )  # fmt: skip
