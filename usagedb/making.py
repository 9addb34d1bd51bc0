"""Make a database and the tables of schemas in it, or bring them up to date, saying each step."""

import logging

from usagedb import errors, schema
from usagedb.database import Database

logger = logging.getLogger(__name__)


def make_tables(config, schemas, say, dry_run=False):
    """Make the database of a configuration, and take all steps that some schemas lack there.

    say(line) is told of each step, and of what was found; with dry_run of what would be done, and
    nothing is. Commits step by step.
    """
    if not dry_run:
        make_database(config, say)
    database = open_if_there(config) if dry_run else Database(config)
    wanted = list({one.name: one for one in (schema.USAGE, *schemas)}.values())
    if database is None:
        say(f"would make the database {config.database}")
        for one in wanted:
            for step in one.steps:
                say(f"would: {taking(one, step)}")
        return
    steps = 0
    for one in wanted:
        for step in schema.missing_steps(database, one):
            if not steps:
                say(f"database: {config.describe()} ({config.source})")
            steps += 1
            say(f"would: {taking(one, step)}" if dry_run else taking(one, step))
            if not dry_run:
                schema.take_step(database, one, step)
        if one.complete and not dry_run:
            one.complete(database, say)
        for note in one.notes(database) if one.notes else ():
            say(f"note: {note}")
    if not steps:
        say(f"{config.describe()}: up to date, nothing to do")
    database.close()


def taking(one, step):
    """Return the line about a step of a schema."""
    return f"{one.name} {step.version}: {step.title()}"


def open_if_there(config):
    """Return the Database, or None if it is still to be made. Read-only."""
    if not config.is_there():
        return None
    try:
        return Database(config)
    except (errors.NoDatabaseError, errors.PartlyAwayError):
        return None


def make_database(config, say):
    """Make the database on its server if it is not there and this account may.

    say(line) is told of it. Raises RefusedError if the account may not.
    """
    if config.backend == "sqlite":
        return
    try:
        Database(config).close()
        return
    except errors.NoDatabaseError as error:
        logger.info("%s", error)
    except errors.PartlyAwayError as error:
        logger.warning("%s", error)
    server = Database(config.replaced(select_database=False))
    with server.translated():
        server.run_ddl(server.dialect.create_database(config.database))
    server.close()
    say(f"made the database {config.database}")
