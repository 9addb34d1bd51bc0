"""The command xalt_load_fos: tell the database what each account is for."""

import logging

import click

from usagedb import cli, errors
from usagedb.database import with_conflict_retries
from usagedb.locks import only_one
from usagedb.opening import open_tables
from usagedb.runs import recorded
from xaltload.schema import LOAD_FOS, XALT

logger = logging.getLogger(__name__)


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("path", metavar="FILE.csv")
@click.option("--replace", is_flag=True, help="Forget the accounts that the file does not name.")
@click.option("--yes", is_flag=True, help="With --replace: do not ask before accounts go.")
@cli.dry_run_option
@cli.wait_option
@cli.common_options
@cli.database_options("xalt")
def command(path, replace, yes, dry_run, config, quiet, wait_seconds):
    """Store the field of science and the directorate of accounts.

    FILE.csv has the columns account, field_of_science, directorate; a first line with these names
    is a heading. An account that is there already gets its new field. --replace takes a file only
    that names accounts and has no wrong line.

    \b
    Example:
      xalt_load_fos /etc/hpcusage/fields.csv && xalt_usage_report --report fields
    """
    from xaltload.fields import not_named, read_fields, store  # not for --help

    rows, rejected = read_fields(path)
    check(path, rows, rejected, replace)
    if dry_run and not replace:
        click.echo(f"would store the fields of {len(rows)} accounts")
        return errors.PARTLY if rejected else 0
    database = open_tables(config, XALT, dry_run)
    gone = not_named(database, rows) if replace else 0
    if dry_run:
        click.echo(f"would store the fields of {len(rows)} accounts, forget those of {gone}")
        return 0
    if gone:
        cli.confirm(f"Forget the fields of {gone} accounts that {path} does not name?", yes)
    with only_one(database, LOAD_FOS, wait_seconds), recorded(database, LOAD_FOS) as run:
        with_conflict_retries(lambda: store(database, rows, replace))
        run.stored, run.rejected = len(rows), rejected
        run.exit_code = errors.PARTLY if rejected else 0
        run.message = f"{len(rows)} accounts, {rejected} lines rejected"
        logger.info("%s", run.message)
    database.close()
    return run.exit_code


def check(path, rows, rejected, replace):
    """Raise MalformedInputError for a file that must not be stored."""
    if rejected and not rows:
        raise errors.MalformedInputError(f"{path}: no line has account, field and directorate")
    if replace and not rows:
        raise errors.MalformedInputError(f"{path} names no account: nothing was replaced")
    if replace and rejected:
        raise errors.MalformedInputError(
            f"{path}: {rejected} lines are wrong, and their accounts would be forgotten:"
            " nothing was replaced"
        )


def main():
    """Run the command."""
    cli.run(command)
