"""What one user ran in all jobs since a day: for programs that know whom they ask about. Read-only.

All of it stands in one index, by user and day: the runs of a user with very many are all over the
table, and nobody else's are read. A database that has not got it yet counts in the index of the
reports, with the runs of all users since that day.
"""

from typing import NamedTuple, Optional

from usagedb.database import marks
from xaltload import queries


class UsedProgram(NamedTuple):
    """An executable, and what its runs took together."""

    exec_path: str
    module: Optional[str]  # that it belongs to; None: the user's own
    exec_type: str  # binary or script
    runs: int
    jobs: int  # in which it ran; one that ran two builds of it counts twice
    run_seconds: float
    core_seconds: float
    most_tasks: int
    last_day: str  # local day of its last start, YYYY-MM-DD
    least_probability: float  # below 1: not every run was recorded

    def joined(self, other):
        """Return it with the runs of another build."""
        return self._replace(
            runs=self.runs + other.runs,
            jobs=self.jobs + other.jobs,
            run_seconds=self.run_seconds + other.run_seconds,
            core_seconds=self.core_seconds + other.core_seconds,
            most_tasks=max(self.most_tasks, other.most_tasks),
            last_day=max(self.last_day, other.last_day),
            least_probability=min(self.least_probability, other.least_probability),
        )


SUMS = (
    "COUNT(*), COUNT(DISTINCT {job}), SUM(run_time), SUM(run_time * num_cores), MAX(num_cores),"
    " MAX(date), MIN(probability)"
)


def programs(database, user, start, clusters=()):
    """Return the UsedPrograms of a user since a local date, the most core seconds first.

    clusters are names that the cluster has in the records, () is any. [] for nobody.
    """
    found: dict = {}
    for one in (*prepared(database, user, start, clusters),
                *unprepared(database, user, start, clusters)):  # fmt: skip
        found[one[:3]] = found[one[:3]].joined(one) if one[:3] in found else one
    return sorted(found.values(), key=lambda one: (-one.core_seconds, -one.runs, one.exec_path))


def prepared(database, user, start, clusters):
    """Yield the UsedPrograms, one for each build, of runs that a loader has prepared."""
    ids = queries.ids_of_names(database, {user, *clusters})
    if user not in ids:
        return
    numbers = [ids[name] for name in clusters if name in ids]
    of_cluster = f" AND cluster_id IN ({marks(numbers) or 'NULL'})" if clusters else ""
    sql = (
        f"SELECT program_id, {SUMS.format(job='job_number')} FROM xalt_run WHERE user_id = ?"  # noqa: S608
        f" AND date >= ? AND cluster_id IS NOT NULL{of_cluster} GROUP BY program_id"
    )
    rows = database.rows(sql, [ids[user], midnight(start), *numbers])
    named = queries.programs(database, {row[0] for row in rows if row[0] is not None})
    for program_id, *sums in rows:
        if program_id in named:
            yield program_of(named[program_id][:3], sums)


def unprepared(database, user, start, clusters):
    """Yield the UsedPrograms of runs that another program has stored since the last load."""
    # The function keeps the database from looking up runs by their user.
    condition = f"COALESCE({database.dialect.quote('user')}, '') = ?"
    if clusters:
        condition += f" AND syshost IN ({marks(clusters)})"
    job = "CASE WHEN job_id <> 'unknown' THEN job_id END"
    sql = (
        f"SELECT exec_path, module_name, exec_type, {SUMS.format(job=job)} FROM xalt_run"  # noqa: S608
        f" WHERE cluster_id IS NULL AND {condition} AND date >= ?"
        " GROUP BY exec_path, module_name, exec_type"
    )
    for row in database.rows(sql, [user, *clusters, midnight(start)]):
        yield program_of(row[:3], row[3:])


def program_of(names, sums):
    """Return the UsedProgram of a row; a server's sums are decimals."""
    runs, jobs, run_seconds, core_seconds, tasks, last, probability = sums
    return UsedProgram._make(
        (*names, runs, jobs, float(run_seconds), float(core_seconds), tasks, str(last)[:10],
         probability)
    )  # fmt: skip


def midnight(day):
    """Return when a local day begins, as the tables hold it."""
    return f"{day} 00:00:00"


def knows_cluster(database, name):
    """Tell whether runs of a cluster of that name are stored."""
    sql = (
        "SELECT 1 FROM xalt_run WHERE cluster_id = (SELECT name_id FROM xalt_name WHERE name = ?)"
        " LIMIT 1"
    )
    return bool(database.rows(sql, (name,)))
