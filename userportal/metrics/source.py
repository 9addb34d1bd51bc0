"""What every source of metrics can be asked, and what it says when it cannot answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from usagedb.errors import ConfigurationError
from userportal.metrics.expression import Expression, Selector
from userportal.metrics.series import Series

MOST_POINTS = 11_000  # of one series in one answer: Prometheus refuses more

RangeQuery = tuple[Expression, float, float, float]
InstantQuery = tuple[Expression, float]


class QueryRejected(ConfigurationError):
    """The source understood the question and does not answer it: wrong, too long, or too much.

    It will not answer the same question later either, until its limits or ours are changed.
    """


class MetricsSource(Protocol):
    """Where expressions are asked: a server or a file. All methods only read, and are safe to
    call from several threads. They raise UnavailableError, RefusedError, ConfigurationError or
    QueryRejected."""

    def range(
        self, expression: Expression, start: float, end: float, step_seconds: float
    ) -> list[Series]:
        """Return the series between two moments (epoch seconds), [] for none.

        The moments are multiples of the step: see `aligned`.
        """
        ...

    def instant(self, expression: Expression, at: float) -> list[Series]:
        """Return the series at one moment (epoch seconds), each with one point; [] for none."""
        ...

    def range_many(self, queries: Sequence[RangeQuery]) -> list[list[Series]]:
        """Return the answer to each (expression, start, end, step), in their order."""
        ...

    def instant_many(self, queries: Sequence[InstantQuery]) -> list[list[Series]]:
        """Return the answer to each (expression, at), in their order."""
        ...

    def label_values(
        self,
        label: str,
        selector: Selector | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> list[str]:
        """Return the sorted values of a label, of the selected series alone if a selector is
        given; of "__name__": the names of the metrics. Between two moments if they are given, at
        least: a server may tell values of other times too."""
        ...

    def check(self) -> str:
        """Return a text that says what answers."""
        ...


def aligned(start: float, end: float, step_seconds: float) -> tuple[float, float]:
    """Return start and end as multiples of the step not after them, at least one step apart.

    So a page that is loaded again within a step asks the same question. Raises QueryRejected for
    a step or times that are no such, or more than MOST_POINTS points.
    """
    if not all(map(math.isfinite, (start, end, step_seconds))) or step_seconds <= 0:
        raise QueryRejected("a range of metrics needs a start, an end and a step above 0")
    first = math.floor(start / step_seconds)
    last = max(math.floor(end / step_seconds), first + 1)
    if last - first >= MOST_POINTS:
        raise QueryRejected(
            f"more than {MOST_POINTS} points were asked for: take a shorter window or a longer step"
        )
    return first * step_seconds, last * step_seconds
