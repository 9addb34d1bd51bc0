"""MySQL and MariaDB, Galera clusters included, through PyMySQL."""

import collections
import contextlib
import functools
import math
import sys
import threading

import pymysql
from pymysql import converters

from usagedb import errors, tls
from usagedb.dialects.base import (
    BYTES,
    DATE,
    DATETIME,
    INTEGER,
    MICROSECONDS,
    NULLABLE,
    REAL,
    SECONDS,
    TEXT,
    Dialect,
    chunks,
)
from usagedb.dialects.hosts import close, connect_to_any
from usagedb.dialects.mysql_connection import NO_PLUGIN, Connection

# Host, account or password refused, the password out of date, the account locked.
REFUSED = {1044, 1045, 1130, 1142, 1143, 1227, 1370, 1410, 1698, 1820, 1862, 3118, 3159, 4151}
# The server went away, is starting or stopping, read-only, outside its Galera cluster, has as many
# connections as it, or the account, may have, or has closed one that was idle (4031, of MySQL).
AWAY = {
    1040, 1047, 1053, 1129, 1135, 1203, 1226, 1290, 1836, 1927, 2002, 2003, 2006, 2013, 2026, 2055,
    4031,
}  # fmt: skip
# Its administrator ended the statement, or it took longer than the server allows.
STOPPED = {1317, 1969, 3024}
# Undone for another transaction; a duplicate key means that one was faster.
CONFLICT = {1020, 1062, 1180, 1205, 1213, 1689}
FULL = {3, 14, 28, 1021, 1026, 1114}
# An error of the storage engine, whose number stands in the text.
ENGINE_ERROR, NO_SPACE = 1030, 28
# How numbers are written; %d and %f let nothing but a number through.
MARKS = {INTEGER: "%d", SECONDS: "%.6f", MICROSECONDS: "%de-6"}
# Of a moment or a day as text, YYYY-MM-DD HH:MM:SS.
MOMENT_CHARACTERS = {DATE: 10, DATETIME: 19}
LONGEST_PAUSE_SECONDS = 86400  # in which a copy asks for nothing, or takes nothing
SWITCH_SECONDS = 1e-4
STATEMENTS_AHEAD = 4
STATEMENT_CHARACTERS = 1_000_000
PACKET_HEADER_BYTES = 16  # of a statement, at most
LONGEST_REMEMBERED = 256
LONGEST_JOINED = 1 << 24
ALREADY_THERE = {1007, 1050, 1060, 1061}
TABLE_TAIL = " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE="


def row_writer(columns):
    """Return a function that writes a row as `(…)`: numbers by their mark, the rest escaped.

    The driver's own way, one statement for each row or a check of each value's type, is several
    times slower.
    """
    template = "(" + ",".join(MARKS.get(kind, "%s") for _name, kind in columns) + ")"
    escapes = {
        BYTES: bytes_literal,
        TEXT: text_literal,
        NULLABLE: number_literal,
        REAL: real_literal,
    }
    places = [
        (place, escapes.get(kind, literal))
        for place, (_name, kind) in enumerate(columns)
        if kind not in MARKS
    ]
    if not places:
        return template.__mod__

    def write(row):
        values = list(row)
        for place, escape in places:
            values[place] = escape(values[place])
        return template % tuple(values)

    return write


@functools.lru_cache(maxsize=8192)
def literal(value):
    """Return a short value as a literal (sessions never use NO_BACKSLASH_ESCAPES)."""
    return converters.escape_item(value, "utf8mb4", converters.encoders)


def text_literal(value):
    """Return a text, or None, as a literal."""
    if value is not None and len(value) > LONGEST_REMEMBERED:
        return f"'{converters.escape_string(value)}'"
    return literal(value)


def number_literal(value):
    """Return an integer, or None, as a literal."""
    return "NULL" if value is None else f"{value:d}"


def real_literal(value):
    """Return a float, or None, as a literal. Raises OverflowError for one that is no number."""
    if value is None:
        return "NULL"
    if not math.isfinite(value):
        raise OverflowError(f"MySQL and MariaDB do not know the number {value}")
    return repr(float(value))


def bytes_literal(value):
    """Return bytes, or None, as a literal."""
    return "NULL" if value is None else f"x'{value.hex()}'"


def bounded(values):
    """Yield written rows in lists that make a statement of bounded size."""
    if len(values) > 1 and sum(map(len, values)) > STATEMENT_CHARACTERS:
        middle = len(values) // 2
        yield from bounded(values[:middle])
        yield from bounded(values[middle:])
    else:
        yield values


def check_size(statement, most_bytes):
    """Raise DataError for the row of a statement that the server would not take: it would close the
    connection, as if it went away."""
    size_bytes = len(statement.encode("utf-8", "surrogateescape"))
    if size_bytes > most_bytes - PACKET_HEADER_BYTES:
        raise pymysql.DataError(
            f"a row of {size_bytes} bytes, max_allowed_packet of the server is {most_bytes}"
        )


class MySQLDialect(Dialect):
    """MariaDB 10.5 and newer, MySQL 8."""

    backend = "mysql"
    rows_per_statement = 1000
    types = {
        "SERIAL_ID": "INT NOT NULL AUTO_INCREMENT PRIMARY KEY",
        "SERIAL_BIG_ID": "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
        "DIGEST": "BINARY(32)",
        "BYTES": "LONGBLOB",
        "INTEGER": "INT",
        "WIDE": "SIGNED",
    }
    widening = r"MODIFY \1 BIGINT NOT NULL"
    text_widening = r"MODIFY \1 VARCHAR(\2) NOT NULL"
    kind_query = (
        "SELECT CASE table_type WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END"
        " FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND lower(table_name) = ?"
    )
    local_datetime = r"TIMESTAMPADD(SECOND, FLOOR(\1) + \2 * 60, TIMESTAMP'1970-01-01 00:00:00')"

    snapshot_statements = (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    )

    def connect(self, config):
        return self._connect_to_any(config.hosts or ("localhost",), config)

    def connect_again(self, config, lost):
        hosts = config.hosts or ("localhost",)
        after = hosts.index(lost.host) + 1 if lost.host in hosts else 0
        return self._connect_to_any((*hosts[after:], *hosts[:after]), config)

    def _connect_to_any(self, hosts, config):
        def connect(host):
            connection = self._connect_to(host, config)
            return connection, connection.is_preferred

        return connect_to_any(self, hosts, config, connect, pymysql.Error)

    def _connect_to(self, host, config):
        connection = Connection(
            host=host,
            port=config.port or 3306,
            unix_socket=config.socket or None,
            user=config.user,
            password=config.password,
            database=config.database if config.select_database else None,
            charset="utf8mb4",
            autocommit=True,
            ssl=tls.context(config),
            ssl_disabled=bool(config.socket),  # nothing to hide inside one machine
        )
        try:
            connection.look_around()
            connection.ask(
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
                f"NO_ENGINE_SUBSTITUTION', group_concat_max_len = {LONGEST_JOINED}"
            )
            if config.for_copy:
                self.prepare_copy(connection)
        except pymysql.Error:
            close(connection)
            raise
        return connection

    def prepare_copy(self, connection):
        connection.ask(
            "SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO'),"
            f" net_write_timeout = {LONGEST_PAUSE_SECONDS}, wait_timeout = {LONGEST_PAUSE_SECONDS}"
        )

    def like(self, column):
        # By an index on a binary collation, the servers look for what begins with 'x' between x and
        # x\uffff, and overlook an emoji behind it. No index is used for what is computed.
        return super().like(f"CONCAT({column})")

    def exact_text(self, expression, kind):
        if kind in MOMENT_CHARACTERS:
            return f"CAST({expression} AS CHAR({MOMENT_CHARACTERS[kind]}))"
        return f"{expression} + 0e0" if kind == REAL else expression

    def translate_error(self, error, config):
        if isinstance(error, (BrokenPipeError, ConnectionError, TimeoutError)):
            return errors.UnavailableError(f"{config.describe()}: {error}: try again later")
        if not isinstance(error, pymysql.Error):
            return None
        number = error.args[0] if error.args else 0
        text = error.args[1] if len(error.args) > 1 else error
        where = f"{config.describe()}: {text}"
        if number in AWAY and (refused := tls.refusal(str(text), config.describe())):
            return refused
        if is_out_of_step(error):
            return errors.UnavailableError(f"{config.describe()}: connection lost, try again later")
        if number == ENGINE_ERROR and f"Got error {NO_SPACE} " in str(text):
            number = NO_SPACE
        for numbers, kind, advice in (
            (REFUSED, errors.RefusedError, "check user, password and grants"),
            (CONFLICT, errors.ConflictError, "try again later"),
            (AWAY, errors.UnavailableError, "try again later"),
            (STOPPED, errors.UnavailableError, "try again later"),
            (FULL, errors.WriteError, "make room on the server, then run it again"),
            ({1049}, errors.NoDatabaseError, f"run {config.setup_command}"),
            ({1146}, errors.ConfigurationError, f"run {config.setup_command}"),
            ({NO_PLUGIN}, errors.ConfigurationError, "see usagedb/README.md"),
        ):
            if number in numbers:
                return kind(f"{where}: {advice}")
        return None

    def is_already_there(self, error):
        return bool(error.args) and error.args[0] in ALREADY_THERE

    def indexed_columns(self, database, table):
        sql = (
            "SELECT column_name FROM information_schema.statistics"
            " WHERE table_schema = DATABASE() AND table_name = ? AND seq_in_index = 1"
        )
        return {row[0] for row in database.rows(sql, (table,))}

    def column_types(self, database, table):
        sql = (
            "SELECT column_name, column_type, character_maximum_length, character_set_name"
            " FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?"
        )
        rows = database.rows(sql, (table,))
        return {name: (kind.lower(), length, charset or "") for name, kind, length, charset in rows}

    def lock(self, database, name):
        full = lock_name(database, name)
        return database.rows("SELECT GET_LOCK(?, 0)", (full,))[0][0] == 1

    def has_wide_locks(self, database):
        return not database.connection.is_in_cluster

    def unlock(self, database, name):
        database.rows("SELECT RELEASE_LOCK(?)", (lock_name(database, name),))

    def quote(self, identifier):
        return f"`{identifier}`"

    def finish_schema_text(self, sql, database):
        # `x DIV y` is MySQL's own; the collation compares byte by byte with trailing blanks.
        if not sql.startswith("CREATE TABLE"):
            return sql
        is_mariadb = "MariaDB" in database.rows("SELECT VERSION()")[0][0]
        return sql + TABLE_TAIL + ("utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin")

    def merge_clause(self, table, key, merge):
        new = {column: f"VALUES({column})" for column in merge}
        # MySQL assigns from left to right: what compares another column goes first.
        ordered = dict(sorted(merge.items(), key=lambda item: not item[1].startswith("with_min")))
        sets = self._merge_sets(table, ordered, new, "VALUES({})")
        if not sets:
            sets = [f"{key[0]} = {table}.{key[0]}"]
        return f" ON DUPLICATE KEY UPDATE {', '.join(sets)}"

    def streaming_cursor(self, connection):
        return connection.cursor(pymysql.cursors.SSCursor)

    def insert_rows(self, connection, table, columns, rows, tail):
        names = ", ".join(self.quote(name) for name, _kind in columns)
        start = f"INSERT INTO {table} ({names}) VALUES "  # noqa: S608
        writer = row_writer(columns)
        with connection.cursor() as cursor, calls_ahead(cursor.execute) as execute:
            for part in chunks(rows, self.rows_per_statement):
                for values in bounded(list(map(writer, part))):
                    statement = f"{start}{','.join(values)}{tail}"
                    if len(statement) > STATEMENT_CHARACTERS:
                        check_size(statement, connection.most_statement_bytes)
                    execute(statement)


def is_out_of_step(error):
    """Tell whether an error of the driver says that the connection was closed under us, or left in
    the middle of an answer: then the packets that come next have wrong numbers."""
    is_misread = isinstance(error, pymysql.InternalError) and isinstance(error.args[0], str)
    return is_misread or isinstance(error, pymysql.InterfaceError)


@contextlib.contextmanager
def calls_ahead(function):
    """Give a form of function(argument) that returns while some calls are still under way.

    The calls are made one after the other, in another thread, so that statements are written while
    the server works on those before; none is made after one that failed. Their errors come with a
    later call, or at the end of the block, which waits for all of them.
    """
    import concurrent.futures

    pending: collections.deque = collections.deque()
    failed = threading.Event()

    def make(argument):
        if not failed.is_set():
            try:
                function(argument)
            except BaseException:
                failed.set()
                raise

    def call(argument):
        if len(pending) == STATEMENTS_AHEAD:
            pending.popleft().result()
        pending.append(pool.submit(make, argument))

    with switching_often(), concurrent.futures.ThreadPoolExecutor(1) as pool:
        try:
            yield call
        except BaseException:
            failed.set()
            raise
        for future in pending:
            future.result()


@contextlib.contextmanager
def switching_often():
    """Let a thread that waits for its turn get it soon: else no statement would be sent before the
    next has been written."""
    usual_seconds = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_seconds)


def lock_name(database, name):
    """Return the name of a server-wide lock for this database: 64 characters at most."""
    import hashlib

    digest = hashlib.sha256(database.config.database.encode(), usedforsecurity=False)
    return f"hpcusage.{name[:30]}.{digest.hexdigest()[:16]}"


DIALECT = MySQLDialect()
