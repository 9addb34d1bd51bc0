"""The command xalt_find_records: what became of a user's run."""

import datetime
import json
import os
import sys

import click

from usagedb import cli, errors
from usagedb.dates import parse_date

REPORT_FILE = "xalt_report.txt"
HEADINGS = (
    "Run", "Program", "Modules", "Job", "User", "Account", "Cluster", "Started", "Run Time",
    "Ended", "Packages",
)  # fmt: skip
KEYS = (
    "run_uuid", "program", "modules", "job_id", "user", "account", "syshost", "started",
    "run_time", "ended", "packages",
)  # fmt: skip


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("path", required=False)
@click.option("--user", default="", metavar="NAME", help="Runs of this user.")
@click.option("--run-uuid", default="", metavar="UUID", help="The run with this uuid.")
@click.option("--job-id", default="", metavar="ID", help="Runs of this job.")
@click.option("--start", metavar="YYYY-MM-DD", help="Runs that began on this day or later.")
@click.option("--end", metavar="YYYY-MM-DD", help="Runs that began before this day.")
@click.option(
    "--exec",
    "exec_pattern",
    default="",
    metavar="PATTERN",
    help="Runs of executables whose path or name matches; * ? and [] as in a shell.",
)
@click.option("--report", is_flag=True, help=f"Write the report to {REPORT_FILE}.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("report", "table", "csv", "json", "markdown")),
    default="report",
    show_default=True,
    help="How to print what was found.",
)
@cli.common_options
@click.option("--confFn", "conf_path", metavar="FILE", help="Search the database of this file.")
@click.option("--dbname", metavar="NAME", help="Search the database of NAME_db.conf.")
@click.option("--show-config", is_flag=True, help="Print the configuration and end.")
def command(
    path, conf_path, dbname, show_config, quiet, report, output_format, start, end, **filters
):
    """Find runs: their program, modules, job, packages, run time, and whether they ended.

    Records are searched below PATH, else in the database that --confFn or --dbname names, else
    below XALT_FILE_PREFIX, else in the database that is found. At a terminal, without any option,
    questions are asked.

    \b
    Examples:
      xalt_find_records --user ada --start 2026-11-20 /data/xalt/202611
      xalt_find_records --job-id 4711 --confFn /etc/hpcusage/xalt_db.conf --format json
      xalt_find_records --exec 'lmp_*' --report
    """
    from usagedb.config import find_config, shown
    from xaltload.find import Criteria

    if show_config:
        click.echo(shown(find_config(conf_path, dbname, "xalt")))
        return 0
    asked = any(filters.values()) or start or end
    place = path or conf_path or dbname
    if not asked and not place:
        if not sys.stdin.isatty():
            raise errors.UsageError("say what to find, for instance --user NAME, or where: PATH")
        path, criteria = ask()
    else:
        filters["run_uuid"] = filters["run_uuid"].lower()
        criteria = Criteria(**filters, start=date_of(start), end=date_of(end))
    runs = search(path, conf_path, dbname, criteria)
    if not asked and not place:
        runs = choose(runs)
    show(runs, output_format, report, quiet)
    return 0


def date_of(text):
    """Return the date of an option, or None."""
    return parse_date(text) if text else None


def search(path, conf_path, dbname, criteria):
    """Return the FoundRuns of the place that was named, or that is the usual one."""
    from usagedb import schema
    from usagedb.config import find_config
    from usagedb.database import Database
    from usagedb.site import read_site
    from xaltload.find import find_in_database, find_in_trees
    from xaltload.roots import find_roots
    from xaltload.schema import XALT

    in_tree = path or (not (conf_path or dbname) and os.environ.get("XALT_FILE_PREFIX"))
    config = find_config(conf_path, dbname, "xalt")
    if in_tree:
        site = read_site(config)
        roots = find_roots([path] if path else [])
        zone_of = lambda syshost: site.cluster_of("xalt", syshost)[1]  # noqa: E731
        return find_in_trees(roots, criteria, zone_of, warn)
    database = Database(config)
    schema.require(database, XALT, to_write=False)
    with database.snapshot():  # records may be loaded meanwhile
        runs = find_in_database(database, criteria)
    database.close()
    return runs


def warn(problem):
    """Warn of what could not be read."""
    import logging

    logging.getLogger(__name__).warning("cannot read %s", problem)


def ask():
    """Ask a person at a terminal where and what to search; return (path, Criteria)."""
    from xaltload.find import Criteria

    def answer(question, default=""):
        return click.prompt(question, default=default, show_default=bool(default), err=True).strip()

    path = answer("Directory to search", os.environ.get("XALT_FILE_PREFIX", "."))
    criteria = Criteria(
        user=answer("User (empty: any)"),
        start=date_answered(answer("First day, MM/DD/YYYY (empty: any)")),
        end=day_after(date_answered(answer("Last day, MM/DD/YYYY (empty: any)"))),
        job_id=answer("Job (empty: any)"),
        run_uuid=answer("Run uuid (empty: any)").lower(),
    )
    return path, criteria


def date_answered(text):
    """Return the date of MM/DD/YYYY or YYYY-MM-DD, None of nothing. Raises UsageError."""
    if not text:
        return None
    try:
        return datetime.datetime.strptime(text, "%m/%d/%Y").date()
    except ValueError:
        return parse_date(text)


def day_after(date):
    """Return the next day, None of None. Raises UsageError if there is none."""
    try:
        return date and date + datetime.timedelta(days=1)
    except OverflowError as error:
        raise errors.UsageError(f"{date} is too late: leave it empty for any day") from error


def choose(runs):
    """Let a person at a terminal choose one of several runs."""
    if len(runs) < 2:
        return runs
    for number, run in enumerate(runs, 1):
        line = f"{number:4d}  {run.started}  {run.user}  {run.program}"
        click.echo(safe(line), err=True)
    number = click.prompt("Which one (0: all)", type=click.IntRange(0, len(runs)), err=True)
    return [runs[number - 1]] if number else runs


def safe(text):
    """Return a text that does not disturb a terminal."""
    from usagedb.terminal import visible

    return visible(text)


def show(runs, output_format, report, quiet):
    """Print the runs, or write them to a file."""
    if report:
        from usagedb.files import write_whole

        write_whole(REPORT_FILE, report_text(runs), 0o640)
        if not quiet:
            click.echo(f"{len(runs)} runs: {REPORT_FILE}", err=True)
    elif output_format == "report":
        click.echo(report_text(runs), nl=False)
        if not runs and not quiet:
            click.echo("nothing found", err=True)
    elif output_format == "json":
        click.echo(json.dumps([as_object(run) for run in runs], indent=1))
    else:
        from usagedb.output import write_rows

        is_brief = output_format != "csv"
        write_rows(HEADINGS, [row_of(run, is_brief) for run in runs], output_format, KEYS)


def report_text(runs):
    """Return the report of some runs."""
    return "\n".join(one_report(run) for run in runs)


def one_report(run):
    """Return the report of one run: a line for each fact."""
    ended = f"yes, after {run.run_time:.2f} s" if run.is_ended else "no end is known"
    facts = [
        ("Run", run.run_uuid), ("Program", run.program), ("Cluster", run.syshost),
        ("User", run.user), ("Account", run.account), ("Job", run.job_id),
        ("Started", run.started), ("Ended", ended), ("Modules", ", ".join(run.modules) or "none"),
        ("Packages", len(run.packages) or "none"),
    ]  # fmt: skip
    lines = [f"{name + ':':10} {safe(value)}" for name, value in facts]
    lines += [safe(f"  {' '.join(filter(None, package))}") for package in run.packages]
    return "\n".join(lines) + "\n"


def as_object(run):
    """Return a run as an object for JSON."""
    return {
        "run_uuid": run.run_uuid, "program": run.program, "modules": list(run.modules),
        "job_id": run.job_id, "user": run.user, "account": run.account, "syshost": run.syshost,
        "started": run.started.isoformat(timespec="seconds"), "run_time": run.run_time,
        "ended": run.is_ended,
        "packages": [
            {"name": name, "version": version, "path": path}
            for name, version, path in run.packages
        ],
    }  # fmt: skip


def row_of(run, is_brief):
    """Return a run as a row of a table; a brief one has only the number of modules."""
    return (
        run.run_uuid, run.program, len(run.modules) if is_brief else " ".join(run.modules),
        run.job_id, run.user, run.account,
        run.syshost, str(run.started)[:19], run.run_time, "yes" if run.is_ended else "no",
        len(run.packages),
    )  # fmt: skip


def main():
    """Run the command."""
    cli.run(command)
