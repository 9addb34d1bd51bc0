"""Find runs by user, uuid, job, day or executable: in a tree of records, or in the database.

Read-only.
"""

import dataclasses
import datetime
import fnmatch
import re
from typing import Any, Optional

from usagedb import errors
from usagedb.database import in_parts
from xaltload.record import Package, Rejected, Run, parse_record
from xaltload.tree import record_files

MODULES = "LOADEDMODULES"
DAY = datetime.timedelta(days=1)
COLUMNS = (
    "run_uuid", "exec_path", "job_id", "user", "account", "syshost", "date", "run_time",
    "end_time",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Criteria:
    """What a run must be; None or '' is anything. Days are local, the end is exclusive."""

    user: str = ""
    run_uuid: str = ""
    job_id: str = ""
    start: Optional[datetime.date] = None
    end: Optional[datetime.date] = None
    exec_pattern: str = ""  # * ? and [] as in a shell, for the path or the name

    def takes_program(self, path):
        """Tell whether an executable matches."""
        pattern = self.exec_pattern
        names = (path, path.rpartition("/")[2])
        return not pattern or any(fnmatch.fnmatchcase(name, pattern) for name in names)

    def takes_day(self, day):
        """Tell whether a date is among the wanted days."""
        return (not self.start or day >= self.start) and (not self.end or day < self.end)

    def may_take(self, name):
        """Tell whether the run of a RecordName can match; a name that says less may."""
        if name.kind != "run" or (self.run_uuid and name.uuid != self.run_uuid):
            return False
        if self.user and name.user and name.user != self.user:
            return False
        day = day_of_name(name)
        # A name has the node's local time: a day on either side is looked at.
        return not day or any(self.takes_day(day + shift) for shift in (-DAY, 0 * DAY, DAY))

    def takes(self, found):
        """Tell whether a FoundRun matches."""
        return (
            (not self.user or found.user == self.user)
            and (not self.run_uuid or found.run_uuid == self.run_uuid)
            and (not self.job_id or found.job_id == self.job_id)
            and self.takes_day(found.started.date())
            and self.takes_program(found.program)
        )


@dataclasses.dataclass
class FoundRun:
    """One run, from its start record, its end record, or both."""

    run_uuid: str
    program: str
    modules: tuple
    job_id: str
    user: str
    account: str
    syshost: str
    started: Any  # local datetime
    run_time: float  # seconds
    is_ended: bool
    packages: list = dataclasses.field(default_factory=list)  # (name, version, path)


def day_of_name(name):
    """Return the date of a RecordName, None if it has none."""
    found = re.match(r"(\d{4})_(\d\d)_(\d\d)_", name.date)
    try:
        day = datetime.date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
    # Any user can give a file such a name, and there is no day beside the first and the last one.
    return day if day and datetime.date.min < day < datetime.date.max else None


def find_in_trees(roots, criteria, zone_of, on_error):
    """Return the FoundRuns below some Roots, by their start.

    Names decide which files are read. on_error(text) is told of what cannot be read.
    """
    roots = list(roots)
    runs: dict = {}
    for file in walk(roots, criteria.may_take, on_error):
        run = read(file, Run, on_error)
        if run:
            found = found_of(run, zone_of(run.syshost))
            key = (run.syshost, run.run_uuid, run.hash_id, round(run.start_time, 4))
            if criteria.takes(found) and (found.is_ended or key not in runs):
                runs[key] = found
    add_packages(roots, runs.values(), on_error)
    return sorted(runs.values(), key=lambda run: (run.started, run.run_uuid))


def walk(roots, wanted, on_error):
    """Yield the files of records with a wanted name below some Roots."""
    for root in roots:

        def tell(error, root=root):
            on_error(f"{error.filename or root.path}: {errors.reason(error)}")

        yield from record_files(root.path, root.inside, wanted, tell)


def read(file, kind, on_error):
    """Return the record of a file if it is of that kind, else None."""
    try:
        text, _status = file.read()
        record = parse_record(text, file.name.syshost)
    except FileNotFoundError:
        return None
    except OSError as error:
        on_error(f"{file.path}: {error.strerror}")
        return None
    except Rejected as reason:
        on_error(f"{file.path}: {reason}")
        return None
    return record if isinstance(record, kind) else None


def found_of(run, zone):
    """Return the FoundRun of a Run."""
    modules = dict(run.environment).get(MODULES, "")
    return FoundRun(
        run_uuid=run.run_uuid,
        program=run.exec_path,
        modules=tuple(filter(None, modules.split(":"))),
        job_id=run.job_id,
        user=run.user,
        account=run.account,
        syshost=run.syshost,
        started=datetime.datetime.fromtimestamp(int(run.start_time), zone).replace(tzinfo=None),
        run_time=run.run_time,
        is_ended=run.end_time > 0,
    )


def add_packages(roots, runs, on_error):
    """Give runs their packages: only files with their uuid in the name are read."""
    packages: dict = {run.run_uuid: {} for run in runs}
    if not packages:
        return
    wanted = walk(roots, lambda name: name.kind == "pkg" and name.uuid in packages, on_error)
    for file in wanted:
        package = read(file, Package, on_error)
        if package and package.run_uuid in packages:
            packages[package.run_uuid][package.name, package.version, package.path] = None
    for run in runs:
        run.packages = sorted(packages[run.run_uuid])


def find_in_database(database, criteria):
    """Return the FoundRuns of a database, by their start."""
    conditions, values = conditions_of(database, criteria)
    names = database.dialect.quote_all(COLUMNS)
    sql = f"SELECT run_id, {names} FROM xalt_run WHERE {conditions}"  # noqa: S608
    runs = {}
    for run_id, *row in database.rows(sql, values):
        found = stored_run(dict(zip(COLUMNS, row)))
        if criteria.takes(found):
            runs[run_id] = found
    add_stored_modules(database, runs)
    add_stored_packages(database, runs)
    return sorted(runs.values(), key=lambda run: (run.started, run.run_uuid))


def stored_run(row):
    """Return the FoundRun of a row of xalt_run ({column: value})."""
    return FoundRun(
        run_uuid=row["run_uuid"],
        program=row["exec_path"],
        modules=(),
        job_id=row["job_id"],
        user=row["user"],
        account=row["account"],
        syshost=row["syshost"],
        started=datetime.datetime.fromisoformat(str(row["date"])[:19]),
        run_time=row["run_time"],
        is_ended=row["end_time"] > 0,
    )


def conditions_of(database, criteria):
    """Return the SQL of some Criteria, and its parameters."""
    exact = (
        (database.dialect.quote("user"), criteria.user),
        ("run_uuid", criteria.run_uuid),
        ("job_id", criteria.job_id),
    )
    conditions = [f"{column} = ?" for column, value in exact if value]
    values = [value for _column, value in exact if value]
    if criteria.start:
        conditions.append("date >= ?")
        values.append(f"{criteria.start} 00:00:00")
    if criteria.end:
        conditions.append("date < ?")
        values.append(f"{criteria.end} 00:00:00")
    if criteria.exec_pattern and not re.search(r"[][\\!]", criteria.exec_pattern):
        conditions.append(database.like("exec_path"))
        values.append("%" + sql_pattern(criteria.exec_pattern))
    return " AND ".join(conditions) or "1 = 1", values


def sql_pattern(pattern):
    """Return a shell's pattern as one for Database.like."""
    escaped = re.sub(r"([%_])", r"!\1", pattern)
    return escaped.replace("*", "%").replace("?", "_")


def add_stored_modules(database, runs):
    """Give runs the modules that were loaded."""
    sql = (
        "SELECT j.run_id, j.env_value FROM join_run_env j JOIN xalt_env_name e"
        " ON e.env_id = j.env_id WHERE e.env_name = 'LOADEDMODULES' AND j.run_id IN ({})"
    )
    for run_id, value in in_parts(database, sql, sorted(runs)):
        text = bytes(value).decode("utf-8", "replace")
        runs[run_id].modules = tuple(filter(None, text.split(":")))


def add_stored_packages(database, runs):
    """Give runs their packages."""
    sql = "SELECT run_id, pkg_name, pkg_version, pkg_path FROM xalt_pkg WHERE run_id IN ({})"
    for run_id, *package in in_parts(database, sql, sorted(runs)):
        runs[run_id].packages.append(tuple(value or "" for value in package))
    for run in runs.values():
        run.packages.sort()
