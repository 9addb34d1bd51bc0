"""Documents on their way: each stays here until the endpoint has taken it."""

import contextlib
import json
import os
import stat
import uuid
from pathlib import Path

from afcollect.schema import AFMETRICS
from afcollect.waiting import FILE_NAME, Waiting
from usagedb import errors, schema
from usagedb.config import DatabaseConfig
from usagedb.database import Database, marks
from usagedb.dialects.base import BYTES, INTEGER, SECONDS, TEXT

FILE_MODE = 0o600
COLUMNS = (("document_id", TEXT), ("kind", TEXT), ("collected_at", SECONDS), ("body", BYTES))
PAGE_DOCUMENTS = 500
JOBS_PER_QUERY = 500
KEPT_RUNS_SECONDS = 90 * 86400.0
# Jobs that no query has found any more are remembered for so many runs, and as long as they are no
# more than so many: a clock that is set back finds old ones again.
REPORTED_RUNS = 24
REPORTED_JOBS = 500_000


class Outbox:
    """The outbox of this machine, in a directory of its own."""

    def __init__(self, directory):
        """Open it, and make it if it is not there.

        Raises RefusedError, WriteError or ConfigurationError.
        """
        self.path = Path(directory) / FILE_NAME
        make_private(self.path)
        self.database = Database(DatabaseConfig("sqlite", str(self.path), "outbox"))
        schema.require(self.database, AFMETRICS)

    def add(self, documents, now, state, found_jobs=(), run_number=0):
        """Store documents (dicts) together with what the next run needs; commits, once.

        state is {name: anything that JSON holds}, found_jobs {(batch system, Job.end)} that one
        query for finished jobs found in the run of that number.
        """
        rows = [
            (str(uuid.uuid4()), one["kind"], now, json.dumps(one).encode()) for one in documents
        ]
        states = [(name, json.dumps(value).encode()) for name, value in state.items()]
        with self.database.transaction():
            self.database.insert_rows("afmetrics_document", COLUMNS, rows)
            self.database.insert_rows(
                "afmetrics_state", (("name", TEXT), ("value", BYTES)), states,
                key=("name",), merge={"value": "replace"},
            )  # fmt: skip
            self._remember(found_jobs, run_number)

    def _remember(self, found_jobs, run_number):
        """Note that jobs are reported, and forget those that no query has found for long."""
        columns = (("batch_system", TEXT), ("job_end", TEXT), ("seen_run", INTEGER))
        self.database.insert_rows(
            "afmetrics_reported", columns, [(*job, run_number) for job in sorted(found_jobs)],
            key=("batch_system", "job_end"), merge={"seen_run": "replace"},
        )  # fmt: skip
        for system in {system for system, _end in found_jobs}:
            self._forget(system, run_number - REPORTED_RUNS)

    def _forget(self, batch_system, before_run):
        """Forget the jobs above a number that no query has found since a run."""
        sql = (
            "SELECT seen_run FROM afmetrics_reported WHERE batch_system = ?"
            " ORDER BY seen_run DESC LIMIT 1 OFFSET ?"
        )
        for row in self.database.rows(sql, (batch_system, REPORTED_JOBS)):
            sql = "DELETE FROM afmetrics_reported WHERE batch_system = ? AND seen_run < ?"
            self.database.execute(sql, (batch_system, min(before_run, row[0] + 1)))

    def state(self):
        """Return what the last run left: {name: value}."""
        rows = self.database.rows("SELECT name, value FROM afmetrics_state")
        return {name: json.loads(value) for name, value in rows}

    def keep_state(self, name, value):
        """Store one value for the next run. Commits."""
        self.add([], 0.0, {name: value})

    def remembers(self, known):
        """Tell whether finished jobs can be noted: this is the outbox that knows the earlier
        ones."""
        return known is self

    def reported(self, batch_system, ends):
        """Return which of some finished jobs were reported."""
        known: set = set()
        for first in range(0, len(ends), JOBS_PER_QUERY):
            some = ends[first : first + JOBS_PER_QUERY]
            sql = (
                "SELECT job_end FROM afmetrics_reported"  # noqa: S608
                f" WHERE batch_system = ? AND job_end IN ({marks(some)})"
            )
            known.update(row[0] for row in self.database.rows(sql, (batch_system, *some)))
        return known

    def forget_runs(self, now):
        """Forget the rows of old runs."""
        sql = "DELETE FROM usage_run WHERE started_at < ?"
        self.database.execute(sql, (now - KEPT_RUNS_SECONDS,))

    def last_number(self):
        """Return the number of the newest document, 0 if there is none."""
        return self.database.rows("SELECT MAX(number) FROM afmetrics_document")[0][0] or 0

    def waiting(self):
        """Yield all Waiting documents, the oldest first; they may be removed meanwhile."""
        sql = (
            "SELECT number, document_id, kind, collected_at, body, tries FROM afmetrics_document"
            " WHERE set_aside = '' AND number > ? ORDER BY number LIMIT ?"
        )
        last = 0
        while True:
            rows = self.database.rows(sql, (last, PAGE_DOCUMENTS))
            for number, document_id, kind, collected_at, body, tries in rows:
                last = number
                document = json.loads(body)
                yield Waiting(number, document_id, kind, collected_at, document, len(body), tries)
            if len(rows) < PAGE_DOCUMENTS:
                return

    @contextlib.contextmanager
    def sending(self):
        """In the block, removals need not reach the disk at once: after a power cut the last ones
        may be sent again, which is better than to wait for the disk after each."""
        self.database.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            self.database.execute("PRAGMA synchronous = FULL")

    def remove(self, documents):
        """Remove documents that the endpoint has taken. Commits."""
        sql = "DELETE FROM afmetrics_document WHERE number = ?"
        if len(documents) == 1:  # one statement is a transaction of its own
            self.database.execute(sql, (documents[0].number,))
            return
        with self.database.transaction():
            for one in documents:
                self.database.execute(sql, (one.number,))

    def count_try(self, documents):
        """Note that documents were sent in vain. Commits."""
        with self.database.transaction():
            for one in documents:
                sql = "UPDATE afmetrics_document SET tries = tries + 1 WHERE number = ?"
                self.database.execute(sql, (one.number,))

    def set_aside(self, document, reason):
        """Keep a document that never will be taken, with the reason. Commits."""
        sql = "UPDATE afmetrics_document SET set_aside = ?, tries = tries + 1 WHERE number = ?"
        self.database.execute(sql, (reason[:255] or "refused", document.number))

    def take_back(self):
        """Let the documents that were set aside wait again. Commits; returns how many there are."""
        return self.database.execute(
            "UPDATE afmetrics_document SET set_aside = '' WHERE set_aside <> ''"
        )

    def drop_oldest(self, most_documents):
        """Drop the oldest documents above a number of them; return how many. Commits."""
        sql = "SELECT number FROM afmetrics_document ORDER BY number DESC LIMIT 1 OFFSET ?"
        found = self.database.rows(sql, (most_documents,))
        if not found:
            return 0
        return self.database.execute("DELETE FROM afmetrics_document WHERE number <= ?", found[0])

    def clear(self):
        """Drop all documents; return how many there were. Commits."""
        return self.database.execute("DELETE FROM afmetrics_document")

    def counts(self):
        """Return (documents that wait, documents set aside)."""
        sql = (
            "SELECT COALESCE(SUM(set_aside = ''), 0), COALESCE(SUM(set_aside <> ''), 0)"
            " FROM afmetrics_document"
        )
        return tuple(self.database.rows(sql)[0])

    def summary(self):
        """Return rows (kind, reason or '', documents, first and last time, most tries)."""
        sql = (
            "SELECT kind, set_aside, COUNT(*), MIN(collected_at), MAX(collected_at), MAX(tries)"
            " FROM afmetrics_document GROUP BY kind, set_aside ORDER BY kind, set_aside"
        )
        return [tuple(row) for row in self.database.rows(sql)]

    def close(self):
        """Close the database."""
        self.database.close()


def make_private(path):
    """Make an empty file that only this account can read; do nothing if it is there.

    Raises RefusedError if it is not this account's own: who wrote it could read what is stored.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        require_own_place(path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags, FILE_MODE)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                raise errors.RefusedError(f"{path} is no file of this account's own")
            os.fchmod(descriptor, FILE_MODE)
        finally:
            os.close(descriptor)
    except PermissionError as error:
        raise errors.RefusedError(f"cannot write {path}: {error.strerror}") from None
    except OSError as error:
        raise errors.WriteError(f"cannot write {path}: {error.strerror}") from None


def require_own_place(directory):
    """Raise RefusedError for a directory in which other accounts could put files of theirs in the
    place of ours."""
    status = directory.stat()
    if status.st_uid not in (os.geteuid(), 0):
        raise errors.RefusedError(f"{directory} belongs to another account")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise errors.RefusedError(f"other accounts can write in {directory}: chmod go-w")
