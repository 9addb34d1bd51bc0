"""Processes and threads of jobs."""

import functools
from collections.abc import Hashable

from epmtlite import processes as reader
from epmtlite.analysis.errors import BadArgument
from epmtlite.analysis.scores import is_number
from epmtlite.query import arguments, frames, session
from epmtlite.query.jobs import conv_jobs
from epmtlite.selection import JobFilter, select_jobs
from epmtlite.verify import verified


def get_procs(
    jobs=None, tags=None, fltr=None, order=None, offset=0, limit=None, when=None, hosts=None,
    fmt="dict", merge_threads_sums=True, exact_tag_only=False,
):  # fmt: skip
    """Return the processes, of some jobs or of all, that meet all conditions. Read-only.

    jobs: as in get_jobs. tags, hosts and exact_tag_only: those of the processes. fltr: a condition
    as in epmtlite/filters.py, like "exename = 'cp' and usertime > 1e6". order: start (default),
    end, duration, cpu_time and more (processes.ORDERS), with a - before it the other way round.
    when: ran then, or at the same time as the job of that id, or the process of that dictionary.
    fmt: dict, pandas or terse (ids). merge_threads_sums: whether the sums over the threads stand
    beside the rest, or under threads_sums. There is no limit unless it is given: a job of a million
    processes takes gigabytes; each_proc takes them one by one.

    Raises MissingJob (a KeyError) for a job that is not there, BadArgument (a ValueError) for an
    argument or a condition that cannot be.
    """
    arguments.checked_form(fmt)
    database = session.current()
    found = jobs_of(database, jobs)
    wanted = wanted_processes(
        database, tags, fltr, order, offset, limit, when, hosts, exact_tag_only
    )
    ids = reader.process_ids(database, found, wanted)
    return shown(database, found, ids, fmt, merge_threads_sums)


def each_proc(jobs=None, merge_threads_sums=True, **conditions):
    """Yield the dictionaries that get_procs returns, a few in memory at a time. Read-only."""
    database = session.current()
    found = jobs_of(database, jobs)
    ids = reader.process_ids(database, found, wanted_processes(database, **conditions))
    yield from reader.process_dicts(
        database, reader.Contexts(database, found), ids, merge_threads_sums
    )


def jobs_of(database, jobs):
    """Return the selection.Jobs that are named, all where none is. Raises MissingJob."""
    if not arguments.names_of(jobs):
        return select_jobs(database, JobFilter())
    return arguments.chosen_jobs(database, jobs)


def wanted_processes(
    database, tags=None, fltr=None, order=None, offset=0, limit=None, when=None, hosts=None,
    exact_tag_only=False,
):  # fmt: skip
    """Return the ProcessFilter of the arguments of get_procs."""
    return reader.ProcessFilter(
        tags=arguments.tag_alternatives(tags), exact_tag_only=exact_tag_only,
        hosts=arguments.hosts_of(hosts), when=arguments.interval(database, when),
        fltr=arguments.condition(fltr), order=arguments.order_of(order, reader.ORDERS, "start"),
        limit=arguments.count_of("limit", limit) or None,
        offset=arguments.count_of("offset", offset) or 0,
    )  # fmt: skip


def shown(database, jobs, ids, fmt, merge_sums=True):
    """Return processes in a form: ids are those of the processes, of these selection.Jobs."""
    if arguments.checked_form(fmt) == "terse":
        return list(ids)
    contexts = reader.Contexts(database, jobs)
    records = reader.process_dicts(database, contexts, ids, merge_sums)
    if fmt == "pandas":
        return frames.frame(records, contexts.keys(merge_sums))
    return list(records)


def conv_procs(procs, fmt="pandas", order=None):
    """Return processes in another form: ids, dictionaries, or a DataFrame of them. Read-only.

    They come in the order given, or in that of a key of the dictionaries, with a - before it the
    other way round. Raises BadArgument for none.
    """
    database = session.current()
    ids = ids_of(procs)
    numbers = {number >> reader.PROCESS_BITS for number in ids}
    jobs = [job for job in select_jobs(database, JobFilter()) if job.number in numbers]
    numbers = {job.number for job in jobs}  # not those that are being deleted
    ids = [one for one in ids if one >> reader.PROCESS_BITS in numbers]
    if order is None:
        return shown(database, jobs, ids, fmt)
    key = order.lstrip("-")
    records = shown(database, jobs, ids, "dict")
    if records and key not in records[0]:
        raise BadArgument(f"order={order}: no key of processes")
    try:
        records.sort(key=lambda one: (one[key] is not None, one[key]), reverse=order[0] == "-")
    except TypeError:
        raise BadArgument(f"order={order}: processes have no order by it") from None
    return shown(database, jobs, [one["id"] for one in records], fmt)


def ids_of(procs):
    """Return the ids of processes: of numbers, dictionaries with an id, or a DataFrame of these.

    Raises BadArgument for none, and for what is none.
    """
    if hasattr(procs, "to_dict") and hasattr(procs, "columns"):  # a DataFrame
        procs = procs.to_dict("records")
    if isinstance(procs, (int, dict)):
        procs = [procs]
    try:
        ids = [int(one["id"] if isinstance(one, dict) else one) for one in procs]
    except (TypeError, ValueError, KeyError):
        raise BadArgument(f"{procs!r} are no processes") from None
    if not ids:
        raise BadArgument("no process is named: say which, a collection that is not empty")
    if not all(0 <= one <= arguments.LARGEST_ID for one in ids):
        raise BadArgument(f"{procs!r}: there are no such ids of processes")
    return ids


def get_thread_metrics(*processes, fmt="pandas"):
    """Return what is known of each thread of processes, a row of each with its process_pk.

    The processes are ids, dictionaries, lists or DataFrames of them. One that is not there is left
    out. Read-only. Raises BadArgument for none.
    """
    arguments.checked_form(fmt)
    ids = [one for some in processes for one in ids_of(some)]
    if not ids:
        raise BadArgument("no process is named")
    records = reader.thread_dicts(session.current(), ids)
    if fmt == "terse":
        return [record["process_pk"] for record in records]
    return frames.frame(records, ("process_pk",)) if fmt == "pandas" else records


def timeline(jobs, limit=0, fltr="", when=None, hosts=None, fmt="pandas"):
    """Return the processes of jobs in the order of their starts: see get_procs. Read-only."""
    arguments.some_names(jobs)
    return get_procs(jobs, fltr=fltr, limit=limit, when=when, hosts=hosts, fmt=fmt)


def root(job, fmt="dict"):
    """Return the process of a job that began first: its dictionary, a DataFrame of one row, or its
    id; None for a job without processes. Read-only. Raises MissingJob or BadArgument."""
    arguments.one_job(session.current(), job)
    found = get_procs(job, limit=1, fmt=fmt)
    if fmt == "pandas":
        return found
    return found[0] if found else None


def get_roots(jobs, fmt="dict"):
    """Return the processes of jobs whose parents were not recorded. Read-only.

    Raises what get_procs raises, BadArgument for no job.
    """
    arguments.some_names(jobs)
    return get_procs(jobs, fltr="parent is null", fmt=fmt)


def op_roots(jobs, tag, fmt="dict"):
    """Return the processes with a tag whose parents have not got it. Read-only.

    Raises what get_procs raises, BadArgument for no job or tag.
    """
    arguments.some_names(jobs)
    if not tag:
        raise BadArgument("no tag is named")
    database = session.current()
    found = jobs_of(database, jobs)
    wanted = wanted_processes(database, tags=tag)
    ids = reader.process_ids(database, found, wanted)
    parents = reader.parents_of(database, ids)
    members = set(ids)
    return shown(database, found, [one for one in ids if parents.get(one) not in members], fmt)


def procs_histogram(jobs, attr="exename", metric=""):
    """Return {value of a key: how many processes have it}, or the sum of a metric over these.

    Read-only. Raises what get_procs raises, BadArgument for a key or metric that is none.
    """
    arguments.some_names(jobs)
    found: dict = {}
    for process in each_proc(jobs):
        for key in filter(None, (attr, metric)):
            if key not in process:
                raise BadArgument(f"{key}: processes have no such key")
        if not isinstance(process[attr], Hashable):
            raise BadArgument(f"{attr}: processes cannot be told apart by it")
        if metric and not is_number(process[metric]):
            raise BadArgument(f"{metric}: no number that could be added up")
        found[process[attr]] = found.get(process[attr], 0) + (process[metric] if metric else 1)
    return found


def procs_set(jobs, attr="exename"):
    """Return the different values of a key that processes have, in order. Read-only.

    Raises what procs_histogram raises.
    """
    return sorted(procs_histogram(jobs, attr), key=lambda one: (one is not None, one))


FEATURES = {"procs_histogram": procs_histogram, "procs_set": procs_set}


def add_features_df(jobs_df, features=None, key="jobid"):
    """Return (a DataFrame of jobs with more columns, the names of these). Read-only.

    features: functions that are called with a job id, by default procs_histogram and procs_set.
    """
    functions = list(FEATURES.values()) if features is None else list(features)
    found = jobs_df.copy()
    names = [getattr(one, "__name__", str(one)) for one in functions]
    for name, function in zip(names, functions):
        found[name] = [function(jobid) for jobid in found[key]]
    return found, names


@functools.lru_cache(maxsize=1)
def version():
    """Return the version as a tuple of numbers."""
    from epmtlite.collect.version import VERSION

    return tuple(int(part) for part in VERSION.split("."))


def verify_jobs(jobs):
    """Return (whether all is well, {jobid: what is wrong, texts}) of jobs and their processes.

    Wrong are numbers below zero or not finite, moments before 2019 or in the future. Read-only.
    Raises MissingJob, or BadArgument for no job.
    """
    return verified(conv_jobs(jobs), each_proc)
