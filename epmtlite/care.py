"""Look after the database: retire old jobs, remove leftovers, give space back, tell sizes."""

import datetime

from epmtlite import deletion, partial, refmodels, selection
from epmtlite.schema import EPMT
from usagedb import errors
from usagedb.database import marks
from usagedb.locks import only_one

SIZES = ("database", "table", "index", "tablespace")
# An account that only reports may not ask for the size of those of others.
READABLE_TABLESPACES = (
    "SELECT spcname, pg_tablespace_size(t.oid) FROM pg_tablespace t"
    " WHERE has_tablespace_privilege(t.oid, 'CREATE')"
    " OR pg_has_role('pg_read_all_stats', 'USAGE')"
    " OR t.oid = (SELECT dattablespace FROM pg_database WHERE datname = current_database())"
)


def retire(database, ndays, per_delete, dry_run=False, report=lambda job: None, going=()):
    """Delete the jobs that ended more than ndays days ago; return how many. Commits job by job.

    Of one that says it ends in the future, when it was stored counts. 0 or less days
    mean never. With dry_run nothing is deleted, and going are the numbers of the models that
    retire_models would delete before; report(job) is told of each one.
    """
    if ndays <= 0:
        return 0
    wanted = selection.JobFilter(old_by=deletion.older_than(ndays), order="end")
    found = selection.select_jobs(database, wanted)
    jobs = deletion.without_models(database, found, going=going)
    if dry_run:
        for job in jobs:
            report(job)
        return len(jobs)
    parts = deletion.chunks(jobs, per_delete)
    return sum(deletion.delete_jobs(database, part, report) for part in parts)


def retire_models(database, ndays, dry_run=False, report=lambda model: None):
    """Delete the models that were made more than ndays days ago; return how many. Commits.

    0 or less days mean never. With dry_run nothing is deleted; report(model) is told of each one.
    """
    models = old_models(database, ndays)
    for model in models:
        report(model)
    return len(models) if dry_run else refmodels.delete(database, [one.id for one in models])


def old_models(database, ndays):
    """Return the Models that were made more than ndays days ago; 0 or less days mean never.
    Read-only."""
    if ndays <= 0:
        return []
    return refmodels.find(database, refmodels.ModelFilter(before=deletion.older_than(ndays)))


def clean(database, wait_seconds=0.0):
    """Remove what stopped runs have left; return how many jobs' rests. Commits step by step.

    Raises UnavailableError while a large job is being stored.
    """
    with only_one(database, partial.LOCK, wait_seconds):
        return partial.remove_all(database)


def vacuum(database):
    """Give the space of deleted rows back to the system, and let the planner look anew."""
    backend = database.config.backend
    if backend == "sqlite":
        statements = ["VACUUM", "PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"]
    elif backend == "postgresql":
        statements = [f"VACUUM (ANALYZE) {name}" for name in table_names()]
    else:
        statements = [f"OPTIMIZE TABLE {name}" for name in table_names()]
    for statement in statements:
        with database.translated():
            database.run_ddl(statement)


def table_names():
    """Return the names of the tables of EPMT."""
    return [name for kind, name in EPMT.tables() if kind == "TABLE"]


def sizes(database, kinds):
    """Return {kind: …} for some of SIZES, bytes each: of a table [bytes, rows].

    Read-only; a kind that this database does not have is an empty dictionary. The rows of a table
    are counted, and all that is beside its own rows is counted to its indexes.
    """
    functions = {"sqlite": sqlite_sizes, "mysql": mysql_sizes, "postgresql": postgresql_sizes}
    found = functions[database.config.backend](database)
    result = {kind: found.get(kind, {}) for kind in kinds}
    for name, size_bytes in result.get("table", {}).items():
        rows = database.rows(f"SELECT COUNT(*) FROM {name}")[0][0]  # noqa: S608
        result["table"][name] = [size_bytes, rows]
    result["timestamp"] = (
        datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat() + "Z"
    )
    return result


def sqlite_sizes(database):
    """Return the sizes in an SQLite file. Read-only."""
    pages, page_bytes = (
        database.rows(f"PRAGMA {name}")[0][0] for name in ("page_count", "page_size")
    )
    found: dict = {"database": {database.config.database: pages * page_bytes}}
    try:
        rows = database.rows("SELECT name, SUM(pgsize) FROM dbstat GROUP BY name")
    except errors.ConfigurationError:  # SQLite was built without it
        return found
    size_of = dict(rows)
    found["table"] = {name: size_of.get(name, 0) for name in table_names()}
    owner = dict(database.rows("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'"))
    found["index"] = {
        name: size_of.get(name, 0) for name, table in owner.items() if table in found["table"]
    }
    return found


def mysql_sizes(database):
    """Return the sizes in MySQL or MariaDB, as the server estimates them. Read-only."""
    names = table_names()
    sql = (
        "SELECT table_name, data_length, index_length FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
    )
    rows = database.rows(sql)
    total = sum(data + index for _name, data, index in rows)
    return {
        "database": {database.config.database: int(total)},
        "table": {name: int(data) for name, data, _index in rows if name in names},
        "index": {name: int(index) for name, _data, index in rows if name in names},
    }


def postgresql_sizes(database):
    """Return the sizes in PostgreSQL. Read-only."""
    names = table_names()
    tables = {
        name: database.rows("SELECT pg_table_size(?::regclass)", (name,))[0][0] for name in names
    }
    sql = (
        "SELECT indexname, pg_relation_size(indexname::regclass) FROM pg_indexes"  # noqa: S608
        f" WHERE tablename IN ({marks(names)}) AND schemaname = ANY (current_schemas(false))"
    )
    return {
        "database": dict(
            database.rows("SELECT current_database(), pg_database_size(current_database())")
        ),
        "table": tables,
        "index": dict(database.rows(sql, names)),
        "tablespace": dict(database.rows(READABLE_TABLESPACES)),
    }
