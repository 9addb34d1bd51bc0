"""Store a job with its processes: whole or not at all, and once."""

import itertools
import time
from typing import NamedTuple, Optional

from epmtlite import partial
from epmtlite.facts import Facts
from epmtlite.reading import Processes
from epmtlite.tagtext import json_text
from epmtlite.tree import Tree
from usagedb.database import with_reconnects
from usagedb.dialects.base import INTEGER, NULLABLE, SECONDS, TEXT, chunks
from usagedb.dimensions import Dimension
from usagedb.locks import only_one

PROCESS_BITS = 24  # of epmt_process.id
# Parts of epmtlite.reading, of some thousand rows each: a job of more is stored in several
# transactions, of so many each.
MOST_PARTS_AT_ONCE = 12
PARTS_PER_STEP = 4

NAME_COLUMNS = (("name", TEXT), ("created_at", SECONDS))
JOB_COLUMNS = (
    ("cluster", TEXT), ("jobid", TEXT), ("created_at", SECONDS), ("updated_at", SECONDS),
    ("user_id", INTEGER), ("jobname", TEXT), ("zone", TEXT), ("day", INTEGER), ("start", INTEGER),
    ("end", INTEGER), ("submit", INTEGER), ("start_local", TEXT), ("end_local", TEXT),
    ("submit_local", TEXT), ("duration", INTEGER), ("exitcode", INTEGER), ("num_procs", INTEGER),
    ("num_threads", INTEGER), ("cpu_time", INTEGER), ("peak_rss", INTEGER), ("proc_sums", TEXT),
    ("tags", TEXT), ("annotations", TEXT), ("analyses", TEXT), ("info_dict", TEXT),
    ("env_dict", TEXT), ("env_changes_dict", TEXT),
)  # fmt: skip
# The columns from tags_number to threads are those of reading.Rows.
PROCESS_COLUMNS = (
    ("id", INTEGER), ("job_id", INTEGER), ("host_id", INTEGER), ("tags_number", INTEGER),
    ("metrics_number", INTEGER), ("exename", TEXT), ("path", TEXT), ("args", TEXT),
    ("pid", INTEGER), ("gen", INTEGER), ("ppid", INTEGER), ("pgid", INTEGER), ("sid", INTEGER),
    ("exitcode", INTEGER), ("exitsignal", INTEGER), ("start", INTEGER), ("end", INTEGER),
    ("duration", INTEGER), ("cpu_time", INTEGER), ("peak_rss", INTEGER), ("numtids", INTEGER),
    ("threads", TEXT), ("parent_id", NULLABLE), ("depth", INTEGER),
    ("inclusive_cpu_time", INTEGER), ("tree_number", INTEGER), ("descendants", INTEGER),
)  # fmt: skip


class ReadJob(NamedTuple):
    """A job that was read and checked."""

    cluster: str
    facts: Facts
    processes: Processes
    tree: Tree


class Known(NamedTuple):
    """A job that the database has."""

    job_id: int
    start: int
    end: int


class Dimensions:
    """Numbers of users and hosts in one database."""

    def __init__(self):
        self.users, self.hosts = name_dimension("epmt_user"), name_dimension("epmt_host")


def name_dimension(table):
    """Return the Dimension of a table of names."""
    return Dimension(table, "id", NAME_COLUMNS, lambda name: (name, time.time()))


def find(database, cluster, jobid) -> Optional[Known]:
    """Return the job of that key, None if it is not there. Read-only."""
    sql = 'SELECT id, start, "end" FROM epmt_job WHERE cluster = ? AND jobid = ?'
    found = database.rows(quoted(database, sql), (cluster, jobid))
    return Known(*found[0]) if found else None


def number_of(database, job):
    """Return the number of a ReadJob that was just inserted."""
    known = find(database, job.cluster, job.facts.jobid)
    assert known
    return known.job_id


def quoted(database, sql):
    """Return SQL with "end" in this database's quotes."""
    return sql.replace('"end"', database.dialect.quote("end"))


class Store:
    """Writes jobs into one database."""

    def __init__(self, database, wait_seconds=0.0):
        """wait_seconds is how long a large job waits for another one to be stored."""
        self.database, self.wait_seconds = database, wait_seconds
        self.dimensions = Dimensions()

    def write(self, job):
        """Store a ReadJob; return whether that was done: False if its key is there already.

        Commits. Raises UnavailableError or WriteError when the database stays away: then nothing
        of the job can be seen.
        """
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
            if find(self.database, job.cluster, job.facts.jobid):
                return False
            with self.database.transaction():
                self.database.insert_rows("epmt_job", JOB_COLUMNS, [row])
                job_id = number_of(self.database, job)
                self._write_small(job, job_id, host_ids)
                rows = ProcessRows(job, job_id, host_ids)
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
            ("epmt_process_tags", "tags", processes.tags),
            ("epmt_metric_names", "names", metric_texts(processes)),
        ):
            columns = (("job_id", INTEGER), ("number", INTEGER), (column, TEXT))
            insert(table, columns, [(job_id, number, text) for text, number in numbers.items()])

    def _write_processes(self, rows):
        self.database.insert_rows("epmt_process", PROCESS_COLUMNS, rows)

    def _write_in_steps(self, job, row, host_ids):
        """Store a job in several transactions; it can be seen after the last one."""
        database = self.database
        job_id = with_reconnects(database, lambda: self._begin(job, row))
        if not job_id:
            return False
        rows = ProcessRows(job, job_id, host_ids)
        for parts in chunks(map(list, map(rows.of, job.processes.spool.parts())), PARTS_PER_STEP):
            self._write_step(job_id, parts)
        is_stored = with_reconnects(
            database,
            lambda: self._end(job, job_id, row, host_ids),
            lambda: self._is_ours(row),
        )
        if not is_stored:
            partial.remove(database, job_id)
        return is_stored

    def _begin(self, job, row):
        """Return a number for a job that is not there yet, None if its key is there already."""
        if find(self.database, job.cluster, job.facts.jobid):
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
        if find(self.database, job.cluster, job.facts.jobid):
            return False
        with self.database.transaction():
            partial.claim(self.database, job_id)
            columns = (("id", INTEGER), *JOB_COLUMNS)
            self.database.insert_rows("epmt_job", columns, [(job_id, *row)])
            self._write_small(job, job_id, host_ids)
            partial.forget(self.database, job_id)
        return True


class ProcessRows:
    """Makes the rows of epmt_process, in the order in which the processes were read."""

    def __init__(self, job, job_id, host_ids):
        self.tree, self.job_id, self.host_ids = job.tree, job_id, host_ids
        self.base = (job_id << PROCESS_BITS) + 1
        self.place = 0

    def of(self, part):
        """Return the rows of the next part, an iterator."""
        begin, end = self.place, self.place + len(part)
        self.place = end
        tree, base, job_id, host_ids = self.tree, self.base, self.job_id, self.host_ids
        return (
            (
                base + place, job_id, host_ids[row[0]], *row[1:],
                base + parent if parent >= 0 else None, depth, inclusive, number, descendants,
            )
            for place, row, parent, depth, inclusive, number, descendants in zip(
                range(begin, end), part, tree.parents[begin:end], tree.depths[begin:end],
                tree.inclusive_cpu_times[begin:end], tree.numbers[begin:end],
                tree.descendants[begin:end],
            )
        )  # fmt: skip


def metric_texts(processes):
    """Return {names joined by commas: number}."""
    return {",".join(names): number for names, number in processes.metric_names.items()}


def job_row(job, user_id, now):
    """Return the values of JOB_COLUMNS."""
    facts, aggregate, zone = job.facts, job.processes.aggregate, job.facts.zone
    start = zone.local(facts.start)
    exitcode = aggregate.first_exitcode
    return (
        job.cluster, facts.jobid, now, now, user_id, facts.jobname, zone.name,
        start.year * 10000 + start.month * 100 + start.day, facts.start, facts.end, facts.submit,
        zone.local_text(facts.start), zone.local_text(facts.end), zone.local_text(facts.submit),
        facts.end - facts.start, facts.exitcode if exitcode is None else exitcode,
        aggregate.num_procs, aggregate.num_threads, aggregate.cpu_time, aggregate.peak_rss,
        json_text(aggregate.proc_sums()), json_text(facts.tags),
        json_text({**facts.annotations, **aggregate.annotations()}), json_text(facts.analyses),
        json_text(info_of(job)), json_text(facts.environment),
        json_text(facts.environment_changes),
    )  # fmt: skip


def info_of(job):
    """Return what EPMT calls info_dict."""
    return {
        "tz": job.facts.zone.name,
        "status": job.facts.status,
        "metric_names": ",".join(dict.fromkeys(itertools.chain(*job.processes.metric_names))),
        "procs_in_process_table": 1,
        "post_processed": 1,
        "process_tree": 1,
    }
