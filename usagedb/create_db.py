"""The command createDB: make, upgrade or drop the tables, or print the grants they need."""

import functools
import logging

import click

from usagedb import cli, errors, grants, schema
from usagedb.config import DEFAULT_DBNAME
from usagedb.database import Database
from usagedb.making import make_tables, open_if_there

logger = logging.getLogger(__name__)


@click.command(context_settings=cli.CONTEXT_SETTINGS)
@click.option("--schema", "names", multiple=True, metavar="NAME", help="Only this tool's tables.")
@click.option("--drop", is_flag=True, help="Drop the tables of the named schemas, with all data.")
@click.option("--yes", is_flag=True, help="Drop without asking.")
@click.option("--print-grants", is_flag=True, help="Print least-privilege GRANT statements.")
@cli.dry_run_option
@cli.common_options
@cli.database_options(lambda options: usual_dbname(options["names"]))
def command(config, quiet, names, drop, yes, print_grants, dry_run):
    """Make the database and its tables, or bring them up to date.

    Says each step; running it again changes nothing.

    \b
    Examples:
      createDB
      createDB --confFn /etc/hpcusage/lmodV2_db.conf --dry-run
      createDB --schema lmod --drop --yes
      createDB --print-grants
    """
    schemas = chosen(names)
    if print_grants:
        click.echo(grants.statements(config, schemas, names_in(config)))
        return 0
    if drop:
        return drop_tables(config, schemas, names, yes, dry_run)
    make_tables(config, schemas, (lambda line: None) if quiet else click.echo, dry_run)
    return 0


def main():
    """Run the command."""
    cli.run(command)


def usual_dbname(names):
    """Return which <dbname>_db.conf is looked for: that of the named schema, if it is one."""
    if len(set(names)) == 1:
        return chosen(names)[0].default_dbname
    return DEFAULT_DBNAME


def chosen(names):
    """Return the Schemas with these names, all without any. Raises UsageError."""
    known = schema.known_schemas()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise errors.UsageError(f"no schema {unknown[0]}: there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names or known)]


def names_in(config):
    """Return the function that names tables for the grants; a database to come has usual names."""
    try:
        database = Database(config) if config.backend != "sqlite" else None
    except errors.UsageDBError as error:
        logger.info("%s", error)
        database = None
    if database is None:
        return lambda _schema, _kind, name: name
    return functools.partial(schema.name_in, database)


def drop_tables(config, schemas, names, yes, dry_run):
    """Drop the tables of the named schemas, and no others; return the exit status."""
    if not names:
        raise errors.UsageError("--drop needs --schema NAME: it drops that tool's tables only")
    database = open_if_there(config)
    if database is None:
        click.echo(f"{config.describe()}: not there, nothing to drop", err=not dry_run)
        return 0
    tables = [f"{kind} {name}" for one in schemas for kind, name in schema.existing(database, one)]
    click.echo(f"{config.describe()}: drop {', '.join(tables) or 'nothing'}", err=not dry_run)
    if dry_run or not (tables or any(schema.steps_taken(database, one) for one in schemas)):
        return 0
    if tables:
        cli.confirm("Drop these tables and all their data?", yes)
    for one in schemas:
        schema.drop(database, one)
    database.close()
    return 0
