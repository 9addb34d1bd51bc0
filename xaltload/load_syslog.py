"""The command xalt_syslog_to_db: load the records that XALT sent through syslog."""

import re

import click

from usagedb import cli, errors
from xaltload.loading import load, loading_options

COMMAND = "xalt_syslog_to_db"


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("files", nargs=-1, metavar="[FILE...]")
@click.option("--syslog", "logs", multiple=True, metavar="FILE", help="Log to read; - is stdin.")
@click.option(
    "--leftover",
    "--leftover_fn",
    "leftover_path",
    default="leftover.log",
    show_default=True,
    metavar="FILE",
    help="Where incomplete records wait for their other blocks.",
)
@click.option(
    "--syshost",
    default=".*",
    show_default=True,
    metavar="REGEX",
    help="Only the records of clusters whose whole name matches.",
)
@loading_options
@cli.common_options
@cli.database_options("xalt")
def command(files, logs, config, quiet, dry_run, wait_seconds, **options):
    """Store the records of XALT that are in logs of syslog, each exactly once.

    Logs may be compressed (.gz, .bz2, .xz). A record whose blocks are not all there waits in the
    leftover file, up to three days, for the next log.

    \b
    Examples:
      xalt_syslog_to_db --syslog /var/log/xalt.log-20261121 --leftover /var/lib/xalt/leftover
      zcat old/*.gz | xalt_syslog_to_db --syslog - --syshost 'aurora|borealis'
    """
    from usagedb.source import is_unexpanded  # not for --help
    from xaltload.logs import LogReader, NewLeftover

    names = [*logs, *files]
    if not names:
        raise errors.UsageError("name a log with --syslog FILE")
    names = [name for name in names if not is_unexpanded(name)]
    wanted = matcher(options["syshost"])
    leftover = NewLeftover(options["leftover_path"])

    def parts_of(reader):
        return LogReader(reader, options["leftover_path"], leftover.open(), wanted).parts(names)

    try:
        return load(
            COMMAND, config, options, quiet, dry_run, wait_seconds, parts_of,
            when_whole=leftover.take_place,
        )  # fmt: skip
    finally:
        leftover.close()


def matcher(expression):
    """Return a function that tells whether a cluster's name matches. Raises UsageError."""
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise errors.UsageError(f"--syshost {expression}: {error}") from error
    return lambda syshost: pattern.fullmatch(syshost) is not None


def main():
    """Run the command."""
    cli.run(command)
