"""Processes and threads as dictionaries, with the keys of EPMT."""

import json
from array import array
from typing import NamedTuple, Optional

from epmtlite import filters, values
from epmtlite.filtering import ProcessTest, check_names, summed_metrics
from epmtlite.job_rows import PROCESS_BITS
from epmtlite.jobs import Clock
from epmtlite.ordering import order_sql
from epmtlite.selection import fits_one
from usagedb import errors
from usagedb.database import KEYS_PER_QUERY, in_parts

COLUMNS = (
    "id", "host_id", "tags_number", "metrics_number", "exename", "path", "args", "pid", "ppid",
    "pgid", "sid", "gen", "exitcode", "exitsignal", "start", "end", "duration", "cpu_time",
    "inclusive_cpu_time", "peak_rss", "numtids", "parent_id", "depth", "descendants", "threads",
)  # fmt: skip
# Columns that are shown under another name, or not as they are.
RENAMED = ("host_id", "tags_number", "metrics_number", "parent_id", "threads")
SUMS_KEY = "threads_sums"
MOST_CONTEXTS = 1000  # in memory
ORDERS = (
    "start", "end", "duration", "cpu_time", "inclusive_cpu_time", "peak_rss", "numtids", "pid",
    "depth", "id", "exename",
)  # fmt: skip


class ProcessFilter(NamedTuple):
    """Conditions that all have to be met; what is None or empty is none."""

    tags: Optional[tuple] = None  # of dictionaries, one of which fits; {}: those without tags
    exact_tag_only: bool = False  # the tags are these and no others
    hosts: tuple = ()
    when: Optional[tuple] = None  # ran at some time between these, microseconds since the epoch
    fltr: Optional[filters.Filter] = None
    order: str = "start"  # with a - before it the other way round
    limit: Optional[int] = None
    offset: int = 0


class JobContext:
    """What the numbers in the rows of a job's processes mean."""

    def __init__(self, database, job):
        """job is a selection.Job. Read-only. Raises MissingInputError if it was deleted."""
        number = job.number
        self.job = job
        sql = (
            "SELECT u.name, j.zone FROM epmt_job j JOIN epmt_user u ON u.id = j.user_id"
            " WHERE j.id = ?"
        )
        found = database.rows(sql, (number,))
        if not found:
            raise errors.MissingInputError(f"job {job.full_name()} was deleted meanwhile")
        self.user, zone_name = found[0]
        self.clock = Clock(zone_name)
        self.tags = {0: {}, **{n: json.loads(t) for n, t in small(database, number, "tags")}}
        self.metrics = {0: ()}
        for key, text in small(database, number, "names"):
            self.metrics[key] = tuple(text.split(","))
        sql = (
            "SELECT h.id, h.name FROM epmt_job_host j JOIN epmt_host h ON h.id = j.host_id"
            " WHERE j.job_id = ?"
        )
        self.hosts = dict(database.rows(sql, (number,)))


def small(database, number, column):
    """Return the (number, text) rows of the tags or metrics of a job. Read-only."""
    table = {"tags": "epmt_process_tags", "names": "epmt_metric_names"}[column]
    sql = f"SELECT number, {column} FROM {table} WHERE job_id = ?"  # noqa: S608
    return database.rows(sql, (number,))


class Contexts:
    """The JobContexts of some selection.Jobs, each made when it is needed."""

    def __init__(self, database, jobs):
        self.database, self.jobs = database, {job.number: job for job in jobs}
        self._contexts: dict = {}

    def of(self, number):
        """Return the JobContext of the job of that number. Read-only."""
        if number not in self._contexts:
            if len(self._contexts) >= MOST_CONTEXTS:
                self._contexts.clear()
            self._contexts[number] = JobContext(self.database, self.jobs[number])
        return self._contexts[number]

    def keys(self, merge_sums):
        """Return the keys that dictionaries of processes of these jobs can have. Read-only."""
        renamed = ("job", "jobid", "cluster", "user", "host", "parent", "tags")
        own = [column for column in COLUMNS if column not in RENAMED]
        if not merge_sums:
            return [*own, *renamed, SUMS_KEY]
        summed = summed_metrics(self.database, list(self.jobs))
        return list(dict.fromkeys((*own, *renamed, *summed)))


def process_ids(database, jobs, wanted=ProcessFilter()):  # noqa: B008
    """Return the ids of the processes of some selection.Jobs that meet a ProcessFilter.

    An array in the order of the filter. Read-only. Raises UsageError for an unknown order.
    """
    contexts = Contexts(database, jobs)
    if wanted.fltr:
        check_names(database, jobs, wanted.fltr)
    is_one, column = len(jobs) == 1, wanted.order.lstrip("-")
    ids, keys = array("q"), [] if column == "exename" else array("q")
    columns = ("id",) if is_one else ("id", column)
    for job in jobs:
        for process_id, *key in matching(contexts, job, wanted, columns):
            ids.append(process_id)
            keys.extend(key)
    if not is_one:  # those of each job are in order
        is_reverse = wanted.order.startswith("-")
        order = sorted(range(len(ids)), key=keys.__getitem__, reverse=is_reverse)
        ids = array("q", map(ids.__getitem__, order))
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    return ids[wanted.offset : end]


def matching(contexts, job, wanted, columns):
    """Yield these columns of the processes of a job that meet a ProcessFilter, in its order.

    Read-only. Raises UsageError for an unknown order.
    """
    database = contexts.database
    if not wanted.fltr:
        yield from database.stream(*process_query(contexts, job, wanted, columns))
        return
    test = ProcessTest(wanted.fltr, contexts.of(job.number))
    count = len(columns)
    query = process_query(contexts, job, wanted._replace(limit=None), (*columns, *test.columns))
    for row in database.stream(*query):
        if test.accepts(row[count:]):
            yield row[:count]


def process_query(contexts, job, wanted, columns):
    """Return (SQL, parameters) of the processes of a job that meet a ProcessFilter, in its order.

    Raises UsageError for an unknown order.
    """
    database = contexts.database
    conditions, parameters = ["job_id = ?"], [job.number]
    if wanted.tags is not None:
        numbers = [
            number
            for number, tags in contexts.of(job.number).tags.items()
            if fits_one(tags, wanted.tags, wanted.exact_tag_only)
        ]
        # Numbers of our own, and perhaps more than a statement has parameters.
        conditions.append(f"tags_number IN ({', '.join(map(str, numbers)) or 'NULL'})")
    if wanted.hosts:
        hosts = contexts.of(job.number).hosts
        numbers = [number for number, name in hosts.items() if name in wanted.hosts]
        conditions.append(f"host_id IN ({', '.join(map(str, numbers)) or 'NULL'})")
    if wanted.when is not None:
        conditions.append(f"start <= ? AND {database.dialect.quote('end')} >= ?")
        parameters += [wanted.when[1], wanted.when[0]]
    names = database.dialect.quote_all(columns)
    sql = f"SELECT {names} FROM epmt_process WHERE {' AND '.join(conditions)}"  # noqa: S608
    sql += f" ORDER BY {order_sql(database, wanted.order, ORDERS)}"
    if wanted.limit is not None:
        sql += f" LIMIT {int(wanted.offset + wanted.limit)}"
    return sql, parameters


def process_dicts(database, contexts, ids, merge_sums=True):
    """Yield a dictionary of each process of some ids, in their order, a few in memory at a time.

    The sums over its threads stand at the top level, or with merge_sums=False under threads_sums.
    start and end are datetimes in the zone of the job. One whose job was deleted meanwhile is left
    out. Read-only.
    """
    names = database.dialect.quote_all(COLUMNS)
    sql = f"SELECT {names} FROM epmt_process WHERE id IN ({{}})"  # noqa: S608
    for begin in range(0, len(ids), KEYS_PER_QUERY):
        part = ids[begin : begin + KEYS_PER_QUERY]
        rows = {row[0]: row for row in in_parts(database, sql, part)}
        for process_id in part:
            if process_id in rows:
                context = contexts.of(process_id >> PROCESS_BITS)
                yield process_of(context, rows[process_id], merge_sums)


def all_dicts(contexts, jobs):
    """Yield a dictionary of each process of some selection.Jobs, job by job, as they were stored.

    A few are in memory at a time. Read-only.
    """
    database = contexts.database
    names = database.dialect.quote_all(COLUMNS)
    sql = f"SELECT {names} FROM epmt_process WHERE job_id = ? ORDER BY id"  # noqa: S608
    for job in jobs:
        context = contexts.of(job.number)
        for row in database.stream(sql, (job.number,)):
            yield process_of(context, row, merge_sums=True)


def process_of(context, row, merge_sums):
    """Return the dictionary of a row of COLUMNS."""
    process = dict(zip(COLUMNS, row))
    names = context.metrics[process.pop("metrics_number")]
    threads = values.threads_of(process.pop("threads"), len(names))
    sums = values.sums_of(names, threads) if threads else {}
    process["job"] = process["jobid"] = context.job.jobid
    process["cluster"] = context.job.cluster
    process["user"] = context.user
    process["host"] = context.hosts[process.pop("host_id")]
    process["parent"] = process.pop("parent_id")
    process["tags"] = context.tags[process.pop("tags_number")]
    process["start"] = context.clock.moment(process["start"])
    process["end"] = context.clock.moment(process["end"])
    # A metric of an older release may have the name of a key: it replaces none.
    return {**process, **sums, **process} if merge_sums else {**process, SUMS_KEY: sums}


def parents_of(database, ids):
    """Return {id: id of the parent, None if that was not recorded} of processes. Read-only."""
    sql = "SELECT id, parent_id FROM epmt_process WHERE id IN ({})"
    return dict(in_parts(database, sql, ids))


def thread_dicts(database, ids):
    """Return a dictionary of the metrics of each thread of some processes, with process_pk.

    ids are those of process_dicts; one that is not there is left out. Read-only.
    """
    sql = "SELECT id, job_id, metrics_number, threads FROM epmt_process WHERE id IN ({})"
    rows = {row[0]: row for row in in_parts(database, sql, dict.fromkeys(ids))}
    names_of: dict = {}
    found = []
    for process_id in ids:
        if process_id not in rows or not is_visible(database, process_id >> PROCESS_BITS):
            continue
        _id, job_id, metrics_number, text = rows[process_id]
        if job_id not in names_of:
            names_of[job_id] = {
                number: names.split(",") for number, names in small(database, job_id, "names")
            }
        names = names_of[job_id].get(metrics_number, ())
        threads = values.threads_of(text, len(names))
        own = {"process_pk": process_id}
        found += [{**own, **one, **own} for one in values.thread_dicts(names, threads)]
    return found


def is_visible(database, job_id):
    """Tell whether a job is stored as a whole. Read-only."""
    return bool(database.rows("SELECT 1 FROM epmt_job WHERE id = ?", (job_id,)))
