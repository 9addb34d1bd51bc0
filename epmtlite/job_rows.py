"""A job that was read, and the rows of the tables that it becomes."""

import itertools
from typing import NamedTuple

from epmtlite.exit_codes import job_exit_code
from epmtlite.facts import Facts
from epmtlite.reading import Processes, Rows
from epmtlite.tagtext import json_text
from epmtlite.tree import Tree
from usagedb.dialects.base import INTEGER, NULLABLE, SECONDS, TEXT

ARGS = Rows._fields.index("args")
PROCESS_BITS = 24  # of epmt_process.id

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


class ProcessRows:
    """Makes the rows of epmt_process, in the order in which the processes were read."""

    def __init__(self, job, job_id, host_ids, redactor):
        """redactor replaces the secrets of arguments: see usagedb/redact.py."""
        self.stored_text = redactor.text
        self.tree, self.job_id, self.host_ids = job.tree, job_id, host_ids
        self.base = (job_id << PROCESS_BITS) + 1
        self.place = 0

    def of(self, part):
        """Return the rows of the next part, an iterator."""
        begin, end = self.place, self.place + len(part)
        self.place = end
        tree, base, job_id, host_ids = self.tree, self.base, self.job_id, self.host_ids
        stored = self.stored_text
        return (
            (
                base + place, job_id, host_ids[row[0]], *row[1:ARGS], stored(row[ARGS]),
                *row[ARGS + 1 :],
                base + parent if parent >= 0 else None, depth, inclusive, number, descendants,
            )
            for place, row, parent, depth, inclusive, number, descendants in zip(
                range(begin, end), part, tree.parents[begin:end], tree.depths[begin:end],
                tree.inclusive_cpu_times[begin:end], tree.numbers[begin:end],
                tree.descendants[begin:end],
            )
        )  # fmt: skip


def metric_texts(processes):
    """Return (number, names joined by commas)."""
    return [(number, ",".join(names)) for names, number in processes.metric_names.items()]


def job_row(job, user_id, now):
    """Return the values of JOB_COLUMNS."""
    facts, aggregate, zone = job.facts, job.processes.aggregate, job.facts.zone
    start = zone.local(facts.start)
    exitcode = job_exit_code(job.processes.first_status(), facts.exitcode)
    return (
        job.cluster, facts.jobid, now, now, user_id, facts.jobname, zone.name,
        start.year * 10000 + start.month * 100 + start.day, facts.start, facts.end, facts.submit,
        zone.local_text(facts.start), zone.local_text(facts.end), zone.local_text(facts.submit),
        facts.end - facts.start, exitcode,
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


def check(job):
    """Raise MalformedError for a ReadJob of which no rows can be made; nothing is stored."""
    job_row(job, 0, 0.0)
