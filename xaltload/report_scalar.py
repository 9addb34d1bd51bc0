"""The command xalt_scalar_bins_usage_report: runs on one core, by how long they were."""

import click

from usagedb import cli
from xaltload.report_options import name_map_option, read_names, report_options, show


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.option("--full", is_flag=True, help="All executables of each bin, whatever --num says.")
@click.option("--short", is_flag=True, help="Only the bins below 5 and from 30 minutes on.")
@name_map_option
@report_options
@cli.common_options
@cli.database_options("xalt")
def command(config, quiet, full, short, name_map_path, **options):
    """Report runs on one core below 5, 10, 20 and 30 minutes, and all longer ones.

    The bins overlap: a run of 4 minutes is in the first four. The end of the days is exclusive.

    \b
    Examples:
      xalt_scalar_bins_usage_report --start 2026-10-01 --num 10
      xalt_scalar_bins_usage_report --table scalar_05 --format csv
    """
    from xaltload.scalar_report import scalar_tables

    names = read_names(name_map_path)
    number = 0 if full else options["number"]

    def make_tables(database, selection):
        tables = scalar_tables(database, selection, names, number, options["weighted"])
        return [tables[0], tables[-1]] if short else tables

    return show("XALT REPORT of Scalar bins {days}", config, options, make_tables)


def main():
    """Run the command."""
    cli.run(command)
