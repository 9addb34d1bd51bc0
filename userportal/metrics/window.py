"""The time that a graph shows, and the distance of its points."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

POINTS = 500  # of a graph
SHORTEST_STEP_SECONDS = 60
LONG_WINDOW_SECONDS = 180 * 86400
LONG_STEP_SECONDS = 86400  # of windows above that
LONGEST_WINDOW_SECONDS = 3650 * 86400
SHORTEST_RATE_SECONDS = 60
NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,9})?", re.ASCII)


@dataclass(frozen=True)
class Window:
    """Start and end in epoch seconds, and seconds between the points."""

    start: int
    end: int
    step: int

    @property
    def seconds(self) -> int:
        """How long the window is."""
        return self.end - self.start


def window(start: float, end: float, minimum_step: int = SHORTEST_STEP_SECONDS) -> Window:
    """Return a window of at most ten years with a step for 500 points, at least `minimum_step`.

    A window over 180 days has a point a day.
    """
    first, last = int(start), max(int(end), int(start) + 1)
    first = max(first, last - LONGEST_WINDOW_SECONDS)
    if last - first > LONG_WINDOW_SECONDS:
        return Window(first, last, max(LONG_STEP_SECONDS, minimum_step))
    step = max(SHORTEST_STEP_SECONDS, minimum_step, (last - first) // POINTS)
    return Window(first, last, int(step))


def window_from(
    parameters: Mapping[str, str],
    default_seconds: int,
    minimum_step: int = SHORTEST_STEP_SECONDS,
    now: float | None = None,
) -> Window:
    """Return the window that a request's parameters ask for, never after now.

    `delta` (seconds back from now) wins over `start` and `end` (epoch seconds), of which one may be
    missing. What is no such number, or ends before it starts, means the last `default_seconds`.
    """
    now = time.time() if now is None else now
    delta = number(parameters.get("delta"))
    if delta:
        return window(max(now - delta, 0), now, minimum_step)
    start, end = number(parameters.get("start")), number(parameters.get("end"))
    if start is None and end is None:
        return window(now - default_seconds, now, minimum_step)
    last = now if end is None else min(end, now)
    first = max(last - default_seconds, 0) if start is None else min(start, now)
    if first >= last:
        return window(now - default_seconds, now, minimum_step)
    return window(first, last, minimum_step)


def job_window(
    parameters: Mapping[str, str],
    start: float | None,
    end: float | None,
    minimum_step: int = SHORTEST_STEP_SECONDS,
    now: float | None = None,
) -> Window | None:
    """Return the window of a job from its start to its end, or to now if it runs.

    The parameters `start` and `end` (epoch seconds) narrow it, never widen it; those that leave
    nothing are ignored. None for a job that has not started.
    """
    now = time.time() if now is None else now
    if not start or start > now:
        return None
    last = min(end or now, now)
    asked_start, asked_end = number(parameters.get("start")), number(parameters.get("end"))
    first = start if asked_start is None else max(start, asked_start)
    until = last if asked_end is None else min(last, asked_end)
    if first >= until:
        first, until = start, last
    return window(first, until, minimum_step)


def rate_window(sampling_seconds: float) -> int:
    """Return the seconds over which rates of an exporter's counters are taken.

    Two samplings, so that two samples are within; at least a minute.
    """
    return max(SHORTEST_RATE_SECONDS, round(2 * sampling_seconds))


def number(text: str | None) -> float | None:
    """Return a plain number of a request, None if it is missing or anything else."""
    if text is None or not NUMBER.fullmatch(text):
        return None
    return float(text)
