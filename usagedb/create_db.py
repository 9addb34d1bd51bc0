"""The command createDB: make, upgrade or drop the tables, or print the grants they need."""

import functools
import logging
from pathlib import Path

import click

from usagedb import cli, errors, grants, schema
from usagedb.config import DEFAULT_DBNAME
from usagedb.database import Database

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
    return make_tables(config, schemas, dry_run, quiet)


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


def make_tables(config, schemas, dry_run, quiet):
    """Take all missing steps, saying each; return the exit status."""
    say = (lambda line: None) if quiet else click.echo
    if not dry_run:
        make_database(config, say)
    database = open_if_there(config) if dry_run else Database(config)
    wanted = {one.name: one for one in (schema.USAGE, *schemas)}.values()
    if database is None:
        say(f"would make the database {config.database}")
        for one in wanted:
            for step in one.steps:
                say(would_take(one, step))
        return 0
    steps = 0
    for one in wanted:
        for step in schema.missing_steps(database, one):
            if not steps:
                say(f"database: {config.describe()} ({config.source})")
            say(would_take(one, step) if dry_run else taking(one, step))
            steps += 1
            if not dry_run:
                schema.take_step(database, one, step)
        if one.complete and not dry_run:
            one.complete(database, say)
        for note in one.notes(database) if one.notes else ():
            say(f"note: {note}")
    if not steps:
        say(f"{config.describe()}: up to date, nothing to do")
    database.close()
    return 0


def taking(one, step):
    """Return the line about a step of a schema."""
    return f"{one.name} {one.version}: {step.title()}"


def would_take(one, step):
    """Return the line about a step that --dry-run leaves out."""
    return f"would: {taking(one, step)}"


def open_if_there(config):
    """Return the Database, or None if it is still to be made. Read-only."""
    if config.backend == "sqlite" and not Path(config.database).exists():
        return None
    try:
        return Database(config)
    except errors.ConfigurationError:
        return None


def make_database(config, say):
    """Make the database on its server if it is not there and this account may."""
    if config.backend == "sqlite":
        return
    try:
        Database(config).close()
        return
    except errors.ConfigurationError as error:
        logger.info("%s", error)
    server = Database(config.replaced(select_database=False))
    with server.translated():
        server.run_ddl(server.dialect.create_database(config.database))
    server.close()
    say(f"made the database {config.database}")


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
    if dry_run or not tables:
        return 0
    cli.confirm("Drop these tables and all their data?", yes)
    for one in schemas:
        schema.drop(database, one)
    database.close()
    return 0
