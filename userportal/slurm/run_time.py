"""How long jobs ran without the time that they were suspended: of a whole job, or in a window.

slurmdbd's time_suspended is the seconds of all pauses. While a job is suspended it is the moment
since when, less the seconds of the pauses before: what it has run since its start all the same.
"""

from typing import NamedTuple

# The seconds that a job that has ended ran, in SQL. Numbers without sign have no difference below
# 0: where this stands, time_end >= time_start holds. {suspended} is the column of it, or NULL.
ENDED_RUN_SECONDS = (
    'CASE WHEN coalesce({suspended}, 0) = 0 OR {suspended} >= "time_end"'
    ' THEN "time_end" - "time_start"'
    ' WHEN {suspended} >= "time_start" THEN {suspended} - "time_start"'
    ' WHEN {suspended} >= "time_end" - "time_start" THEN 0'
    ' ELSE "time_end" - "time_start" - {suspended} END'
)


class Pauses(NamedTuple):
    """When a job was suspended, as far as slurmdbd's table of it says."""

    seconds: int = 0  # of those that are over
    seconds_in_window: int = 0  # of these, in the window that was asked for
    open_since: "int | None" = None  # it is suspended, or was so at its end


NO_PAUSES = Pauses()


def run_seconds(start: int, end: int, suspended: int) -> int:
    """Return how long a job ran from its start to its end, or until now; never below 0.

    suspended is slurmdbd's time_suspended.
    """
    if suspended >= start:  # since then
        return max(0, min(end, suspended) - start)
    return max(0, end - start - suspended)


def run_seconds_in(
    window: "tuple[int, int]", start: int, end: int, suspended: int, pauses: Pauses = NO_PAUSES
) -> int:
    """Return how long a job from start to end, or to now, ran in a window (since, until).

    The pauses that are known are left out where they were; of those that are not (the table is not
    read, or slurmdbd has purged it) the window has its part: as much of them as of the rest.
    """
    first, last = max(start, window[0]), min(end, window[1])
    if last <= first:
        return 0
    lasting = end
    if suspended >= start:  # up to the open pause
        lasting = min(end, suspended if pauses.open_since is None else pauses.open_since)
    rest = min(last, lasting) - first - pauses.seconds_in_window
    if rest <= 0:
        return 0
    known_run = lasting - start - pauses.seconds  # if these pauses were all
    unknown = max(0, known_run - run_seconds(start, end, suspended))
    return round(rest * (1 - unknown / known_run)) if unknown else rest
