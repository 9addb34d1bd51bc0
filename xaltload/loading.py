"""What the two loaders share: their options, the lock, the run, the summary."""

import json
import logging
import time

import click

from usagedb import cli
from usagedb.locks import only_one
from usagedb.opening import open_tables
from usagedb.runs import recorded
from xaltload.schema import LOADER_LOCK, XALT

logger = logging.getLogger(__name__)

OPTIONS = (
    click.option("--timer", is_flag=True, help="Say at the end how long it took."),
    click.option(
        "--reverseMapD",
        "map_directories",
        metavar="DIRS",
        help="Directories of the reverse map, separated by colons.",
    ),
    click.option(
        "--u2acct",
        "accounts_path",
        metavar="FILE",
        help="JSON object with the account of each user whose record names none.",
    ),
    click.option(
        "--timeout",
        type=click.IntRange(min=1),
        metavar="SECONDS",
        help="End after this time, between two batches (75 if something is left).",
    ),
    click.option(
        "--filter-config",
        "filter_path",
        metavar="FILE",
        help="Runs and packages to leave out: the site's XALT configuration, or JSON.",
    ),
    click.option(
        "--reject", "reject_path", metavar="FILE", help="Append rejected records to FILE."
    ),
    click.option("--strict-crc", is_flag=True, help="Reject records whose crc is wrong."),
    click.option(
        "--format",
        "output_format",
        type=click.Choice(("text", "json")),
        default="text",
        help="json: print the summary as one JSON object.",
    ),
    cli.dry_run_option,
    cli.wait_option,
)


def loading_options(function):
    """Add the options of both loaders."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def load(name, config, options, quiet, dry_run, wait_seconds, parts_of, when_whole=lambda: None):
    """Run a loader; return its exit status.

    parts_of(Reader) gives the Parts of its input; when_whole() is called when all are stored.
    """
    from xaltload.session import Session
    from xaltload.setup import make_reader

    started = time.monotonic()
    database = open_tables(config, XALT, dry_run)
    if dry_run:
        session = Session(database, options, quiet, dry_run=True)
        status = session.run(parts_of(make_reader(database, config, options)))
    else:
        with only_one(database, LOADER_LOCK, wait_seconds), recorded(database, name) as run:
            XALT.complete(database, logger.info)
            session = Session(database, options, quiet)
            reader = make_reader(database, config, options)
            try:
                run.exit_code = status = session.run(read_ahead(parts_of(reader)))
                if not session.timed_out:
                    when_whole()
            finally:
                session.count_in(run)
    database.close()
    tell(session.totals, options, time.monotonic() - started)
    return status


def read_ahead(parts):
    """Return an iterator over parts that are read in a process of their own, if that helps."""
    from usagedb.ahead import ahead, has_second_processor

    return ahead(parts) if has_second_processor() else parts


def tell(totals, options, seconds):
    """Print the summary as it was asked for."""
    if options["output_format"] == "json":
        summary = {**totals.as_dict(), "seconds": round(seconds, 3)}
        click.echo(json.dumps(summary, indent=1))
    logger.info("%s", totals.describe())
    for kind, count, average in filter(lambda row: row[1], totals.duration_rows()):
        logger.info("%-18s %8d  %10.2f s on average", kind, count, average)
    if options["timer"]:
        hours, rest = divmod(round(seconds), 3600)
        click.echo(f"Time: {hours:02d}:{rest // 60:02d}:{rest % 60:02d}", err=True)
