"""The command usage_copy: move everything from one database to another, and compare them."""

import contextlib
import logging
import time

import click

from usagedb import cli, errors
from usagedb.config import read_config
from usagedb.database import Database
from usagedb.output import write_rows
from usagedb.progress import Progress, is_wanted

logger = logging.getLogger(__name__)

HEADINGS = ("Table", "Rows", "Copy", "Digest", "State")
KEYS = ("table", "source_rows", "target_rows", "digest", "state")
PLAN_HEADINGS = ("Table", "Rows", "Copied")
PLAN_KEYS = ("table", "source_rows", "target_rows")
ENDED_BEFORE = (
    "the copy into %s has ended before, it is only compared: load into it too what was loaded into"
    " %s since; or drop it, if nothing was loaded into it, and copy anew"
)
SHOWN_RANGES = 5
DIGEST_CHARACTERS = 16


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.option("--from", "source", required=True, metavar="CONF", help="Database to copy.")
@click.option("--to", "target", required=True, metavar="CONF", help="Database to fill: empty.")
@click.option("--compare", "only_compare", is_flag=True, help="Only compare the two; change none.")
@cli.format_option
@cli.dry_run_option
@cli.wait_option
@cli.common_options
def command(source, target, only_compare, output_format, dry_run, wait_seconds, quiet):
    """Copy all tables into another database, of another kind too, and compare the two.

    CONF is a configuration file, as for --confFn. While it works no loader may write to either.
    Interrupted, the same command goes on where it was. Ends with 3 if the two differ.

    \b
    Examples:
      usage_copy --from lmodV2_db.conf --to galera_db.conf --dry-run
      usage_copy --from lmodV2_db.conf --to galera_db.conf
      usage_copy --from lmodV2_db.conf --to galera_db.conf --compare --format json
    """
    from usagedb.copy_places import for_reading, refuse_same  # not for --help

    if only_compare and dry_run:
        raise errors.UsageError("--compare and --dry-run exclude each other: it changes nothing")
    source_config, target_config = for_reading(read_config(source)), read_config(target)
    refuse_same(source_config, target_config)
    target_config = target_config.replaced(for_copy=True)
    if dry_run:
        return show_plan(source_config, target_config, output_format)
    if only_compare:
        found = compare_all(source_config, for_reading(target_config), quiet)
    else:
        found = copy_all(source_config, target_config, wait_seconds, quiet)
    return show(found, output_format, quiet)


def main():
    """Run the command."""
    cli.run(command)


def show_plan(source_config, target_config, output_format):
    """Print what would be copied; return the exit status. Read-only."""
    from usagedb import copy_places, copy_state
    from usagedb.copy_work import count_rows
    from usagedb.making import open_if_there

    with opened(source_config) as source:
        schemas = copy_places.schemas_of(source)
        counts = {table: count_rows(source, table) for table in copy_places.copied_tables(schemas)}
    copied = dict.fromkeys(counts, 0)
    target = open_if_there(target_config.replaced(read_only=True))
    if target is not None:
        with contextlib.closing(target):
            copy_places.refuse_unfit(target, source_config.describe(), schemas)
            state = copy_state.read(target)
            copied = {table: state.position(table)[1] if state else 0 for table in counts}
    rows = [(table.name, count, copied[table]) for table, count in counts.items()]
    write_rows(PLAN_HEADINGS, rows, output_format, PLAN_KEYS)
    return 0


def copy_all(source_config, target_config, wait_seconds, quiet):
    """Copy what is still to be copied, and compare; return {table: Comparison}. Commits."""
    from usagedb import copy_places
    from usagedb.making import make_database

    with opened(source_config) as source:
        copy_places.schemas_of(source)  # before anything is made
    make_database(target_config, lambda line: logger.info("%s", line))
    with both(source_config, target_config) as (source, target):
        schemas = copy_places.schemas_of(source)
        with copy_places.no_writers((source, target), schemas, wait_seconds):
            state = copy_places.begun_or_new(target, source_config.describe(), schemas)
            tables = copy_places.copied_tables(schemas)
            if state.ended_at is None:
                return copy_tables(source, target, state, tables, quiet)
            logger.info("this copy has ended before: comparing only")
            found = compared(source_config, target_config, tables, quiet)
            if any(one.differences for one in found.values()):
                logger.error(ENDED_BEFORE, target.config.describe(), source.config.describe())
            return found


def copy_tables(source, target, state, tables, quiet):
    """Copy some tables, compare and end the copy if they are equal; return {table: Comparison}.

    Commits.
    """
    from usagedb.copy_work import Copy, keep_alive

    started_at = time.time()
    with shown_progress(source, tables, quiet, passes=2) as progress:
        work = Copy(source.config, target, state, progress)
        for table in tables:
            keep_alive(source)
            work.copy(table)
            logger.info("%s: copied", table.name)
        keep_alive(source)
        found = work.settle(tables)
    if not any(one.differences for one in found.values()):
        state.end(started_at, work.stored)
    logger.info("%d rows in %.1f s", work.stored, time.time() - started_at)
    return found


def compare_all(source_config, target_config, quiet):
    """Compare all tables that one of two databases has; return {table: Comparison}. Read-only."""
    from usagedb import copy_places

    with both(source_config, target_config) as (source, target):
        schemas = [*copy_places.schemas_of(source), *copy_places.schemas_of(target)]
    tables = copy_places.copied_tables(dict.fromkeys(schemas))
    return compared(source_config, target_config, tables, quiet)


def compared(source_config, target_config, tables, quiet):
    """Compare some tables; return {table: Comparison}. Read-only."""
    from usagedb.compare import compare

    configs = source_config, target_config
    with both(*configs) as (source, target), shown_progress(source, tables, quiet) as progress:
        return {
            table: compare(having(source, table), having(target, table), table, None, progress)
            for table in tables
        }


def having(database, table):
    """Return the configuration of a database that has a table, else None. Read-only."""
    return database.config if database.dialect.has_table(database, table.name) else None


def show(found, output_format, quiet):
    """Print the summary, and a line for each range that differs; return the exit status."""
    from usagedb.copy_rows import span

    if not quiet:
        rows = [
            (
                table.name, one.source_count, one.target_count, one.digest[:DIGEST_CHARACTERS],
                "differs" if one.differences else "equal",
            )
            for table, one in found.items()
        ]  # fmt: skip
        write_rows(HEADINGS, rows, output_format, KEYS)
    status = 0
    for table, one in found.items():
        for part in one.differences[:SHOWN_RANGES]:
            counts = f"{part.source_count} rows, {part.target_count} in the copy"
            logger.error(
                "%s differs %s: %s", table.name, span(table, part.after, part.upto), counts
            )
        if len(one.differences) > SHOWN_RANGES:
            more = len(one.differences) - SHOWN_RANGES
            logger.error("%s differs in %d more ranges", table.name, more)
        status = errors.PARTLY if one.differences else status
    return status


@contextlib.contextmanager
def opened(config):
    """Give an open Database to the block."""
    database = Database(config)
    try:
        yield database
    finally:
        database.close()


@contextlib.contextmanager
def both(source_config, target_config):
    """Give the open Databases of a source and a target to the block."""
    with opened(source_config) as source, opened(target_config) as target:
        yield source, target


@contextlib.contextmanager
def shown_progress(source, tables, quiet, passes=1):
    """Give a function to the block that is told how many more rows were read."""
    from usagedb.copy_work import count_rows

    total = sum(count_rows(source, table) for table in tables) if is_wanted(quiet) else 0
    bar = Progress(total * passes, "rows", quiet)
    try:
        yield bar.add
    finally:
        bar.close()
