"""The command xalt_load_fos: tell the database what each account is for."""

import csv
import logging
from pathlib import Path

import click

from usagedb import cli, errors, schema
from usagedb.database import Database, with_conflict_retries
from usagedb.dialects.base import TEXT
from usagedb.locks import only_one
from usagedb.runs import recorded
from xaltload.schema import XALT

logger = logging.getLogger(__name__)

COMMAND = "xalt_load_fos"
COLUMNS = (("account", TEXT), ("field_of_science", TEXT), ("directorate", TEXT))
ACCOUNTS_PER_STEP = 500


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("path", metavar="FILE.csv")
@click.option("--replace", is_flag=True, help="Forget the accounts that the file does not name.")
@cli.dry_run_option
@cli.wait_option
@cli.common_options
@cli.database_options("xalt")
def command(path, replace, dry_run, config, quiet, wait_seconds):
    """Store the field of science and the directorate of accounts.

    FILE.csv has the columns account, field_of_science, directorate; a first line with these names
    is a heading. An account that is there already gets its new field.

    \b
    Example:
      xalt_load_fos /etc/hpcusage/fields.csv && xalt_usage_report --report fields
    """
    rows, rejected = read_fields(path)
    if rejected and not rows:
        raise errors.MalformedInputError(f"{path}: no line has account, field and directorate")
    if dry_run:
        click.echo(f"would store the fields of {len(rows)} accounts")
        return errors.PARTLY if rejected else 0
    database = Database(config)
    schema.require(database, XALT)
    with only_one(database, COMMAND, wait_seconds), recorded(database, COMMAND) as run:
        with_conflict_retries(lambda: store(database, rows, replace))
        run.stored, run.rejected = len(rows), rejected
        run.exit_code = errors.PARTLY if rejected else 0
        run.message = f"{len(rows)} accounts, {rejected} lines rejected"
        logger.info("%s", run.message)
    database.close()
    return run.exit_code


def read_fields(path):
    """Return (rows of COLUMNS by account, number of rejected lines) of a CSV file.

    Raises MissingInputError.
    """
    from xaltload.widths import own_widths

    widths = own_widths()
    longest = [widths["xalt_field_of_science", name] for name, _kind in COLUMNS]
    found, rejected = {}, 0
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                values = tuple(value.strip() for value in row)
                if not any(values) or values == tuple(name for name, _kind in COLUMNS):
                    continue
                if len(values) != len(COLUMNS) or not all(
                    0 < len(value) <= limit and value.isprintable()
                    for value, limit in zip(values, longest)
                ):
                    logger.warning("%s, line %d: not account,field,directorate", path, number)
                    rejected += 1
                    continue
                found[values[0]] = values
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise errors.MissingInputError(f"cannot read {path}: {error}") from error
    return sorted(found.values()), rejected


def store(database, rows, replace):
    """Replace the rows of some accounts, or all rows, in one transaction."""
    accounts = [row[0] for row in rows]
    with database.transaction():
        if replace:
            database.execute("DELETE FROM xalt_field_of_science")
        for start in range(0, len(accounts), ACCOUNTS_PER_STEP):
            part = accounts[start : start + ACCOUNTS_PER_STEP]
            marks = ", ".join("?" * len(part))
            sql = f"DELETE FROM xalt_field_of_science WHERE account IN ({marks})"  # noqa: S608
            database.execute(sql, part)
        database.insert_rows("xalt_field_of_science", COLUMNS, rows)


def main():
    """Run the command."""
    cli.run(command)
