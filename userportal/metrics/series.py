"""One time series of an answer."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Series:
    """The points of one series, in the order of time, all of them finite numbers.

    `times` are seconds since the epoch. Points that are no number or infinite are left out before.
    An answer may be kept and handed out again: do not change it.
    """

    labels: dict[str, str]
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def mean(self) -> float | None:
        """Return the mean of the points, or None without points."""
        return statistics.fmean(self.values) if self.values else None

    def median(self) -> float | None:
        """Return the median of the points, or None without points."""
        return statistics.median(self.values) if self.values else None

    def maximum(self) -> float | None:
        """Return the highest point, or None without points."""
        return max(self.values, default=None)

    def minimum(self) -> float | None:
        """Return the lowest point, or None without points."""
        return min(self.values, default=None)

    def first(self) -> float | None:
        """Return the earliest point, or None without points."""
        return self.values[0] if self.values else None

    def last(self) -> float | None:
        """Return the latest point, or None without points."""
        return self.values[-1] if self.values else None
