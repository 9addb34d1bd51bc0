"""Moments as a person writes them: for before, after and when."""

import datetime
import re
import time

from usagedb import errors

NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,6})?")
FORMS = (
    "%m/%d/%Y %H:%M", "%m/%d/%Y", "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
)  # fmt: skip
SECONDS_PER_DAY = 86400


def microseconds_of(text, now=time.time):
    """Return a moment as microseconds since the epoch (UTC).

    0 is now, a negative number that many days ago, a positive one seconds since the epoch; else
    MM/DD/YYYY or YYYY-MM-DD, with HH:MM behind it or not, in the time zone of this machine.
    Raises UsageError.
    """
    text = str(text).strip()
    if NUMBER.fullmatch(text):
        number = float(text)
        seconds = number if number > 0 else now() + number * SECONDS_PER_DAY
        return round(seconds * 1e6)
    for form in FORMS:
        try:
            moment = datetime.datetime.strptime(text, form).astimezone()
        except (ValueError, OverflowError):
            continue
        return round(moment.timestamp() * 1e6)
    raise errors.UsageError(
        f"{text}: write MM/DD/YYYY HH:MM, seconds since the epoch, or -N for N days ago"
    )
