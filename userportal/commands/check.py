"""userportal check: of every source whether it answers, and what the portal will lack."""

import shutil
import sys
import textwrap

import click

from usagedb import cli, errors
from usagedb.cli import FORMATS
from usagedb.output import write_rows
from userportal.checks import CheckState, checks
from userportal.configuration import find_configuration

HEADINGS, KEYS = ("Source", "State", "What it says"), ("source", "state", "text")
GAP = 2  # blanks between two columns
BESIDE_HEADING = 2  # a column of tabulate is so much wider than its heading, at least
NARROWEST = 30  # characters of the last column


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
        if output_format == "table" and sys.stdout.isatty():
            rows = wrapped(rows, shutil.get_terminal_size().columns)
        write_rows(list(HEADINGS), rows, output_format, list(KEYS))
    failed = [one.source for one in found if one.state is CheckState.FAILED]
    if failed:
        sys.stdout.flush()
        raise errors.UnavailableError(f"no answer, or a wrong one: {', '.join(failed)}")
    return 0


def wrapped(rows, columns):
    """Return rows whose last text fits into a terminal; what does not is in a row of its own."""
    before = 0
    for place in (0, 1):
        widest = max((len(row[place]) for row in rows), default=0)
        before += max(widest, len(HEADINGS[place]) + BESIDE_HEADING) + GAP
    width = max(columns - before, NARROWEST)
    found = []
    for source, state, text in rows:
        first, *others = textwrap.wrap(text, width) or [""]
        found += [(source, state, first), *(("", "", line) for line in others)]
    return found
