"""The command delete_old_records: remove what is older than the site wants to keep."""

import dataclasses
import datetime
import logging

import click
from dateutil.relativedelta import relativedelta

from usagedb import cli, errors, schema
from usagedb.config import DEFAULT_DBNAME, find_config
from usagedb.dates import day_number, parse_date, shown_day
from usagedb.locks import only_one
from usagedb.opening import open_existing
from usagedb.person import Places
from usagedb.registry import registered
from usagedb.retention import ENTRY_POINT_GROUP, PurgeOptions
from usagedb.runs import recorded

logger = logging.getLogger(__name__)

COMMAND = schema.DELETE_OLD_RECORDS
FIRST_DAY = datetime.date(1970, 1, 1)  # nothing is older


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
@click.option(
    "--configured",
    is_flag=True,
    help="Keep the months that [RETENTION] of the configuration says, for each schema in it.",
)
@click.option("--portal", "portal_conf", metavar="FILE", help="Configuration of the portal.")
@click.option("--state-dir", metavar="DIR", help="Directory of afmetrics_collector's outbox.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
@cli.dry_run_option
@cli.wait_option
@cli.common_options
@cli.database_options(lambda options: usual_dbname(options))
def command(config, quiet, keep_months, start, end, syshost, schema_name, anonymize, **options):
    """Delete old records, in small steps that do not lock the tables for long.

    \b
    Examples:
      delete_old_records --keepMonths 12 --dry-run
      delete_old_records --keepMonths 12 --yes --confFn /etc/hpcusage/lmodV2_db.conf
      delete_old_records --end 2024-01-01 --syshost oldcluster --yes
      delete_old_records --schema xalt --anonymize --keepMonths 6 --yes
      delete_old_records --schema portal --keepMonths 24 --yes
      delete_old_records --configured --yes
    """
    how = Asked(
        quiet, options["yes"], options["dry_run"], options["wait_seconds"],
        Places(
            None, options["portal_conf"], options["state_dir"],
            to_write=not options["dry_run"], wait_seconds=options["wait_seconds"],
        ),
    )  # fmt: skip
    if options["configured"]:
        if keep_months is not None or start or end or syshost or anonymize:
            raise errors.UsageError("--configured says itself what is old: name no other days")
        return delete_configured(config, how)
    first, last = days(keep_months, start, end, datetime.date.today())
    purge_options = PurgeOptions(first, last, tuple(syshost), dry_run=True, anonymize=anonymize)
    return delete_of(schema_name, config, purge_options, how)


@dataclasses.dataclass(frozen=True)
class Asked:
    """How the command is to do its work."""

    quiet: bool
    yes: bool
    dry_run: bool
    wait_seconds: float
    places: Places


def delete_of(name, config, options, how):
    """Delete the old rows of a schema, or of other data of that name; return the exit status."""
    keepers = registered(ENTRY_POINT_GROUP)
    if name in keepers:
        return delete_kept(keepers[name], options, how)
    chosen = schema_named(name)
    if options.anonymize and not chosen.can_anonymize:
        raise errors.UsageError(f"--anonymize is not for --schema {chosen.name}")
    database = opened(config, chosen, how.dry_run)
    plan = chosen.purge(database, options, lambda line: None)
    if is_wanted(plan, options, how):
        lock = only_one(database, COMMAND, how.wait_seconds)
        with lock, recorded(database, COMMAND, part=chosen.name) as run:
            doing = dataclasses.replace(options, dry_run=False)
            done = chosen.purge(database, doing, lambda line: logger.info("%s", line))
            run.message = f"{doing_to(options)}d {done.describe()}"
            logger.info("%s", run.message)
    database.close()
    return 0


def opened(config, chosen, dry_run):
    """Return the open Database with the tables of a Schema, brought up to date unless dry_run.

    Raises ConfigurationError if there are none: to make them would hide that the records are
    elsewhere.
    """
    database = open_existing(config, chosen, read_only=dry_run)
    if not database:
        raise errors.ConfigurationError(
            f"{config.describe()} ({config.source}): there are no tables of {chosen.name}: name the"
            " configuration file of their database with --confFn"
        )
    return database


def is_wanted(plan, options, how):
    """Say what is to be deleted; tell whether it shall be. Raises UsageError for the answer no."""
    if how.dry_run or not how.quiet:
        would = "would " if how.dry_run else ""
        click.echo(f"{would}{doing_to(options)} {span(options)}: {plan.describe()}")
    if how.dry_run:
        return False
    question = f"{doing_to(options).capitalize()} these records?"
    if plan.tables:
        cli.confirm(question, how.yes)
    return True


def delete_kept(keeper, options, how):
    """Delete the old rows of data that are in no schema; return the exit status."""
    if options.anonymize or options.clusters:
        raise errors.UsageError(f"--anonymize and --syshost are not for --schema {keeper.name}")
    with keeper.opened(how.places) as store:
        if store is None:
            logger.info("%s: there is nothing here", keeper.name)
            return 0
        plan = keeper.purge(store, options, lambda line: None)
        if is_wanted(plan, options, how):
            doing = dataclasses.replace(options, dry_run=False)
            keeper.purge(store, doing, lambda line: logger.info("%s", line))
    return 0


def delete_configured(config, how):
    """Delete what [RETENTION] of the configuration calls old; return the exit status.

    A schema that cannot be reached does not keep the others. Raises ConfigurationError for a name
    or a number that cannot be, and the first error, but rather one that goes by itself.
    """
    failed: list[errors.UsageDBError] = []
    for name, months in configured_months(config):
        first, last = days(months, None, None, datetime.date.today())
        try:
            places = places_of(name, config)
        except errors.UsageDBError as error:  # such as an xalt_db.conf that cannot be read
            failed.append(error)
            continue
        for place in places:
            try:
                delete_of(name, place, PurgeOptions(first, last, dry_run=True), how)
            except errors.UsageDBError as error:
                failed.append(error)
    failed.sort(key=lambda error: not isinstance(error, errors.UnavailableError))
    for other in failed[1:]:
        logger.error("Error: %s", other)
    if failed:
        raise failed[0]
    return 0


def configured_months(config):
    """Return the [(name, months)] of the section [RETENTION]. Raises ConfigurationError."""
    known = [*purging_schemas(), *registered(ENTRY_POINT_GROUP)]
    wanted = []
    for name, text in config.retention.items():
        if name not in known:
            raise errors.ConfigurationError(
                f"{config.source}: [RETENTION] {name}: there are {', '.join(known)}"
            )
        if not (text.strip().isascii() and text.strip().isdigit()):
            raise errors.ConfigurationError(
                f"{config.source}: [RETENTION] {name} = {text}: write a number of months"
            )
        wanted.append((name, int(text)))
    if not wanted:
        raise errors.ConfigurationError(
            f"{config.source}: no section [RETENTION]: see conf/lmodV2_db.conf.sample"
        )
    return wanted


def places_of(name, config):
    """Return the configurations of the databases in which the commands of a schema keep it.

    The one that was named holds all; else each schema may have one of its own, such as
    xalt_db.conf. Rows of runs are in every one of them.
    """
    if config.is_named or name in registered(ENTRY_POINT_GROUP):
        return [config]
    if name != schema.USAGE.name:
        return [find_config(default_dbname=schema_named(name).default_dbname)]
    found = [find_config(default_dbname=one.default_dbname) for one in purging_schemas().values()]
    there = {place.describe(): place for place in found if place.is_there()}
    return list(there.values()) or [config]


def main():
    """Run the command."""
    cli.run(command)


def purging_schemas():
    """Return {name: Schema} of those that have something to delete."""
    return {one.name: one for one in schema.known_schemas().values() if one.purge}


def schema_named(name):
    """Return the Schema of that name. Raises UsageError if it has nothing to delete."""
    known = purging_schemas()
    if name not in known:
        names = [*known, *registered(ENTRY_POINT_GROUP)]
        raise errors.UsageError(f"--schema {name}: there are {', '.join(names)}")
    return known[name]


def usual_dbname(options):
    """Return which <dbname>_db.conf is looked for, None for what is in none of our databases.
    Raises UsageError for an unknown schema."""
    if options["configured"]:
        return DEFAULT_DBNAME
    name = options["schema_name"]
    return None if name in registered(ENTRY_POINT_GROUP) else schema_named(name).default_dbname


def days(keep_months, start, end, today):
    """Return the first and last day (YYYYMMDD) to delete. Raises UsageError."""
    if (keep_months is None) == (end is None):
        raise errors.UsageError("say either --keepMonths N or --end YYYY-MM-DD")
    exclusive = parse_date(end) if end else months_before(today, keep_months)
    first = max(parse_date(start), FIRST_DAY) if start else FIRST_DAY
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
    if options.first == day_number(FIRST_DAY):
        return f"records{clusters} up to {shown_day(options.last)}"
    return f"records{clusters} from {shown_day(options.first)} to {shown_day(options.last)}"
