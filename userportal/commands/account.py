"""userportal account: what the users of an account had."""

import click

from usagedb import cli, errors
from userportal.commands.listing import (
    format_option,
    span,
    tell_none,
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
    """List the users of an account with their core and GPU hours, or its jobs: of those that ran
    in these days, with what was in them; the jobs are listed whole, submitted last first.

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
            raise errors.MissingInputError(f"slurmdbd has no account {account}")
        if wants_jobs:
            wanted = JobFilter(account=account, since=start, until=end, has_run=True)
            page = slurm.page(wanted, limit=limit)
            found, left = page.jobs, page.filtered - len(page.jobs)
            owners = opened.owners(slurm, found)
        else:
            users = opened.largest_users(slurm, start, end, account)
            found, left = users[:limit], len(users) - limit
    if wants_jobs:
        write_jobs(found, owners, output_format)
    else:
        write_users(found, opened.name_of_usage, output_format)
    if left > 0 and not quiet:
        click.echo(f"{left} more: raise --limit", err=True)
    if not found:
        tell_none(f"job of {account}", start, end, output_format, quiet)
    return 0
