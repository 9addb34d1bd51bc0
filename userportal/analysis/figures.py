"""Arithmetic with figures that may be unknown (None): parts, sums, spreads, suggestions."""

import math

from userportal.units import GIBIBYTE

# Rates of samples, and a sample after the end, make 101 % of 100 %.
TOLERANCE = 1.02
MARGIN = 1.2  # memory that is suggested beyond what was used
# Why there is no efficiency.
MISSING, ABOVE, ZERO = "missing", "above", "zero"


def fault(used, total):
    """Return why used / total is no efficiency: MISSING, ABOVE (more used than given) or ZERO
    (nothing was given); None if it is one."""
    if not is_number(used) or not is_number(total) or used < 0 or total < 0:
        return MISSING
    if total == 0:
        return ZERO
    return ABOVE if used > total * TOLERANCE else None


def is_number(value):
    """Tell whether a value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floating point numbers
        return False


def part(used, total):
    """Return used / total, at the most 1; None if there is a fault."""
    return None if fault(used, total) else min(used / total, 1.0)


def quotient(dividend, divisor):
    """Return dividend / divisor, None if one is unknown or the divisor is 0."""
    if not is_number(dividend) or not is_number(divisor) or divisor == 0:
        return None
    return dividend / divisor


def product(one, other):
    """Return one * other, None if one is unknown."""
    return one * other if is_number(one) and is_number(other) else None


def total(values):
    """Return the sum; None if one of them is unknown, or there is none."""
    values = list(values)
    return sum(values) if values and all(map(is_number, values)) else None


def mean(values):
    """Return the mean; None if one of them is unknown, or there is none."""
    values = list(values)
    amount = total(values)
    return None if amount is None else amount / len(values)


def spread(values):
    """Return how far the lowest value stays behind the highest, as a part of the highest.

    0 if all are equal (also all 0); None if one is unknown, or there are less than two.
    """
    values = list(values)
    if len(values) < 2 or not all(map(is_number, values)):
        return None
    highest = max(values)
    return 1 - min(values) / highest if highest > 0 else 0.0


def suggested_memory_gib(used_bytes):
    """Return the GiB to ask for next time: a fifth more than was used, in round numbers.

    Up to 30 every number, up to 1,000 tens (or 5 more up to 100), above hundreds; never less than
    what the margin asks for. None if the use is unknown.
    """
    if not is_number(used_bytes) or used_bytes < 0:
        return None
    wanted = math.ceil(round(MARGIN * used_bytes / GIBIBYTE, 6))
    if wanted <= 30:
        return max(wanted, 1)
    unit, more = (10, 5) if wanted <= 100 else (10, 10) if wanted <= 1000 else (100, 100)
    rounded = round(wanted / unit) * unit
    return rounded + more if rounded < wanted else rounded
