"""Processes and threads as dictionaries, with the keys of EPMT."""

import json
from typing import NamedTuple, Optional

from epmtlite import values
from epmtlite.jobs import Clock
from epmtlite.load import PROCESS_BITS
from epmtlite.ordering import order_sql
from epmtlite.selection import matches
from usagedb.database import in_parts

COLUMNS = (
    "id", "host_id", "tags_number", "metrics_number", "exename", "path", "args", "pid", "ppid",
    "pgid", "sid", "gen", "exitcode", "exitsignal", "start", "end", "duration", "cpu_time",
    "inclusive_cpu_time", "peak_rss", "numtids", "parent_id", "depth", "descendants", "threads",
)  # fmt: skip
ORDERS = (
    "start", "end", "duration", "cpu_time", "inclusive_cpu_time", "peak_rss", "numtids", "pid",
    "depth", "id", "exename",
)  # fmt: skip


class ProcessFilter(NamedTuple):
    """Conditions that all have to be met; what is None or empty is none."""

    tags: Optional[dict] = None  # {}: those without tags
    exact_tag_only: bool = False  # the tags are these and no others
    hosts: tuple = ()
    when: Optional[int] = None  # ran then, microseconds since the epoch
    order: str = "start"  # with a - before it the other way round
    limit: Optional[int] = None
    offset: int = 0


class JobContext:
    """What the numbers in the rows of a job's processes mean."""

    def __init__(self, database, job):
        """job is a selection.Job. Read-only."""
        number = job.number
        self.job = job
        sql = (
            "SELECT u.name, j.zone FROM epmt_job j JOIN epmt_user u ON u.id = j.user_id"
            " WHERE j.id = ?"
        )
        self.user, zone_name = database.rows(sql, (number,))[0]
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


def process_rows(database, context, wanted=ProcessFilter(), columns=COLUMNS):  # noqa: B008
    """Return the rows of the processes of one job that meet a ProcessFilter, in its order.

    Read-only. Raises UsageError for an unknown order.
    """
    conditions, parameters = ["job_id = ?"], [context.job.number]
    if wanted.tags is not None:
        numbers = [
            number
            for number, tags in context.tags.items()
            if matches(tags, wanted.tags, wanted.exact_tag_only)
        ]
        # Numbers of our own, and perhaps more than a statement has parameters.
        conditions.append(f"tags_number IN ({', '.join(map(str, numbers)) or 'NULL'})")
    if wanted.hosts:
        numbers = [number for number, name in context.hosts.items() if name in wanted.hosts]
        conditions.append(f"host_id IN ({', '.join(map(str, numbers)) or 'NULL'})")
    if wanted.when is not None:
        conditions.append(f"start <= ? AND {database.dialect.quote('end')} >= ?")
        parameters += [wanted.when, wanted.when]
    names = ", ".join(map(database.dialect.quote, columns))
    sql = f"SELECT {names} FROM epmt_process WHERE {' AND '.join(conditions)}"  # noqa: S608
    sql += f" ORDER BY {order_sql(database, wanted.order, ORDERS)}"
    if wanted.limit is not None:
        sql += f" LIMIT {int(wanted.offset + wanted.limit)}"
    return database.rows(sql, parameters)


def process_dicts(database, jobs, wanted=ProcessFilter(), merge_sums=True):  # noqa: B008
    """Return a dictionary of each process of some selection.Jobs that meets a ProcessFilter.

    The sums over its threads stand at the top level, or with merge_sums=False under threads_sums.
    start and end are datetimes in the zone of the job. Read-only.
    """
    found = []
    for job in jobs:
        context = JobContext(database, job)
        for row in process_rows(database, context, wanted):
            found.append(process_of(context, row, merge_sums))
    if len(jobs) > 1:
        key = wanted.order.lstrip("-")
        found.sort(key=lambda one: one[key], reverse=wanted.order.startswith("-"))
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    return found[wanted.offset : end]


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
    process.update(sums if merge_sums else {"threads_sums": sums})
    return process


def process_ids(database, jobs, wanted=ProcessFilter()):  # noqa: B008
    """Return the ids of the processes of some selection.Jobs, those of each job in order.

    Read-only.
    """
    found = []
    for job in jobs:
        found += process_rows(database, JobContext(database, job), wanted, ("id",))
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    return [row[0] for row in found[wanted.offset : end]]


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
        found += [{"process_pk": process_id, **one} for one in values.thread_dicts(names, threads)]
    return found


def is_visible(database, job_id):
    """Tell whether a job is stored as a whole. Read-only."""
    return bool(database.rows("SELECT 1 FROM epmt_job WHERE id = ?", (job_id,)))
