"""Open a database with the tables of a tool: to load into it, or to see what a run would do."""

from usagedb import errors, schema
from usagedb.database import Database


def open_tables(config, tool_schema, dry_run=False):
    """Return the open Database with the tables of a Schema; SQLite: makes or upgrades them.

    With dry_run nothing is made or changed: an empty database in memory takes the place of an
    SQLite file that has no such tables, and older tables are refused. Raises what Database and
    schema.require raise.
    """
    if dry_run and config.backend == "sqlite":
        found = open_existing(config, tool_schema, read_only=True)
        if found:
            return found
        config = config.replaced(in_memory=True)
    database = Database(config)
    schema.require(database, tool_schema)
    return database


def open_existing(config, tool_schema, read_only=False):
    """Return the open Database with the tables of a Schema, None where there are none.

    Older tables are brought up to date as schema.require does it; with read_only they are refused
    with ConfigurationError.
    """
    if not config.is_there():
        return None
    database = Database(config.replaced(read_only=True) if read_only else config)
    if not schema.steps_taken(database, tool_schema):
        database.close()
        return None
    if read_only and schema.missing_steps(database, tool_schema):
        raise errors.ConfigurationError(
            f"{config.describe()}: tables of {tool_schema.name} are of an older version: run"
            f" {config.setup_command} first"
        )
    schema.require(database, tool_schema)
    return database
