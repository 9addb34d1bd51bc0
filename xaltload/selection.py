"""Which records a report is about: days, clusters, queues."""

import dataclasses
import datetime

from usagedb import errors
from usagedb.database import like_pattern

DAYS = 90
EVERYTHING = "%"


@dataclasses.dataclass(frozen=True)
class Selection:
    """Local days from start to before end; SQL patterns of the cluster and the queue."""

    start: datetime.date
    end: datetime.date
    syshost: str = EVERYTHING
    queue: str = EVERYTHING

    def conditions(self, database, syshost_column, queue_column=None):
        """Return (SQL that begins with AND or is empty, parameters) for cluster and queue."""
        wanted = [(syshost_column, self.syshost)]
        if queue_column:
            wanted.append((queue_column, self.queue))
        wanted = [(column, pattern) for column, pattern in wanted if pattern != EVERYTHING]
        sql = "".join(f" AND {database.like(column)}" for column, _pattern in wanted)
        return sql, [like_pattern(pattern, fold=False) for _column, pattern in wanted]

    def link_notes(self):
        """Return the lines below a table that counts links."""
        if self.queue == EVERYTHING:
            return ()
        return ("links belong to no queue: those of all queues are counted",)

    def describe(self):
        """Return the days in words."""
        return f"from {self.start} to {self.end}"


def selection_of(start, end, syshost, queue, today):
    """Return the Selection of some dates; by default the 90 days before the end, which is today.

    Raises UsageError for an empty one.
    """
    end = end or today
    start = start or days_before(end)
    if start >= end:
        raise errors.UsageError(f"--end {end} is not after --start {start}: the end is exclusive")
    return Selection(start, end, syshost, queue)


def days_before(end):
    """Return the day so many days before the end. Raises UsageError if there is no such day."""
    try:
        return end - datetime.timedelta(days=DAYS)
    except OverflowError as error:
        raise errors.UsageError(
            f"--end {end}: {DAYS} days before it is no day: name the first with --start"
        ) from error
