"""The command convert_lmod_db: take an older Lmod database over."""

import contextlib
import logging

import click

from lmodtrack import schema as schema_of_lmod
from lmodtrack.schema import CONVERT_LMOD_DB, LMOD, LOADER_LOCK, VIEW_NAME
from usagedb import cli, errors
from usagedb.config import find_config
from usagedb.database import Database
from usagedb.locks import only_one
from usagedb.opening import open_tables
from usagedb.runs import recorded

logger = logging.getLogger(__name__)


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("files", nargs=-1, metavar="[DUMP]...")
@click.option(
    "--from",
    "old_conf",
    metavar="CONF",
    help="Configuration file of the older database.  [default: --confFn's]",
)
@click.option("--reject", "reject_path", metavar="FILE", help="Append rejected rows to FILE.")
@click.option(
    "--rename-old",
    is_flag=True,
    help="Then rename its moduleT, so that the view moduleT takes its place.",
)
@cli.dry_run_option
@cli.wait_option
@cli.common_options
@cli.database_options()
def command(files, config, quiet, old_conf, reject_path, rename_old, dry_run, wait_seconds):
    """Bring the rows of a gen_1 or gen_2 Lmod database over, each exactly once.

    The older tables are only read. Stopped and started again, it goes on where it was; rows that
    the old loader adds later are taken over by the next run. DUMPs are files of gen_1's dump_db.

    \b
    Examples:
      convert_lmod_db --confFn lmodV2_db.conf
      convert_lmod_db --from old/lmod_db.conf --confFn lmodV2_db.conf -v
      convert_lmod_db -v dump/*.json
    """
    from lmodtrack.convert import Conversion  # not for --help
    from usagedb.site import read_site

    if rename_old and (old_conf or files):
        raise errors.UsageError(
            "--rename-old is for tables in the same database: omit --from and DUMPs"
        )
    if old_conf and files:
        raise errors.UsageError("--from and DUMPs exclude each other")
    old_config = find_config(old_conf) if old_conf else config
    if not files and not old_config.is_there():
        raise errors.MissingInputError(f"there is no database {old_config.describe()}")
    site = read_site(config)
    with contextlib.closing(open_tables(config, LMOD, dry_run)) as new:
        if files:
            return load_dumps(files, new, site, reject_path, quiet, dry_run, wait_seconds)
        with contextlib.closing(Database(old_config.replaced(read_only=True))) as old:
            if dry_run:
                conversion = Conversion(old, new, site)
                click.echo(f"{conversion.source}: {conversion.remaining()} rows to take over")
                return 0
            with only_one(new, LOADER_LOCK, wait_seconds), recorded(new, CONVERT_LMOD_DB) as run:
                run.exit_code = convert(old, new, site, run, quiet, reject_path)
                if rename_old and not run.exit_code:
                    rename(new)
    return run.exit_code


def main():
    """Run the command."""
    cli.run(command)


def convert(old, new, site, run, quiet, reject_path):
    """Take the older tables over, compare the counts, and return the exit status."""
    from lmodtrack.convert import Conversion
    from usagedb.progress import Progress
    from usagedb.rejects import RejectFile

    reject_file = RejectFile(reject_path) if reject_path else None

    def reject(row_id, row, reason):
        if reject_file:
            reject_file.add(old.config.describe(), row_id, repr(row[1:]).encode(), reason)

    save_rejects = reject_file.save if reject_file else lambda: None
    conversion = Conversion(old, new, site, reject, save_rejects)
    progress = Progress(conversion.remaining(), "converting", quiet)
    try:
        done = conversion.run(progress.add)
    finally:
        progress.close()
        if reject_file:
            reject_file.close()
    rejected = sum(conversion.reasons.values())
    run.stored, run.rejected = done.taken - done.rejected, rejected
    run.message = f"{conversion.source}: {done.there} rows there, {done.taken} taken over"
    if not quiet:
        click.echo(f"{run.message}, {done.rejected} of them rejected")
    if rejected:
        reasons = ", ".join(f"{n} {why}" for why, n in conversion.reasons.most_common())
        logger.warning("%d rows were rejected: %s", rejected, reasons)
    if not done.is_complete:
        raise errors.UnavailableError(
            f"{run.message}: rows were added or removed meanwhile, or added behind what was read"
        )
    return errors.PARTLY if rejected else 0


def rename(database):
    """Rename the old table of this database."""
    name = schema_of_lmod.rename_old(database)
    click.echo(f"{VIEW_NAME} is {name} now, and the view {VIEW_NAME} stands in its place")


def load_dumps(files, new, site, reject_path, quiet, dry_run, wait_seconds):
    """Load gen_1 dump files as store_module_data does; return the exit status."""
    from lmodtrack.session import LoadOptions, Session, make_rules

    options = LoadOptions(reject_path=reject_path)
    session = Session(new, make_rules(site, options), options, quiet, dry_run)
    if dry_run:
        return session.run(files)
    with only_one(new, LOADER_LOCK, wait_seconds), recorded(new, CONVERT_LMOD_DB) as run:
        run.exit_code = session.run(files, run)
        run.message = session.summary()
        if not quiet:
            click.echo(run.message)
    return run.exit_code
