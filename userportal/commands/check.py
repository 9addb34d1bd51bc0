"""userportal check: of every source whether it answers, and what the portal will lack."""

import sys

import click

from usagedb import cli, errors
from usagedb.cli import FORMATS
from usagedb.output import write_rows
from userportal.checks import CheckState, checks
from userportal.configuration import find_configuration

HEADINGS, KEYS = ("Source", "State", "What it says"), ("source", "state", "text")


@click.command("check", context_settings=cli.CONTEXT_SETTINGS)
@click.option(
    "--format", "output_format", type=click.Choice(FORMATS), default="table", show_default=True
)
@cli.common_options
def command(output_format, quiet):
    """Ask every source of the configuration, and say which pages and graphs will be missing.

    Ends with 0 if all that is configured answers, with 75 if something does not.
    """
    configuration = find_configuration()
    found = list(checks(configuration))
    if not quiet:
        rows = [(one.source, one.state.value, one.text) for one in found]
        write_rows(list(HEADINGS), rows, output_format, list(KEYS))
    failed = [one.source for one in found if one.state is CheckState.FAILED]
    if failed:
        sys.stdout.flush()
        raise errors.UnavailableError(f"no answer, or a wrong one: {', '.join(failed)}")
    return 0
