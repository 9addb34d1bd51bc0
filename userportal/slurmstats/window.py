"""The days that a request asks for: start and end as YYYY-MM-DD, else the week before the last."""

import datetime

from userportal.metrics.window import LONGEST_WINDOW_SECONDS

WEEK_DAYS = 7
FIRST_DAYS, LAST_DAYS = 14, 7  # before today, where a request asks for no days


def asked_days(parameters, now, zone):
    """Return (start, end), whole seconds since the epoch, of a request's parameters.

    The days are those of the reader's zone (tzinfo), whole ones, the last too: with a change of the
    clocks one has 23 or 25 hours. Of a day alone the week from it or until it is meant.
    """
    today = datetime.datetime.fromtimestamp(now, zone).date()
    usual = today - days(FIRST_DAYS), today - days(LAST_DAYS)
    first, last = (day_of(parameters.get(name)) for name in ("start", "end"))
    try:
        if first is None and last is None:
            first, last = usual
        elif first is None:
            first = last - days(WEEK_DAYS - 1)
        elif last is None:
            last = first + days(WEEK_DAYS - 1)
        start, end = start_of(first, zone), start_of(last + days(1), zone) - 1
    except OverflowError:  # there is no such day
        start = end = 0
    if start < 0 or min(end, now) <= start or min(end, now) - start > LONGEST_WINDOW_SECONDS:
        start, end = start_of(usual[0], zone), start_of(usual[1] + days(1), zone) - 1
    return start, min(end, int(now))


def days(number):
    """Return a span of days."""
    return datetime.timedelta(days=number)


def start_of(day, zone):
    """Return the moment at which a day begins in a zone, seconds since the epoch.

    Where the clocks leap over midnight, that is the leap.
    """
    return int(datetime.datetime.combine(day, datetime.time(), zone).timestamp())


def day_of(text):
    """Return the date of a text, None for what is none."""
    try:
        return datetime.date.fromisoformat((text or "")[:10])
    except ValueError:
        return None
