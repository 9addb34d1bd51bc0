"""What one job ran: for programs that know whom they ask about. Read-only.

Runs are looked up by their job, so that an answer is quick however many there are. Those that
another program has stored are counted as well. For all jobs of a user see of_user.py.
"""

import dataclasses
from typing import NamedTuple, Optional

from usagedb.database import in_parts, marks
from xaltload.queries import libraries_of_runs, members_of_sets
from xaltload.record import UNKNOWN

MOST_SETS = 2000  # of libraries, in one answer
PROGRAM = ("exec_path", "module_name", "exec_type")


@dataclasses.dataclass(frozen=True)
class Runs:
    """Which runs are meant: those of one user in one job."""

    user: str
    job_id: str
    clusters: tuple = ()  # names that the cluster has in the records; (): any
    # Runs outside of these times, seconds since the epoch, are of another job with that number.
    since: float = 0.0
    until: float = 1e18

    def condition(self, database):
        """Return the SQL after WHERE, and its parameters."""
        # The function keeps the database from looking up runs by their user, who may have had a
        # million others.
        user = f"COALESCE(r.{database.dialect.quote('user')}, '')"
        condition = f"{user} = ? AND r.job_id = ? AND r.start_time BETWEEN ? AND ?"
        values: list = [self.user, self.job_id, self.since, self.until]
        if self.clusters:
            condition += f" AND r.syshost IN ({marks(self.clusters)})"
            values += self.clusters
        return condition, values

    @property
    def is_none(self):
        """Whether the number is that of no job."""
        return self.job_id in ("", UNKNOWN)


class Program(NamedTuple):
    """An executable, and what its runs took together; times are seconds since the epoch."""

    exec_path: str
    module: Optional[str]  # that it belongs to; None: the user's own
    exec_type: str  # binary or script
    runs: int
    ended: int  # runs whose end was recorded
    first_start: float
    last_start: float
    run_seconds: float  # of the runs whose end was recorded, together
    core_seconds: float
    most_tasks: int
    most_nodes: int
    most_threads: int
    most_gpus: int
    container: Optional[str]  # of some run
    least_probability: float  # below 1: not every run was recorded

    @property
    def key(self):
        """What tells it from others."""
        return self[:3]


class Package(NamedTuple):
    """A package that runs of an interpreter imported."""

    program: str  # python, R or MATLAB
    name: str
    version: str  # for python that of the interpreter
    path: str
    runs: int


def programs(database, wanted, most):
    """Return (the Programs of some Runs, the most core seconds first, how many there are in all).

    At most `most` are returned. ([], 0) for a job that has no number.
    """
    if wanted.is_none:
        return [], 0
    condition, values = wanted.condition(database)
    group = ", ".join(f"r.{column}" for column in PROGRAM)
    sql = (
        f"SELECT {group}, COUNT(*), SUM(CASE WHEN r.end_time > 0 THEN 1 ELSE 0 END),"  # noqa: S608
        " MIN(r.start_time), MAX(r.start_time), SUM(r.run_time), SUM(r.run_time * r.num_cores),"
        " MAX(r.num_cores), MAX(r.num_nodes), MAX(r.num_threads), MAX(r.num_gpus),"
        f" MAX(r.container), MIN(r.probability) FROM xalt_run r WHERE {condition} GROUP BY {group}"
        " ORDER BY 9 DESC, 4 DESC, r.exec_path LIMIT ?"
    )
    found = [program_of(row) for row in database.rows(sql, [*values, most])]
    if len(found) < most:
        return found, len(found)
    sql = (
        f"SELECT COUNT(*) FROM (SELECT r.exec_path FROM xalt_run r WHERE {condition}"  # noqa: S608
        f" GROUP BY {group}) found"
    )
    return found, database.rows(sql, values)[0][0]


def program_of(row):
    """Return the Program of a row; a server's sums are decimals."""
    *first, ended, start, last, run_seconds, core_seconds = row[:9]
    sums = (int(ended), start, last, float(run_seconds), float(core_seconds))
    return Program._make((*first, *sums, *row[9:]))


def libraries(database, wanted, some):
    """Return {key of a Program: [(path, module or None)], sorted} of some Programs of Runs.

    Of a run that another program stored and no loader prepared, the last one of its program
    speaks for the others.
    """
    if not some:
        return {}
    sets, unprepared = sets_of(database, wanted, some)
    members = members_of_sets(database, {number for found in sets.values() for number in found})
    objects: dict = {
        key: {obj_id for number in found for obj_id in members.get(number, ())}
        for key, found in sets.items()
    }
    for run_id, obj_id in libraries_of_runs(database, unprepared):
        objects.setdefault(unprepared[run_id], set()).add(obj_id)
    sql = "SELECT obj_id, object_path, module_name FROM xalt_object WHERE obj_id IN ({})"
    numbers = {obj_id for found in objects.values() for obj_id in found}
    named = {row[0]: tuple(row[1:]) for row in in_parts(database, sql, sorted(numbers))}
    return {
        key: sorted({named[obj_id] for obj_id in found if obj_id in named}, key=str)
        for key, found in objects.items()
    }


def sets_of(database, wanted, some):
    """Return ({key: numbers of sets of libraries}, {run_id: key} of runs without such a number)."""
    condition, values = wanted.condition(database)
    paths = sorted({program.exec_path for program in some})
    group = ", ".join(f"r.{column}" for column in PROGRAM)
    sql = (
        f"SELECT {group}, r.set_id, MAX(r.run_id) FROM xalt_run r WHERE {condition}"  # noqa: S608
        f" AND r.exec_path IN ({marks(paths)}) GROUP BY {group}, r.set_id LIMIT ?"
    )
    keys = {program.key for program in some}
    sets: dict = {}
    unprepared: dict = {}
    for *key, set_id, run_id in database.rows(sql, [*values, *paths, MOST_SETS]):
        if tuple(key) not in keys:
            continue
        if set_id is None:
            unprepared[run_id] = tuple(key)
        elif set_id:
            sets.setdefault(tuple(key), set()).add(set_id)
    return sets, unprepared


def packages(database, wanted, most):
    """Return (the Packages of some Runs, those of most runs first, how many there are in all)."""
    if wanted.is_none:
        return [], 0
    condition, values = wanted.condition(database)
    group = "p.program, p.pkg_name, p.pkg_version, p.pkg_path"
    source = f"FROM xalt_run r JOIN xalt_pkg p ON p.run_id = r.run_id WHERE {condition}"
    sql = (
        f"SELECT {group}, COUNT(DISTINCT p.run_id) {source} GROUP BY {group}"  # noqa: S608
        " ORDER BY 5 DESC, 2, 4 LIMIT ?"
    )
    found = [
        Package._make((*(text or "" for text in row[:4]), row[4]))
        for row in database.rows(sql, [*values, most])
    ]
    if len(found) < most:
        return found, len(found)
    sql = f"SELECT COUNT(*) FROM (SELECT p.pkg_name {source} GROUP BY {group}) found"  # noqa: S608
    return found, database.rows(sql, values)[0][0]
