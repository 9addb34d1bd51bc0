"""Store a job with its processes: whole or not at all, and once."""

import contextlib
import time

from epmtlite import partial
from epmtlite.collect import errors
from epmtlite.job_rows import JOB_COLUMNS, PROCESS_COLUMNS, ProcessRows, job_row, metric_texts
from epmtlite.known import find_id
from epmtlite.redaction import redacted_facts, redacted_tags
from usagedb.database import with_reconnects
from usagedb.dialects.base import INTEGER, SECONDS, TEXT, chunks
from usagedb.dimensions import Dimension
from usagedb.locks import only_one
from usagedb.redact import redactor_of

# Parts of epmtlite.reading, of some thousand rows each: a job of more is stored in several
# transactions, of so many each.
MOST_PARTS_AT_ONCE = 12
PARTS_PER_STEP = 4
NAME_COLUMNS = (("name", TEXT), ("created_at", SECONDS))


class Dimensions:
    """Numbers of users and hosts in one database."""

    def __init__(self):
        self.users, self.hosts = name_dimension("epmt_user"), name_dimension("epmt_host")


def name_dimension(table):
    """Return the Dimension of a table of names."""
    return Dimension(table, "id", NAME_COLUMNS, lambda name: (name, time.time()))


def number_of(database, job):
    """Return the number of the row of a ReadJob, None if it has none."""
    return find_id(database, job.cluster, job.facts.jobid)


class Store:
    """Writes jobs into one database."""

    def __init__(self, database, wait_seconds=0.0):
        """wait_seconds is how long a large job waits for another one to be stored."""
        self.database, self.wait_seconds = database, wait_seconds
        self.redactor = redactor_of(database.config)
        self.dimensions = Dimensions()

    def write(self, job):
        """Store a ReadJob; return whether that was done: False if its key is there already.

        Commits. Raises MalformedError for a value that the database cannot hold, UnavailableError
        or WriteError when it stays away: then nothing of the job can be seen.
        """
        job = job._replace(facts=redacted_facts(job.facts, self.redactor))
        with refused_values(self.database):
            user_id, host_ids = self._numbers(job)
            row = job_row(job, user_id, round(time.time(), 6))
            if job.processes.spool.part_count <= MOST_PARTS_AT_ONCE:
                return self._write_whole(job, row, host_ids)
            with only_one(self.database, partial.LOCK, self.wait_seconds):
                partial.remove_all(self.database)
                return self._write_in_steps(job, row, host_ids)

    def _numbers(self, job):
        """Return the numbers of the user and of the hosts. Commits if there are new ones."""

        def once():
            users = self.dimensions.users.numbers(self.database, [job.facts.user])
            hosts = self.dimensions.hosts.numbers(self.database, job.processes.hosts)
            return users[job.facts.user], list(hosts.values())

        return with_reconnects(self.database, once)

    def _write_whole(self, job, row, host_ids):
        """Store a job in one transaction."""

        def once():
            if number_of(self.database, job):
                return False
            with self.database.transaction():
                self.database.insert_rows("epmt_job", JOB_COLUMNS, [row])
                job_id = number_of(self.database, job)
                self._write_small(job, job_id, host_ids)
                rows = ProcessRows(job, job_id, host_ids, self.redactor)
                for part in job.processes.spool.parts():
                    self._write_processes(rows.of(part))
            return True

        return with_reconnects(self.database, once, lambda: self._is_ours(row))

    def _is_ours(self, row):
        """Tell whether the commit happened whose answer was lost."""
        sql = "SELECT id FROM epmt_job WHERE cluster = ? AND jobid = ? AND created_at = ?"
        return bool(self.database.rows(sql, row[:3]))

    def _write_small(self, job, job_id, host_ids):
        """Write what hangs on a job, but its processes."""
        insert, processes = self.database.insert_rows, job.processes
        hosts = [(job_id, host_id) for host_id in host_ids]
        insert("epmt_job_host", (("job_id", INTEGER), ("host_id", INTEGER)), hosts)
        for table, column, numbers in (
            ("epmt_process_tags", "tags", self._tags(processes)),
            ("epmt_metric_names", "names", metric_texts(processes)),
        ):
            columns = (("job_id", INTEGER), ("number", INTEGER), (column, TEXT))
            insert(table, columns, [(job_id, number, text) for number, text in numbers])

    def _tags(self, processes):
        """Return (number, JSON) of the tags of processes."""
        return [(n, redacted_tags(text, self.redactor)) for text, n in processes.tags.items()]

    def _write_processes(self, rows):
        self.database.insert_rows("epmt_process", PROCESS_COLUMNS, rows)

    def _write_in_steps(self, job, row, host_ids):
        """Store a job in several transactions; it can be seen after the last one."""
        database = self.database
        job_id = with_reconnects(database, lambda: self._begin(job, row))
        if not job_id:
            return False
        rows = ProcessRows(job, job_id, host_ids, self.redactor)
        parts = map(list, map(rows.of, job.processes.spool.parts()))
        try:
            for some in chunks(parts, PARTS_PER_STEP):
                self._write_step(job_id, some)
            is_stored = with_reconnects(
                database,
                lambda: self._end(job, job_id, row, host_ids),
                lambda: self._is_ours(row),
            )
        except value_errors(database):
            partial.remove(database, job_id)
            raise
        if not is_stored:
            partial.remove(database, job_id)
        return is_stored

    def _begin(self, job, row):
        """Return a number for a job that is not there yet, None if its key is there already."""
        if number_of(self.database, job):
            return None
        with self.database.transaction():
            # The number of a deleted row is never given again.
            self.database.insert_rows("epmt_job", JOB_COLUMNS, [row])
            job_id = number_of(self.database, job)
            self.database.execute("DELETE FROM epmt_job WHERE id = ?", (job_id,))
            partial.note(self.database, job_id)
        return job_id

    def _write_step(self, job_id, parts):
        last_id = parts[-1][-1][0]

        def once():
            with self.database.transaction():
                partial.claim(self.database, job_id)
                for part in parts:
                    self._write_processes(part)

        def done():
            return self.database.rows("SELECT 1 FROM epmt_process WHERE id = ?", (last_id,))

        with_reconnects(self.database, once, done)

    def _end(self, job, job_id, row, host_ids):
        """Let a job be seen whose processes are all there; return False if its key was taken."""
        if number_of(self.database, job):
            return False
        with self.database.transaction():
            partial.claim(self.database, job_id)
            columns = (("id", INTEGER), *JOB_COLUMNS)
            self.database.insert_rows("epmt_job", columns, [(job_id, *row)])
            self._write_small(job, job_id, host_ids)
            partial.forget(self.database, job_id)
        return True


def value_errors(database):
    """Return what a driver raises for a value that a column cannot hold."""
    return OverflowError, UnicodeError, database.connection.DataError


@contextlib.contextmanager
def refused_values(database):
    """Turn them into a MalformedError: it is the job that is wrong, the next one may be stored."""
    try:
        yield
    except value_errors(database) as error:
        reason = " ".join(str(error).split())
        raise errors.MalformedError(f"the database cannot hold a value of it: {reason}") from error
