"""The command xalt_load_fos: tell the database what each account is for."""

import logging

import click

from usagedb import cli, errors, schema
from usagedb.database import Database, with_conflict_retries
from usagedb.locks import only_one
from usagedb.runs import recorded
from xaltload.schema import LOAD_FOS, XALT

logger = logging.getLogger(__name__)


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
    from xaltload.fields import read_fields, store  # not for --help

    rows, rejected = read_fields(path)
    if rejected and not rows:
        raise errors.MalformedInputError(f"{path}: no line has account, field and directorate")
    if dry_run:
        click.echo(f"would store the fields of {len(rows)} accounts")
        return errors.PARTLY if rejected else 0
    database = Database(config)
    schema.require(database, XALT)
    with only_one(database, LOAD_FOS, wait_seconds), recorded(database, LOAD_FOS) as run:
        with_conflict_retries(lambda: store(database, rows, replace))
        run.stored, run.rejected = len(rows), rejected
        run.exit_code = errors.PARTLY if rejected else 0
        run.message = f"{len(rows)} accounts, {rejected} lines rejected"
        logger.info("%s", run.message)
    database.close()
    return run.exit_code


def main():
    """Run the command."""
    cli.run(command)
