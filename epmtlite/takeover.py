"""Take over the jobs of a database that EPMT itself filled: epmt migrate --from URL."""

import os
import time

from epmtlite import connection, load, partial, submit, submit_command
from epmtlite.collect import errors
from epmtlite.database_url import config_of_url
from epmtlite.load import ReadJob
from epmtlite.old_epmt import OldDatabase
from epmtlite.reading import Processes
from epmtlite.zones import SITE_VARIABLE
from usagedb.runs import recorded

COMMAND = "epmt migrate"
# Processes are not measured by the times of their job: EPMT has stored some by another clock.
ALWAYS = -(1 << 62), 1 << 62


def take_over(options):
    """Store all jobs of the database options.source; return the exit status.

    A job that is there already is told and left alone, so that it can be done again.
    """
    old = OldDatabase(config_of_url(options.source, "--from"), os.environ.get(SITE_VARIABLE))
    totals = submit.Totals()
    config = connection.database_config(options.settings, options.conf_path)
    cluster = submit_command.cluster_of(config, options.cluster)
    if options.dry_run:
        return submit_command.tell(totals, outcomes(old, None, cluster))
    with connection.opened(options) as database, recorded(database, COMMAND) as run:
        started = time.monotonic()
        partial.clean(database)
        try:
            run.exit_code = submit_command.tell(totals, outcomes(old, database, cluster))
        finally:
            submit_command.count(run, totals, time.monotonic() - started, 1)
    old.close()
    return run.exit_code


def outcomes(old, database, cluster):
    """Yield the submit.Outcome of each job; without a database of ours it is only read."""
    store = load.Store(database) if database else None
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
    if database and submit.is_there(database, cluster, found.facts):
        return submit.Outcome(name, submit.PRESENT, jobid)
    processes = Processes(*ALWAYS)
    try:
        processes.add_file(name, "unknown", found.records())
        job = ReadJob(cluster, found.facts, processes, processes.build_tree())
        if store is None:
            return submit.Outcome(name, submit.READ, jobid, len(processes))
        kind = submit.STORED if store.write(job) else submit.PRESENT
        return submit.Outcome(name, kind, jobid, len(processes))
    finally:
        processes.close()
