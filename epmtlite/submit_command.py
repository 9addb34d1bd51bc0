"""The command epmt submit."""

import logging
import os
import time

from epmtlite import connection, partial, submit
from epmtlite.admin_commands import drop_tables
from epmtlite.collect import errors
from epmtlite.collect.console import print_error, print_line
from epmtlite.schema import EPMT
from usagedb.making import make_tables
from usagedb.runs import recorded
from usagedb.source import is_unexpanded

logger = logging.getLogger(__name__)

COMMAND = "epmt submit"
LONGEST_CLUSTER = 64


def run(options):
    """Store the jobs of directories and archives; return the exit status."""
    if options.drop and options.dry_run:
        raise errors.UsageError("--drop and --dry-run exclude each other")
    paths = options.paths or [submit.default_path(options.settings)]
    if options.drop:
        failed = first_failure(paths, options)
        if failed:  # else all would be lost for the sake of a mistyped name or a damaged archive
            raise NothingDropped(failed)
    paths = [path for path in paths if not is_unexpanded(str(path))]
    if not paths:
        return 0
    config = connection.database_config(options.settings, options.conf_path)
    how = submit.Options(
        cluster=cluster_of(config, options.cluster),
        stop_at_error=options.error,
        remove=options.remove and not options.dry_run,
        move_away=options.move_away and not options.dry_run,
        wait_seconds=options.wait,
        dry_run=options.dry_run,
        found=frozenset(path for path in map(str, paths) if os.path.lexists(path)),
    )
    totals = submit.Totals(options.error)
    if options.dry_run:
        return try_out(paths, config, options, how, totals)
    if options.drop:
        if not drop_tables(config, options.yes):
            return 0
        make_tables(config, [EPMT], logger.info)
    return store(paths, config, options, how, totals)


class NothingDropped(errors.CollectError):
    """A job could not be read before the data are dropped."""

    def __init__(self, outcome):
        """outcome is what became of the job."""
        is_named = outcome.path in outcome.message
        shown = outcome.message if is_named else f"{outcome.path}: {outcome.message}"
        super().__init__(f"{shown}; nothing was dropped")
        self.exit_code = outcome.exit_code


def first_failure(paths, options):
    """Read jobs whole, without a database; return the Outcome of the first that could not be
    stored, None if all could."""
    how = submit.Options(cluster=options.cluster or "", dry_run=True)
    outcomes = submit.submit_all(map(str, paths), submit.Submitter(None, options.settings, how))
    return next((outcome for outcome in outcomes if outcome.kind == submit.FAILED), None)


def cluster_of(config, given):
    """Return the name of the cluster. Raises UsageError if it cannot be one."""
    name = connection.cluster_name(config, given)
    if "/" in name or len(name) > LONGEST_CLUSTER or not name.isprintable():
        raise errors.UsageError(f"{name!r} cannot be the name of a cluster")
    return name


def try_out(paths, config, options, how, totals):
    """Read jobs and compare them with those that are there, if any are; return the exit status."""
    database = connection.open_to_compare(config)
    try:
        submitter = submit.Submitter(database, options.settings, how)
        return tell(totals, submit.submit_all(paths, submitter))
    finally:
        if database:
            database.close()


def store(paths, config, options, how, totals):
    """Store jobs, in one process or in several, as one run; return the exit status."""
    workers = min(options.num_cpus or len(os.sched_getaffinity(0)), len(paths))
    started = time.monotonic()
    outcomes = None
    if workers > 1:
        from epmtlite.parallel import submit_in_parallel

        connection.open_database(config).close()  # the tables are there before the workers are
        outcomes = submit_in_parallel(paths, config, options.settings, how, workers)
    database = connection.open_database(config)
    try:
        with recorded(database, COMMAND) as run:
            partial.clean(database)
            if outcomes is None:
                outcomes = submit.submit_all(
                    paths, submit.Submitter(database, options.settings, how)
                )
            try:
                run.exit_code = tell(totals, outcomes)
            finally:
                count(run, totals, time.monotonic() - started, workers)
        return run.exit_code
    finally:
        database.close()


def tell(totals, outcomes):
    """Print a line for each Outcome; return the exit status."""
    for outcome in outcomes:
        if outcome.line():
            print_line(outcome.line())
        else:
            is_named = outcome.path in outcome.message
            print_error(outcome.message if is_named else f"{outcome.path}: {outcome.message}")
        if outcome.remains:
            logger.warning("%s", outcome.remains)
        if not totals.add(outcome):
            break
    return totals.status()


def count(run, totals, seconds, workers):
    """Write what became of the jobs into the row of usage_run."""
    run.stored, run.duplicates = totals.jobs, totals.present
    run.rejected = len(totals.failures)
    run.message = totals.describe(seconds, workers)
    logger.info("%s", run.message)
