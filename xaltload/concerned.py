"""Which runs and links are old: those of some days and clusters. Read-only."""

import datetime

from usagedb import errors
from usagedb.database import marks
from usagedb.dates import date_of
from usagedb.pseudonyms import PREFIX
from xaltload import queries
from xaltload.selection import Selection

# Rows of one transaction: a run has some dozens of libraries and variables.
RUNS_PER_STEP = 200
CLUSTER_COLUMN = {"xalt_run": "syshost", "xalt_link": "build_syshost"}
PERSON_COLUMN = {"xalt_run": "user", "xalt_link": "build_user"}
TABLES = tuple(CLUSTER_COLUMN)


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
        sql = f" AND {CLUSTER_COLUMN[table]} IN ({marks(options.clusters)})"
        values = list(options.clusters)
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


def concerned(database, table, id_column, options):
    """Yield (day, ids) of the concerned rows, some at a time."""
    sql, values = condition(database, table, options)
    query = f"SELECT {id_column} FROM {table} WHERE date >= ? AND date < ?{sql}"  # noqa: S608
    for start, end in queries.slices(database, table, span(options)):
        ids = [row[0] for row in database.rows(query, [start, end, *values])]
        for first in range(0, len(ids), RUNS_PER_STEP):
            yield start[:10], ids[first : first + RUNS_PER_STEP]
