"""Which clusters a database of slurmdbd has, for who has written another name."""

from typing import Any

ENDING = "_job_table"  # slurmdbd calls the table of jobs CLUSTER_job_table
MOST_CLUSTERS = 20
QUERIES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE ? ESCAPE '!'"
    " ORDER BY name LIMIT ?",
    "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    " AND table_name LIKE ? ESCAPE '!' ORDER BY table_name LIMIT ?",
}


def clusters_of(database: Any) -> "list[str]":
    """Return the names of the clusters whose jobs this account may read, sorted; the first
    MOST_CLUSTERS, none for a kind of database that slurmdbd does not use. Read-only."""
    query = QUERIES.get(database.config.backend)
    if query is None:
        return []
    rows = database.rows(query, ("%" + ENDING.replace("_", "!_"), MOST_CLUSTERS))
    return [row[0].removesuffix(ENDING) for row in rows]
