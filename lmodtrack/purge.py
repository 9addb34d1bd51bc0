"""Delete old rows of module usage, in small transactions."""

import logging

from lmodtrack import months, usage, userset
from lmodtrack.schema import LOADER_LOCK
from usagedb import errors
from usagedb.database import in_transaction, marks, with_conflict_retries
from usagedb.locks import only_one
from usagedb.retention import Purged

logger = logging.getLogger(__name__)

# Users of a day whose rows go in one transaction: some thousand rows.
USERS_PER_STEP = 200
TABLES = ("lmod_use", "lmod_load")
LOADER_WAIT_SECONDS = 60.0


def purge(database, options, report):
    """Delete the rows of some days, or count them with dry_run. Commits step by step.

    A stop in between leaves some of them; the next run goes on. Raises UsageError for an unknown
    cluster.
    """
    cluster_ids = ids_of(database, options.clusters)
    purged = Purged()
    for table in TABLES:
        rows = count(database, table, options, cluster_ids)
        if rows:
            purged.tables.append((table, rows))
    stale = count_months(database, options, cluster_ids)
    if stale:
        purged.tables.append(("lmod_month", stale))
    if not options.dry_run:
        for month in months_with_data(database, options):
            delete_month(database, month, options, cluster_ids)
            report(f"{month}: deleted")
        clean(database, report)
    return purged


def clean(database, report):
    """Remove the users, module files and clusters that no row needs any more.

    Only while no loader runs, for that remembers their numbers; else the next time.
    """
    try:
        with only_one(database, LOADER_LOCK, LOADER_WAIT_SECONDS):
            for table, column, needed in needed_numbers(database):
                found = database.rows(f"SELECT {column} FROM {table}")  # noqa: S608
                numbers = sorted(row[0] for row in found if row[0] not in needed)
                for start in range(0, len(numbers), USERS_PER_STEP):
                    part = numbers[start : start + USERS_PER_STEP]
                    sql = f"DELETE FROM {table} WHERE {column} IN ({marks(part)})"  # noqa: S608
                    delete(database, sql, part)
                report(f"{table}: {len(numbers)} rows that nothing needs removed")
    except errors.UnavailableError as error:
        logger.info("what nothing needs stays until the next time: %s", error)


def needed_numbers(database):
    """Yield (table, column, numbers in use): what the monthly summary says. Read-only."""
    users = 0
    for (stored,) in database.rows("SELECT users FROM lmod_month"):
        users |= userset.decode(bytes(stored))
    yield "lmod_user", "user_id", set(userset.members(users))
    for table, column in (("lmod_module", "module_id"), ("lmod_cluster", "cluster_id")):
        found = database.rows(f"SELECT DISTINCT {column} FROM lmod_month")  # noqa: S608
        yield table, column, {row[0] for row in found}


def ids_of(database, names):
    """Return the ids of the named clusters, None for all. Raises UsageError."""
    if not names:
        return None
    found = usage.clusters(database)
    missing = set(names) - set(found.values())
    if missing:
        there = ", ".join(sorted(found.values())) or "none"
        raise errors.UsageError(f"no cluster is called {sorted(missing)[0]}: there are {there}")
    return [cluster_id for cluster_id, name in found.items() if name in names]


def condition_on(cluster_ids):
    """Return the end of a WHERE clause for some clusters."""
    return f" AND cluster_id IN ({marks(cluster_ids)})" if cluster_ids else ""


def count(database, table, options, cluster_ids):
    """Return how many rows of a table are concerned. Read-only."""
    sql = f"SELECT COUNT(*) FROM {table} WHERE day BETWEEN ? AND ?"  # noqa: S608
    values = [options.first, options.last, *(cluster_ids or ())]
    return database.rows(sql + condition_on(cluster_ids), values)[0][0]


def count_months(database, options, cluster_ids):
    """Return how many rows of lmod_month know days to delete: also after a stop. Read-only."""
    sql = "SELECT COUNT(*) FROM lmod_month WHERE first_day BETWEEN ? AND ?"
    values = [options.first, options.last, *(cluster_ids or ())]
    return database.rows(sql + condition_on(cluster_ids), values)[0][0]


def months_with_data(database, options):
    """Return the months with rows to delete, oldest first. Read-only."""
    found = set()
    for table in TABLES:
        sql = f"SELECT MIN(day), MAX(day) FROM {table} WHERE day BETWEEN ? AND ?"  # noqa: S608
        first, last = database.rows(sql, (options.first, options.last))[0]
        if first is not None:
            found |= set(range(first // 100, last // 100 + 1))
    sql = "SELECT DISTINCT month FROM lmod_month WHERE month BETWEEN ? AND ?"
    limits = (options.first // 100, options.last // 100)
    found |= {row[0] for row in database.rows(sql, limits)}
    return sorted(month for month in found if 1 <= month % 100 <= 12)


def delete_month(database, month, options, cluster_ids):
    """Delete the concerned rows of one month and make its summary anew. Commits in steps."""
    first = max(options.first, month * 100 + 1)
    last = min(options.last, month * 100 + 31)
    for day in range(first, last + 1):
        delete_loads(database, day, cluster_ids)
        delete_use(database, day, cluster_ids)
    with_conflict_retries(lambda: months.rebuild(database, month))


def delete_use(database, day, cluster_ids):
    """Delete the rows of lmod_use of one day, some users at a time."""
    users = database.rows("SELECT DISTINCT user_id FROM lmod_use WHERE day = ? ORDER BY 1", (day,))
    sql = "DELETE FROM lmod_use WHERE day = ? AND user_id BETWEEN ? AND ?"
    for start in range(0, len(users), USERS_PER_STEP):
        part = users[start : start + USERS_PER_STEP]
        values = [day, part[0][0], part[-1][0], *(cluster_ids or ())]
        delete(database, sql + condition_on(cluster_ids), values)


def delete_loads(database, day, cluster_ids):
    """Delete the rows of lmod_load of one day, one log at a time."""
    logs = database.rows("SELECT DISTINCT log_id FROM lmod_load WHERE day = ?", (day,))
    sql = "DELETE FROM lmod_load WHERE day = ? AND log_id = ?"
    for (log_id,) in logs:
        values = [day, log_id, *(cluster_ids or ())]
        delete(database, sql + condition_on(cluster_ids), values)


def delete(database, sql, values):
    """Run one DELETE in a transaction of its own."""
    in_transaction(database, lambda: database.execute(sql, values))
