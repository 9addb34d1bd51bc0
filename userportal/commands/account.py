"""userportal account: what the users of an account had."""

import click

from usagedb import cli, errors
from userportal.commands.listing import (
    format_option,
    span,
    time_options,
    write_jobs,
    write_users,
)
from userportal.commands.opened import Opened

MOST_JOBS = 1000


@click.command("account", context_settings=cli.CONTEXT_SETTINGS)
@click.argument("account", metavar="NAME")
@time_options
@click.option("--jobs", "wants_jobs", is_flag=True, help="List the jobs instead of the users.")
@click.option("--limit", type=click.IntRange(1, MOST_JOBS), default=100, show_default=True)
@format_option
@cli.common_options
def command(account, since, until, wants_jobs, limit, output_format, quiet):
    """List the users of an account with their core and GPU hours, or its jobs.

    \b
    Examples:
      userportal account def-ann_cpu
      userportal account def-ann_cpu --jobs --since 2026-11-01 --format csv
    """
    from userportal.slurm.model import JobFilter

    opened = Opened()
    start, end = span(since, until)
    with opened.sources.slurm() as slurm:
        if not slurm.account_exists(account):
            raise errors.UsageError(f"slurmdbd has no account {account}")
        if wants_jobs:
            wanted = JobFilter(account=account, since=start, until=end)
            jobs = slurm.page(wanted, limit=limit).jobs
        else:
            users = slurm.largest_users(start, end, limit, account)
    if wants_jobs:
        write_jobs(jobs, opened.username, output_format)
    else:
        write_users(users, opened.username, output_format)
    return 0
