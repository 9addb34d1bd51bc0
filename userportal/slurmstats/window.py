"""The days that a request asks for: start and end as YYYY-MM-DD, else the week before the last."""

import datetime

from userportal.metrics.window import LONGEST_WINDOW_SECONDS

DAY_SECONDS = 86400
FIRST_DAYS, LAST_DAYS = 14, 7  # before now, where a request asks for no days


def asked_days(parameters, now):
    """Return (start, end), seconds since the epoch, of a request's parameters, in UTC."""
    start, end = (day_of(parameters.get(name)) for name in ("start", "end"))
    if start is None:
        start = now - FIRST_DAYS * DAY_SECONDS
    if end is None:
        end = max(now - LAST_DAYS * DAY_SECONDS, start + DAY_SECONDS)
    if end <= start or end - start > LONGEST_WINDOW_SECONDS:
        return now - FIRST_DAYS * DAY_SECONDS, now - LAST_DAYS * DAY_SECONDS
    return start, end


def day_of(text):
    """Return the start of a day in UTC, None for what is no date."""
    try:
        day = datetime.date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
    moment = datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc)
    return moment.timestamp()
