"""Whether one database can be copied into another: what both must be before a row is moved."""

import contextlib
from pathlib import Path

from usagedb import copy_state, errors, schema
from usagedb.copy_state import COPY
from usagedb.locks import only_one
from usagedb.tables import tables_of

# Every database has its own steps, and its own times of them.
NOT_COPIED = ("usage_schema",)


def for_reading(config):
    """Return the configuration of a source: nothing is changed in it.

    Raises MissingInputError if an SQLite file is not there.
    """
    if config.backend == "sqlite" and not Path(config.database).is_file():
        raise errors.MissingInputError(f"there is no database {config.database} ({config.source})")
    return config.replaced(read_only=True, for_copy=True)


def refuse_same(source, target):
    """Raise UsageError if two configurations mean one database, as far as that can be seen."""
    if place_of(source) == place_of(target):
        raise errors.UsageError(f"{source.describe()} is both --from and --to")


def place_of(config):
    """Return what tells the database of a configuration from others, as a tuple."""
    if config.backend == "sqlite":
        return config.backend, str(Path(config.database).resolve())
    server = (config.socket,) if config.socket else (*config.hosts, config.port)
    return config.backend, config.database, *server


def copied_tables(schemas):
    """Return the Tables of some schemas that a copy moves."""
    found = [table for one in schemas for table in tables_of(one)]
    return [table for table in found if table.name not in NOT_COPIED]


def schemas_of(database):
    """Return the schemas whose tables a database has, all of them up to date. Read-only.

    Raises ConfigurationError if there are none, if they are of another version than this program's,
    or of a tool that is not installed, and while the database is being filled itself.
    """
    known = schema.known_schemas()
    where = database.config.describe()
    setup = f"{database.config.setup_command} --confFn {database.config.source}"
    if not database.dialect.has_table(database, "usage_schema"):
        raise errors.ConfigurationError(f"{where}: there are no tables of hpcusage: run {setup}")
    schema.refuse_unfinished_copy(database)
    names = {row[0] for row in database.rows("SELECT DISTINCT schema_name FROM usage_schema")}
    strange = sorted(names - set(known) - {COPY.name})
    if strange:
        raise errors.ConfigurationError(
            f"{where}: it holds tables of {', '.join(strange)}, which cannot be copied here:"
            " install what made them, or copy the file if it is an outbox"
        )
    found = [one for name, one in known.items() if name in names]
    for one in found:
        if schema.missing_steps(database, one):
            raise errors.ConfigurationError(
                f"{where}: its schema {one.name} is older than version {one.version} of this"
                f" program: run {setup}"
            )
        refuse_other_columns(database, one)
    return found


def refuse_other_columns(database, one):
    """Raise ConfigurationError for a column that no schema file has: its values would be lost."""
    for table in tables_of(one):
        own = {column.name.lower() for column in table.columns}
        names = database.dialect.column_names(database, table.name)
        others = [name for name in names if name.lower() not in own]
        if others:
            raise errors.ConfigurationError(
                f"{database.config.describe()}: {table.name} has the column {others[0]}, which is"
                " not part of hpcusage and would be lost: move it to a table of its own"
            )


def begun_or_new(target, source, schemas):
    """Return the State of the copy of a source, a text, that fills a target; make its tables.

    Raises ConfigurationError if the target holds other data, the copy of another source, or one
    that another version of this program has begun. Commits.
    """
    refuse_unfit(target, source, schemas)
    if filled_tables(target):
        return copy_state.read(target)
    for one in dict.fromkeys((schema.USAGE, *schemas)):
        schema.upgrade(target, one)
    return copy_state.begin(target, source, copied_tables(schemas))


def refuse_unfit(target, source, schemas):
    """Raise ConfigurationError as begun_or_new would. Read-only."""
    state, filled = copy_state.read(target), filled_tables(target)
    if state is None and filled:
        refuse_other_data(target, filled)
    if state is not None and filled:
        refuse_other_copy(target, state, source, schemas)


def refuse_other_data(target, filled):
    """Raise the ConfigurationError about tables that hold rows."""
    raise errors.ConfigurationError(
        f"{target.config.describe()}: it holds other data ({', '.join(filled)}):"
        " name a database that is empty"
    )


def refuse_other_copy(target, state, source, schemas):
    """Raise ConfigurationError unless the copy in a target is that of this source and version."""
    where = target.config.describe()
    if state.source != source[: copy_state.LONGEST_SOURCE]:
        raise errors.ConfigurationError(
            f"{where}: it is filled from {state.source}, not from {source}: name an empty database"
        )
    changed = [one.name for one in schemas if schema.missing_steps(target, one)]
    if changed:
        raise errors.ConfigurationError(
            f"{where}: the copy was begun with another version of {', '.join(changed)}:"
            " drop that database and begin anew"
        )


def filled_tables(database):
    """Return the names of our tables that hold rows. Read-only."""
    return [
        table.name
        for table in copied_tables(schema.known_schemas().values())
        if database.dialect.has_table(database, table.name)
        and database.rows(f"SELECT 1 FROM {table.name} LIMIT 1")  # noqa: S608
    ]


@contextlib.contextmanager
def no_writers(databases, schemas, wait_seconds):
    """Hold the locks of all commands that write the tables of some schemas during the block.

    Raises UnavailableError when another run still holds one after wait_seconds.
    """
    locks = [name for one in schemas for name in one.locks]
    with contextlib.ExitStack() as stack:
        for database in databases:
            for name in dict.fromkeys((schema.USAGE_COPY, *locks)):
                stack.enter_context(only_one(database, name, wait_seconds))
        yield
