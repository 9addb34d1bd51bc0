"""Moments as a person writes them: for before, after and when."""

import contextlib
import datetime
import re
import time

from epmtlite.zones import EPOCH, MICROSECOND
from usagedb import errors

NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,6})?")
FORMS = (
    "%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
)  # fmt: skip
SECONDS_PER_DAY = 86400
FIRST_SECOND = 100_000_000  # of 1973; a smaller number may be a year, or a date like 20190614
MOST_MICROSECONDS = 1 << 62  # which databases can compare


def microseconds_of(text, now=time.time):
    """Return a moment as microseconds since the epoch (UTC).

    0 is now, a negative number that many days ago, a positive one seconds since the epoch; else
    MM/DD/YYYY or YYYY-MM-DD, with HH:MM behind it or not, in the time zone of this machine, or with
    an offset behind it, as moments are printed. Raises UsageError, also for what is beyond
    MOST_MICROSECONDS, and for a number that may be a year or a date.
    """
    text = str(text).strip()
    if NUMBER.fullmatch(text):
        return microseconds_of_number(float(text), text, now())
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo:
            return round(moment.timestamp() * 1e6)
    for form in FORMS:
        try:
            moment = datetime.datetime.strptime(text, form).astimezone()
        except (ValueError, OverflowError):
            continue
        return round(moment.timestamp() * 1e6)
    raise not_understood(text)


def microseconds_of_number(number, text, now):
    """Return the moment that a number means; text is how it was written. Raises UsageError."""
    if 0 < number < FIRST_SECOND:
        raise not_understood(text)
    seconds = number if number > 0 else now + number * SECONDS_PER_DAY
    if abs(seconds * 1e6) > MOST_MICROSECONDS:
        raise errors.UsageError(f"{text}: no clock shows a moment that is so far away")
    return round(seconds * 1e6)


def not_understood(text):
    """Return the error for what is no moment."""
    return errors.UsageError(
        f"{text}: write MM/DD/YYYY HH:MM, YYYY-MM-DD HH:MM, seconds since the epoch, or -N for N"
        " days ago"
    )


def moment_of(microseconds):
    """Return microseconds since the epoch as a datetime (UTC)."""
    return EPOCH + microseconds * MICROSECOND
