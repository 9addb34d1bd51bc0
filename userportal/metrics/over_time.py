"""What PromQL's functions make of the samples of a window before each moment.

All take times (ascending milliseconds) and values of one series, the moments (ascending
milliseconds), and the length of the window in milliseconds; a window excludes its start and
includes its end. They return a value for each moment, None where there are too few samples.
The formulas: https://github.com/prometheus/prometheus/blob/main/docs/querying/functions.md
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from operator import lt

Times = Sequence[int]
Numbers = Sequence[float]
Values = list[float | None]

# A series that begins or ends within a window: it is thought to go on to the window's edge if the
# edge is nearer than this many mean distances of samples, else for half a distance.
NEAR_EDGE = 1.1


def windows(times: Times, moments: Times, window: int) -> Iterator[tuple[int, int, int]]:
    """Yield each moment with the numbers of the first sample in its window and of the one after."""
    start = end = 0
    for moment in moments:
        end = bisect_right(times, moment, end)
        start = bisect_right(times, moment - window, start, end)
        yield moment, start, end


def latest(times: Times, values: Numbers, moments: Times, window: int) -> Values:
    """Return the latest sample."""
    return [
        values[end - 1] if end > start else None
        for _moment, start, end in windows(times, moments, window)
    ]


def rate(times: Times, values: Numbers, moments: Times, window: int) -> Values:
    """Return the increase of a counter per second; a fall means that it began anew at 0."""
    grown = _without_resets(values)
    found: Values = []
    for moment, start, end in windows(times, moments, window):
        if end - start < 2:
            found.append(None)
            continue
        increase = grown[end - 1] - grown[start]
        part = times[start], times[end - 1], end - start
        factor = _extrapolation(part, moment, window, values[start], increase)
        found.append(increase * factor / (window / 1000))
    return found


def _without_resets(values: Numbers) -> Numbers:
    """Return a counter as if it had never begun anew."""
    if not any(map(lt, values[1:], values)):
        return values
    lost = accumulate(
        (before if now < before else 0.0 for before, now in zip(values, values[1:])), initial=0.0
    )
    return [value + add for value, add in zip(values, lost)]


def _extrapolation(
    part: tuple[int, int, int], moment: int, window: int, first: float, increase: float
) -> float:
    """Return by how much the time of the samples (first, last, how many) is to be lengthened."""
    first_ms, last_ms, samples = part
    sampled = last_ms - first_ms
    between = sampled / (samples - 1)
    before = float(first_ms - (moment - window))
    after = float(moment - last_ms)
    if before >= between * NEAR_EDGE:
        before = between / 2
    if increase > 0 and first >= 0:  # a counter was not below 0
        before = min(before, sampled * (first / increase))
    if after >= between * NEAR_EDGE:
        after = between / 2
    return (sampled + before + after) / sampled


def irate(times: Times, values: Numbers, moments: Times, window: int) -> Values:
    """Return the increase per second between the last two samples."""
    found: Values = []
    for _moment, start, end in windows(times, moments, window):
        if end - start < 2:
            found.append(None)
            continue
        last, before = values[end - 1], values[end - 2]
        increase = last if last < before else last - before
        found.append(increase / ((times[end - 1] - times[end - 2]) / 1000))
    return found


def deriv(times: Times, values: Numbers, moments: Times, window: int) -> Values:
    """Return the slope per second of the straight line through the samples (least squares)."""
    return [
        _slope(times[start:end], values[start:end]) if end - start >= 2 else None
        for _moment, start, end in windows(times, moments, window)
    ]


def _slope(times: Times, values: Numbers) -> float:
    seconds = [(at - times[0]) / 1000 for at in times]
    middle = math.fsum(seconds) / len(seconds)
    mean = math.fsum(values) / len(values)
    spread = math.fsum((at - middle) ** 2 for at in seconds)
    return math.fsum((at - middle) * (of - mean) for at, of in zip(seconds, values)) / spread


FUNCTIONS: dict[str, Callable[[Times, Numbers, Times, int], Values]] = {
    "rate": rate,
    "irate": irate,
    "deriv": deriv,
}
