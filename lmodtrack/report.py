"""The reports: each returns plain rows, sorted as they are printed. Read-only."""

import collections
import datetime

from lmodtrack import usage, userset
from lmodtrack.window import Window
from usagedb.dates import date_of, shown_day

PERIODS = ("day", "week", "month")


class Question:
    """What is asked: a window of days, patterns, clusters."""

    def __init__(self, database, window, patterns=(), cluster_names=()):
        """patterns are SQL patterns for the module path (for `modules_used_by`: the user)."""
        self.database, self.window, self.patterns = database, window, tuple(patterns)
        self.clusters = usage.clusters(database, cluster_names)
        self.cluster_ids = set(self.clusters) if cluster_names else None

    def modules(self):
        """Return {module_id: Module} of the module files that match the patterns."""
        return usage.modules(self.database, self.patterns)

    def ids(self, modules):
        """Return the ids to restrict a query to, or None for all."""
        return set(modules) if self.patterns else None

    def read(self, modules):
        """Return {(module_id, cluster_id): Use} of these modules."""
        return usage.read_use(self.database, self.window, self.ids(modules), self.cluster_ids)


def by_path(question, modules, uses, by_cluster):
    """Return {(path,) or (path, cluster): Use}; a path may stand for several full names."""
    found: dict[tuple, usage.Use] = {}
    for (module_id, cluster_id), use in uses.items():
        if module_id in modules:
            cluster = (question.clusters[cluster_id],) if by_cluster else ()
            key = (modules[module_id].path, *cluster)
            found.setdefault(key, usage.Use()).add(use)
    return found


def counts(question, by_cluster=False, all_paths=()):
    """Return rows (path[, cluster], distinct users, loads), most users first.

    all_paths are paths that get a row, with zeros, also when nobody loaded them.
    """
    modules = question.modules()
    found = by_path(question, modules, question.read(modules), by_cluster)
    rows = [(*key, userset.count(use.users), use.loads) for key, use in found.items()]
    loaded = {key[0] for key in found}
    empty = ("",) if by_cluster else ()
    rows += [(path, *empty, 0, 0) for path in sorted(set(all_paths) - loaded)]
    return sorted(rows, key=lambda row: (row[-2], row[:-2]), reverse=True)


def user_rows(question, modules, users, by_cluster):
    """Return rows (path[, cluster], user); users is {user_id: name} of those to report."""
    wanted = userset.of(users)
    uses = by_path(question, modules, question.read(modules), by_cluster)
    return sorted(
        (*key, users[user_id])
        for key, use in uses.items()
        for user_id in userset.members(use.users & wanted)
    )


def loads_of_users(question, modules, users, by_cluster):
    """Return {(path[, cluster], user): loads}, read from the daily rows."""
    found: collections.Counter = collections.Counter()
    sql = (
        "SELECT module_id, cluster_id, user_id, SUM(loads) FROM lmod_use"
        " WHERE day BETWEEN ? AND ?{} GROUP BY module_id, cluster_id, user_id"
    )
    days = (question.window.first, question.window.last)
    for row in usage.module_queries(question.database, sql, days, question.ids(modules)):
        module_id, cluster_id, user_id, loads = row
        wanted = question.cluster_ids is None or cluster_id in question.cluster_ids
        if wanted and user_id in users:
            cluster = (question.clusters[cluster_id],) if by_cluster else ()
            key = (modules[module_id].path, *cluster, users[user_id])
            found[key] += int(loads)
    return found


def trend(question, period):
    """Return rows (beginning of the period, distinct users, loads), without gaps, by time."""
    modules = question.modules()
    if period == "month":
        found = trend_of_months(question, modules)
    else:
        found = trend_of_days(question, modules, period)
    if not found:
        return []
    periods = periods_between(min(found), max(found), period)
    return [(day.isoformat(), *found.get(day, (0, 0))) for day in periods]


def trend_of_months(question, modules):
    """Return {first day of month: (users, loads)} from the monthly summary."""
    found = {}
    months = usage.read_use_by_month(
        question.database, question.window, question.ids(modules), question.cluster_ids
    )
    for month, uses in months.items():
        total = usage.Use()
        for use in uses.values():
            total.add(use)
        found[date_of(month * 100 + 1)] = (userset.count(total.users), total.loads)
    return found


def trend_of_days(question, modules, period):
    """Return {first day of day or week: (users, loads)} from the daily rows."""
    sql = (
        "SELECT module_id, cluster_id, day, user_id, loads FROM lmod_use"
        " WHERE day BETWEEN ? AND ?{}"
    )
    users: dict[int, set] = collections.defaultdict(set)
    loads: collections.Counter = collections.Counter()
    for days in months_of(question.database, question.window):
        rows = usage.module_queries(question.database, sql, days, question.ids(modules))
        for _module_id, cluster_id, day, user_id, row_loads in rows:
            if question.cluster_ids is None or cluster_id in question.cluster_ids:
                users[day].add(user_id)
                loads[day] += row_loads
    return summed_periods(users, loads, period)


def months_of(database, window):
    """Yield (first, last) day of each month with data in the window: a query reads one month."""
    first, last = database.rows("SELECT MIN(month), MAX(month) FROM lmod_month")[0]
    if first is not None:
        for month in window.months((first, last)):
            yield window.part_in(month)


def summed_periods(users, loads, period):
    """Return {first date of the period: (distinct users, loads)} for counts by day."""
    period_users: dict[datetime.date, set] = collections.defaultdict(set)
    period_loads: collections.Counter = collections.Counter()
    for day in users:
        start = beginning(date_of(day), period)
        period_users[start] |= users[day]
        period_loads[start] += loads[day]
    return {start: (len(period_users[start]), period_loads[start]) for start in period_users}


def beginning(date, period):
    """Return the first day of a date's period; weeks begin on Monday."""
    if period == "week":
        return date - datetime.timedelta(days=date.weekday())
    return date.replace(day=1) if period == "month" else date


def periods_between(first, last, period):
    """Yield the first day of every period from one to another."""
    step = {"day": 1, "week": 7, "month": 31}[period]
    while first <= last:
        yield first
        first = beginning(first + datetime.timedelta(days=step), period)


def unused(question, all_paths):
    """Return rows (path, day of the last load ever or "never") of paths that nobody loaded."""
    modules = question.modules()
    loaded = {key[0] for key in by_path(question, modules, question.read(modules), False)}
    everything = usage.read_use(question.database, Window(), None, question.cluster_ids)
    last = by_path(question, usage.modules(question.database), everything, False)
    return [
        (path, shown_day(last[(path,)].last_day) if (path,) in last else "never")
        for path in sorted(set(all_paths) - loaded)
    ]
