"""A span of whole local days: what --start and --end mean."""

import dataclasses
import datetime

from usagedb import errors
from usagedb.dates import day_number

FIRST_DAY, LAST_DAY = 19700101, 99991231


@dataclasses.dataclass(frozen=True)
class Window:
    """Days from first to last, both inclusive, as YYYYMMDD; all days by default."""

    first: int = FIRST_DAY
    last: int = LAST_DAY

    def months(self, between=None):
        """Return the months (YYYYMM) that the window touches, within the months `between`."""
        first, last = self.first // 100, self.last // 100
        if between:
            first, last = max(first, between[0]), min(last, between[1])
        found, month = [], first
        while month <= last:
            found.append(month)
            month += 1 if month % 100 < 12 else 89
        return found

    def part_in(self, month):
        """Return the first and last day of a month that are in the window."""
        return max(self.first, month * 100 + 1), min(self.last, month * 100 + 31)


def window_of(start, end):
    """Return the Window from a start date (inclusive) to an end date (exclusive); None: open.

    Raises UsageError for an empty one.
    """
    if end == datetime.date.min:
        raise errors.UsageError(f"--end {end}: no day is before it, and the end is exclusive")
    if start and end and start >= end:
        raise errors.UsageError(f"--end {end} is not after --start {start}: the end is exclusive")
    first = day_number(start) if start else FIRST_DAY
    last = day_number(end - datetime.timedelta(days=1)) if end else LAST_DAY
    return Window(first, last)
