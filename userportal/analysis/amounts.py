"""Figures of a job as people read them, the same in every language."""

from userportal.analysis import names

STEP = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def shown(value, kind):
    """Return a value of one of the kinds of ``names`` as text; "?" if it is unknown."""
    if value is None:
        return "?"
    if kind == names.RATIO:
        return percent(value)
    if kind == names.BYTES:
        return size(value)
    if kind == names.SECONDS:
        return duration(value)
    return number(value) if kind == names.COUNT else str(value)


def number(value):
    """Return a number with at the most one decimal, or two figures if it is below 1."""
    if value == int(value):
        return str(int(value))
    text = f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"
    return text.removesuffix(".0")


def percent(ratio):
    """Return a part of 1 in percent; below 1 % with two figures."""
    return f"{number(round(ratio * 100) if ratio >= 0.01 or ratio == 0 else ratio * 100)}%"


def size(size_bytes, units=UNITS, blank=" "):
    """Return a number of bytes with the unit that suits it, in steps of 1,024."""
    amount, place = float(size_bytes), 0
    while round(amount, 1) >= STEP and place < len(units) - 1:
        amount, place = amount / STEP, place + 1
    return f"{amount:.1f}".removesuffix(".0") + blank + units[place]


def duration(seconds):
    """Return seconds as Slurm writes a time: [D-]HH:MM:SS."""
    seconds = max(0, int(seconds))
    days, seconds = divmod(seconds, 86400)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{days}-{clock}" if days else clock
