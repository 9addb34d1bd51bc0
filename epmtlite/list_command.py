"""The command epmt list."""

from epmtlite import connection, forms, jobs, operations, processes, selection
from epmtlite.collect import errors
from epmtlite.query_words import Query, listed, truth, whole

NOTHING = 1  # the status where what was asked for is not there
TERSE, DICT = "terse", "dict"  # fmt=: ids only, or all that is known


def run(options):
    """Show what the words of the command line ask for; return the exit status."""
    query = Query(options.words, list(KINDS), options.cluster)
    with connection.opened(options, to_write=False) as database:
        return KINDS[query.kind](database, query, options.form)


def is_terse(query, default):
    """Tell whether fmt= asks for ids only. Raises UsageError."""
    form = query.take("fmt", default=default)
    if form not in (TERSE, DICT, "pandas"):  # EPMT's name for what --format table shows
        raise errors.UsageError(f"fmt={form}: {TERSE} or {DICT}")
    return form == TERSE


def list_jobs(database, query, form):
    """Print job ids, or with fmt=dict all about the jobs."""
    wanted, terse = query.job_filter(), is_terse(query, TERSE)
    merge_sums = query.take("merge_proc_sums", truth, True)
    query.check_all_taken()
    found = selection.select_jobs(database, wanted)
    if terse:
        forms.write_list(jobs.job_names(database, found), "jobid", form)
    else:
        forms.write_dicts(list(jobs.job_dicts(database, found, merge_sums)), form)
    return 0


def list_unprocessed(database, query, form):
    """Print the jobs that wait for post-processing: none, for it is done before they are seen."""
    wanted = query.named_jobs()
    query.check_all_taken()
    selection.select_jobs(database, wanted)  # that a name is ambiguous is an error here too
    forms.write_list([], "jobid", form)
    return NOTHING if wanted.jobs else 0


def list_unanalyzed(database, query, form):
    """Print the ids of the jobs of which no analysis is stored."""
    wanted = query.named_jobs()
    query.check_all_taken()
    found = jobs.unanalyzed(database, selection.select_jobs(database, wanted))
    forms.write_list(jobs.job_names(database, found), "jobid", form)
    return NOTHING if wanted.jobs and not found else 0


def list_processes(database, query, form):
    """Print all about processes, or with fmt=terse their ids."""
    chosen, wanted = query.named_jobs(), query.process_filter()
    terse = is_terse(query, DICT)
    merge_sums = query.take("merge_threads_sums", truth, True)
    query.check_all_taken()
    found = selection.select_jobs(database, chosen)
    if terse:
        ids = processes.process_ids(database, found, wanted)
        forms.write_list(ids, "id", form)
        return 0 if ids else NOTHING
    records = processes.process_dicts(database, found, wanted, merge_sums)
    forms.write_dicts(records, form)
    return 0 if records else NOTHING


def list_threads(database, query, form):
    """Print the metrics of the threads of processes, which are named by their ids."""
    query.check_all_taken()
    try:
        ids = [whole(name) for name in query.names]
    except ValueError as error:
        raise errors.UsageError(f"{error} is no id of a process: see epmt list procs") from None
    records = processes.thread_dicts(database, ids)
    forms.write_dicts(records, form)
    return 0 if records else NOTHING


def list_operations(database, query, form):
    """Print the operations of jobs: what processes with one tag took together."""
    chosen = query.named_jobs()
    tags = query.take("tags", lambda text: [part for part in text.split(",") if part], ())
    method = query.take("op_duration_method", default=operations.SUM)
    is_exact = query.take("exact_tags_only", truth, False)
    by_tag = query.take("group_by_tag", truth, False)
    query.check_all_taken()
    found = selection.select_jobs(database, chosen)
    records = operations.op_metrics(database, found, tags, method, is_exact, by_tag)
    forms.write_dicts(records, form)
    return 0 if records else NOTHING


def list_process_tags(database, query, form):
    """Print the different tags of the processes of jobs; with fold=true each key once."""
    chosen = query.named_jobs()
    excluded = query.take("exclude", listed, ())
    wanted = query.take("tag_filter", selection.wanted_tags)
    fold = query.take("fold", truth, False)
    query.check_all_taken()
    found = selection.select_jobs(database, chosen)
    tags = distinct_tags(database, found, excluded, wanted)
    if fold:
        forms.write_dicts([operations.folded(tags)] if tags else [], form)
    else:
        forms.write_list(tags, "tags", form)
    return 0 if tags else NOTHING


def distinct_tags(database, found, excluded, wanted):
    """Return the different tags of processes, without some keys. Read-only."""
    by_job = jobs.process_tags(database, [job.number for job in found])
    distinct: dict = {}
    for tags in (tags for some in by_job.values() for tags in some):
        if wanted is None or selection.matches(tags, wanted):
            left = {key: value for key, value in tags.items() if key not in excluded}
            distinct.setdefault(tuple(sorted(left.items())), left)
    return [distinct[key] for key in sorted(distinct) if key]


KINDS = {
    "jobs": list_jobs,
    "unprocessed_jobs": list_unprocessed,
    "unanalyzed_jobs": list_unanalyzed,
    "procs": list_processes,
    "processes": list_processes,
    "thread_metrics": list_threads,
    "op_metrics": list_operations,
    "job_proc_tags": list_process_tags,
}
