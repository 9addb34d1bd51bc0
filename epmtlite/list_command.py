"""The command epmt list."""

import itertools

from epmtlite import (
    connection,
    filters,
    forms,
    jobs,
    moments,
    operations,
    processes,
    refmodels,
    selection,
)  # fmt: skip
from epmtlite.collect import errors
from epmtlite.ordering import checked_order
from epmtlite.query_words import Query, listed, truth, whole

NOTHING = 1  # the status where what was asked for is not there
TERSE, DICT = "terse", "dict"  # fmt=: ids only, or all that is known


def run(options):
    """Show what the words of the command line ask for; return the exit status."""
    query = Query(options.words, list(KINDS), options.cluster)
    with connection.opened(options, to_write=False) as database:
        return KINDS[query.kind](database, query, options.form)


def chosen_jobs(database, wanted, kinds=None):
    """Return the Jobs that meet a JobFilter. Raises MissingError if a job that it names is not
    there: it may be one of the kinds, by default those of list, that was misspelt."""
    named = selection.named_jobs(database, wanted.jobs, wanted.cluster)
    missing = selection.missing_names(wanted.jobs, named)
    if missing:
        raise errors.MissingError(
            f"no job {', '.join(missing)}; kinds are {', '.join(kinds or KINDS)}"
        )
    return selection.select_jobs(database, wanted)


def show(records, form, keys=None):
    """Print records as they come; return the exit status."""
    records = iter(records)
    first = list(itertools.islice(records, 1))
    forms.write_dicts(itertools.chain(first, records), form, keys)
    return 0 if first else NOTHING


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
    found = chosen_jobs(database, wanted)
    if terse:
        forms.write_list(jobs.job_names(database, found), "jobid", form)
    else:
        forms.write_dicts(jobs.job_dicts(database, found, merge_sums), form)
    return 0


def list_unprocessed(database, query, form):
    """Print the jobs that wait for post-processing: none, for it is done before they are seen."""
    wanted = query.named_jobs()
    query.check_all_taken()
    chosen_jobs(database, wanted)  # that a name is wrong is an error here too
    forms.write_list([], "jobid", form)
    return NOTHING if wanted.jobs else 0


def list_unanalyzed(database, query, form):
    """Print the ids of the jobs of which no analysis is stored."""
    wanted = query.named_jobs()
    query.check_all_taken()
    found = jobs.unanalyzed(database, chosen_jobs(database, wanted))
    forms.write_list(jobs.job_names(database, found), "jobid", form)
    return NOTHING if wanted.jobs and not found else 0


def list_processes(database, query, form):
    """Print all about processes, or with fmt=terse their ids."""
    chosen, wanted = query.named_jobs(), query.process_filter()
    terse = is_terse(query, DICT)
    merge_sums = query.take("merge_threads_sums", truth, True)
    query.check_all_taken()
    found = chosen_jobs(database, chosen)
    ids = processes.process_ids(database, found, wanted)
    if terse:
        forms.write_list(ids, "id", form)
        return 0 if ids else NOTHING
    contexts = processes.Contexts(database, found)
    records = processes.process_dicts(database, contexts, ids, merge_sums)
    keys = contexts.keys(merge_sums) if form in forms.STREAMED else None
    return show(records, form, keys)


def list_threads(database, query, form):
    """Print the metrics of the threads of processes, which are named by their ids."""
    query.check_all_taken()
    try:
        ids = [whole(name) for name in query.names]
    except ValueError as error:
        raise errors.UsageError(f"{error} is no id of a process: see epmt list procs") from None
    return show(processes.thread_dicts(database, ids), form)


def list_operations(database, query, form):
    """Print the operations of jobs: what processes with one tag took together."""
    chosen = query.named_jobs()
    tags = query.take("tags", lambda text: [part for part in text.split(",") if part], ())
    method = query.take("op_duration_method", default=operations.SUM)
    is_exact = query.take("exact_tags_only", truth, False)
    by_tag = query.take("group_by_tag", truth, False)
    query.check_all_taken()
    found = chosen_jobs(database, chosen)
    tags = tags or jobs.distinct_process_tags(database, found)
    records = operations.op_metrics(database, found, tags, method, is_exact, by_tag)
    return show(records, form)


def list_process_tags(database, query, form):
    """Print the different tags of the processes of jobs; with fold=true each key once."""
    chosen = query.named_jobs()
    excluded = query.take("exclude", listed, ())
    wanted = query.take("tag_filter", selection.wanted_tags)
    fold = query.take("fold", truth, False)
    query.check_all_taken()
    found = chosen_jobs(database, chosen)
    tags = jobs.distinct_process_tags(database, found, excluded, wanted)
    if fold:
        forms.write_dicts([operations.folded(tags)] if tags else [], form)
    else:
        forms.write_list(tags, "tags", form)
    return 0 if tags else NOTHING


def list_models(database, query, form):
    """Print all about models of jobs, or with fmt=terse their ids."""
    wanted = refmodels.ModelFilter(
        name=query.take("name"),
        tags=selection.single(query.take("tag", selection.wanted_tags)),
        exact_tag_only=query.take("exact_tag_only", truth, False),
        fltr=query.take("fltr", filters.parsed),
        before=query.take("before", moments.microseconds_of),
        after=query.take("after", moments.microseconds_of),
        order=checked_order(query.take("order", default="id"), refmodels.ORDERS),
        limit=query.take("limit", whole),
    )
    merge_fields = query.take("merge_nested_fields", truth, True)
    terse = is_terse(query, DICT)
    query.check_all_taken()
    models = refmodels.find(database, wanted)
    if query.names:
        models = [one for one in models if {one.name, str(one.id)} & set(query.names)]
    if terse:
        forms.write_list([model.id for model in models], "id", form)
        return 0 if models else NOTHING
    return show((model.as_dict(merge_fields) for model in models), form)


KINDS = {
    "jobs": list_jobs,
    "unprocessed_jobs": list_unprocessed,
    "unanalyzed_jobs": list_unanalyzed,
    "procs": list_processes,
    "processes": list_processes,
    "thread_metrics": list_threads,
    "op_metrics": list_operations,
    "job_proc_tags": list_process_tags,
    "refmodels": list_models,
}
