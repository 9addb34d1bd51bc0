"""Carry a condition of epmtlite/filters.py out on jobs and processes that were selected."""

import difflib
import json

from epmtlite import filters, values
from epmtlite.analysis.errors import BadArgument
from usagedb.database import in_parts

# Columns of epmt_job and of epmt_process that a condition can have by their names.
JOB_COLUMNS = (
    "jobid", "cluster", "jobname", "zone", "day", "start", "end", "submit", "duration", "exitcode",
    "cpu_time", "peak_rss", "num_procs", "num_threads", "created_at", "updated_at",
    *filters.MAPPINGS,
)  # fmt: skip
PROCESS_COLUMNS = (
    "id", "exename", "path", "args", "pid", "ppid", "pgid", "sid", "gen", "exitcode", "exitsignal",
    "start", "end", "duration", "cpu_time", "inclusive_cpu_time", "peak_rss", "numtids", "depth",
    "descendants",
)  # fmt: skip
# What a condition calls otherwise than the column of epmt_process.
OTHER_NAMES = {"host": "host_id", "tags": "tags_number", "parent": "parent_id"}
OF_THE_JOB = ("job", "jobid", "cluster", "user")
SECONDS = ("created_at", "updated_at")  # all other moments are microseconds


def filtered_jobs(database, jobs, fltr):
    """Return those of some selection.Jobs that meet a Filter, in their order. Read-only.

    Raises BadArgument for a name that is none of a job.
    """
    columns = sorted(fltr.columns() & set(JOB_COLUMNS))
    metrics = fltr.columns() - set(JOB_COLUMNS) - {"user"}
    check_metrics(database, jobs, metrics)
    names = ["j.id", "u.name", "j.proc_sums" if metrics else "NULL"]
    names += [f"j.{database.dialect.quote(column)}" for column in columns]
    sql = (
        f"SELECT {', '.join(names)} FROM epmt_job j JOIN epmt_user u ON u.id = j.user_id"  # noqa: S608
        " WHERE j.id IN ({})"
    )
    accepted = set()
    for number, user, sums, *cells in in_parts(database, sql, [job.number for job in jobs]):
        known = {**(json.loads(sums) if sums else {}), **dict(zip(columns, cells)), "user": user}
        if fltr.accepts(row_of(fltr, known)):
            accepted.add(number)
    return [job for job in jobs if job.number in accepted]


def row_of(fltr, known):
    """Return {Name: value} of what is known of a job, by columns."""
    for column in filters.MAPPINGS:
        if isinstance(known.get(column), str):
            known[column] = json.loads(known[column])
    for column in SECONDS:
        if column in known:
            known[column] *= 1e6
    return {
        name: known.get(name.column) if name.key is None else known[name.column].get(name.key)
        for name in fltr.names
    }


def check_metrics(database, jobs, names, others=(*JOB_COLUMNS, "user")):
    """Raise BadArgument for a name that is no sum of metrics in any of the jobs. Read-only.

    others are the names that there are besides, for the message.
    """
    if not names or not jobs:
        return
    known = summed_metrics(database, [job.number for job in jobs])
    wrong = sorted(set(names) - set(known))
    if wrong:
        there = sorted({*known, *others})
        near = difflib.get_close_matches(wrong[0].lower(), there, 1)
        hint = f"; is {near[0]} meant? There" if near else ": there"
        raise BadArgument(
            f"{wrong[0]} is nothing that these jobs have (a text stands in quotes){hint} are"
            f" {', '.join(there)}"
        )


def summed_metrics(database, numbers):
    """Return the names of the metrics that jobs have, as they were stored first. Read-only.

    numbers are those of selection.Jobs.
    """
    sql = "SELECT DISTINCT names FROM epmt_metric_names WHERE job_id IN ({})"
    texts = (row[0] for row in in_parts(database, sql, numbers))
    names = (name for text in texts for name in text.split(",") if name)
    return list(dict.fromkeys(name for name in names if name not in values.NOT_SUMMED))


def metrics_of_processes(fltr):
    """Return the names in a Filter for processes that must be metrics."""
    return fltr.columns() - {*PROCESS_COLUMNS, *OTHER_NAMES, *OF_THE_JOB}


def check_names(database, jobs, fltr):
    """Raise BadArgument for a name that is none of a process of these selection.Jobs.

    Read-only.
    """
    metrics = metrics_of_processes(fltr)
    for name in ("annotations", "analyses"):
        if name in metrics:
            raise BadArgument(f"{name} are of jobs, not of processes")
    others = {*PROCESS_COLUMNS, *OTHER_NAMES, *OF_THE_JOB}
    check_metrics(database, jobs, metrics, others)


class ProcessTest:
    """Tells which processes of a job meet a Filter."""

    def __init__(self, fltr, context):
        """context is the processes.JobContext of the job."""
        self.fltr, self.context = fltr, context
        used = fltr.columns()
        own = [column for column in PROCESS_COLUMNS if column in used]
        other = [OTHER_NAMES[column] for column in OTHER_NAMES if column in used]
        metrics = metrics_of_processes(fltr)
        self.columns = (*own, *other, *(("metrics_number", "threads") if metrics else ()))

    def accepts(self, cells):
        """Tell whether a process meets it, of which these are the values of .columns."""
        known = dict(zip(self.columns, cells))
        context = self.context
        if "threads" in known:
            names = context.metrics[known["metrics_number"]]
            threads = values.threads_of(known["threads"], len(names))
            known = {**(values.sums_of(names, threads) if threads else {}), **known}
        known["job"] = known["jobid"] = context.job.jobid
        known["cluster"], known["user"] = context.job.cluster, context.user
        if "host_id" in known:
            known["host"] = context.hosts[known["host_id"]]
        if "tags_number" in known:
            known["tags"] = context.tags[known["tags_number"]]
        known["parent"] = known.get("parent_id")
        return self.fltr.accepts(row_of(self.fltr, known))
