"""SQLite: the embedded database, one file, no server."""

import contextlib
import logging
import os
import sqlite3
import threading
from pathlib import Path

from usagedb import errors
from usagedb.dialects.base import Dialect, seconds_of_rows
from usagedb.mounts import mount_of

logger = logging.getLogger(__name__)

BUSY_SECONDS = 60.0
# As the other two: patterns that ignore case are compared with folded columns.
EXACT_LIKE = "PRAGMA case_sensitive_like = ON"
# WAL needs shared memory, which these file systems do not give to several machines.
NETWORK_FILE_SYSTEMS = (
    "nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph", "afs", "9p", "glusterfs",
    "fuse.sshfs", "fuse.glusterfs", "orangefs", "pvfs2", "wekafs",
)  # fmt: skip


# Descriptors of database files whose headers were read, by device and inode.
HEADERS: dict = {}
MAKING = threading.Lock()


class SQLiteDialect(Dialect):
    """SQLite 3.34 and newer, through the standard library."""

    backend = "sqlite"
    placeholder = "?"
    begin_statement = "BEGIN IMMEDIATE"
    least, greatest = "min", "max"
    char_type = "TEXT"
    types = {
        "WIDE": "BIGINT",
        "SERIAL_ID": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "SERIAL_BIG_ID": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "DATETIME": "TEXT",
        "DATE": "TEXT",
        "DIGEST": "BLOB",
        "BYTES": "BLOB",
        "LONGTEXT": "TEXT",
        "DOUBLE": "REAL",
    }
    widening = text_widening = r"WIDEN \1"
    kind_query = (
        "SELECT upper(type) FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = ?"
    )
    local_datetime = r"datetime(\1 + \2 * 60, 'unixepoch')"

    def connect(self, config):
        if config.in_memory:
            connection = sqlite3.connect(":memory:", isolation_level=None)
            connection.execute(EXACT_LIKE)
            return connection
        path = Path(config.database)
        if os.path.exists(path) and not os.access(path, os.W_OK):  # noqa: PTH110 - never raises
            return connect_read_only(path, config)
        if config.read_only:
            return connect_read_only(path, config, others_may_write=True)
        create_private(path)
        try:
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            connection.execute(EXACT_LIKE)
            set_journal(connection, path)
        except sqlite3.Error as error:
            raise self.translate_error(error, config) or error from error
        return connection

    def is_still(self, path):
        """Tell whether this account only reads a file that nobody has open for writing."""
        return (
            os.path.exists(path)  # noqa: PTH110 - never raises
            and not os.access(path, os.W_OK)
            and not os.path.exists(f"{path}-wal")  # noqa: PTH110
        )

    def translate_error(self, error, config):
        where = f"{config.describe()}: {error}"
        text = str(error)
        if not isinstance(error, sqlite3.Error):
            return None
        if "locked" in text or "busy" in text:
            return errors.ConflictError(f"{where}: another program is writing, try again later")
        if isinstance(error, sqlite3.IntegrityError) and "UNIQUE" in text:
            return errors.ConflictError(where)
        if "full" in text or "disk I/O" in text:
            return errors.WriteError(f"{where}: make room, then run the same command again")
        if "readonly" in text or "unable to open" in text:
            return errors.RefusedError(f"{where}: this account cannot write there")
        if "no such table" in text:
            return errors.ConfigurationError(f"{where}: run {config.setup_command}")
        if "not a database" in text or "malformed" in text:
            return errors.DamagedError(f"{where}: restore it from a copy")
        return None

    def is_already_there(self, error):
        return "already exists" in str(error) or "duplicate column" in str(error)

    def indexed_columns(self, database, table):
        sql = (
            "SELECT c.name FROM pragma_index_list(?) i JOIN pragma_index_info(i.name) c"
            " WHERE c.seqno = 0"
        )
        return {row[0] for row in database.rows(sql, (table,))}

    def column_types(self, database, table):
        return {}

    def lock(self, database, name):
        from filelock import FileLock, Timeout

        path = os.path.realpath(database.config.database)  # one lock, by whatever link
        make_lock_file(path, name)
        file_lock = FileLock(f"{path}.{name}.lock", mode=0o640)
        try:
            file_lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            is_refused = isinstance(error, PermissionError)
            kind = errors.RefusedError if is_refused else errors.WriteError
            raise kind(f"cannot lock {database.config.database}: {errors.reason(error)}") from error
        database.file_locks[name] = file_lock
        return True

    def unlock(self, database, name):
        file_lock = database.file_locks.pop(name, None)
        if file_lock:
            file_lock.release()

    def finish_schema_text(self, sql, database):
        if " WIDEN " in sql:  # an integer has 64 bits here, and a text any length
            return None
        sql = super().finish_schema_text(sql, database)
        # A table without a serial id is stored in the order of its primary key.
        if sql.startswith("CREATE TABLE") and "AUTOINCREMENT" not in sql:
            sql += " WITHOUT ROWID"
        return sql

    def insert_rows(self, connection, table, columns, rows, tail):
        names = ", ".join(self.quote(name) for name, _kind in columns)
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks}){tail}"  # noqa: S608
        if connection.in_transaction:
            connection.executemany(statement, seconds_of_rows(columns, rows))
            return
        connection.execute(self.begin_statement)  # else every row would be a commit of its own
        try:
            connection.executemany(statement, seconds_of_rows(columns, rows))
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise


def create_private(path):
    """Make an empty database file with mode 0640, and its directory; do nothing if it is there.

    One that is there is not opened: POSIX takes all locks of a process on a file away when it
    closes the file once, and so the locks of its other connections.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        with MAKING:  # until it is closed no other thread connects
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o640))
    except FileExistsError:
        return
    except PermissionError as error:
        raise errors.RefusedError(f"cannot write the database {path}: {error.strerror}") from error
    except OSError as error:
        raise errors.WriteError(f"cannot write the database {path}: {error.strerror}") from error


def make_lock_file(path, name):
    """As root, make a new lock file that belongs to the account of the database.

    That account, which loads, could not lock a file of root's. One that is there stays as it is: it
    may be a link to something else. What fails here fails again, and is told, when it is locked.
    """
    if os.geteuid() != 0:
        return
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(OSError):
        owner = os.stat(path)  # noqa: PTH116 - a text of any form
        descriptor = os.open(f"{path}.{name}.lock", flags, 0o640)
        try:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
            os.fchmod(descriptor, 0o640)
        finally:
            os.close(descriptor)


def set_journal(connection, path):
    """Choose WAL, or DELETE on a network file system, and commits that survive a power cut."""
    mount = mount_of(path)
    kind = mount.kind if mount else ""
    mode = "DELETE" if kind in NETWORK_FILE_SYSTEMS else "WAL"
    if mode == "DELETE" and path.stat().st_size == 0:
        logger.warning("%s is on %s: writers are slow there, use a local disk", path, kind)
    if connection.execute("PRAGMA journal_mode").fetchone()[0].upper() != mode:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute("PRAGMA synchronous = FULL")


def connect_read_only(path, config, others_may_write=False):
    """Open a database that this account cannot write, or should not.

    Unless others_may_write, nobody is writing if it has no -wal file, and it is read as it stands
    (`Database.close` makes sure that it has not changed meanwhile).
    """
    if not config.is_there():
        raise errors.UnavailableError(f"there is no database {path}: was it moved?")
    try:
        uri = f"{path.absolute().as_uri()}?{reading_mode(path, others_may_write)}"
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read the database {path}: {error.strerror}") from error
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA query_only = ON")
        connection.execute(EXACT_LIKE)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        known = DIALECT.translate_error(error, config)
        if isinstance(known, (errors.DamagedError, errors.UnavailableError)):
            raise known from error
        raise errors.RefusedError(f"cannot read the database {path}: {error}") from error
    return connection


def reading_mode(path, others_may_write):
    """Return the words of a URI with which a database is read. Raises PermissionError."""
    has_wal = Path(f"{path}-wal").exists()
    if others_may_write and not has_wal and is_wal(path):
        return "mode=rw"  # ro would make a -wal file and leave it there
    return "mode=ro" if others_may_write or has_wal else "mode=ro&immutable=1"


def is_wal(path):
    """Tell whether a database is in WAL mode, from its header: sqlite.org/fileformat.html.

    The file stays open: see create_private.
    """
    with MAKING:
        status = path.stat()
        descriptor = HEADERS.get((status.st_dev, status.st_ino))
        if descriptor is None:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            status = os.fstat(descriptor)
            HEADERS[status.st_dev, status.st_ino] = descriptor
    return os.pread(descriptor, 20, 0)[18:] == b"\x02\x02"


DIALECT = SQLiteDialect()
