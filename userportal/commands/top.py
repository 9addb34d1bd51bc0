"""userportal top: who uses most, and what of it is wasted."""

import time

import click

from usagedb import cli, errors
from usagedb.output import write_rows
from userportal.commands.listing import (
    format_option,
    span,
    tell_none,
    time_options,
    write_users,
)
from userportal.commands.opened import Opened

KINDS = ("usage", "cores", "gpus", "memory")
NOTHING = {"cores": "no job runs", "gpus": "no job with GPUs runs",
           "memory": "no job runs in [limits] large_memory_partitions"}  # fmt: skip
HOUR_SECONDS, WEEK_SECONDS = 3600, 7 * 86400


@click.command("top", context_settings=cli.CONTEXT_SETTINGS)
@click.argument("kind", type=click.Choice(KINDS), default="usage")
@time_options
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@format_option
@cli.common_options
def command(kind, since, until, limit, output_format, quiet):
    """List who uses most: usage (core hours of some days), or what is in use and wasted now: cores,
    gpus, or memory (jobs in partitions with large memory).

    \b
    Examples:
      userportal top --since 2026-11-01
      userportal top cores --format json
    """
    opened = Opened()
    if kind == "usage":
        start, end = span(since, until)
        with opened.sources.slurm() as slurm:
            users = opened.largest_users(slurm, start, end)[:limit]
        write_users(users, opened.name_of_usage, output_format)
        if not users:
            tell_none("job ran", start, end, output_format, quiet)
        return 0
    if since or until:
        raise errors.UsageError(f"--since and --until go with usage: {kind} is what is in use now")
    table = now_table(opened, kind, limit)
    write_rows(table.headings, table.rows, output_format, table.keys)
    if not table.rows and output_format == "table" and not quiet:
        click.echo(f"{NOTHING[kind]}, or the metrics do not come: userportal check", err=True)
    return 0


def now_table(opened, kind, limit):
    """Return the Table of what is in use now. Raises ConfigurationError without metrics."""
    from userportal.report import top
    from userportal.usage import now as usage_now

    source, limits = opened.sources.metrics, opened.configuration.limits
    if source is None:
        raise errors.ConfigurationError("[prometheus] is not set up: what is in use is not known")
    now = time.time()
    if kind == "cores":
        return top.compute_table(usage_now.compute_uses(source, now, limit), limits)
    if kind == "gpus":
        return top.gpu_table(usage_now.gpu_uses(source, now, limit), limits)
    return top.memory_table(memory_uses(opened, source, now)[:limit])


def memory_uses(opened, source, now):
    """Return the Uses of the running jobs in partitions with large memory."""
    from userportal.usage.now import job_uses

    with opened.sources.slurm() as slurm:
        jobs = slurm.running_in_partitions(
            opened.configuration.limits.large_memory_partitions, now - HOUR_SECONDS,
            now - WEEK_SECONDS,
        )  # fmt: skip
        owners = opened.owners(slurm, jobs)
    sampling = opened.configuration.sampling_seconds("slurm_job_exporter")
    return job_uses(source, jobs, owners, now, sampling)
