"""The command analyzeLmodDB: reports about module usage."""

import datetime
import logging
import shutil
import sys

import click

from lmodtrack import moduletree, report, usage
from lmodtrack.schema import LMOD
from lmodtrack.versions import versions
from lmodtrack.window import window_of
from usagedb import cli, errors, schema
from usagedb.database import Database
from usagedb.dates import parse_date
from usagedb.output import write_rows

logger = logging.getLogger(__name__)

COMMANDS = ("counts", "usernames", "modules_used_by", "unused", "trend", "versions")
CHARTED = ("counts", "trend")
BY_CLUSTER = ("counts", "usernames", "modules_used_by")
CHART_ROWS = 30
# A table for people names no more users than fit; csv and json name all.
FOR_READING = ("table", "markdown")
NAMES_FOR_READING = 5


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("report_name", type=click.Choice(COMMANDS), metavar="COMMAND")
@click.option("--syshost", multiple=True, metavar="NAME", help="Only this cluster (% is any text).")
@click.option("--start", metavar="YYYY-MM-DD", help="First day.  [default: the first stored]")
@click.option("--end", metavar="YYYY-MM-DD", help="The day after the last: the end is exclusive.")
@click.option(
    "--sqlPattern",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Module paths (modules_used_by: users) to report; % is any text, _ any character.",
)
@click.option("--allmodulesFn", "list_path", metavar="FILE", help="All module files, one a line.")
@click.option("--moduletree", metavar="DIR", help="unused: all module files below this directory.")
@click.option("--loads", is_flag=True, help="Add the number of loads.")
@click.option("--by-syshost", is_flag=True, help="Add the cluster, and count each by itself.")
@click.option(
    "--period", type=click.Choice(report.PERIODS), default="month", help="trend: one row per this."
)
@click.option("--chart", is_flag=True, help="counts, trend: draw a chart in the terminal.")
@click.option("--plot", metavar="FILE", help="counts, trend: write a chart as .png or .svg.")
@cli.format_option
@cli.common_options
@cli.database_options()
def command(report_name, config, quiet, output_format, start, end, **options):
    """Report what modules users load.

    \b
    counts           distinct users of each module file
    usernames        who uses it
    modules_used_by  module files of the users that --sqlPattern names
    unused           module files of --allmodulesFn or --moduletree that nobody loads
    trend            users and loads per day, week or month
    versions         per module: users of each version, who still uses the oldest

    \b
    Examples:
      analyzeLmodDB --sqlPattern '%fftw%' --start 2026-01-01 --end 2026-02-01 counts
      analyzeLmodDB usernames --sqlPattern '%/settarg%'
      analyzeLmodDB unused --moduletree /apps/modulefiles --start 2026-01-01
      analyzeLmodDB trend --sqlPattern '%python%' --period week --chart
    """
    check_options(report_name, options)
    window = window_of(start and parse_date(start), end and parse_date(end))
    database = Database(config)
    schema.require(database, LMOD, to_write=False)
    options["is_for_reading"] = output_format in FOR_READING
    with database.snapshot():  # a log may be loaded meanwhile
        question = report.Question(database, window, options["patterns"], options["syshost"])
        warn_of_unknown_clusters(question, options["syshost"])
        headings, rows = REPORTS[report_name](question, options)
    database.close()
    if options["plot"]:
        write_plot(report_name, headings, rows, options["plot"])
    if options["chart"]:
        click.echo(draw(report_name, headings, rows))
    elif not options["plot"]:
        write_rows(headings, rows, output_format)
    return 0


def main():
    """Run the command."""
    cli.run(command)


def check_options(report_name, options):
    """Raise UsageError for options that the report does not know."""
    if (options["chart"] or options["plot"]) and report_name not in CHARTED:
        raise errors.UsageError(f"--chart and --plot are for {' and '.join(CHARTED)}")
    if options["by_syshost"] and report_name not in BY_CLUSTER:
        raise errors.UsageError(f"--by-syshost is for {', '.join(BY_CLUSTER)}")
    sources = [name for name in ("list_path", "moduletree") if options[name]]
    if report_name == "unused" and len(sources) != 1:
        raise errors.UsageError("unused needs --allmodulesFn FILE or --moduletree DIR")
    if options["moduletree"] and report_name != "unused":
        raise errors.UsageError("--moduletree is for unused")
    if options["list_path"] and report_name not in ("unused", "counts"):
        raise errors.UsageError("--allmodulesFn is for counts and unused")


def warn_of_unknown_clusters(question, names):
    """Warn of a --syshost that no cluster has: an empty report would mislead."""
    if names and not question.clusters:
        there = ", ".join(sorted(usage.clusters(question.database).values())) or "none"
        logger.warning("no cluster is called %s: there are %s", ", ".join(names), there)


def listed_paths(question, options):
    """Return the paths of --allmodulesFn or --moduletree that match the patterns."""
    if options["moduletree"]:
        paths = moduletree.module_files(options["moduletree"])
    elif options["list_path"]:
        paths = moduletree.read_paths(options["list_path"])
    else:
        return []
    wanted = [usage.expression_of_pattern(pattern) for pattern in question.patterns]
    return [path for path in paths if not wanted or any(one.fullmatch(path) for one in wanted)]


def counts(question, options):
    """Return the headings and rows of counts."""
    by_cluster, loads = options["by_syshost"], options["loads"]
    rows = report.counts(question, by_cluster, listed_paths(question, options))
    headings = ["Module path", *(["Syshost"] if by_cluster else []), "Distinct Users"]
    if loads:
        return [*headings, "Loads"], rows
    return headings, [row[:-1] for row in rows]


def usernames(question, options):
    """Return the headings and rows of usernames."""
    modules = question.modules()
    users = usage.user_names(question.database)
    return user_report(question, modules, users, options)


def modules_used_by(question, options):
    """Return the headings and rows of modules_used_by."""
    users = usage.user_names(question.database, question.patterns)
    question.patterns = ()
    return user_report(question, question.modules(), users, options)


def user_report(question, modules, users, options):
    """Return the headings and rows of a report about (module path, user)."""
    by_cluster = options["by_syshost"]
    headings = ["Module path", *(["Syshost"] if by_cluster else []), "User Name"]
    if not options["loads"]:
        return headings, report.user_rows(question, modules, users, by_cluster)
    loads = report.loads_of_users(question, modules, users, by_cluster)
    return [*headings, "Loads"], [(*key, count) for key, count in sorted(loads.items())]


def unused(question, options):
    """Return the headings and rows of unused."""
    return ["Module path", "Last Load"], report.unused(question, listed_paths(question, options))


def trend(question, options):
    """Return the headings and rows of trend."""
    heading = options["period"].capitalize()
    return [heading, "Distinct Users", "Loads"], report.trend(question, options["period"])


def version_report(question, options):
    """Return the headings and rows of versions."""
    headings = ["Module", "Version", "Users", "Only This", "Loads", "Last Load", "Users of Oldest"]
    return headings, versions(question, NAMES_FOR_READING if options["is_for_reading"] else None)


REPORTS = {
    "counts": counts,
    "usernames": usernames,
    "modules_used_by": modules_used_by,
    "unused": unused,
    "trend": trend,
    "versions": version_report,
}


def draw(report_name, headings, rows):
    """Return a chart of a report for the terminal."""
    from usagedb import chart

    width = max(40, shutil.get_terminal_size((100, 24)).columns)
    ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
    if report_name == "trend":
        labels, series = time_series(headings, rows)
        return chart.time_chart(labels, series, width, ascii_only=ascii_only)
    labels, values = bars(headings, rows)
    return chart.bar_chart(labels, values, width, title="Distinct users", ascii_only=ascii_only)


def write_plot(report_name, headings, rows, path):
    """Write a chart of a report to a .png or .svg file."""
    from usagedb import plot

    made = datetime.date.today().isoformat()
    if report_name == "trend":
        labels, series = time_series(headings, rows)
        plot.write_time_plot(path, labels, series, f"Module usage, {made}")
    else:
        labels, values = bars(headings, rows)
        plot.write_bar_plot(path, labels, values, f"Module usage, {made}", "distinct users")


def bars(headings, rows):
    """Return (labels, values) of the first rows of counts."""
    column = headings.index("Distinct Users")
    shown = rows[:CHART_ROWS]
    if len(rows) > CHART_ROWS:
        logger.warning("the chart shows the first %d of %d rows", CHART_ROWS, len(rows))
    return [" ".join(row[:column]) for row in shown], [row[column] for row in shown]


def time_series(headings, rows):
    """Return (labels, {name: values}) of a trend."""
    labels = [row[0] for row in rows]
    return labels, {name: [row[at] for row in rows] for at, name in enumerate(headings) if at}
