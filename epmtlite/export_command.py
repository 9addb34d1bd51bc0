"""The command epmt export."""

import contextlib
import logging
import sys
from pathlib import Path

from epmtlite import connection, export, jobs, processes
from epmtlite.collect import errors
from epmtlite.collect.console import print_line
from epmtlite.filtering import summed_metrics
from epmtlite.list_command import chosen_jobs
from epmtlite.query_words import Query

logger = logging.getLogger(__name__)

JOBS, PROCESSES = "jobs", "procs"
KINDS = [JOBS, PROCESSES, "processes"]
FORMS = ("csv", "parquet")
STDOUT = "-"
# What of a job is a mapping of any size: written only where it is asked for.
ENVIRONMENTS = ("env_dict", "env_changes_dict", "info_dict")


def run(options):
    """Write jobs or processes to a file."""
    form = form_of(options)
    query = Query(options.words, KINDS, options.cluster)
    is_of_jobs = query.kind == JOBS
    if options.environments and not is_of_jobs:
        raise errors.UsageError("--environments are of jobs")
    wanted = query.job_filter() if is_of_jobs else query.filter_of_their_jobs()
    of_processes = None if is_of_jobs else query.process_filter()
    query.check_all_taken()
    with connection.opened(options, to_write=False) as database:
        found = chosen_jobs(database, wanted, KINDS)
        if is_of_jobs:
            records, keys = job_records(database, found, options.environments)
        else:
            records, keys = process_records(database, found, of_processes)
        target = sys.stdout.buffer if options.output == STDOUT else options.output
        with contextlib.closing(records):  # before the database is
            count = export.write(records, keys, form, target)
    logger.info("%d %s written", count, query.kind)
    if options.output != STDOUT and options.verbosity:
        print_line(options.output)


def form_of(options):
    """Return the form: that of --format, else of the end of the name. Raises UsageError."""
    suffix = Path(options.output).suffix.lstrip(".").lower()
    form = options.form or suffix or FORMS[0]
    if form not in FORMS:
        raise errors.UsageError(
            f"{options.output}: its name ends in .csv or .parquet, or say --format"
        )
    if options.output == STDOUT and form != "csv":
        raise errors.UsageError(f"{form} needs a file: -o FILE")
    return form


def job_records(database, found, environments):
    """Return (dictionaries of jobs, their keys). Read-only."""
    left_out = () if environments else ENVIRONMENTS
    numbers = [job.number for job in found]
    keys = dict.fromkeys((*jobs.KEYS, *summed_metrics(database, numbers)))
    return jobs.job_dicts(database, found), [key for key in keys if key not in left_out]


def process_records(database, found, wanted):
    """Return (dictionaries of the processes of jobs that meet a ProcessFilter, their keys).

    Read-only. Without a condition they come as they were stored, which takes the least.
    """
    contexts = processes.Contexts(database, found)
    keys = contexts.keys(merge_sums=True)
    if wanted == processes.ProcessFilter():
        return processes.all_dicts(contexts, found), keys
    ids = processes.process_ids(database, found, wanted)
    return processes.process_dicts(database, contexts, ids), keys
