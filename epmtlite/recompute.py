"""Make what was added up over a stored job, and its process tree, anew from its processes.

A job has both from the moment it is stored. This is for a doubt, and for data that something else
has changed.
"""

import itertools
import json
import time
from array import array
from typing import NamedTuple

from epmtlite import tree, values
from epmtlite.aggregate import Aggregate
from epmtlite.exit_codes import job_exit_code, last_status, status_of
from epmtlite.processes import JobContext
from epmtlite.tagtext import json_text
from usagedb.database import with_conflict_retries
from usagedb.dialects.base import chunks

ROWS_PER_PART = 2000
ERROR_NOTES = ("papiex-error", "papiex-error-process-ids")


class Columns(NamedTuple):
    """What an Aggregate wants to know of some processes, in the order of COLUMNS."""

    metrics: tuple
    threads: tuple
    numtids: tuple
    cpu_times: tuple
    peaks: tuple
    starts: tuple
    pids: tuple


COLUMNS = (
    "metrics_number", "threads", "numtids", "cpu_time", "peak_rss", "start", "pid",
)  # fmt: skip
TREE_COLUMNS = ("id", "host_id", "pid", "ppid", "start", "end", "cpu_time")
# Of the columns of both, in that order: of the array module, as tree.Processes has them.
TREE_KINDS = "qiiiqqq" + "qiqii"
NO_PARENT = -1
TREE_RESULTS = ("parent_id", "depth", "inclusive_cpu_time", "tree_number", "descendants")


def recompute(database, job):
    """Add the processes of a selection.Job up anew, and write the sums. Commits."""
    aggregate, first = aggregate_of(database, job), first_status(database, job)
    sql = "SELECT annotations, exitcode, info_dict FROM epmt_job WHERE id = ?"

    def once():
        with database.transaction():
            found = database.rows(sql, (job.number,))
            if not found:
                return
            annotations, info = json.loads(found[0][0]), json.loads(found[0][2])
            exitcode = found[0][1] if first is None else job_exit_code(first, told_code(info))
            kept = {key: one for key, one in annotations.items() if key not in ERROR_NOTES}
            database.execute(
                "UPDATE epmt_job SET num_procs = ?, num_threads = ?, cpu_time = ?, peak_rss = ?,"
                " exitcode = ?, proc_sums = ?, annotations = ?, updated_at = ? WHERE id = ?",
                (
                    aggregate.num_procs, aggregate.num_threads, aggregate.cpu_time,
                    aggregate.peak_rss, exitcode,
                    json_text(aggregate.proc_sums()),
                    json_text({**kept, **aggregate.annotations()}), round(time.time(), 6),
                    job.number,
                ),
            )  # fmt: skip

    with_conflict_retries(once)


def aggregate_of(database, job):
    """Return the Aggregate of the processes of a selection.Job. Read-only."""
    context, aggregate = JobContext(database, job), Aggregate()
    names = database.dialect.quote_all(COLUMNS)
    sql = f"SELECT {names} FROM epmt_process WHERE job_id = ? ORDER BY metrics_number, id"  # noqa: S608
    rows = database.stream(sql, (job.number,))
    for number, some in itertools.groupby(rows, key=lambda row: row[0]):
        metrics = context.metrics[number]
        for part in chunks(some, ROWS_PER_PART):
            columns = Columns(*zip(*part))
            aggregate.add(metrics, sums_of(columns, len(metrics)), columns)
    return aggregate


def told_code(info):
    """Return the exit code that the metadata had, of what EPMT calls info_dict; 0 if none is there,
    as it may be of a job that was taken over."""
    status = info.get("status")
    code = status.get("exit_code") if isinstance(status, dict) else None
    return code if isinstance(code, int) else 0


def first_status(database, job):
    """Return how the process of a selection.Job that began first ended, None without processes: see
    exit_codes.last_status. Read-only."""
    sql = "SELECT host_id, pid, start FROM epmt_process WHERE job_id = ? ORDER BY start, id LIMIT 1"
    found = database.rows(sql, (job.number,))
    if not found:
        return None
    sql = (
        "SELECT start, gen, exitcode, exitsignal FROM epmt_process"
        " WHERE job_id = ? AND host_id = ? AND pid = ? AND start >= ?"
    )
    rows = database.rows(sql, (job.number, *found[0]))
    return last_status((start, gen, status_of(*ended)) for start, gen, *ended in rows)


def sums_of(columns, count):
    """Return the sums over the threads of each process, as lists of count values."""
    found = []
    for text, numtids in zip(columns.threads, columns.numtids):
        if numtids == 1:
            found.append(list(map(int, text.split(","))) if count else [])
        else:
            threads = values.threads_of(text, count)
            found.append(list(map(values.known_sum, zip(*threads))))
    return found


def rebuild_tree(database, job):
    """Make the process tree of a selection.Job anew, and write what differs. Commits; return how
    many processes had another place."""
    ids, processes, before = read_tree(database, job)
    if not ids:
        return 0
    built = tree.build(processes)
    parents = array("q", (ids[parent] if parent >= 0 else NO_PARENT for parent in built.parents))
    now = (
        parents, built.depths, built.inclusive_cpu_times, built.numbers, built.descendants,
    )  # fmt: skip
    changed = [
        (new[0] if new[0] != NO_PARENT else None, *new[1:], process_id)
        for process_id, old, new in zip(ids, zip(*before), zip(*now))
        if old != new
    ]
    assignments = ", ".join(f"{name} = ?" for name in TREE_RESULTS)
    update = f"UPDATE epmt_process SET {assignments} WHERE id = ?"  # noqa: S608

    def once():
        with database.transaction():
            for row in changed:
                database.execute(update, row)

    with_conflict_retries(once)
    return len(changed)


def read_tree(database, job):
    """Return (ids, tree.Processes, columns of TREE_RESULTS) of a job, all of them arrays.

    A parent that was not recorded is NO_PARENT. Read-only.
    """
    names = database.dialect.quote_all((*TREE_COLUMNS, *TREE_RESULTS))
    sql = f"SELECT {names} FROM epmt_process WHERE job_id = ? ORDER BY id"  # noqa: S608
    columns = [array(kind) for kind in TREE_KINDS]
    for part in chunks(database.stream(sql, (job.number,)), ROWS_PER_PART):
        for column, some in zip(columns, zip(*part)):
            column.extend(NO_PARENT if value is None else value for value in some)
    end = len(TREE_COLUMNS)
    return columns[0], tree.Processes(*columns[1:end]), columns[end:]
