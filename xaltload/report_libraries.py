"""The command xalt_library_usage: which modules' libraries were loaded."""

import click

from usagedb import cli
from xaltload.report_options import report_options, show


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.option(
    "--sqlPattern",
    "pattern",
    default="%",
    show_default=True,
    metavar="PATTERN",
    help="Only modules whose name matches; % and _ are wildcards.",
)
@click.option("--full", is_flag=True, help="All rows, however many: as without --num.")
@click.option("--short", is_flag=True, help="Only the table of module families.")
@report_options
@cli.common_options
@cli.database_options("xalt")
@click.pass_context
def command(context, config, quiet, pattern, full, short, **options):
    """Report whose libraries were loaded by runs: core hours, users, accounts, runs, jobs.

    All modules are shown unless --num says how many. Of the libraries of a module the one with
    the most core hours counts. The end of the days is exclusive.

    \b
    Examples:
      xalt_library_usage --sqlPattern 'fftw%' --syshost aurora
      xalt_library_usage --format json --table libraries --start 2026-01-01
    """
    from xaltload.library_report import library_tables

    source = context.get_parameter_source("number")
    is_asked = source == click.core.ParameterSource.COMMANDLINE
    number = options["number"] if is_asked and not full else 0

    def make_tables(database, selection):
        tables = library_tables(database, selection, pattern, number, options["weighted"])
        return tables[:1] if short else tables

    return show("XALT Library Report on {where} {days}", config, options, make_tables)


def main():
    """Run the command."""
    cli.run(command)
