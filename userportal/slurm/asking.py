"""Ask slurmdbd's tables: their names, and which columns this release of Slurm has."""

import re
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from usagedb.errors import ConfigurationError
from userportal.slurm import tres
from userportal.slurm.clusters import clusters_of
from userportal.slurm.names import checked_cluster
from userportal.slurm.tables import CLUSTER_TABLES, COMMON_TABLES

REMEMBERED_SECONDS = 300  # a new release of Slurm, and a new kind of GPU, are seen after that
USUAL_GPU_ID = 1001  # of gres/gpu, for an account that may not read tres_table
MOST_NAMES = 10_000
MOST_KEPT = 1000
WORD = re.compile(r"\"(\w+)\"|\{(\w+)\}", re.ASCII)


class Memory:
    """What the portal's threads have learned of the databases."""

    def __init__(self, seconds: float) -> None:
        """Begin without anything; what is kept is forgotten after some seconds."""
        self.seconds = seconds
        self._kept: dict[Any, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def get(self, key: Any) -> Any:
        """Return what is kept, None if it is not or is too old."""
        with self._lock:
            since, value = self._kept.get(key, (0.0, None))
        return value if time.monotonic() - since < self.seconds else None

    def put(self, key: Any, value: Any) -> None:
        """Keep a value if it is not empty: a table may be made at any time."""
        if value:
            with self._lock:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = (time.monotonic(), value)


MEMORY = Memory(REMEMBERED_SECONDS)


class ClusterTables:
    """The tables of one cluster in an open database; everything here only reads."""

    def __init__(self, database: Any, cluster: str) -> None:
        """Take an open usagedb Database. Raises ConfigurationError for an impossible name."""
        self.database = database
        self.cluster = checked_cluster(cluster)
        self._names = dict.fromkeys(COMMON_TABLES, "") | dict.fromkeys(
            CLUSTER_TABLES, f"{self.cluster}_"
        )

    def name(self, table: str) -> str:
        """Return the name of a table in the database."""
        return self._names[table] + table

    def ask(self, sql: str, parameters: "Iterable[Any]" = ()) -> "list[tuple[Any, ...]]":
        """Return the rows of a query, in which {job_table} is a table and "name" a column."""
        return list(self.database.rows(self.written(sql), tuple(parameters)))

    def written(self, sql: str) -> str:
        """Return a query in the database's words."""
        quote = self.database.dialect.quote

        def word(found: "re.Match[str]") -> str:
            return str(quote(found[1] or self.name(found[2])))

        return WORD.sub(word, sql)

    def columns(self, table: str) -> "frozenset[str]":
        """Return the columns of a table that this account may read; empty if it is not there."""
        key = (*self.address(), "columns", table)
        found = MEMORY.get(key)
        if found is None:
            found = frozenset(self._columns_of(self.name(table)))
            MEMORY.put(key, found)
        return found

    def address(self) -> "tuple[Any, ...]":
        """Return what tells these tables, as this account sees them, from all others."""
        config = self.database.config
        address = (config.backend, config.database, config.hosts, config.port, config.socket)
        return (*address, config.user, self.cluster)

    def _columns_of(self, name: str) -> "Iterable[str]":
        if self.database.config.backend == "sqlite":
            sql = "SELECT name FROM pragma_table_info(?)"
            return [row[0] for row in self.database.rows(sql, (name,))]
        return list(self.database.dialect.column_types(self.database, name))

    def selected(self, table: str, wanted: "Sequence[str]") -> str:
        """Return the list of columns of a SELECT; those that the table lacks are NULL.

        Raises ConfigurationError if there is no such table.
        """
        there = self.columns(table)
        if not there:
            raise ConfigurationError(
                f"{self.database.config.describe()}: no table {self.name(table)} that this account"
                f" may read: check the cluster's name and the grants{self._others()}"
            )
        return ", ".join(f'"{column}"' if column in there else "NULL" for column in wanted)

    def _others(self) -> str:
        """Return a hint at the clusters that are there, if ours is none of them."""
        found = clusters_of(self.database)
        if not found or self.cluster in found:
            return ""
        return f" (the database has {', '.join(found)})"

    def tres_names(self) -> "dict[int, str]":
        """Return {id: name} of what Slurm counts, such as {1001: gres/gpu, 1002: gres/gpu:a100}."""
        key = (*self.address(), "tres")
        found = MEMORY.get(key)
        if found is None:
            found = self._read_tres_names()
            MEMORY.put(key, found)
        return dict(found)

    def _read_tres_names(self) -> "dict[int, str]":
        if not self.columns("tres_table"):
            return {USUAL_GPU_ID: tres.GPU}
        sql = 'SELECT "id", "type", "name" FROM {tres_table} ORDER BY "id" LIMIT ?'
        rows = self.ask(sql, (MOST_NAMES,))
        return {int(key): tres.full_name(kind or "", name or "") for key, kind, name in rows}
