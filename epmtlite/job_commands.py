"""The commands dump and annotate of epmt, for jobs that are in the database."""

from epmtlite import annotations, connection, selection
from epmtlite.collect import errors
from epmtlite.collect.console import print_line
from epmtlite.collect.texts import visible

KEY_WIDTH = 20
GAP = " " * 6
NO_FILE = ", and no file has that name"


def dump(target, options):
    """Print a job as lines of a key and its value, or with options.key that value alone.

    Raises MissingError if there is no such job, or, with the keys there are, if it has no such
    key.
    """
    from epmtlite.jobs import job_dicts

    with connection.opened(options_with_database(options), to_write=False) as database:
        job = next(job_dicts(database, [the_job(database, target, hint=NO_FILE)]))
    if options.key is None:
        for key in sorted(job):
            print_line(f"{key.ljust(KEY_WIDTH)}{GAP}{visible(job[key])}")
    elif options.key in job:
        print_line(visible(job[options.key]))
    else:
        raise errors.MissingError(
            f"there is no key {options.key}; there are {', '.join(sorted(job))}"
        )


def annotate(target, added, options):
    """Add annotations to a job, or with options.replace put them in the place of the old ones.

    Raises MissingError if there is no such job.
    """
    with connection.opened(options_with_database(options)) as database:
        annotations.annotate(
            database, the_job(database, target, hint=NO_FILE), added, options.replace
        )


def options_with_database(options):
    """Return the options of a command that has none about the database: it is the usual one."""
    options.conf_path = getattr(options, "conf_path", None)
    return options


def the_job(database, name, cluster=None, hint=""):
    """Return the selection.Job of a job id, or cluster/id. Raises MissingError, with a hint."""
    found = selection.named_jobs(database, [name], cluster)
    if not found:
        raise errors.MissingError(f"no job {name} is in the database{hint}")
    return found[0]
