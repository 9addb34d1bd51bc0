"""Which executables, libraries and packages a job or a user ran (xaltload).

All functions take an open Database with the tables of xaltload, only read, and raise
ConfigurationError without these tables, else what usagedb's Database raises. cluster is always the
name that Slurm has for it. Control characters in names are escapes.
"""

import dataclasses
import datetime
import functools
import time
from typing import Optional

from usagedb.files import conf_file
from usagedb.terminal import visible
from userportal.suite import asked
from userportal.suite.availability import require
from xaltload import of_job, of_user
from xaltload.applications import SHIPPED_NAME, read_name_map

MOST_PROGRAMS = 50
MOST_LIBRARIES = 60  # of one program
MOST_PACKAGES = 200


@dataclasses.dataclass(frozen=True)
class Library:
    """A library that a program loaded."""

    path: str
    module: Optional[str]  # that it belongs to


@dataclasses.dataclass(frozen=True)
class ProgramOfJob:
    """An executable that a job ran. Times are seconds since the epoch."""

    path: str
    application: str  # name by the map of applications; else the path's last part
    module: Optional[str]  # that the executable belongs to; None: the user's own
    kind: str  # binary or script
    runs: int
    unfinished: int  # runs of which no end was recorded: killed, or they still run
    first_start: float
    run_seconds: float  # of the finished runs, together
    core_hours: float
    tasks: int  # of the largest run
    nodes: int
    threads: int  # a task
    gpus: int
    container: Optional[str]
    is_sampled: bool  # only some of such runs are recorded
    libraries: tuple[Library, ...]
    more_libraries: int


@dataclasses.dataclass(frozen=True)
class UsedPackage:
    """A package of Python, R or MATLAB that runs imported."""

    language: str
    name: str
    version: str  # for Python that of the interpreter
    path: str
    runs: int


@dataclasses.dataclass(frozen=True)
class ProgramsOfJob:
    """What a job ran: the most core hours first; packages by the number of runs."""

    programs: tuple[ProgramOfJob, ...]
    more: int  # programs that are left out
    packages: tuple[UsedPackage, ...]
    more_packages: int


@dataclasses.dataclass(frozen=True)
class UsedProgram:
    """An executable that a user ran since a day."""

    path: str
    application: str  # as in ProgramOfJob
    module: Optional[str]
    kind: str  # binary or script
    runs: int
    jobs: int  # in which it ran; one that ran two builds of it counts twice
    run_seconds: float
    core_hours: float
    tasks: int  # of the largest run
    last_day: datetime.date
    is_sampled: bool  # only some of such runs are recorded


@dataclasses.dataclass(frozen=True)
class MostUsedPrograms:
    """The executables of a user with the most core hours since a date."""

    since: datetime.date
    programs: tuple[UsedProgram, ...]
    more: int


def programs_of_job(
    database, cluster, job_id, user, start, end, name_map=None, most=MOST_PROGRAMS
):  # fmt: skip
    """Return the ProgramsOfJob of a job of a user.

    start and end are seconds since the epoch; end is None while it runs, start None before: then
    there are none. name_map is an xaltload.applications.NameMap, by default ours.
    """
    require(database, "xalt")
    number = asked.job_number(job_id)
    if start is None or not number:
        return ProgramsOfJob((), 0, (), 0)
    wanted = of_job.Runs(
        user=asked.user_name(user),
        job_id=number,
        clusters=names_of(database, cluster),
        since=start - asked.SLACK_SECONDS,
        until=(time.time() if end is None else end) + asked.SLACK_SECONDS,
    )
    found, count = of_job.programs(database, wanted, most)
    libraries = of_job.libraries(database, wanted, found)
    packages, package_count = of_job.packages(database, wanted, MOST_PACKAGES)
    return ProgramsOfJob(
        programs=shown(found, name_map, libraries),
        more=count - len(found),
        packages=tuple(map(package_of, packages)),
        more_packages=package_count - len(packages),
    )


def most_used_programs(database, cluster, user, since, name_map=None, most=20):
    """Return the MostUsedPrograms of a user since a date; name_map as in programs_of_job."""
    require(database, "xalt")
    name_map = name_map or shipped_name_map()
    found = of_user.programs(database, asked.user_name(user), since, names_of(database, cluster))
    shown_ones = tuple(used_program(one, name_map) for one in found[:most])
    return MostUsedPrograms(since, shown_ones, max(0, len(found) - most))


def used_program(one, name_map):
    """Return the UsedProgram of one of of_user."""
    return UsedProgram(
        path=visible(one.exec_path),
        application=visible(name_map.code_of(one.exec_path)),
        module=shown_or_none(one.module),
        kind=one.exec_type,
        runs=one.runs,
        jobs=one.jobs,
        run_seconds=one.run_seconds,
        core_hours=one.core_seconds / 3600,
        tasks=one.most_tasks,
        last_day=datetime.date.fromisoformat(one.last_day),
        is_sampled=one.least_probability < 1,
    )


def shown(programs, name_map, libraries):
    """Return the ProgramOfJob of each of some of_job.Programs."""
    name_map = name_map or shipped_name_map()
    return tuple(
        program_of(one, name_map.code_of(one.exec_path), libraries.get(one.key, ()))
        for one in programs
    )


def program_of(one, application, libraries):
    """Return the ProgramOfJob of an of_job.Program."""
    return ProgramOfJob(
        path=visible(one.exec_path),
        application=visible(application),
        module=shown_or_none(one.module),
        kind=one.exec_type,
        runs=one.runs,
        unfinished=one.runs - one.ended,
        first_start=one.first_start,
        run_seconds=one.run_seconds,
        core_hours=one.core_seconds / 3600,
        tasks=one.most_tasks,
        nodes=one.most_nodes,
        threads=one.most_threads,
        gpus=one.most_gpus,
        container=shown_or_none(one.container),
        is_sampled=one.least_probability < 1,
        libraries=tuple(
            Library(visible(path), shown_or_none(module))
            for path, module in libraries[:MOST_LIBRARIES]
        ),
        more_libraries=max(0, len(libraries) - MOST_LIBRARIES),
    )


def package_of(one):
    """Return the UsedPackage of an of_job.Package."""
    return UsedPackage(
        language=visible(one.program),
        name=visible(one.name),
        version=visible(one.version),
        path=visible(one.path),
        runs=one.runs,
    )


def shown_or_none(text):
    """Return a text as it is shown, None for none."""
    return None if text is None else visible(text)


@functools.lru_cache(maxsize=1)
def shipped_name_map():
    """Return the NameMap that comes with us. Raises MissingInputError or ConfigurationError."""
    return read_name_map(conf_file(SHIPPED_NAME))


def names_of(database, cluster):
    """Return the names of a cluster in the records; () for all of them.

    What [SITE] says of it, else its own name; all where no run names that.
    """
    names = asked.names_in(database.config, "xalt", cluster)
    return names or ((cluster,) if of_user.knows_cluster(database, cluster) else ())
