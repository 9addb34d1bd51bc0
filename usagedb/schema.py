"""Make and upgrade the tables of each tool from its file in sql/.

A schema file is a sequence of versions; a version is a sequence of statements, the steps. Every
step is recorded after it was taken, so that an upgrade that was stopped goes on where it stopped
(MariaDB commits each DDL statement at once).
"""

import dataclasses
import functools
import logging
import re
import time
from pathlib import Path
from typing import Any

from usagedb import errors
from usagedb.config import DEFAULT_DBNAME
from usagedb.dialects.base import INTEGER, SECONDS, TEXT
from usagedb.registry import registered

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "hpcusage.schema"
# Commands of this package that write: names of their runs (usage_run), and of their locks.
DELETE_OLD_RECORDS, USAGE_PERSON, USAGE_COPY = "delete_old_records", "usage_person", "usage_copy"
# In usage_schema, in the place of a schema, while usage_copy fills the database.
UNFINISHED_COPY = "unfinished copy"
STEP_COLUMNS = (
    ("schema_name", TEXT), ("version", INTEGER), ("step", INTEGER), ("applied_at", SECONDS),
)  # fmt: skip
VERSION_LINE = re.compile(r"^-- version (\d+): (.+)$")
COMMENT = re.compile(r"\s*--[^\n]*")


@dataclasses.dataclass(frozen=True)
class Step:
    """One statement of a schema file."""

    version: int
    number: int  # within the version, from 1
    statement: str

    def title(self):
        """Return the words of the statement that tell it apart, e.g. `CREATE TABLE lmod_use`."""
        words = self.statement.split()
        count = {"ALTER": 6, "CREATE": 4 if words[1] == "UNIQUE" else 3}.get(words[0], 3)
        return " ".join(words[:count])


@dataclasses.dataclass(frozen=True)
class Schema:
    """A tool's tables. Tools register one under the entry point group `hpcusage.schema`."""

    name: str
    file_name: str  # in sql/
    # The oldest version of the tables that this program's reports can read.
    readable_version: int = 1
    # purge(database, PurgeOptions, report) -> usagedb.retention.Purged; report(line) is told of
    # each step; None: nothing is ever purged.
    purge: Any = None
    can_anonymize: bool = False  # purge heeds PurgeOptions.anonymize
    # Tables whose old rows purge deletes, and ((table, why its rows stay), …) of the others.
    deleted: tuple = ()
    kept: tuple = ()
    # adapt(database, statement) -> the statement to run instead, or None to leave the step out.
    adapt: object = None
    # complete(database, say) does after the steps what SQL alone cannot, and tells say(line) of it;
    # called again it finds nothing to do.
    complete: Any = None
    # Of the configuration that is looked for when none is named.
    default_dbname: str = DEFAULT_DBNAME
    # Names of the locks (usagedb.locks) that the commands hold that write the tables.
    locks: tuple = ()
    # Commands, by their names in usage_run, that run now and then: typed by a person when there is
    # a reason, or once a month. No run of theirs is too old for usage_status, unless it is asked
    # for that command.
    occasional: tuple = ()
    # notes(database) -> lines that createDB shows, for instance about an older database found.
    notes: object = None

    @functools.cached_property
    def steps(self):
        """All steps of all versions, in order."""
        return parse_steps(read_sql(self.file_name))

    @property
    def version(self):
        """The version that this program knows."""
        return self.steps[-1].version

    def tables(self):
        """Return ("TABLE" or "VIEW", name) for what the schema makes, in the order of making."""
        found = (re.match(r"CREATE (TABLE|VIEW) (\w+)", step.statement) for step in self.steps)
        return [(match[1], match[2]) for match in found if match]


def purge_runs(database, options, report):
    """Delete old rows of usage_run; see usagedb/old_runs.py."""
    from usagedb import old_runs

    return old_runs.purge(database, options, report)


USAGE = Schema(
    "usage",
    "usage.sql",
    purge=purge_runs,
    deleted=("usage_run",),
    kept=(("usage_schema", "says which tables there are"),),
    locks=(DELETE_OLD_RECORDS, USAGE_PERSON),
    occasional=(DELETE_OLD_RECORDS, USAGE_PERSON, USAGE_COPY),
)


def read_sql(file_name):
    """Return the text of a file of sql/, installed or in the checkout."""
    from importlib.util import find_spec

    package = find_spec("usagedb.sql")
    if package and package.origin:
        directory = Path(package.origin).parent
    else:  # a bare clone, not installed
        directory = Path(__file__).parent.parent / "sql"
    return (directory / file_name).read_text(encoding="utf-8")


def parse_steps(text):
    """Return the Steps of a schema file's text."""
    steps: list[Step] = []
    lines: list[str] = []
    version = number = 0
    for line in text.splitlines():
        heading = VERSION_LINE.match(line)
        if heading:
            version, number, lines = int(heading[1]), 0, []
            continue
        bare = COMMENT.sub("", line)
        if version and bare.strip():
            lines.append(bare)
        if version and bare.endswith(";"):
            number += 1
            steps.append(Step(version, number, "\n".join(lines).rstrip(";")))
            lines = []
    return steps


def known_schemas():
    """Return all registered schemas by name, the common one first."""
    return {USAGE.name: USAGE, **registered(ENTRY_POINT_GROUP)}


def occasional_commands():
    """Return the names of all commands that run now and then: see Schema.occasional."""
    return {name for one in known_schemas().values() for name in one.occasional}


def steps_taken(database, schema):
    """Return the (version, step) pairs that the database has. Read-only."""
    if not database.dialect.has_table(database, "usage_schema"):
        return set()
    sql = "SELECT version, step FROM usage_schema WHERE schema_name = ?"
    return {tuple(row) for row in database.rows(sql, (schema.name,))}


def missing_steps(database, schema):
    """Return the steps that the database lacks.

    Raises ConfigurationError if its schema is newer than this program. Read-only.
    """
    taken = steps_taken(database, schema)
    newest = max(taken, default=(0, 0))[0]
    if newest > schema.version:
        raise errors.ConfigurationError(
            f"{database.config.describe()}: its schema {schema.name} has version {newest}, newer"
            f" than this program's {schema.version}: use the newer program"
        )
    return [step for step in schema.steps if (step.version, step.number) not in taken]


def require(database, schema, to_write=True):
    """Make sure that the tables are there and up to date.

    SQLite: makes or upgrades them. On a server only createDB, or what else setup_command of the
    configuration names, does that: raises ConfigurationError.
    A report (to_write=False) is content with `readable_version`.
    Raises ConfigurationError too while a copy fills the database.
    """
    missing = missing_steps(database, schema)
    refuse_unfinished_copy(database)
    if not missing or (not to_write and missing[0].version > schema.readable_version):
        return
    if database.config.backend != "sqlite":
        raise errors.ConfigurationError(
            f"{database.config.describe()}: tables of {schema.name} are missing:"
            f" run {database.config.setup_command}"
        )
    for needed in (USAGE, schema):
        upgrade(database, needed)


def refuse_unfinished_copy(database):
    """Raise ConfigurationError while usage_copy fills a database. Read-only."""
    if not database.dialect.has_table(database, "usage_schema"):
        return
    sql = "SELECT count(*) FROM usage_schema WHERE schema_name = ?"
    if database.rows(sql, (UNFINISHED_COPY,))[0][0]:
        raise errors.ConfigurationError(
            f"{database.config.describe()}: a copy into it has not ended: let usage_copy go on"
        )


def upgrade(database, schema):
    """Take all missing steps; commits step by step."""
    for step in missing_steps(database, schema):
        take_step(database, schema, step)
    if schema.complete:
        schema.complete(database, logger.info)


def take_step(database, schema, step):
    """Run one step and record it. A step that ran before but was not recorded is recorded."""
    statement = statement_for(database, schema, step)
    if statement:
        try:
            database.run_ddl(statement)
        except Exception as error:
            if not database.dialect.is_already_there(error):
                with database.translated():
                    raise
    database.insert_rows(
        "usage_schema",
        STEP_COLUMNS,
        [(schema.name, step.version, step.number, time.time())],
        key=("schema_name", "version", "step"),
    )


def statement_for(database, schema, step):
    """Return the step in the words of this database, or None if the tool leaves it out."""
    statement = step.statement
    if schema.adapt:
        statement = schema.adapt(database, statement)
    return statement and database.dialect.schema_text(statement, database)


def existing(database, schema):
    """Return ("TABLE" or "VIEW", name) of what the schema made and is there, last made first."""
    found = []
    for kind, name in reversed(schema.tables()):
        name = name_in(database, schema, kind, name)
        if database.dialect.has_table(database, name):
            found.append((kind, name))
    return found


def name_in(database, schema, kind, name):
    """Return what a table or view of the schema is called in this database. Read-only."""
    adapted = schema.adapt and schema.adapt(database, f"CREATE {kind} {name} ")
    return adapted.split()[2] if adapted else name


def drop(database, schema):
    """Drop the tables and views of one schema, and no others. Commits.

    MySQL and MariaDB commit each DROP: what is stopped there goes on with the next call, or upgrade
    makes what is missing, for the steps are forgotten before the first table.
    """
    found = existing(database, schema)
    with database.transaction(), database.translated():
        if database.dialect.has_table(database, "usage_schema"):
            database.execute("DELETE FROM usage_schema WHERE schema_name = ?", (schema.name,))
        for kind, name in found:
            database.run_ddl(f"DROP {kind} {name}")
