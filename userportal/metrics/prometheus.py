"""A server with Prometheus' HTTP interface as a source of metrics: in parallel, and remembered."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from userportal.metrics import answers
from userportal.metrics.cache import AnswerCache
from userportal.metrics.expression import Expression, Selector, vector
from userportal.metrics.matchers import checked_label
from userportal.metrics.series import Series
from userportal.metrics.server import Parameters, Server
from userportal.metrics.site_filter import SiteFilter, filter_of
from userportal.metrics.source import InstantQuery, RangeQuery, aligned

MOST_SERIES = 20_000
# Samples may come late: what is older than this does not change.
SETTLED_SECONDS = 600
SETTLED_CACHE_SECONDS = 3600
LONGEST_INSTANT_GRID_SECONDS = 60


@dataclass(frozen=True)
class Process:
    """What belongs to one process, not to its children: connections, locks, threads."""

    pid: int
    server: Server
    cache: AnswerCache
    workers: ThreadPoolExecutor


class Prometheus:
    """Prometheus, VictoriaMetrics, Thanos, Mimir: a source.MetricsSource over HTTP."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        site_filter: SiteFilter | str = "",
        timeout_seconds: float = 20.0,
        cache_seconds: float = 30.0,
        workers: int = 8,
        ca_file: str | Path | None = None,
        most_series: int = MOST_SERIES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Check the settings; nothing is sent.

        The headers go with every request, the site's filter into every selector. An answer about
        a time that is not over is kept for `cache_seconds`, 0 for none; at most `workers` queries
        of one call run at once. Raises ConfigurationError for wrong settings.
        """
        self._site_filter = filter_of(site_filter)
        self._make = lambda: Process(
            os.getpid(),
            Server(url, headers or {}, timeout_seconds, 2 * workers, ca_file),
            AnswerCache(),
            ThreadPoolExecutor(workers, thread_name_prefix="metrics"),
        )
        self._process = self._make()
        self._timeout_text = f"{timeout_seconds:g}s"
        self._cache_seconds = cache_seconds
        self._most_series = most_series
        self._clock = clock

    def range(
        self, expression: Expression, start: float, end: float, step_seconds: float
    ) -> list[Series]:
        """Return the series between two moments: see source.MetricsSource."""
        start, end = aligned(start, end, step_seconds)
        parameters = [("start", text(start)), ("end", text(end)), ("step", text(step_seconds))]
        return self._answer("/api/v1/query_range", expression, parameters, end)

    def instant(self, expression: Expression, at: float) -> list[Series]:
        """Return the series at a moment: see source.MetricsSource.

        A moment that is about now is moved back a little, so that its answer can be kept.
        """
        grid = min(self._cache_seconds, LONGEST_INSTANT_GRID_SECONDS)
        if grid > 0 and not self._settled(at):
            at = math.floor(at / grid) * grid
        return self._answer("/api/v1/query", expression, [("time", text(at))], at)

    def range_many(self, queries: Sequence[RangeQuery]) -> list[list[Series]]:
        """Return the answer to each query, asked in parallel."""
        return list(self._here().workers.map(lambda query: self.range(*query), queries))

    def instant_many(self, queries: Sequence[InstantQuery]) -> list[list[Series]]:
        """Return the answer to each query, asked in parallel."""
        return list(self._here().workers.map(lambda query: self.instant(*query), queries))

    def label_values(
        self,
        label: str,
        selector: Selector | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> list[str]:
        """Return the sorted values of a label: see source.MetricsSource."""
        parameters = [
            (name, text(at)) for name, at in (("start", start), ("end", end)) if at is not None
        ]
        if selector is not None:
            parameters.append(("match[]", selector.render(self._site_filter)))
        elif self._site_filter.matchers:
            parameters.append(("match[]", self._site_filter.render()))
        path = f"/api/v1/label/{checked_label(label)}/values"
        return answers.texts_of(answers.data_of(self._here().server.get(path, parameters)))

    def check(self) -> str:
        """Return a text that says what answers. Raises if nothing does."""
        self._series("/api/v1/query", [("query", vector(1).render())])
        return f"{self._here().server.url} answers"

    def _here(self) -> Process:
        """Return what belongs to this process."""
        if self._process.pid != os.getpid():
            self._process = self._make()
        return self._process

    def _settled(self, moment: float) -> bool:
        return moment < self._clock() - SETTLED_SECONDS

    def _answer(
        self, path: str, expression: Expression, parameters: Parameters, end: float
    ) -> list[Series]:
        """Return the answer that is kept, or ask."""
        query = expression.render(self._site_filter)
        sent = [("query", query), *parameters, ("timeout", self._timeout_text)]
        keep_seconds = self._cache_seconds
        if keep_seconds > 0 and self._settled(end):
            keep_seconds = max(keep_seconds, SETTLED_CACHE_SECONDS)
        return self._here().cache.answer(
            (path, *sent), lambda: self._series(path, sent), keep_seconds
        )

    def _series(self, path: str, sent: Parameters) -> list[Series]:
        return answers.series_of(
            answers.data_of(self._here().server.post(path, sent)), self._most_series
        )


def text(number: float) -> str:
    """Return a moment or a step as the interface reads it."""
    return str(int(number)) if float(number).is_integer() else f"{number:.3f}"
