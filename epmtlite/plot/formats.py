"""Numbers as people read them, in pictures."""

STEPS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
)  # fmt: skip


def time_text(microseconds):
    """Return a duration, with the unit that suits it."""
    seconds = microseconds / 1e6
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min {int(seconds % 60):02} s"
    return f"{minutes // 60:,} h {minutes % 60:02} min"


def clock_text(microseconds):
    """Return a time since the start as h:mm:ss, with as many decimals as it has."""
    sign = "-" if microseconds < 0 else ""
    units = round(abs(microseconds))
    seconds, rest = divmod(units, 1_000_000)
    decimals = f".{rest:06}".rstrip("0") if rest else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{decimals}"


def step_for(seconds, most):
    """Return the seconds between marks of a time axis, so that there are at most so many."""
    needed = seconds / most
    if needed > STEPS[-1]:
        return -(-needed // STEPS[-1]) * STEPS[-1]
    if needed >= STEPS[0]:
        return next(step for step in STEPS if step >= needed)
    power = 1.0
    while power > needed and power > 1e-6:
        power /= 10
    return next((step * power for step in (1, 2, 5, 10) if step * power >= needed), 10 * power)
