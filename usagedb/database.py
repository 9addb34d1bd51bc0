"""One connection to the database: statements, transactions, bulk inserts, reconnecting."""

import contextlib
import logging
import time
from pathlib import Path

from usagedb import errors
from usagedb.dialects import load_dialect
from usagedb.terminal import stored_text

logger = logging.getLogger(__name__)

CONFLICT_TRIES = 8
CONFLICT_PAUSE_SECONDS = 0.05
KEYS_PER_QUERY = 500
RECONNECTS = 5
RECONNECT_PAUSES_SECONDS = (0.2, 1.0, 3.0)


class Database:
    """An open database. Statements are written with ? for every parameter."""

    def __init__(self, config):
        """Connect. Raises UnavailableError, RefusedError or ConfigurationError."""
        self.config = config
        self.dialect = load_dialect(config.backend)
        self.file_locks: dict = {}
        self.held_locks: list = []
        self._stamp = self._file_stamp()
        self.connection = self.dialect.connect(config)

    @contextlib.contextmanager
    def translated(self):
        """Turn the driver's exceptions inside the block into UsageDBErrors where they are known."""
        try:
            yield
        except errors.UsageDBError:
            raise
        except Exception as error:
            known = self.dialect.translate_error(error, self.config)
            if known is None:
                raise
            raise known from error

    def rows(self, sql, parameters=()):
        """Return all rows of a query, as tuples."""
        return self._execute(sql, parameters).fetchall()

    def execute(self, sql, parameters=()):
        """Run one statement and return the number of rows it concerned."""
        return self._execute(sql, parameters).rowcount

    def stream(self, sql, parameters=()):
        """Yield the rows of a query, as tuples, a few in memory at a time.

        The connection can do nothing else until the last one, or until the generator is closed.
        """
        with self.translated():
            yield from self.dialect.stream(self.connection, *self._query(sql, parameters))

    def _execute(self, sql, parameters):
        with self.translated():
            cursor = self.connection.cursor()
            cursor.execute(*self._query(sql, parameters))
            return cursor

    def _query(self, sql, parameters):
        """Return the arguments of the driver's execute."""
        # Without parameters a % is only a %, for drivers whose placeholder is %s.
        return (self.dialect.statement(sql), *((tuple(parameters),) if parameters else ()))

    def run_ddl(self, statement):
        """Run one statement without parameters, exactly as written; its errors come as raised."""
        cursor = self.connection.cursor()
        cursor.execute(statement)

    @contextlib.contextmanager
    def transaction(self):
        """Commit the block, or roll all of it back when it raises anything."""
        self._execute(self.dialect.begin_statement, ())
        try:
            yield self
            self._execute("COMMIT", ())  # one that SQLite refuses as busy leaves all open
        except BaseException:
            with contextlib.suppress(Exception):  # a lost connection has rolled back by itself
                self.connection.rollback()
            raise

    @contextlib.contextmanager
    def snapshot(self):
        """Let all reads of the block see one state of the database, whatever is stored meanwhile.

        Read-only. On a network file system, where SQLite has no WAL, writers wait until the end.
        """
        for statement in self.dialect.snapshot_statements:
            self._execute(statement, ())
        try:
            yield self
        finally:
            with contextlib.suppress(Exception):  # nothing was written, so nothing can be lost
                self.connection.rollback()

    def insert_rows(self, table, columns, rows, key=None, merge=None):
        """Insert many rows (any iterable of tuples) in statements of bounded size.

        columns is a sequence of (name, kind), the kinds of usagedb.dialects.base. With `key` (the
        columns of a unique key) a row that is there already is merged as `merge` says: see
        Dialect.merge_clause; an empty merge keeps the old row. Rows of one call have distinct keys.
        """
        tail = self.dialect.merge_clause(table, key, merge or {}) if key else ""
        with self.translated():
            self.dialect.insert_rows(self.connection, table, columns, rows, tail)

    def like(self, column):
        """Return the SQL of a LIKE on `column` that takes a `like_pattern` as its parameter."""
        return self.dialect.like(column)

    def reconnect(self, pauses_seconds=RECONNECT_PAUSES_SECONDS):
        """Connect anew after a lost connection, to the next host, and take the locks again.

        Raises UnavailableError when no host answers after a try more than there are pauses.
        """
        lost = self.connection
        with contextlib.suppress(Exception):
            lost.close()
        for pause_seconds in (*pauses_seconds, None):
            try:
                self.connection = self.dialect.connect_again(self.config, lost)
                break
            except errors.UnavailableError:
                if pause_seconds is None:
                    raise
                time.sleep(pause_seconds)
        for name in self.held_locks:
            if not self.file_locks.get(name) and not self.dialect.lock(self, name):
                logger.info("lock %s is held by another run now", name)

    def close(self):
        """Close the connection.

        Raises UnavailableError if a database that was read as a still file has changed meanwhile.
        """
        for name in list(self.file_locks):
            self.dialect.unlock(self, name)
        with contextlib.suppress(Exception):
            self.connection.close()
        if self._stamp and self._stamp != self._file_stamp():
            raise errors.UnavailableError(f"{self.config.database} was written while it was read")

    def _file_stamp(self):
        """Return what changes when an SQLite file that is read as it stands changes; else None."""
        if self.config.backend != "sqlite" or not self.dialect.is_still(self.config.database):
            return None
        status = Path(self.config.database).stat()
        return status.st_ino, status.st_size, status.st_mtime_ns


def with_reconnects(database, action, done=lambda: None):
    """Return action(), which writes one batch; connects anew and tries again when the connection
    was lost, and when the transaction was undone in favour of another.

    After a lost connection done() is asked first whether the commit happened: what it returns then,
    if anything, is the result. Raises UnavailableError when the database stays away.
    """
    is_lost = False
    for attempt in range(RECONNECTS + 1):
        try:
            result = done() if is_lost else None
            return result or with_conflict_retries(action)
        except errors.ConflictError:
            raise
        except errors.UnavailableError:
            if attempt == RECONNECTS:
                raise
            logger.info("connection lost, trying again")
        is_lost = True
        database.reconnect()
    raise AssertionError("unreachable")


def in_transaction(database, action):
    """Run an action in a transaction, again after a conflict or a lost connection.

    It must be one that changes nothing when it is done twice. Returns its result.
    """

    def once():
        with database.transaction():
            return action()

    return with_reconnects(database, once)


def execute(database, sql, parameters=()):
    """Run one statement in a transaction, as in_transaction does."""
    return in_transaction(database, lambda: database.execute(sql, parameters))


def marks(values):
    """Return the placeholders for some values: `?, ?, ?`."""
    return ", ".join("?" * len(values))


def in_parts(database, sql, values, size=None):
    """Yield the rows of a query with `IN ({})` for any number of distinct values. Read-only."""
    values, size = list(values), size or KEYS_PER_QUERY
    for start in range(0, len(values), size):
        part = values[start : start + size]
        yield from database.rows(sql.format(marks(part)), part)


def like_pattern(pattern, fold=True):
    """Return an SQL pattern, as a person types it, for a comparison made with Database.like.

    % and _ are wildcards and \\ takes their meaning away, as in MySQL. With fold, A-Z become a-z,
    for a comparison with a *_folded column.
    """
    written, escaped = [], False
    for character in pattern:
        if character == "!" or (escaped and character in "%_"):
            written.append("!" + character)
        elif character == "\\" and not escaped:
            escaped = True
            continue
        else:
            written.append(character)
        escaped = False
    if escaped:
        written.append("\\")
    # An argument's bytes that are no UTF-8 were stored as \\xNN.
    text = stored_text("".join(written).encode("utf-8", "surrogateescape"))
    return fold_ascii(text) if fold else text


ASCII_FOLD = {ord("A") + offset: ord("a") + offset for offset in range(26)}


def fold_ascii(text):
    """Return the text with A-Z as a-z and all else unchanged."""
    return text.translate(ASCII_FOLD)


def with_conflict_retries(action):
    """Call action() again, a bounded number of times, while the server undoes it for another's
    transaction; return what it returns. Raises ConflictError after the last try.
    """
    for attempt in range(CONFLICT_TRIES):
        try:
            return action()
        except errors.ConflictError:
            if attempt == CONFLICT_TRIES - 1:
                raise
            logger.info("another transaction was faster, trying again")
            time.sleep(CONFLICT_PAUSE_SECONDS * 2**attempt)
    raise AssertionError("unreachable")
