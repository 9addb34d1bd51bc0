"""Give a filled database the tables of an earlier version of a schema, of which this one has more
indexes, columns and tables."""

import re

from usagedb.schema import known_schemas

# What a step makes, and what takes it away again.
UNDONE = (
    (re.compile(r"CREATE INDEX (?P<name>\w+) ON (?P<table>\w+)"), "DROP INDEX {name}"),
    (re.compile(r"ALTER TABLE (?P<table>\w+) ADD COLUMN (?P<name>\w+)"),
     "ALTER TABLE {table} DROP COLUMN {name}"),
    (re.compile(r"CREATE TABLE (?P<name>\w+)"), "DROP TABLE {name}"),
)  # fmt: skip
# What a step widens, and was narrower: a text or numbers. Nothing is too long for SQLite.
WIDENED = re.compile(r"ALTER TABLE (?P<table>\w+) WIDEN \w+(?P<text> TO CHARS)?")
COLUMN = re.compile(r"WIDEN (\w+)")
NARROW = {
    ("mysql", True): "MODIFY {name} VARCHAR(20) NOT NULL",
    ("mysql", False): "MODIFY {name} INTEGER NOT NULL",
    ("postgresql", True): 'ALTER COLUMN {name} TYPE VARCHAR(20) COLLATE "C"',
    ("postgresql", False): "ALTER COLUMN {name} TYPE INTEGER",
}


def undone(statement, backend):
    """Return the statement that takes away what one of a schema makes."""
    if WIDENED.match(statement):
        return narrowed(statement, backend)
    for pattern, undo in UNDONE:
        found = pattern.match(statement)
        if found:
            is_index = backend == "mysql" and undo.startswith("DROP INDEX")
            return undo.format(**found.groupdict()) + (f" ON {found['table']}" if is_index else "")
    raise AssertionError(statement)


def narrowed(statement, backend):
    """Return the statement that makes the columns narrow again that one has widened."""
    if backend == "sqlite":
        return "SELECT 1"
    found = WIDENED.match(statement)
    narrow = NARROW[backend, bool(found["text"])]
    changes = ", ".join(narrow.format(name=name) for name in COLUMN.findall(statement))
    return f"ALTER TABLE {found['table']} {changes}"


def later_steps(schema_name, version):
    """Return the steps of the later versions of a schema, the last first."""
    steps = [step for step in known_schemas()[schema_name].steps if step.version > version]
    assert steps
    return steps[::-1]


def downgrade(site, schema_name, version):
    """Take what the later versions made away from a Site; its rows stay."""
    database = site.connect()
    for step in later_steps(schema_name, version):
        database.run_ddl(undone(step.statement, site.config.backend))
    database.execute(
        "DELETE FROM usage_schema WHERE schema_name = ? AND version > ?", (schema_name, version)
    )
    database.close()


def indexes_of(site, table):
    """Return the names of the indexes of a table."""
    queries = {
        "sqlite": "SELECT name FROM pragma_index_list(?)",
        "mysql": "SELECT DISTINCT index_name FROM information_schema.statistics"
        " WHERE table_schema = DATABASE() AND table_name = ?",
        "postgresql": "SELECT indexname FROM pg_indexes WHERE tablename = ?",
    }
    return {name for (name,) in site.rows(queries[site.config.backend], (table,))}
