"""Write an embedded history: series in one SQLite file."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from usagedb.errors import WriteError
from userportal.metrics import chunks
from userportal.metrics.matchers import label_name, metric_name

FORMAT = 1
# The labels by which a selection is quick; of the others every series of the metric is looked at.
INDEXED_LABELS = ("slurmjobid", "jobid", "user", "account", "instance", "node", "uuid")
ROWS_AT_ONCE = 2000
SCHEMA = """
CREATE TABLE metric (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE series (id INTEGER PRIMARY KEY, metric_id INTEGER NOT NULL, labels TEXT NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL);
CREATE TABLE label (metric_id INTEGER, name TEXT, value TEXT, series_id INTEGER,
  PRIMARY KEY (metric_id, name, value, series_id)) WITHOUT ROWID;
CREATE TABLE chunk (series_id INTEGER, first_ms INTEGER, last_ms INTEGER, data BLOB NOT NULL,
  PRIMARY KEY (series_id, first_ms)) WITHOUT ROWID;
"""
FINISH = (
    "CREATE INDEX series_by_metric ON series (metric_id, last_ms, first_ms)",
    "COMMIT",
    "ANALYZE",
)
INSERTS = {
    "metric": "INSERT INTO metric VALUES (?, ?)",
    "label": "INSERT INTO label VALUES (?, ?, ?, ?)",
    "chunk": "INSERT INTO chunk VALUES (?, ?, ?, ?)",
    "series": "INSERT INTO series VALUES (?, ?, ?, ?, ?)",
}


class HistoryWriter:
    """Writes a history; the file appears, or takes the place of an older one, when it is closed.

    A context manager; a block that fails leaves the older file as it was.
    """

    def __init__(self, path: str | Path) -> None:
        """Begin a new file beside this path. Raises WriteError if that is impossible."""
        self.path = Path(path)
        self._new = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        self._metrics: dict[str, int] = {}
        self._series: dict[tuple[str, str], list[int]] = {}  # -> number, metric, first, last
        self._rows: dict[str, list[tuple]] = {table: [] for table in INSERTS}
        try:
            self._new.unlink(missing_ok=True)
            self._connection = sqlite3.connect(self._new, isolation_level=None)
            self._connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
            self._connection.executescript(f"PRAGMA user_version={FORMAT};{SCHEMA}BEGIN;")
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def add(
        self,
        name: str,
        labels: Mapping[str, object],
        times: Sequence[float],
        values: Sequence[float],
    ) -> None:
        """Add samples of a series: its times are ascending epoch seconds, kept to milliseconds.

        Labels whose value is '' count as missing. A series may be added to, with later samples.
        No samples: nothing happens. Raises ValueError for wrong names or times, WriteError if the
        disk is full.
        """
        moments = [round(at * 1000) for at in times]
        if len(moments) != len(values) or any(a >= b for a, b in zip(moments, moments[1:])):
            raise ValueError(f"the times of {name} do not ascend, or are not as many as the values")
        if not moments:
            return
        number = self._number(name, labels, moments[0], moments[-1])
        for start in range(0, len(moments), chunks.SAMPLES):
            part = moments[start : start + chunks.SAMPLES]
            data = chunks.packed(part, values[start : start + chunks.SAMPLES])
            self._store("chunk", (number, part[0], part[-1], data))

    def _number(self, name: str, labels: Mapping[str, object], first: int, last: int) -> int:
        """Return the number of a series, whose end is now `last`."""
        plain = {label_name(label): str(value) for label, value in labels.items()}
        plain = {label: value for label, value in sorted(plain.items()) if value}
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
        known = self._series.get((name, text))
        if known is None:
            known = self._new_series(name, text, plain, first)
        elif first <= known[3]:
            raise ValueError(f"samples of {name} that are not later than those before")
        known[3] = last
        return known[0]

    def _new_series(self, name: str, text: str, labels: dict[str, str], first: int) -> list[int]:
        number = len(self._series) + 1
        metric = self._metrics.get(name)
        if metric is None:
            metric = self._metrics[metric_name(name)] = len(self._metrics) + 1
            self._store("metric", (metric, name))
        for label in INDEXED_LABELS:
            if label in labels:
                self._store("label", (metric, label, labels[label], number))
        self._series[name, text] = known = [number, metric, first, first]
        return known

    def _store(self, table: str, row: tuple) -> None:
        rows = self._rows[table]
        rows.append(row)
        if len(rows) >= ROWS_AT_ONCE:
            self._flush(table)

    def _flush(self, table: str) -> None:
        try:
            self._connection.executemany(INSERTS[table], self._rows[table])
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._rows[table].clear()

    def close(self) -> None:
        """Finish the file and put it in its place. Raises WriteError if that is impossible."""
        for (_name, text), (number, metric, first, last) in self._series.items():
            self._store("series", (number, metric, text, first, last))
        for table in INSERTS:
            self._flush(table)
        try:
            for statement in FINISH:
                self._connection.execute(statement)
            self._connection.close()
            self._new.replace(self.path)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def abandon(self) -> None:
        """Throw away what was written; an older file stays."""
        self._connection.close()
        with contextlib.suppress(OSError):
            self._new.unlink(missing_ok=True)

    def _failed(self, error: Exception) -> WriteError:
        return WriteError(f"cannot write the history {self.path}: {error}")

    def __enter__(self) -> HistoryWriter:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file, or abandon it after an error."""
        if kind is None:
            self.close()
        else:
            self.abandon()
