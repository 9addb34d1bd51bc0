"""Operations: the processes of jobs that share a tag."""

import json
from collections.abc import Iterable

from epmtlite import jobs as job_reader
from epmtlite import operations as reader
from epmtlite.analysis.errors import BadArgument, needed
from epmtlite.query import arguments, frames, session
from epmtlite.query.jobs import get_jobs

DATA_MOVEMENT = ("hsmput", "dmget", "untar", "mv", "dmput", "hsmget", "rm", "cp")
RANKS = ("cardinality", "frequency")


def job_proc_tags(jobs, exclude=None, tag_filter="", fold=False):
    """Return the different tags of the processes of jobs, in order. Read-only.

    exclude: keys to leave out. tag_filter: only tags that contain this one. fold: {key: its value,
    or the list of its values}. Raises MissingJob, or BadArgument for no job.
    """
    database = session.current()
    found = arguments.chosen_jobs(database, jobs)
    wanted = arguments.one_tag(tag_filter) if tag_filter else None
    tags = job_reader.distinct_process_tags(database, found, tuple(exclude or ()), wanted)
    return reader.folded(tags) if fold else tags


get_job_proc_tags = job_proc_tags


def rank_proc_tags_keys(jobs, order="cardinality", exclude=None):
    """Return [(key, set of its values)] of the tags of processes. Read-only.

    order: cardinality, the key with the fewest values first; or frequency, the key that the most
    different tags have first. Raises MissingJob or BadArgument.
    """
    if order not in RANKS:
        raise BadArgument(f"order={order!r}: one of {', '.join(RANKS)}")
    values: dict = {}
    for tags in job_proc_tags(jobs, exclude):
        for key, value in tags.items():
            values.setdefault(key, []).append(value)
    ranked = sorted(
        values.items(),
        key=lambda one: (len(set(one[1])) if order == RANKS[0] else -len(one[1]), one[0]),
    )
    return [(key, set(some)) for key, some in ranked]


@arguments.value_errors()
def get_ops(
    jobs, tags=None, exact_tag_only=False, combine=False, fmt="dict", op_duration_method="sum",
    full=False,
):  # fmt: skip
    """Return operations over jobs: of each tag the processes of all the jobs that have it.

    tags: texts or dictionaries, or keys alone, which stand for all their values; none: the key with
    the fewest values. combine: one operation of all tags. op_duration_method: sum (of the
    durations of the processes), sum-minus-overlap (how long at least one ran), finish-minus-start.
    An operation has jobs, tags, exact_tag_only, op_duration_method, start and finish (datetimes in
    the zone of the jobs), duration (microseconds) and proc_sums; with full also intervals (in which
    at least one ran), num_runs (how many of them), contiguous (whether there is one), and processes
    (their ids).
    Read-only. Raises MissingJob or BadArgument.
    """
    arguments.checked_form(fmt)
    database = session.current()
    found = arguments.chosen_jobs(database, jobs)
    contexts = reader.contexts_of(database, found)
    wanted = reader.wanted_tags_of(contexts, texts_of(tags))
    groups = [wanted] if combine and wanted else [[tag] for tag in wanted]
    ops, clock = [], reader.clock_of(contexts)
    for group in groups:
        operation = reader.over_jobs(database, contexts, group, exact_tag_only)
        if operation.num_procs:
            ops.append(
                {
                    "jobs": job_reader.job_names(database, operation.jobs),
                    "tags": group if combine else group[0],
                    "exact_tag_only": exact_tag_only,
                    **operation.described(clock, op_duration_method, full),
                }
            )
    if fmt == "terse":
        return [op["tags"] for op in ops]
    return frames.frame(ops) if fmt == "pandas" else ops


def texts_of(tags):
    """Return tags as dictionaries, and keys alone as texts. Raises BadArgument."""
    if not tags:
        return ()
    if isinstance(tags, (str, dict)):
        tags = [tags]
    if not isinstance(tags, Iterable):
        raise BadArgument(f"{tags!r} are no tags: write key:value, a key, or a dictionary")
    return tuple(
        tag if isinstance(tag, str) and ":" not in tag else arguments.one_tag(tag) for tag in tags
    )


@arguments.value_errors()
def get_op_metrics(
    jobs, tags=None, exact_tags_only=False, group_by_tag=False, fmt="pandas",
    op_duration_method="sum",
):  # fmt: skip
    """Return a row of each operation of each job: its sums, job, jobid, cluster, tags, num_procs,
    numtids, cpu_time and duration (microseconds).

    tags and op_duration_method: as in get_ops, but none stand for all different tags of the
    processes. group_by_tag: the jobs are added up. Read-only. Raises MissingJob or BadArgument.
    """
    arguments.checked_form(fmt)
    database = session.current()
    found = arguments.chosen_jobs(database, jobs)
    wanted = texts_of(tags) or job_reader.distinct_process_tags(database, found)
    records = reader.op_metrics(
        database, found, wanted, op_duration_method, exact_tags_only, group_by_tag
    )
    if fmt == "terse":
        return [json.dumps(record["tags"], sort_keys=True) for record in records]
    return frames.frame(records) if fmt == "pandas" else records


def ops_costs(jobs=None, tags=None, metric="cpu_time"):
    """Return what operations, by default those that move data, take of jobs: (per cent of the jobs'
    metric, a DataFrame of the operations, the jobs' metric, a DataFrame of the jobs).

    metric: cpu_time or duration. The last has dm_METRIC, job_METRIC and dm_METRIC% of each job. A
    process with several of the tags counts once. Read-only. Raises MissingJob or BadArgument, and
    MissingLibrary without pandas.
    """
    pandas = needed("pandas")
    if metric not in ("cpu_time", "duration"):
        raise BadArgument(f"metric={metric!r}: cpu_time or duration")
    jobs = get_jobs(jobs)
    tags = tags or [f"op:{name}" for name in DATA_MOVEMENT]
    ops = get_op_metrics(jobs, tags, fmt="dict")
    spent = dict.fromkeys((name_of(job) for job in jobs), 0)
    for job in jobs:
        for op in get_ops(job, tags, combine=True):
            spent[name_of(job)] += op["proc_sums"][metric]
    rows = []
    for job in jobs:
        used, total = spent[name_of(job)], job[metric]
        share = round(100 * used / total) if total else 0
        rows.append(
            {
                "jobid": job["jobid"],
                f"dm_{metric}": used,
                f"job_{metric}": total,
                f"dm_{metric}%": share,
            }
        )
    total = sum(job[metric] for job in jobs)
    percent = round(100 * sum(spent.values()) / total, 3) if total else 0.0
    return percent, frames.frame(ops, ("jobid", "tags")), total, pandas.DataFrame(rows)


def name_of(job):
    """Return what tells the dictionary of a job from others."""
    return job["cluster"], job["jobid"]
