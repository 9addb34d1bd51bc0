"""Read who used which module file in a window of days: the base of all reports.

Read-only. Whole months come from lmod_month; only rows that the window cuts through are counted
day by day in lmod_use.
"""

import dataclasses
import re

from lmodtrack import userset
from usagedb.database import like_pattern, marks

# Up to this many pairs of month and module file are looked up one by one.
MAX_LOOKUPS = 4000
IDS_PER_QUERY = 1000


@dataclasses.dataclass
class Use:
    """The use of one module file on one cluster."""

    users: int = 0  # a set, see lmodtrack/userset.py
    loads: int = 0
    user_loads: int = 0
    first_day: int = 99991231
    last_day: int = 0

    def add(self, other):
        """Add another Use to this one."""
        self.users |= other.users
        self.loads += other.loads
        self.user_loads += other.user_loads
        self.first_day = min(self.first_day, other.first_day)
        self.last_day = max(self.last_day, other.last_day)


@dataclasses.dataclass(frozen=True)
class Module:
    """One row of lmod_module."""

    name: str
    path: str


def modules(database, patterns=()):
    """Return {module_id: Module} of the module files whose path matches one of the patterns."""
    sql = "SELECT module_id, module_name, path FROM lmod_module"
    return {row[0]: Module(*row[1:]) for row in matching(database, sql, "path_folded", patterns)}


def user_names(database, patterns=()):
    """Return {user_id: name} of the users whose name matches one of the patterns."""
    sql = "SELECT user_id, user_name FROM lmod_user"
    return dict(matching(database, sql, "user_folded", patterns))


def matching(database, sql, folded_column, patterns):
    """Return the rows of a query for which a folded column matches one of some SQL patterns."""
    if not patterns:
        return database.rows(sql)
    conditions = " OR ".join([database.like(folded_column)] * len(patterns))
    return database.rows(f"{sql} WHERE {conditions}", [like_pattern(text) for text in patterns])


def clusters(database, names=()):
    """Return {cluster_id: name}; names are exact, or SQL patterns where they hold a %."""
    found = database.rows("SELECT cluster_id, cluster_name FROM lmod_cluster")
    if not names:
        return dict(found)
    wanted = [expression_of(name) for name in names]
    return {row[0]: row[1] for row in found if any(one.fullmatch(row[1]) for one in wanted)}


def expression_of(name):
    """Return the compiled expression for a cluster's name or a pattern with %."""
    parts = (re.escape(part) for part in name.split("%"))
    return re.compile(".*".join(parts), re.DOTALL)


def expression_of_pattern(pattern):
    """Return the compiled expression that means the same as a `like_pattern`, folded."""
    expression, escaped = "", False
    for character in like_pattern(pattern):
        if character == "!" and not escaped:
            escaped = True
            continue
        wild = {"%": ".*", "_": "."}.get(character) if not escaped else None
        expression += wild or re.escape(character)
        escaped = False
    return re.compile(expression, re.DOTALL | re.IGNORECASE | re.ASCII)


def read_use(database, window, module_ids=None, cluster_ids=None):
    """Return {(module_id, cluster_id): Use} of a Window.

    module_ids and cluster_ids limit what is read; None: all.
    """
    return summed(read_use_by_month(database, window, module_ids, cluster_ids).values())


def summed(parts):
    """Return one {key: Use} for several."""
    total: dict[tuple, Use] = {}
    for part in parts:
        for key, use in part.items():
            total.setdefault(key, Use()).add(use)
    return total


def read_use_by_month(database, window, module_ids=None, cluster_ids=None):
    """Return {month: {(module_id, cluster_id): Use}} of a Window; months without use are absent."""
    found: dict[int, dict[tuple, Use]] = {}
    cut_months = set()
    for row in month_rows(database, window, module_ids):
        month, module_id, cluster_id, first_day, last_day, loads, user_loads, users = row
        if module_ids is not None and module_id not in module_ids:
            continue
        if cluster_ids is not None and cluster_id not in cluster_ids:
            continue
        if window.first <= first_day and last_day <= window.last:
            use = Use(userset.decode(bytes(users)), loads, user_loads, first_day, last_day)
            found.setdefault(month, {})[module_id, cluster_id] = use
        elif first_day <= window.last and window.first <= last_day:
            cut_months.add(month)
    for month in cut_months:
        whole = found.setdefault(month, {})
        for key, use in read_days(database, window.part_in(month), module_ids, cluster_ids).items():
            whole.setdefault(key, use)
    return {month: uses for month, uses in found.items() if uses}


def month_rows(database, window, module_ids):
    """Return the rows of lmod_month that a window touches, perhaps of more modules than asked."""
    first, last = database.rows("SELECT MIN(month), MAX(month) FROM lmod_month")[0]
    if first is None:
        return []
    months = window.months((first, last))
    sql = (
        "SELECT month, module_id, cluster_id, first_day, last_day, loads, user_loads, users"
        " FROM lmod_month WHERE month "
    )
    if not months:
        return []
    if module_ids is not None and len(months) * len(module_ids) <= MAX_LOOKUPS:
        if not module_ids:
            return []
        condition = f"IN ({marks(months)}) AND module_id IN ({marks(module_ids)})"
        return database.rows(sql + condition, [*months, *module_ids])
    return database.rows(sql + "BETWEEN ? AND ?", (months[0], months[-1]))


def read_days(database, days, module_ids, cluster_ids):
    """Return {(module_id, cluster_id): Use} of some days of one month, counted in lmod_use."""
    found: dict[tuple, Use] = {}
    sql = (
        "SELECT module_id, cluster_id, user_id, SUM(loads), SUM(user_loads), MIN(day), MAX(day)"
        " FROM lmod_use WHERE day BETWEEN ? AND ?{} GROUP BY module_id, cluster_id, user_id"
    )
    for row in module_queries(database, sql, days, module_ids):
        module_id, cluster_id, user_id, loads, user_loads, first_day, last_day = row
        if cluster_ids is None or cluster_id in cluster_ids:
            use = Use(1 << user_id, int(loads), int(user_loads), first_day, last_day)
            found.setdefault((module_id, cluster_id), Use()).add(use)
    return found


def module_queries(database, sql, parameters, module_ids):
    """Yield the rows of a query whose {} is a condition on module_id, in parts when there are many.

    A query over more than IDS_PER_QUERY module files reads all and leaves the choice to us.
    """
    if module_ids is None or len(module_ids) > IDS_PER_QUERY:
        for row in database.rows(sql.format(""), parameters):
            if module_ids is None or row[0] in module_ids:
                yield row
    elif module_ids:
        condition = f" AND module_id IN ({marks(module_ids)})"
        yield from database.rows(sql.format(condition), [*parameters, *module_ids])
