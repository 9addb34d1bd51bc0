"""How far a copy has come, kept in the database that it fills."""

import json
import socket
import time

from usagedb import schema
from usagedb.database import with_reconnects
from usagedb.dialects.base import INTEGER, REAL, SECONDS, TEXT

# None of it is old: without it the same usage_copy would be refused, for the database is not empty.
# The positions are numbers, digests and names of tables and databases; the next copy replaces them.
COPY = schema.Schema(
    "copy",
    "copy.sql",
    kept=(
        ("usage_copy", "one row: tells that this database is the copy of another"),
        ("usage_copy_table", "a row for each table: how far it was copied"),
    ),
)
COPY_COLUMNS = (("copy_id", INTEGER), ("source", TEXT), ("begun_at", SECONDS), ("ended_at", REAL))
TABLE_COLUMNS = (
    ("table_name", TEXT), ("position", TEXT), ("row_count", INTEGER), ("is_whole", INTEGER),
)  # fmt: skip
RUN_COLUMNS = (
    ("command", TEXT), ("host", TEXT), ("started_at", SECONDS), ("ended_at", SECONDS),
    ("exit_code", INTEGER), ("stored", INTEGER), ("message", TEXT),
)  # fmt: skip
LONGEST_SOURCE = 1000


class State:
    """The state of the copy that a database is filled by; None is no copy, see `read`."""

    def __init__(self, database, source, ended_at):
        """Take what `read` found."""
        self.database, self.source, self.ended_at = database, source, ended_at

    def position(self, table):
        """Return (key of the last copied row or None, copied rows, whether all were)."""
        sql = "SELECT position, row_count, is_whole FROM usage_copy_table WHERE table_name = ?"
        for text, row_count, is_whole in self.database.rows(sql, (table.name,)):
            return key_from(text), row_count, bool(is_whole)
        return None, 0, False

    def advance(self, table, key, row_count):
        """Note that so many more rows were copied, up to a key. Inside the caller's transaction."""
        self.database.execute(
            "UPDATE usage_copy_table SET position = ?, row_count = row_count + ?"
            " WHERE table_name = ?",
            (text_of(key), row_count, table.name),
        )

    def is_at(self, table, key):
        """Tell whether the last copied row is that one: the answer to a commit may get lost."""
        sql = "SELECT position FROM usage_copy_table WHERE table_name = ?"
        return [row[0] for row in self.database.rows(sql, (table.name,))] == [text_of(key)]

    def set_whole(self, table):
        """Note that the last row of a table was copied. Commits."""
        sql = "UPDATE usage_copy_table SET is_whole = 1 WHERE table_name = ?"
        self.database.execute(sql, (table.name,))

    def end(self, started_at, stored):
        """Note that the copy has ended, in the history of runs too; loaders may come. Commits."""
        now = round(time.time(), 6)
        message = f"copied {self.source}"[:LONGEST_SOURCE]
        run = (schema.USAGE_COPY, socket.gethostname()[:255], started_at, now, 0, stored, message)

        def once():
            with self.database.transaction():
                sql = "UPDATE usage_copy SET ended_at = ? WHERE copy_id = 1 AND ended_at IS NULL"
                if self.database.execute(sql, (now,)):  # else an answer was lost
                    self.database.insert_rows("usage_run", RUN_COLUMNS, [run])
                sql = "DELETE FROM usage_schema WHERE schema_name = ?"
                self.database.execute(sql, (schema.UNFINISHED_COPY,))

        with_reconnects(self.database, once)
        self.ended_at = now


def read(database):
    """Return the State of the copy that a database is filled by, or None. Read-only."""
    if not database.dialect.has_table(database, "usage_copy"):
        return None
    found = database.rows("SELECT source, ended_at FROM usage_copy WHERE copy_id = 1")
    return State(database, *found[0]) if found else None


def begin(database, source, tables):
    """Note that a copy of a source, a text, begins; return its State. Commits.

    From now on the commands of the suite leave the database alone: usagedb.schema.require.
    """
    source = source[:LONGEST_SOURCE]
    now = round(time.time(), 6)

    def once():
        with database.transaction():
            database.execute("DELETE FROM usage_copy")
            database.execute("DELETE FROM usage_copy_table")
            database.insert_rows("usage_copy", COPY_COLUMNS, [(1, source, now, None)])
            rows = [(table.name, "", 0, 0) for table in tables]
            database.insert_rows("usage_copy_table", TABLE_COLUMNS, rows)
            database.insert_rows(
                "usage_schema", schema.STEP_COLUMNS, [(schema.UNFINISHED_COPY, 0, 0, now)],
                key=("schema_name", "version", "step"),
            )  # fmt: skip

    schema.upgrade(database, COPY)
    with_reconnects(database, once)
    return State(database, source, None)


def text_of(key):
    """Return a key as JSON."""
    return json.dumps(
        [
            {"hex": bytes(value).hex()} if isinstance(value, (bytes, memoryview)) else value
            for value in key
        ]
    )


def key_from(text):
    """Return the key that a text of text_of stands for, None for ''."""
    if not text:
        return None
    return tuple(
        bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        for value in json.loads(text)
    )
