"""The command xalt_usage_report: what was run, by whom, for how long."""

import click

from usagedb import cli, errors
from xaltload.report_options import name_map_option, read_names, report_options, show

REPORTS = ("usage", "packages", "gpus", "containers", "accounts", "fields", "unended", "lastused")


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.option("--short", is_flag=True, help="Only the tables of executables.")
@click.option("--full", is_flag=True, help="The tables of each compiler and of largemem too.")
@click.option(
    "--report",
    "report_name",
    type=click.Choice(REPORTS),
    default="usage",
    show_default=True,
    help="Which report.",
)
@click.option(
    "--reverseMapD",
    "map_directories",
    metavar="DIRS",
    help="For lastused: directories of the reverse map, separated by colons.",
)
@name_map_option
@report_options
@cli.common_options
@cli.database_options("xalt")
def command(config, quiet, short, full, report_name, map_directories, name_map_path, **options):
    """Report the executables that were run: core hours, runs, jobs, users, accounts.

    Executables are named by the codes of --name-map; the end of the days is exclusive.

    \b
    Examples:
      xalt_usage_report --start 2026-10-01 --end 2026-11-01 --syshost aurora
      xalt_usage_report --short --num 50 --format csv --table executables_all_by_hours
      xalt_usage_report --report lastused --reverseMapD /apps/xalt/reverseMapD
    """
    from xaltload import more_reports, usage_report

    check(short, full, report_name, map_directories, options["start"] or options["end"])
    names = read_names(name_map_path)

    def make_tables(database, selection):
        if report_name == "usage":
            return usage_report.usage_tables(
                database, selection, names, options["number"], short, full, options["weighted"]
            )
        question = more_reports.Question(
            database, selection, names, options["number"], options["weighted"],
            site_modules(map_directories),
        )  # fmt: skip
        return more_reports.REPORTS[report_name](question)

    days = "on all days" if report_name == "lastused" else "{days}"
    return show(f"XALT REPORT on {{where}} {days}", config, options, make_tables)


def check(short, full, report_name, map_directories, days):
    """Raise UsageError for options that contradict each other."""
    if short and full:
        raise errors.UsageError("--short and --full exclude each other")
    if report_name != "usage" and (short or full):
        raise errors.UsageError("--short and --full are for --report usage")
    if map_directories and report_name != "lastused":
        raise errors.UsageError("--reverseMapD is for --report lastused")
    if days and report_name == "lastused":
        raise errors.UsageError("--report lastused is about all days: leave --start and --end out")


def site_modules(map_directories):
    """Return the names of all modules of the reverse map."""
    from xaltload.modulemap import read_module_map

    directories = [name for name in (map_directories or "").split(":") if name]
    return read_module_map(directories).names() if directories else ()


def main():
    """Run the command."""
    cli.run(command)
