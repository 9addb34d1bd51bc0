"""The days that a request asks for: start and end as YYYY-MM-DD, else the week before the last."""

import datetime

from userportal.metrics.window import LONGEST_WINDOW_SECONDS

DAY_SECONDS = 86400
WEEK_SECONDS = 7 * DAY_SECONDS
FIRST_DAYS, LAST_DAYS = 14, 7  # before now, where a request asks for no days


def asked_days(parameters, now):
    """Return (start, end), seconds since the epoch, of a request's parameters, in UTC.

    The last day is a whole one. Of a day alone the week from it or until it is meant.
    """
    start, last = (day_of(parameters.get(name)) for name in ("start", "end"))
    end = None if last is None else last + DAY_SECONDS - 1
    usual = now - FIRST_DAYS * DAY_SECONDS, now - LAST_DAYS * DAY_SECONDS
    if start is None:
        if end is None:
            return usual
        start = max(end - WEEK_SECONDS + 1, 0)
    end = min(start + WEEK_SECONDS - 1 if end is None else end, now)
    if start < 0 or end <= start or end - start > LONGEST_WINDOW_SECONDS:
        return usual
    return start, end


def day_of(text):
    """Return the start of a day in UTC, None for what is no date."""
    try:
        day = datetime.date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
    moment = datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc)
    return moment.timestamp()
