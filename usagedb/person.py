"""What a tool registers about people's data: how it is exported, renamed and removed.

Each tool registers a PersonalData under the entry point group `hpcusage.person`; the command
usage_person finds them there.
"""

import contextlib
import dataclasses
import datetime
import logging
from typing import Any, Optional

from usagedb import schema
from usagedb.config import find_config
from usagedb.database import Database
from usagedb.naming import Renaming

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "hpcusage.person"
ROWS_PER_STEP = 500
ERASED = "erased"  # stands for everybody who was erased
REMOVED, CHANGED = "removed", "changed"


@dataclasses.dataclass(frozen=True)
class Places:
    """Where to look, as the options say; None: in the usual places."""

    conf_path: Optional[str] = None
    portal_conf: Optional[str] = None
    outbox_directory: Optional[str] = None
    reject_paths: tuple = ()  # files of --reject
    to_write: bool = False
    wait_seconds: float = 0.0


@dataclasses.dataclass
class Change:
    """What is done to a person's data; tools add up here how much of it."""

    renaming: Renaming
    erases: bool  # else the name is only replaced
    keep_statistics: bool = False  # erases: what reports count stays, without the name
    dry_run: bool = False
    counts: dict = dataclasses.field(default_factory=dict)  # (table, REMOVED or CHANGED) -> rows

    @property
    def removes_rows(self):
        """Tell whether the person's own rows go."""
        return self.erases and not self.keep_statistics

    def count(self, table, action, rows):
        """Add rows of a table to what was done, or would be."""
        if rows:
            self.counts[table, action] = self.counts.get((table, action), 0) + rows


@dataclasses.dataclass(frozen=True)
class PersonalData:
    """What one tool stores about people."""

    name: str  # that of its schema, if it has one
    # opened(places) -> context manager of its store, or of None where the site has none
    opened: Any
    # export(store, renaming) -> yields (table, {column: value}), table by table
    export: Any
    # change(store, change): renames or removes, and counts; commits step by step, so that a stop
    # leaves what the next call finds
    change: Any
    # database_of(store) -> the Database in which the run is recorded; None: there is none
    database_of: Any = lambda store: store
    # key_of(store) -> the key of the pseudonyms that the tool itself has made, None: there are none
    key_of: Any = None


@contextlib.contextmanager
def opened_database(places, tool_schema, config=None):
    """Give the block the Database with a Schema's tables, None where it has none.

    Nothing is made. Raises what opening a database raises.
    """
    config = config or find_config(places.conf_path, None, tool_schema.default_dbname)
    if not config.is_there():
        logger.info("%s: there is no %s", tool_schema.name, config.describe())
        yield None
        return
    database = Database(config if places.to_write else config.replaced(read_only=True))
    try:
        if not schema.steps_taken(database, tool_schema):
            logger.info("%s: no tables in %s", tool_schema.name, config.describe())
            yield None
            return
        schema.require(database, tool_schema, places.to_write)
        logger.info("%s: %s", tool_schema.name, config.describe())
        with overwriting(database.rows, places.to_write and config.backend == "sqlite"):
            yield database
    finally:
        database.close()


@contextlib.contextmanager
def overwriting(ask, is_wanted=True):
    """In the block, what is deleted from an SQLite file is overwritten there.

    ask(sql) -> rows asks its database, outside a transaction.
    """
    if not is_wanted:
        yield
        return
    ask("PRAGMA secure_delete = ON")
    yield
    if ask("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:  # the old pages go, too
        logger.error(
            "Warning: another program reads an SQLite database: what was deleted stays in its"
            " files: run the same command again when that program has ended"
        )


def ids_of(database, table, id_column, person_column, name):
    """Yield lists of the ids of the rows whose column is exactly a name, some at a time.

    Between two lists the caller may change or delete those rows. Read-only.
    """
    person = database.dialect.quote(person_column)
    # A site's own tables may take capitals for the same: the name is compared once more.
    sql = (
        f"SELECT {id_column}, {person} FROM {table}"  # noqa: S608 - the tools' fixed names
        f" WHERE {person} = ? AND {id_column} > ? ORDER BY {id_column} LIMIT {ROWS_PER_STEP}"
    )
    last = -1
    while True:
        rows = database.rows(sql, (name, last))
        found = [row[0] for row in rows if row[1] == name]
        if found:
            yield found
        if len(rows) < ROWS_PER_STEP:
            return
        last = rows[-1][0]


def plain(value):
    """Return a value of a row as JSON can hold it: bytes as text, times in ISO 8601."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return value


def records(columns, rows):
    """Yield rows as dictionaries of their columns."""
    for row in rows:
        yield dict(zip(columns, map(plain, row)))
