"""The command xalt_update_modules: name the modules of what is stored by a new reverse map."""

import logging

import click

from usagedb import cli, errors
from usagedb.locks import only_one
from usagedb.opening import open_tables
from usagedb.runs import recorded
from xaltload.schema import UPDATE_MODULES, XALT

logger = logging.getLogger(__name__)


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.option(
    "--reverseMapD",
    "map_directories",
    required=True,
    metavar="DIRS",
    help="Directories of the reverse map, separated by colons.",
)
@click.option("--all", "everything", is_flag=True, help="Name anew what has a module already, too.")
@cli.dry_run_option
@cli.wait_option
@cli.common_options
@cli.database_options("xalt")
def command(map_directories, everything, dry_run, config, quiet, wait_seconds):
    """Find the modules of stored executables, libraries and compilers by the reverse map.

    Only what has no module yet is looked up; --all looks up everything, and so takes away the
    modules that are no longer in the map.

    \b
    Examples:
      xalt_update_modules --reverseMapD /apps/xalt/reverseMapD
      xalt_update_modules --reverseMapD /apps/xalt/reverseMapD --all --dry-run
    """
    from xaltload.modulemap import read_module_map  # not for --help
    from xaltload.remap import remap

    modules = read_module_map([name for name in map_directories.split(":") if name])
    if not modules.names():
        raise errors.MissingInputError(f"no reverse map with a module in {map_directories}")
    database = open_tables(config, XALT, dry_run)
    if dry_run:
        changed = remap(database, modules, everything, dry_run=True)
        click.echo(f"would change {describe(changed)}")
        return 0
    lock = only_one(database, UPDATE_MODULES, wait_seconds)
    with lock, recorded(database, UPDATE_MODULES) as run:
        changed = remap(database, modules, everything)
        run.stored, run.message = sum(changed.values()), f"changed {describe(changed)}"
        logger.info("%s", run.message)
    database.close()
    return 0


def describe(changed):
    """Return the numbers of changed rows in words."""
    return ", ".join(f"{count} rows of {table}" for table, count in changed.items())


def main():
    """Run the command."""
    cli.run(command)
