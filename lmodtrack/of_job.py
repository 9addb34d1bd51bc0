"""What one job or one user loaded: for programs that know whom they ask about. Read-only.

Answers come by the keys of the tables, so that they are quick however large these are.
"""

from typing import NamedTuple

from usagedb.database import in_parts, marks

DAYS_PER_QUERY = 400
FOREVER = 1e18  # seconds since the epoch


class Loaded(NamedTuple):
    """A module file that was loaded on a cluster; times are seconds since the epoch."""

    name: str  # full name, for instance gcc/12.2.0
    path: str
    cluster: str
    first_time: float
    last_time: float
    loads: int
    days: int  # on how many


class Times(NamedTuple):
    """What is known of the loads of one module file on one cluster."""

    module_id: int
    cluster_id: int
    first_time: float
    last_time: float
    loads: int
    days: int


def loads_of_job(database, job_id, user, cluster_ids=None, since=0.0, until=FOREVER):
    """Return the Loaded of a job, first loaded first; [] if its number was never logged.

    user is the name of whom it belongs to; cluster_ids are those of lmod_cluster (None: all). Loads
    before `since` or after `until`, seconds since the epoch, are of another job with that number.
    Only logs that were stored with --store_all tell the job of a load.
    """
    user_id = user_id_of(database, user)
    if not job_id or user_id is None:
        return []
    condition, values = cluster_condition(cluster_ids)
    sql = (
        "SELECT module_id, cluster_id, MIN(load_time), MAX(load_time), SUM(loads),"  # noqa: S608
        " COUNT(DISTINCT day) FROM lmod_load WHERE job_id = ? AND user_id = ?"
        f" AND load_time BETWEEN ? AND ?{condition} GROUP BY module_id, cluster_id"
    )
    rows = database.rows(sql, [job_id, user_id, since, until, *values])
    return with_names(database, map(Times._make, rows))


def loads_of_user(database, user, days, cluster_ids=None):
    """Return the Loaded of a user on some local days (YYYYMMDD), first loaded first; [] for none.

    cluster_ids as in loads_of_job.
    """
    user_id = user_id_of(database, user)
    if user_id is None:
        return []
    found: dict[tuple, Times] = {}
    wanted = sorted(days)
    for begin in range(0, len(wanted), DAYS_PER_QUERY):
        part = wanted[begin : begin + DAYS_PER_QUERY]
        for row in rows_of_days(database, user_id, part, cluster_ids):
            key = (row.module_id, row.cluster_id)
            found[key] = joined(found[key], row) if key in found else row
    return with_names(database, found.values())


def rows_of_days(database, user_id, days, cluster_ids):
    """Yield the Times of a user on some days: one look-up in the primary key for each of them,
    for no index begins with the user."""
    condition, values = cluster_condition(cluster_ids)
    sql = (
        "SELECT module_id, cluster_id, MIN(first_time), MAX(last_time), SUM(loads), COUNT(*)"  # noqa: S608
        f" FROM lmod_use WHERE day IN ({marks(days)}) AND user_id = ?{condition}"
        " GROUP BY module_id, cluster_id"
    )
    yield from map(Times._make, database.rows(sql, [*days, user_id, *values]))


def joined(one, other):
    """Return the Times of loads on different days."""
    return one._replace(
        first_time=min(one.first_time, other.first_time),
        last_time=max(one.last_time, other.last_time),
        loads=one.loads + other.loads,
        days=one.days + other.days,
    )


def with_names(database, some):
    """Return the Loaded of some Times, first loaded first."""
    found = list(some)
    sql = "SELECT module_id, module_name, path FROM lmod_module WHERE module_id IN ({})"
    modules = {row[0]: row[1:] for row in in_parts(database, sql, {one.module_id for one in found})}
    sql = "SELECT cluster_id, cluster_name FROM lmod_cluster WHERE cluster_id IN ({})"
    clusters = dict(in_parts(database, sql, {one.cluster_id for one in found}))
    named = (
        Loaded._make(
            (*modules[one.module_id], clusters[one.cluster_id], *one[2:4], *map(int, one[4:]))
        )
        for one in found
        if one.module_id in modules and one.cluster_id in clusters
    )
    return sorted(named, key=lambda one: (one.first_time, one.name, one.path, one.cluster))


def user_id_of(database, user):
    """Return the number of a user in lmod_user, None if nothing was ever loaded by that name."""
    found = database.rows("SELECT user_id FROM lmod_user WHERE user_name = ?", (user,))
    return found[0][0] if found else None


def cluster_condition(cluster_ids):
    """Return (SQL that begins with AND or is empty, parameters)."""
    if cluster_ids is None:
        return "", []
    numbers = sorted(cluster_ids)
    return f" AND cluster_id IN ({marks(numbers) or 'NULL'})", numbers
