"""The command store_module_data: load logs of module loads into the database."""

import click

from lmodtrack.schema import LMOD, LOADER_LOCK, STORE_MODULE_DATA
from usagedb import cli, errors
from usagedb.locks import only_one
from usagedb.opening import open_tables
from usagedb.runs import recorded


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--delete", is_flag=True, help="Delete each file once all of it is stored.")
@click.option("--archive", metavar="DIR", help="Instead, move it there, compressed.")
@click.option("--store_all", is_flag=True, help="Store every single load too, with its job id.")
@click.option("--ignoreFn", "ignore_path", metavar="FILE", help="Modules that are not counted.")
@click.option("--reject", "reject_path", metavar="FILE", help="Append rejected lines to FILE.")
@click.option("--syshost", default="", metavar="NAME", help="Cluster of records that name none.")
@click.option("--syshost-map", metavar="FILE", help="Patterns that turn a host into a cluster.")
@click.option("--user-loads-only", is_flag=True, help="Leave out loads logged with userload=no.")
@cli.dry_run_option
@cli.wait_option
@cli.common_options
@cli.database_options()
def command(files, config, quiet, dry_run, wait_seconds, **options):
    """Store the module loads of FILEs in the database, each line exactly once.

    A FILE is a syslog file with ModuleUsageTracking lines, plain or compressed (.gz, .bz2, .xz);
    JSON lines and CSV of older Lmod tools are read too; - is standard input. A file that was
    loaded before is recognised by its content, and only what is new in it is stored.

    \b
    Examples:
      store_module_data --delete --reject rejected.jsonl /var/log/moduleUsage.log-*
      ssh collector cat /var/log/moduleUsage.log | store_module_data -v -
    """
    from lmodtrack.session import LoadOptions, Session, make_rules  # not for --help
    from usagedb.site import read_site

    check_options(files, options)
    wanted = LoadOptions(**options)
    rules = make_rules(read_site(config), wanted)
    database = open_tables(config, LMOD, dry_run)
    if dry_run:
        status = Session(database, rules, wanted, quiet, dry_run=True).run(files)
    else:
        lock = only_one(database, LOADER_LOCK, wait_seconds)
        with lock, recorded(database, STORE_MODULE_DATA) as run:
            session = Session(database, rules, wanted, quiet)
            run.exit_code = status = session.run(files, run)
            run.message = session.summary()
    database.close()
    return status


def main():
    """Run the command."""
    cli.run(command)


def check_options(files, options):
    """Raise UsageError for options that contradict each other."""
    if not files:
        raise errors.UsageError("name at least one FILE, or - for standard input")
    if options["delete"] and options["archive"]:
        raise errors.UsageError("--delete and --archive exclude each other")
