"""Delete old records of XALT, or take the names of people out of them, in small transactions."""

import datetime
import functools
import logging

from usagedb import errors
from usagedb.database import with_conflict_retries
from usagedb.dates import date_of
from usagedb.locks import only_one
from usagedb.old_runs import moments_of
from usagedb.pseudonyms import PREFIX
from usagedb.retention import Purged
from xaltload import queries
from xaltload.bulk import delete_rows
from xaltload.selection import Selection

logger = logging.getLogger(__name__)

# Rows of one transaction: a run has some dozens of libraries and variables.
RUNS_PER_STEP = 200
RUN_CHILDREN = ("join_run_object", "join_run_env", "xalt_total_env", "xalt_pkg")
LINK_CHILDREN = ("join_link_object", "join_link_function")
CLUSTER_COLUMN = {"xalt_run": "syshost", "xalt_link": "build_syshost"}
PERSON_COLUMN = {"xalt_run": "user", "xalt_link": "build_user"}
LOADER_LOCK = "xalt_load"
LOADER_WAIT_SECONDS = 60.0
ROWS_PER_STEP = 1000
SET_TABLES = ("xalt_set_object", "xalt_object_set")
PROGRAM_TABLES = ("xalt_program",)
OBJECT_TABLES = ("xalt_object",)
NAME_TABLES = ("xalt_name",)
NAMES_OF_CHILDREN = (
    ("xalt_env_name", "env_id", "join_run_env"), ("xalt_function", "func_id", "join_link_function"),
)  # fmt: skip


def purge(database, options, report):
    """Delete the runs and links of some days and what hangs on them, or count them with dry_run.

    With options.anonymize the names of people in them become pseudonyms instead. Commits step by
    step. A stop in between leaves some of them; the next run goes on. Raises UsageError for an
    unknown cluster.
    """
    check_clusters(database, options.clusters)
    purged = Purged()
    for table in CLUSTER_COLUMN:
        rows = count(database, table, options)
        if rows:
            purged.tables.append((table, rows))
    if not options.clusters and not options.anonymize:
        for table, column in (("xalt_pkg_waiting", "came_at"), ("xalt_rejected", "rejected_at")):
            rows = purge_by_time(database, table, column, options)
            if rows:
                purged.tables.append((table, rows))
    if not options.dry_run:
        if options.anonymize:
            from xaltload.anonymize import anonymize

            anonymize(database, options, report)
        else:
            delete_all(database, options, report)
        clean(database, report)
    return purged


def check_clusters(database, names):
    """Raise UsageError for a cluster that has no records."""
    if not names:
        return
    sql = "SELECT syshost FROM xalt_run UNION SELECT build_syshost FROM xalt_link"
    known = {row[0] for row in database.rows(sql)}
    missing = sorted(set(names) - known)
    if missing:
        there = ", ".join(sorted(known)) or "none"
        raise errors.UsageError(f"no cluster is called {missing[0]}: there are {there}")


def condition(database, table, options):
    """Return (SQL that begins with AND or is empty, parameters) of the rows that are concerned."""
    sql, values = "", []
    if options.clusters:
        marks = ", ".join("?" * len(options.clusters))
        sql, values = f" AND {CLUSTER_COLUMN[table]} IN ({marks})", list(options.clusters)
    if options.anonymize:
        sql += f" AND {database.dialect.quote(PERSON_COLUMN[table])} NOT LIKE ?"
        values.append(PREFIX + "%")
    return sql, values


def span(options):
    """Return the days of a purge as a Selection."""
    first, last = date_of(options.first), date_of(options.last)
    return Selection(first, last + datetime.timedelta(days=1))


def count(database, table, options):
    """Return how many rows of a table are concerned. Read-only."""
    sql, values = condition(database, table, options)
    days = span(options)
    limits = [f"{days.start} 00:00:00", f"{days.end} 00:00:00"]
    total = f"SELECT COUNT(*) FROM {table} WHERE date >= ? AND date < ?{sql}"  # noqa: S608
    return database.rows(total, limits + values)[0][0]


def purge_by_time(database, table, column, options):
    """Delete the rows of some days of a table without a cluster; return how many."""
    moments = moments_of(options)
    where = f"FROM {table} WHERE {column} >= ? AND {column} < ?"
    if options.dry_run:
        return database.rows(f"SELECT COUNT(*) {where}", moments)[0][0]  # noqa: S608
    return in_transaction(database, lambda: database.execute(f"DELETE {where}", moments))  # noqa: S608


def in_transaction(database, action):
    """Run an action in a transaction, again if another one was faster; return its result."""

    def once():
        with database.transaction():
            return action()

    return with_conflict_retries(once)


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


def concerned(database, table, id_column, options):
    """Yield (day, ids) of the concerned rows, some at a time."""
    sql, values = condition(database, table, options)
    query = f"SELECT {id_column} FROM {table} WHERE date >= ? AND date < ?{sql}"  # noqa: S608
    for start, end in queries.slices(database, table, span(options)):
        ids = [row[0] for row in database.rows(query, [start, end, *values])]
        for first in range(0, len(ids), RUNS_PER_STEP):
            yield start[:10], ids[first : first + RUNS_PER_STEP]


def delete(database, table, id_column, children, ids):
    """Delete rows and what hangs on them, inside the caller's transaction."""
    for name in (*children, table):
        delete_rows(database, name, id_column, ids)


def clean(database, report):
    """Remove the libraries, their sets, programs and names that nothing needs any more.

    Only while no loader runs, for that remembers their numbers; else the next time.
    """
    from xaltload.takeover import find_facts

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
