"""Local days of a cluster: which day a moment belongs to, and how far local time is from UTC."""

import dataclasses
import datetime

from usagedb.dates import day_number


@dataclasses.dataclass(frozen=True)
class Day:
    """One local day: start <= moment < end, in seconds since the epoch (UTC)."""

    number: int  # YYYYMMDD
    start: float
    end: float
    utc_offset: object  # minutes, or None on a day on which it changes


class Calendar:
    """The days of one time zone (a ZoneInfo, or None for the machine's own)."""

    def __init__(self, zone=None):
        self.zone = zone
        self._days = {}

    def day_of(self, moment):
        """Return the Day of a moment, in seconds since the epoch."""
        date = datetime.datetime.fromtimestamp(moment, self.zone).date()
        day = self._days.get(date)
        if day is None:
            day = self._days[date] = self._make_day(date)
        return day

    def _make_day(self, date):
        start = self._midnight(date)
        end = self._midnight(date + datetime.timedelta(days=1))
        offsets = {self.utc_offset(start), self.utc_offset(end - 1)}
        return Day(
            number=day_number(date),
            start=start,
            end=end,
            utc_offset=offsets.pop() if len(offsets) == 1 else None,
        )

    def _midnight(self, date):
        return datetime.datetime(date.year, date.month, date.day, tzinfo=self.zone).timestamp()

    def utc_offset(self, moment):
        """Return local time minus UTC at a moment, in minutes."""
        local = datetime.datetime.fromtimestamp(moment, self.zone)
        offset = local.utcoffset() if self.zone else local.astimezone().utcoffset()
        return round(offset / datetime.timedelta(minutes=1)) if offset else 0

    def moment_of(self, local):
        """Return the seconds since the epoch of a naive local datetime (the first, if two)."""
        return local.replace(tzinfo=self.zone).timestamp()
