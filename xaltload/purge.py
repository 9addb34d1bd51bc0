"""Delete old records of XALT, or take the names of people out of them, in small transactions."""

import functools
import logging

from usagedb import errors
from usagedb.database import in_transaction
from usagedb.locks import only_one
from usagedb.retention import Purged, moments_of
from xaltload.anonymize import anonymize
from xaltload.bulk import delete_rows
from xaltload.concerned import TABLES, check_clusters, concerned, count
from xaltload.facts import find_facts
from xaltload.schema import LOADER_LOCK

logger = logging.getLogger(__name__)

RUN_CHILDREN = ("join_run_object", "join_run_env", "xalt_total_env", "xalt_pkg")
LINK_CHILDREN = ("join_link_object", "join_link_function")
LOADER_WAIT_SECONDS = 60.0
ROWS_PER_STEP = 1000
# Tables without a cluster, and when their rows came.
BY_TIME = (
    ("xalt_pkg_waiting", "came_at"), ("xalt_pkg_filtered", "filtered_at"),
    ("xalt_rejected", "rejected_at"),
)  # fmt: skip
SET_TABLES = ("xalt_set_object", "xalt_object_set")
PROGRAM_TABLES = ("xalt_program",)
OBJECT_TABLES = ("xalt_object",)
NAME_TABLES = ("xalt_name",)
NAMES_OF_CHILDREN = (
    ("xalt_env_name", "env_id", "join_run_env"), ("xalt_function", "func_id", "join_link_function"),
)  # fmt: skip


def purge(database, options, report):
    """Delete the runs and links of some days and what hangs on them, or count them with dry_run.

    With options.anonymize the names of people in them become pseudonyms instead; packages that wait
    for a run and what is known of rejected records go, for nobody can tell whose names are in them.
    Commits step by step. A stop in between leaves some of them; the next run goes on. Raises
    UsageError for an unknown cluster.
    """
    check_clusters(database, options.clusters)
    purged = Purged()
    for table in TABLES:
        rows = count(database, table, options)
        if rows:
            purged.tables.append((table, rows))
    if not options.clusters:
        for table, column in BY_TIME:
            rows = purge_by_time(database, table, column, options)
            if rows:
                purged.tables.append((table, rows))
    if not options.dry_run:
        if options.anonymize:
            anonymize(database, options, report)
        else:
            delete_all(database, options, report)
        clean(database, report)
    return purged


def purge_by_time(database, table, column, options):
    """Delete the rows of some days of a table without a cluster; return how many."""
    moments = moments_of(options)
    where = f"FROM {table} WHERE {column} >= ? AND {column} < ?"
    if options.dry_run:
        return database.rows(f"SELECT COUNT(*) {where}", moments)[0][0]  # noqa: S608
    return in_transaction(database, lambda: database.execute(f"DELETE {where}", moments))  # noqa: S608


def delete_all(database, options, report):
    """Delete the concerned runs and links."""
    for table, id_column, children in (
        ("xalt_run", "run_id", RUN_CHILDREN),
        ("xalt_link", "link_id", LINK_CHILDREN),
    ):
        for day, ids in concerned(database, table, id_column, options):
            step = functools.partial(delete, database, table, id_column, children, ids)
            in_transaction(database, step)
            report(f"{table}, {day}: {len(ids)} deleted")


def delete(database, table, id_column, children, ids):
    """Delete rows and what hangs on them, inside the caller's transaction."""
    for name in (*children, table):
        delete_rows(database, name, id_column, ids)


def clean(database, report):
    """Remove the libraries, their sets, programs and names that nothing needs any more.

    Only while no loader runs, for that remembers their numbers; else the next time.
    """
    find_facts(database)
    try:
        with only_one(database, LOADER_LOCK, LOADER_WAIT_SECONDS):
            remove_unneeded(database, report)
    except errors.UnavailableError as error:
        logger.info("what nothing needs stays until the next time: %s", error)


def remove_unneeded(database, report):
    """Remove what nothing needs any more, while the caller holds the loaders' lock."""
    for id_column, ids, tables in unneeded_rows(database):
        remove_rows(database, id_column, ids, tables)
        report(f"{tables[-1]}: {len(ids)} rows that nothing needs removed")


def unneeded_rows(database):
    """Yield (id column, ids, tables) of the rows that nothing needs. Read-only."""
    sets = used(database, "xalt_run", "set_id")
    yield "set_id", all_but(database, "xalt_object_set", "set_id", sets), SET_TABLES
    programs = used(database, "xalt_run", "program_id")
    yield "program_id", all_but(database, "xalt_program", "program_id", programs), PROGRAM_TABLES
    objects = used(database, "join_run_object", "obj_id")
    objects |= used(database, "join_link_object", "obj_id")
    yield "obj_id", all_but(database, "xalt_object", "obj_id", objects), OBJECT_TABLES
    for table, column, child in NAMES_OF_CHILDREN:
        sql = (
            f"SELECT {column} FROM {table} n WHERE NOT EXISTS"  # noqa: S608
            f" (SELECT 1 FROM {child} j WHERE j.{column} = n.{column})"
        )
        yield column, sorted(row[0] for row in database.rows(sql)), (table,)
    names = set()
    for column in ("user_id", "account_id", "queue_id", "cluster_id"):
        names |= used(database, "xalt_run", column)
    yield "name_id", all_but(database, "xalt_name", "name_id", names), NAME_TABLES


def used(database, table, column):
    """Return the numbers that a column holds. Read-only."""
    return {row[0] for row in database.rows(f"SELECT DISTINCT {column} FROM {table}")}  # noqa: S608


def all_but(database, table, column, needed):
    """Return the ids of a table that are not among those needed. Read-only."""
    ids = database.rows(f"SELECT {column} FROM {table}")  # noqa: S608
    return sorted(row[0] for row in ids if row[0] not in needed)


def remove_rows(database, id_column, ids, tables):
    """Delete rows and what hangs on them. Commits step by step."""
    *children, table = tables
    for start in range(0, len(ids), ROWS_PER_STEP):
        part = ids[start : start + ROWS_PER_STEP]
        in_transaction(
            database, functools.partial(delete, database, table, id_column, children, part)
        )
