"""Show figures to people: durations, sizes, shares, numbers, in the page's language."""

import datetime
import math

from django.utils import formats
from django.utils.translation import gettext

UNKNOWN = "–"
DAY_SECONDS = 86_400
NO_BREAK = "\N{NARROW NO-BREAK SPACE}"


def as_float(value):
    """Return value as a finite float, or None for what is not one."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def localized(value, decimals):
    """Return a number, rounded, with the separators of the page's language."""
    # Django cuts digits off.
    return formats.number_format(round(value, decimals), decimal_pos=decimals, force_grouping=True)


def decimals_of(value):
    """Return how many decimals leave three significant digits, at most 2."""
    size = abs(value)
    if size == int(size) or size >= 100:
        return 0
    return 1 if size >= 10 else 2


def number_text(value):
    """Return a number with three significant digits or all of its integer part; – for None."""
    found = as_float(value)
    return UNKNOWN if found is None else localized(found, decimals_of(found))


def percent_text(value):
    """Return a share of 0 to 100 as 42 %; one below ten has a decimal; – for None."""
    found = as_float(value)
    if found is None:
        return UNKNOWN
    decimals = 1 if 0 < abs(found) < 9.95 else 0
    return f"{localized(found, decimals)}{NO_BREAK}%"


def bytes_text(value):
    """Return a number of bytes with a binary unit, such as 1.50 GiB; – for None."""
    found = as_float(value)
    if found is None:
        return UNKNOWN
    units = [gettext("B"), gettext("KiB"), gettext("MiB"), gettext("GiB"), gettext("TiB"),
             gettext("PiB"), gettext("EiB")]  # fmt: skip
    position = 0
    while abs(found) >= 1023.5 and position < len(units) - 1:
        found, position = found / 1024, position + 1
    return f"{localized(found, decimals_of(found))}{NO_BREAK}{units[position]}"


def duration_text(value):
    """Return seconds as 01:02:03, from a day on as 2 d 01:02:03; – for None."""
    found = as_float(value)
    if found is None:
        return UNKNOWN
    days, rest = divmod(int(abs(found)), DAY_SECONDS)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    if days:
        clock = gettext("%(days)s d %(clock)s") % {"days": localized(days, 0), "clock": clock}
    return f"-{clock}" if found < 0 else clock


def moment_of(value):
    """Return an aware datetime of UTC for epoch seconds or a datetime; None for neither.

    0 is Slurm's "not yet", not the year 1970.
    """
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return aware.astimezone(datetime.timezone.utc)
    found = as_float(value)
    if not found:
        return None
    try:
        return datetime.datetime.fromtimestamp(found, datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
