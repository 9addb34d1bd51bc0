"""An embedded history as a source of metrics: series in one SQLite file, read-only."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from usagedb.database import marks
from usagedb.errors import ConfigurationError, UnavailableError
from userportal.metrics import chunks, evaluate
from userportal.metrics.expression import Expression, Selector
from userportal.metrics.history_writer import FORMAT, INDEXED_LABELS, HistoryWriter
from userportal.metrics.matchers import NAME_LABEL, Matcher, checked_label
from userportal.metrics.series import Series
from userportal.metrics.site_filter import SiteFilter, filter_of
from userportal.metrics.source import InstantQuery, RangeQuery, aligned

__all__ = ["History", "HistoryWriter"]

VALUES_AT_ONCE = 500  # parameters of one statement; SQLite allows 999 everywhere
FOREVER_MS = 1 << 62


@dataclass(frozen=True)
class Found:
    """A selected series: its number in the file and its labels, __name__ among them."""

    number: int
    labels: dict[str, str]


class History:
    """A file that HistoryWriter wrote: a source.MetricsSource without a server.

    Each thread has a connection of its own, also after a fork.
    """

    def __init__(self, path: str | Path, site_filter: SiteFilter | str = "") -> None:
        """Remember the path; the file is opened when it is asked.

        The site's filter holds for every selector. Raises ConfigurationError if it is wrong.
        """
        self.path = Path(path)
        self._site_filter = filter_of(site_filter)
        self._local = threading.local()

    def range(
        self, expression: Expression, start: float, end: float, step_seconds: float
    ) -> list[Series]:
        """Return the series between two moments: see source.MetricsSource."""
        start, end = aligned(start, end, step_seconds)
        count = round((end - start) / step_seconds) + 1
        moments = [round((start + number * step_seconds) * 1000) for number in range(count)]
        return evaluate.evaluated(expression, moments, self)

    def instant(self, expression: Expression, at: float) -> list[Series]:
        """Return the series at one moment: see source.MetricsSource."""
        return evaluate.evaluated(expression, [round(at * 1000)], self)

    def range_many(self, queries: Sequence[RangeQuery]) -> list[list[Series]]:
        """Return the answer to each query, one after the other."""
        return [self.range(*query) for query in queries]

    def instant_many(self, queries: Sequence[InstantQuery]) -> list[list[Series]]:
        """Return the answer to each query, one after the other."""
        return [self.instant(*query) for query in queries]

    def label_values(
        self,
        label: str,
        selector: Selector | None = None,
        start: float | None = None,
        end: float | None = None,
    ) -> list[str]:
        """Return the sorted values of a label: see source.MetricsSource."""
        checked_label(label)
        first = 0 if start is None else round(start * 1000)
        last = FOREVER_MS if end is None else round(end * 1000)
        matchers = () if selector is None else selector.matchers
        found = self._found(matchers, first, last)
        return sorted({each.labels[label] for each in found if label in each.labels})

    def check(self) -> str:
        """Return a text that says what answers. Raises if the file cannot be read."""
        ((metrics,),) = self._rows("SELECT COUNT(*) FROM metric")
        return f"the history {self.path} has {metrics} metrics"

    def samples(
        self, selector: Selector, first_ms: int, last_ms: int
    ) -> list[tuple[dict[str, str], array[int], array[float]]]:
        """Return the labels, times (milliseconds) and values of the selected series.

        There may be samples beyond the two moments; series without any between them are left out.
        """
        found = self._found(selector.matchers, first_ms, last_ms)
        by_number = self._chunks([each.number for each in found], first_ms, last_ms)
        return [
            (each.labels, *_joined(by_number[each.number]))
            for each in found
            if each.number in by_number
        ]

    def _found(self, matchers: Iterable[Matcher], first_ms: int, last_ms: int) -> list[Found]:
        """Return the series with samples between two moments that all matchers accept."""
        conditions = [*matchers, *self._site_filter.matchers]
        named = [each for each in conditions if each.label == NAME_LABEL]
        others = [each for each in conditions if each.label != NAME_LABEL]
        found = []
        for metric, name in self._rows("SELECT id, name FROM metric"):
            if all(each.accepts(name) for each in named):
                for number, text in self._candidates(metric, others, first_ms, last_ms):
                    labels = json.loads(text)
                    if all(each.accepts(labels.get(each.label, "")) for each in others):
                        found.append(Found(number, {NAME_LABEL: name, **labels}))
        return found

    def _candidates(
        self, metric: int, matchers: list[Matcher], first_ms: int, last_ms: int
    ) -> Iterable[tuple[int, str]]:
        """Return number and labels of the series of a metric, narrowed by an index if possible."""
        sql = "SELECT id, labels FROM series WHERE metric_id = ? AND last_ms >= ? AND first_ms <= ?"
        times = (metric, first_ms, last_ms)
        index = self._index(metric, matchers)
        if index is None:
            return self._rows(sql, times)
        name, values = index
        rows: list[tuple[int, str]] = []
        for start in range(0, len(values), VALUES_AT_ONCE):
            part = values[start : start + VALUES_AT_ONCE]
            inner = f"SELECT series_id FROM label WHERE metric_id = ? AND name = ? AND value IN ({marks(part)})"  # noqa: E501, S608 (marks alone)
            rows += self._rows(f"{sql} AND id IN ({inner})", (*times, metric, name, *part))
        return rows

    def _index(self, metric: int, matchers: list[Matcher]) -> tuple[str, list[str]] | None:
        """Return an indexed label and its accepted values, the label that narrows most."""
        chosen = [
            each
            for label in INDEXED_LABELS
            for each in matchers
            if each.label == label and not each.accepts("")
        ]
        for each in chosen:
            if each.condition.literals is not None:
                return each.label, list(each.condition.literals)
        for each in chosen:
            sql = "SELECT DISTINCT value FROM label WHERE metric_id = ? AND name = ?"
            values = [value for (value,) in self._rows(sql, (metric, each.label))]
            return each.label, [value for value in values if each.accepts(value)]
        return None

    def _chunks(
        self, numbers: Sequence[int], first_ms: int, last_ms: int
    ) -> dict[int, list[bytes]]:
        """Return the chunks of these series between two moments, in the order of time."""
        found: dict[int, list[bytes]] = defaultdict(list)
        for start in range(0, len(numbers), VALUES_AT_ONCE):
            part = numbers[start : start + VALUES_AT_ONCE]
            sql = f"SELECT series_id, data FROM chunk WHERE series_id IN ({marks(part)}) AND last_ms >= ? AND first_ms <= ? ORDER BY series_id, first_ms"  # noqa: E501, S608 (marks alone)
            for number, data in self._rows(sql, (*part, first_ms, last_ms)):
                found[number].append(data)
        return found

    def _rows(self, sql: str, parameters: tuple = ()) -> list[tuple]:
        """Return rows of the file. Raises UnavailableError or ConfigurationError."""
        try:
            return self._connection().execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise UnavailableError(f"cannot read the history {self.path}: {error}") from error
            raise ConfigurationError(f"{self.path} is no history: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        """Return the connection of this thread of this process to the file that is there now."""
        try:
            file = self.path.stat()
        except OSError as error:
            raise UnavailableError(
                f"cannot read the history {self.path}: {error.strerror}"
            ) from error
        key = (os.getpid(), file.st_dev, file.st_ino)
        if getattr(self._local, "key", None) != key:
            self._local.connection = self._opened()
            self._local.key = key
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _opened(self) -> sqlite3.Connection:
        address = f"file:{quote(str(self.path.absolute()))}?mode=ro"
        connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != FORMAT:
            connection.close()
            raise ConfigurationError(f"{self.path} is no history of format {FORMAT}")
        return connection


def _joined(parts: list[bytes]) -> tuple[array[int], array[float]]:
    """Return the samples of chunks. Raises ConfigurationError if one is damaged."""
    times, values = array("q"), array("d")
    try:
        for part in parts:
            more_times, more_values = chunks.unpacked(part)
            times.extend(more_times)
            values.extend(more_values)
    except ValueError as error:
        raise ConfigurationError(f"the history is damaged: {error}") from error
    return times, values
