"""Which modules a job loaded, a user and the cluster use most, and which nobody uses (lmodtrack).

All functions take an open Database with the tables of lmodtrack, only read, and raise
ConfigurationError without these tables, else what usagedb's Database raises. cluster is always the
name that Slurm has for it. Control characters in names are escapes.
"""

import dataclasses
import datetime
import time
from typing import Optional

from lmodtrack import moduletree, of_job, report, usage, userset
from lmodtrack.window import Window
from usagedb.dates import date_of, day_number
from usagedb.terminal import visible
from userportal.suite import asked
from userportal.suite.availability import require

MOST_MODULES = 100
MOST_DAYS_OF_JOB = 32


@dataclasses.dataclass(frozen=True)
class LoadedModule:
    """A module that was loaded; times are seconds since the epoch."""

    name: str  # full name, for instance gcc/12.2.0
    path: str  # the module file
    first_time: float
    last_time: float
    loads: int


@dataclasses.dataclass(frozen=True)
class ModulesOfJob:
    """The modules of a job, first loaded first."""

    exact: bool  # False: what its user loaded on these days, in any job or on a login node
    modules: tuple[LoadedModule, ...]
    more: int  # that are left out
    days: tuple[datetime.date, ...]  # local days that were looked at; () if exact


@dataclasses.dataclass(frozen=True)
class UsedModule:
    """How much a user, or all users of a cluster, loaded a module."""

    name: str
    loads: int
    days: Optional[int]  # on which one user loaded it
    users: Optional[int]  # of the cluster
    last_day: datetime.date


@dataclasses.dataclass(frozen=True)
class MostUsedModules:
    """The modules that are loaded most."""

    since: datetime.date  # first day that was counted
    modules: tuple[UsedModule, ...]
    more: int


@dataclasses.dataclass(frozen=True)
class UnusedModule:
    """A module file that nobody loads."""

    path: str
    last_day: Optional[datetime.date]  # of its last load, however long ago; None: never loaded


@dataclasses.dataclass(frozen=True)
class UnusedModules:
    """The module files that nobody loaded since a day, by path."""

    since: datetime.date
    known: int  # module files that were looked at
    modules: tuple[UnusedModule, ...]
    more: int


def modules_of_job(database, cluster, job_id, user, start, end, most=MOST_MODULES):
    """Return the ModulesOfJob of a job.

    start and end are seconds since the epoch; end is None while it runs, start None before: then
    there are none. Where no load of its number was logged, it is what its user loaded on the days
    of the job and before its end: a job inherits what was loaded where it was submitted.
    """
    require(database, "lmod")
    if start is None:
        return ModulesOfJob(False, (), 0, ())
    end = time.time() if end is None else max(end, start)
    user, ids = asked.user_name(user), cluster_ids(database, cluster)
    since, until = start - asked.SLACK_SECONDS, end + asked.SLACK_SECONDS
    number = asked.job_number(job_id)
    exact = of_job.loads_of_job(database, number, user, ids, since, until)
    if exact:
        return of_loads(exact, (), most)
    days = asked.days_between(start, end, asked.zone_of(database.config, cluster), MOST_DAYS_OF_JOB)
    found = of_job.loads_of_user(database, user, days, ids)
    before_end = [one for one in found if one.first_time <= end]
    return of_loads(before_end, tuple(map(date_of, days)), most)


def of_loads(loads, days, most):
    """Return the ModulesOfJob of of_job.Loaded; without days they are exact."""
    modules = tuple(
        LoadedModule(visible(one.name), visible(one.path), one.first_time, one.last_time, one.loads)
        for one in loads
    )
    return ModulesOfJob(not days, modules[:most], max(0, len(modules) - most), days)


def most_used_modules(database, cluster, user, since, today=None, most=20):
    """Return the MostUsedModules of a user since a date, at most a year back.

    First those that were loaded on most days: one loop can load a module a thousand times.
    """
    require(database, "lmod")
    today = today or asked.today_in(asked.zone_of(database.config, cluster))
    days = asked.days_since(since, today)
    ids = cluster_ids(database, cluster)
    found = of_job.loads_of_user(database, asked.user_name(user), days, ids) if days else []
    zone = asked.zone_of(database.config, cluster)
    by_name: dict = {}
    for one in found:
        by_name.setdefault(one.name, []).append(one)
    modules = sorted(
        (used_by_one(name, some, zone) for name, some in by_name.items()),
        key=lambda one: (-(one.days or 0), -one.loads, one.name),
    )
    first = date_of(days[0]) if days else since
    return MostUsedModules(first, tuple(modules[:most]), max(0, len(modules) - most))


def used_by_one(name, some, zone):
    """Return the UsedModule of the of_job.Loaded of one name: module files in several places."""
    last = max(one.last_time for one in some)
    return UsedModule(
        name=visible(name),
        loads=sum(one.loads for one in some),
        days=max(one.days for one in some),  # most users have it of one place
        users=None,
        last_day=datetime.datetime.fromtimestamp(last, zone).date(),
    )


def most_used_of_cluster(database, cluster, since, most=50):
    """Return the MostUsedModules of a cluster, most users first, since the month of a date began.

    Whole months are counted: these are summed up in the database already.
    """
    require(database, "lmod")
    since = since.replace(day=1)
    question = report.Question(
        database, Window(first=day_number(since)), (), names_of(database, cluster)
    )
    modules = question.modules()
    by_name: dict[str, usage.Use] = {}
    for (module_id, _cluster), use in question.read(modules).items():
        if module_id in modules:
            by_name.setdefault(modules[module_id].name, usage.Use()).add(use)
    found = sorted(
        (
            UsedModule(
                visible(name), use.loads, None, userset.count(use.users), date_of(use.last_day)
            )
            for name, use in by_name.items()
        ),
        key=lambda one: (-(one.users or 0), -one.loads, one.name),
    )
    return MostUsedModules(since, tuple(found[:most]), max(0, len(found) - most))


def modules_nobody_uses(database, cluster, since, paths=None, most=500):
    """Return the UnusedModules of a cluster since the month of a date began.

    paths are those of all module files, see known_modules; None: of those that were loaded ever,
    so that one that never was is not found.
    """
    require(database, "lmod")
    since = since.replace(day=1)
    question = report.Question(
        database, Window(first=day_number(since)), (), names_of(database, cluster)
    )
    known = set(loaded_paths(database, question) if paths is None else paths)
    rows = report.unused(question, known)
    modules = tuple(
        UnusedModule(visible(path), None if day == "never" else datetime.date.fromisoformat(day))
        for path, day in rows[:most]
    )
    return UnusedModules(since, len(known), modules, max(0, len(rows) - most))


def loaded_paths(database, question):
    """Return the paths of the module files that were ever loaded on the clusters of a Question."""
    modules = question.modules()
    uses = usage.read_use(database, Window(), None, question.cluster_ids)
    return {modules[module_id].path for module_id, _cluster in uses if module_id in modules}


def known_modules(list_path=None, tree=None):
    """Return the paths of all module files: of a list, one a line, or of a tree; None without both.

    A large tree takes seconds to walk: keep the answer. Raises MissingInputError.
    """
    if list_path:
        return moduletree.read_paths(list_path)
    return moduletree.module_files(tree) if tree else None


def names_of(database, cluster):
    """Return the names of a cluster in the records; () for all of them.

    What [SITE] says of it, else its own name; all where no load names that: the site has but one
    cluster, whose nodes call it otherwise.
    """
    names = asked.names_in(database.config, "lmod", cluster)
    return names or ((cluster,) if cluster in usage.clusters(database).values() else ())


def cluster_ids(database, cluster):
    """Return the numbers of a cluster in lmod_cluster, None for all."""
    names = names_of(database, cluster)
    if not names:
        return None
    return {number for number, name in usage.clusters(database).items() if name in names}
