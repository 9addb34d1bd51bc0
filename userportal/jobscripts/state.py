"""Remember which jobs' scripts the portal has, and keep those that wait for it.

An SQLite file of the collector's own: of a job that the portal has, its number, for as long as it
is in Slurm's spool; of one that waits, the script as well, which stays when the job has ended.
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
import time
from typing import NamedTuple, Optional

from usagedb import errors

logger = logging.getLogger(__name__)

FILE_NAME, LOCK_NAME = "jobscripts.db", "jobscripts.lock"
WAITING = 0  # of the column state
BUSY_SECONDS = 10.0
TABLE = """
CREATE TABLE IF NOT EXISTS job (
    id_job INTEGER PRIMARY KEY,
    hash_name TEXT NOT NULL,    -- the directory below the spool: hash.N, or nothing
    state INTEGER NOT NULL,     -- 0 waits, 1 done: the portal has it, or never takes it
    script TEXT,                -- NULL: is read from the spool again
    size_bytes INTEGER NOT NULL DEFAULT 0,  -- of script
    tries INTEGER NOT NULL DEFAULT 0        -- that the portal answered with a fault of its own
)
"""
INDEX = "CREATE INDEX IF NOT EXISTS job_waiting ON job (tries, id_job) WHERE state = 0"


class Waiting(NamedTuple):
    """A job whose script the portal does not have."""

    job_id: int
    hash_name: str
    script: Optional[str]  # None: it is to be read from the spool


class State:
    """What one directory remembers; see the module."""

    def __init__(self, directory, most_bytes):
        """Scripts that wait take up to most_bytes.

        Makes the directory and its files, which only this account can read: scripts may hold
        secrets. Raises UnavailableError if another collector uses it, RefusedError or WriteError.
        """
        self.directory, self.most_bytes = directory, most_bytes
        self._lock = locked(directory)
        try:
            self._connection = opened(directory / FILE_NAME)
            self._known = {row[0] for row in self._connection.execute("SELECT id_job FROM job")}
        except (sqlite3.Error, OSError) as error:
            os.close(self._lock)
            raise errors.WriteError(f"cannot use {directory / FILE_NAME}: {error}") from None

    def is_known(self, job_id):
        """Tell whether a job's script was read before."""
        return job_id in self._known

    def add(self, found):
        """Let scripts wait: (job id, hash directory, text) each. Commits."""
        rows = [(job_id, name, WAITING, text, len(text.encode())) for job_id, name, text in found]
        self._change(
            "INSERT OR IGNORE INTO job (id_job, hash_name, state, script, size_bytes)"
            " VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        self._known.update(row[0] for row in rows)

    def waiting(self, limit):
        """Return the first Waiting, those first that met the fewest faults of the portal."""
        sql = (
            "SELECT id_job, hash_name, script FROM job WHERE state = 0 ORDER BY tries, id_job"
            " LIMIT ?"
        )
        return [Waiting(*row) for row in self._connection.execute(sql, (limit,))]

    def done(self, job_id):
        """Note that nothing is to be sent for a job any more. Commits."""
        self._change(
            "UPDATE job SET state = 1, script = NULL, size_bytes = 0 WHERE id_job = ?", [(job_id,)]
        )

    def count_try(self, job_id):
        """Note that the portal failed over a script: others come first. Commits."""
        self._change("UPDATE job SET tries = tries + 1 WHERE id_job = ?", [(job_id,)])

    def forget(self, job_ids):
        """Remove jobs, as if they had never been seen. Commits."""
        self._change("DELETE FROM job WHERE id_job = ?", [(job_id,) for job_id in job_ids])
        self._known.difference_update(job_ids)

    def gone(self, places):
        """Forget the jobs without a place in the spool that need none any more; return the numbers
        of those whose script is lost: it was given up for want of room. Commits."""
        gone = self._known.difference(places)
        if not gone:
            return []
        sql = "SELECT id_job, state FROM job WHERE state = 1 OR script IS NULL"
        ended = {row[0]: row[1] for row in self._connection.execute(sql) if row[0] in gone}
        self.forget(list(ended))
        return sorted(job_id for job_id, state in ended.items() if state == WAITING)

    def make_room(self):
        """Give up the texts of the oldest that wait until the rest has room; return how many.

        Those whose job is in the spool yet can be read again, see gone(). Commits.
        """
        [(size,)] = self._connection.execute("SELECT COALESCE(SUM(size_bytes), 0) FROM job")
        given_up = []
        sql = "SELECT id_job, size_bytes FROM job WHERE size_bytes > 0 ORDER BY id_job"
        for job_id, size_bytes in self._connection.execute(sql):
            if size <= self.most_bytes:
                break
            size -= size_bytes
            given_up.append((job_id,))
        if given_up:
            self._change("UPDATE job SET script = NULL, size_bytes = 0 WHERE id_job = ?", given_up)
        return len(given_up)

    def counts(self):
        """Return (jobs that wait, jobs that are done)."""
        sql = "SELECT COALESCE(SUM(state = 0), 0), COALESCE(SUM(state = 1), 0) FROM job"
        return tuple(self._connection.execute(sql).fetchone())

    def _change(self, sql, rows):
        """Change rows; when the disk does not take that, all goes on in memory."""
        try:
            with self._connection:
                self._connection.executemany(sql, rows)
        except sqlite3.OperationalError as error:
            logger.warning(
                "%s: %s; what waits is kept in memory until the collector is started again",
                self.directory / FILE_NAME, error,
            )  # fmt: skip
            memory = sqlite3.connect(":memory:")
            self._connection.backup(memory)
            self._connection.close()
            self._connection = memory
            with self._connection:
                self._connection.executemany(sql, rows)

    def close(self):
        """Close the file and give the lock back."""
        self._connection.close()
        os.close(self._lock)


def locked(directory):
    """Make the directory if it is not there; return the descriptor of its lock.

    Raises UnavailableError, RefusedError or WriteError.
    """
    path = directory / LOCK_NAME
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
        if status.st_uid not in (os.geteuid(), 0) or status.st_mode & 0o022:
            raise errors.RefusedError(f"other accounts can write in {directory}: chmod go-w")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise errors.RefusedError(f"cannot write {path}: {error.strerror}") from None
    except OSError as error:
        raise errors.WriteError(f"cannot write {path}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise errors.UnavailableError(
            f"another collector uses {directory}; one is enough for a cluster"
        ) from None
    return descriptor


def opened(path):
    """Return a connection to the file; one that is damaged is put aside, and a new one made.

    Raises sqlite3.Error or OSError.
    """
    try:
        return connected(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
        path.replace(kept)
        for end in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + end).unlink()
        logger.warning("%s is damaged and kept as %s: %s", path, kept, error)
        return connected(path)


def connected(path):
    """Return a connection with the table in it. Raises sqlite3.Error or OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # After a power cut the last ones may be sent again, which the portal knows of.
        connection.execute("PRAGMA synchronous = NORMAL")
        for statement in (TABLE, INDEX):
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection
