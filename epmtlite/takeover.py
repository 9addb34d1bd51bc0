"""Take over the jobs of a database that EPMT itself filled: epmt migrate --from URL."""

import os
import time

from epmtlite import connection, job_rows, known, load, partial, submit, submit_command
from epmtlite.collect import errors
from epmtlite.database_url import config_of_url
from epmtlite.job_rows import ReadJob
from epmtlite.old_epmt import OldDatabase
from epmtlite.reading import Processes
from epmtlite.tagtext import bad_tags_counted
from epmtlite.zones import SITE_VARIABLE
from usagedb.runs import recorded

COMMAND = "epmt migrate"
# Processes are not measured by the times of their job: EPMT has stored some by another clock.
# These are the times that any clock can show, from the second day of the year 1 to the last but
# one of 9999.
ALWAYS = -62_135_510_400_000_000, 253_402_128_000_000_000


def take_over(options):
    """Store all jobs of the database options.source; return the exit status.

    A job that is there already is told and left alone, so that it can be done again.
    """
    old = OldDatabase(config_of_url(options.source, "--from"), os.environ.get(SITE_VARIABLE))
    totals = submit.Totals()
    config = connection.database_config(options.settings, options.conf_path)
    cluster = submit_command.cluster_of(config, options.cluster)
    if options.dry_run:
        ours = connection.open_to_compare(config)
        return submit_command.tell(totals, outcomes(old, ours, cluster, dry_run=True))
    with connection.opened(options) as database, recorded(database, COMMAND) as run:
        started = time.monotonic()
        partial.clean(database)
        try:
            run.exit_code = submit_command.tell(totals, outcomes(old, database, cluster))
        finally:
            submit_command.count(run, totals, time.monotonic() - started, 1)
    old.close()
    return run.exit_code


def outcomes(old, database, cluster, dry_run=False):
    """Yield the submit.Outcome of each job; with dry_run it is only read and compared, also without
    a database of ours."""
    store = None if dry_run else load.Store(database)
    for jobid in old.job_ids():
        started = time.monotonic()
        try:
            outcome = take_over_job(old, jobid, database, store, cluster)
        except errors.CollectError as error:
            outcome = submit.Outcome(
                f"job {jobid}", submit.FAILED, exit_code=error.exit_code, message=str(error)
            )
        yield outcome._replace(seconds=max(1e-6, time.monotonic() - started))


def take_over_job(old, jobid, database, store, cluster):
    """Store one job and return the Outcome. Commits. Raises MalformedError."""
    found = old.job(jobid)
    name = f"job {jobid}"
    there = known.find(database, cluster, found.facts.jobid) if database else None
    if there:
        known.check_times(there, found.facts)
        if known.is_same_user(there, found.facts.user):
            return submit.Outcome(name, submit.PRESENT, jobid)
    processes = Processes(*ALWAYS)
    try:
        with bad_tags_counted(name):
            processes.add_file(name, "unknown", found.records())
        if there:
            known.check_same(there, found.facts, processes)
            return submit.Outcome(name, submit.PRESENT, jobid)
        job = ReadJob(cluster, found.facts, processes, processes.build_tree())
        if store is None:
            job_rows.check(job)
            return submit.Outcome(name, submit.READ, jobid, len(processes))
        kind = submit.STORED if store.write(job) else submit.PRESENT
        return submit.Outcome(name, kind, jobid, len(processes))
    finally:
        processes.close()
