"""Tables of jobs and users for the shell, and the options that choose their time."""

import datetime
import math
import time

import click

from usagedb import errors
from usagedb.cli import FORMATS
from usagedb.dates import parse_date
from usagedb.output import write_rows
from userportal.units import GIBIBYTE

DAY_SECONDS = 86400  # from moment to moment; from midnight to midnight it may be others
JOB_COLUMNS = {
    "Job": "job_id", "State": "state", "User": "user", "Account": "account",
    "Partition": "partition", "Name": "name", "Nodes": "nodes", "Cores": "cores", "GPUs": "gpus",
    "Memory (GiB)": "memory_gib", "Started": "started", "Run time (h)": "run_hours",
    "Limit used (%)": "limit_used_percent",
}  # fmt: skip
USER_COLUMNS = {
    "User": "user", "Jobs": "jobs", "Core hours": "core_hours", "GPU hours": "gpu_hours",
    "Memory (GiB h)": "memory_gib_hours",
}  # fmt: skip


def time_options(function):
    """Add --since and --until; the command gets since and until, epoch seconds."""
    function = click.option("--until", metavar="DATE", help="Up to that day, it included.")(
        function
    )
    return click.option(
        "--since", metavar="DATE", help="From that day on.  [default: 7 days before the end]"
    )(function)


def format_option(function):
    """Add --format, as all reports of the suite have it."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
    )(function)


def span(since, until, days=7):
    """Return (start, end), epoch seconds, of two options; nothing has been used after now.

    Days are those of this machine's clock: where the clocks change, one has 23 or 25 hours. The
    second of now is in the window. Raises UsageError for what is no date, and for an end before
    the start.
    """
    now = math.ceil(time.time())
    end = now if until is None else min(now, midnight(until, 1))
    if since is not None:
        start = midnight(since)
    elif end < now:
        start = midnight(until, 1 - days)
    else:
        start = now - days * DAY_SECONDS
    if start >= end:
        what = "in the future" if start > now else f"after --until {until}"
        raise errors.UsageError(f"--since {since} is {what}")
    return start, end


def midnight(text, more_days=0):
    """Return the start of a day, or of one some days later, on this machine's clock, epoch seconds.

    Raises UsageError.
    """
    day = parse_date(text)
    try:
        date = datetime.date(day.year, day.month, day.day) + datetime.timedelta(days=more_days)
        return int(datetime.datetime.combine(date, datetime.time()).timestamp())
    except (ValueError, OverflowError, OSError) as error:  # years that the clock does not have
        raise errors.UsageError(f"{text} is too long ago, or too far away") from error


def job_row(job, username, now):
    """Return the row of a job for JOB_COLUMNS."""
    elapsed = job.elapsed_seconds(now)
    limit = job.time_limit_minutes and job.time_limit_minutes * 60
    started = datetime.datetime.fromtimestamp(job.start).isoformat() if job.start else None
    return (
        job.display_id, job.state_name, username, job.account, job.partition, job.name,
        job.node_count, job.cores, job.gpu_count,
        round(job.memory_bytes / GIBIBYTE, 2) if job.memory_bytes else None, started,
        round(elapsed / 3600, 2), round(100 * elapsed / limit, 1) if limit and elapsed else None,
    )  # fmt: skip


def tell_none(what, start, end, output_format, quiet):
    """Say on stderr that a table is empty, and of which days; machines see that by themselves.

    start and end are epoch seconds, the end is not included.
    """
    if output_format == "table" and not quiet:
        days = [datetime.date.fromtimestamp(at).isoformat() for at in (start, end - 1)]
        click.echo(f"no {what} from {days[0]} to {days[1]}: --since, --until choose", err=True)


def write_jobs(jobs, owners, output_format):
    """Print a table of jobs; owners: {row's number: name}."""
    now = time.time()
    rows = [job_row(job, owners[job.db_index], now) for job in jobs]
    write_rows(list(JOB_COLUMNS), rows, output_format, list(JOB_COLUMNS.values()))


def write_users(usages, name_of, output_format):
    """Print a table of UserUsages; name_of(UserUsage) returns whose it is."""
    rows = [
        (
            name_of(one), one.jobs, round(one.core_hours, 1),
            round(one.gpu_seconds / 3600, 1),
            round(one.memory_byte_seconds / GIBIBYTE / 3600, 1),
        )
        for one in usages
    ]  # fmt: skip
    write_rows(list(USER_COLUMNS), rows, output_format, list(USER_COLUMNS.values()))
