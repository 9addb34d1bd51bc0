"""Numbers and moments as people read them."""

from epmtlite.plot.formats import time_text

UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
STEP = 1024


def duration(microseconds):
    """Return a duration, with the unit that suits it."""
    return "unknown" if microseconds is None else time_text(microseconds)


def seconds(value):
    """Return a number of seconds as a duration."""
    return duration(value * 1e6)


def memory(kilobytes):
    """Return kilobytes with the unit that suits them; -1 is not known."""
    if kilobytes is None or kilobytes < 0:
        return "unknown"
    amount, place = float(kilobytes), 0
    while amount >= STEP and place < len(UNITS) - 1:
        amount, place = amount / STEP, place + 1
    return f"{amount:.0f} {UNITS[place]}" if amount >= 100 else f"{amount:.3g} {UNITS[place]}"


def megabytes(value):
    """Return megabytes with the unit that suits them."""
    return memory(value * STEP)


def count(value):
    """Return a number with commas; a fraction with few digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def moment(value):
    """Return a datetime of the job's clocks."""
    return "unknown" if value is None else value.strftime("%Y-%m-%d %H:%M:%S %Z")
