"""Give a filled database the tables of an earlier version of a schema, of which this one has more
indexes."""

import re

from usagedb.schema import known_schemas

INDEX = re.compile(r"CREATE INDEX (\w+) ON (\w+)")


def indexes_after(schema_name, version):
    """Return (index, table) of all that the later versions of a schema make: indexes alone."""
    steps = [step for step in known_schemas()[schema_name].steps if step.version > version]
    found = [INDEX.match(step.statement) for step in steps]
    assert found and all(found), steps
    return [match.groups() for match in found]


def downgrade(site, schema_name, version):
    """Take what the later versions made away from a Site; its rows stay."""
    database = site.connect()
    for index, table in indexes_after(schema_name, version):
        on_table = f" ON {table}" if site.config.backend == "mysql" else ""
        database.run_ddl(f"DROP INDEX {index}{on_table}")
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
