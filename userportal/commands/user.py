"""userportal user: the jobs of a user."""

import click

from usagedb import cli
from userportal.commands.listing import (
    format_option,
    span,
    tell_none,
    time_options,
    write_jobs,
)
from userportal.commands.opened import Opened

MOST_JOBS = 1000


@click.command("user", context_settings=cli.CONTEXT_SETTINGS)
@click.argument("username", metavar="NAME")
@time_options
@click.option("--state", "states", help="Only jobs in these states: failed,timeout …")
@click.option("--limit", type=click.IntRange(1, MOST_JOBS), default=100, show_default=True)
@format_option
@cli.common_options
def command(username, since, until, states, limit, output_format, quiet):
    """List the jobs of a user that waited or ran in these days, submitted last first.

    \b
    Examples:
      userportal user ann
      userportal user ann --since 2026-11-01 --state failed,timeout --format json
    """
    from userportal.access.owners import names_in_slurm
    from userportal.slurm.model import JobFilter
    from userportal.slurm.states import codes

    opened = Opened()
    start, end = span(since, until)
    with opened.sources.slurm() as slurm:
        user_id = opened.user_id(slurm, username)
        wanted = JobFilter(
            user_id=user_id, states=codes(states) if states else (), since=start, until=end,
            usernames=names_in_slurm(slurm, opened.people, username, user_id),
        )  # fmt: skip
        page = slurm.page(wanted, limit=limit)
        owners = opened.owners(slurm, page.jobs)
    write_jobs(page.jobs, owners, output_format)
    if not page.jobs:
        tell_none(f"job of {username}", start, end, output_format, quiet)
    if page.filtered > len(page.jobs) and not quiet:
        click.echo(f"{page.filtered - len(page.jobs)} more: raise --limit", err=True)
    return 0
