"""The command delete_old_records: remove what is older than the site wants to keep."""

import dataclasses
import datetime
import logging

import click
from dateutil.relativedelta import relativedelta

from usagedb import cli, errors, schema
from usagedb.database import Database
from usagedb.dates import day_number, parse_date, shown_day
from usagedb.locks import only_one
from usagedb.retention import PurgeOptions
from usagedb.runs import recorded

logger = logging.getLogger(__name__)

COMMAND = "delete_old_records"


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.option(
    "--keepMonths",
    "keep_months",
    type=click.IntRange(0),
    metavar="N",
    help="Keep the last N months; delete what is older.",
)
@click.option("--start", metavar="YYYY-MM-DD", help="Delete from this day on.")
@click.option("--end", metavar="YYYY-MM-DD", help="Delete what is before this day (exclusive).")
@click.option("--syshost", multiple=True, metavar="NAME", help="Only this cluster.")
@click.option(
    "--schema",
    "schema_name",
    default="lmod",
    show_default=True,
    metavar="NAME",
    help="Whose records.",
)
@click.option(
    "--anonymize",
    is_flag=True,
    help="Replace the names of people by stable pseudonyms instead (schema xalt).",
)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@cli.dry_run_option
@cli.wait_option
@cli.common_options
@cli.database_options(lambda options: schema_named(options["schema_name"]).default_dbname)
def command(
    config, quiet, keep_months, start, end, syshost, schema_name, anonymize, yes, dry_run,
    wait_seconds,
):  # fmt: skip
    """Delete old records, in small steps that do not lock the tables for long.

    \b
    Examples:
      delete_old_records --keepMonths 12 --dry-run
      delete_old_records --keepMonths 12 --yes --confFn /etc/hpcusage/lmodV2_db.conf
      delete_old_records --end 2024-01-01 --syshost oldcluster --yes
      delete_old_records --schema xalt --anonymize --keepMonths 6 --yes
    """
    chosen = schema_named(schema_name)
    if anonymize and not chosen.can_anonymize:
        raise errors.UsageError(f"--anonymize is not for --schema {chosen.name}")
    first, last = days(keep_months, start, end, datetime.date.today())
    options = PurgeOptions(first, last, tuple(syshost), dry_run=True, anonymize=anonymize)
    database = Database(config)
    schema.require(database, chosen)
    plan = chosen.purge(database, options, lambda line: None)
    if dry_run or not quiet:
        would = "would " if dry_run else ""
        click.echo(f"{would}{doing_to(options)} {span(options)}: {plan.describe()}")
    if dry_run:
        return 0
    question = f"{doing_to(options).capitalize()} these records?"
    if plan.tables and not cli.confirm(question, yes):
        return 1
    with only_one(database, COMMAND, wait_seconds), recorded(database, COMMAND) as run:
        doing = dataclasses.replace(options, dry_run=False)
        done = chosen.purge(database, doing, lambda line: logger.info("%s", line))
        run.message = f"{doing_to(options)}d {done.describe()}"
        logger.info("%s", run.message)
    database.close()
    return 0


def main():
    """Run the command."""
    cli.run(command)


def schema_named(name):
    """Return the Schema of that name. Raises UsageError if it has nothing to delete."""
    known = {one.name: one for one in schema.known_schemas().values() if one.purge}
    if name not in known:
        raise errors.UsageError(f"--schema {name}: there are {', '.join(known)}")
    return known[name]


def days(keep_months, start, end, today):
    """Return the first and last day (YYYYMMDD) to delete. Raises UsageError."""
    if (keep_months is None) == (end is None):
        raise errors.UsageError("say either --keepMonths N or --end YYYY-MM-DD")
    exclusive = parse_date(end) if end else months_before(today, keep_months)
    first = parse_date(start) if start else datetime.date(1970, 1, 1)
    if first >= exclusive:
        raise errors.UsageError(f"there is no day from {first} to before {exclusive}")
    return day_number(first), day_number(exclusive - datetime.timedelta(days=1))


def months_before(day, months):
    """Return the same day some months before, or the last of that month. Raises UsageError."""
    try:
        return day - relativedelta(months=months)
    except (ValueError, OverflowError) as error:
        raise errors.UsageError(f"--keepMonths {months} is before the year 1") from error


def doing_to(options):
    """Return what is done to old records, as a verb."""
    return "anonymize" if options.anonymize else "delete"


def span(options):
    """Return the days and clusters of a purge in words."""
    clusters = f" of {', '.join(options.clusters)}" if options.clusters else ""
    return f"records{clusters} up to {shown_day(options.last)}"
