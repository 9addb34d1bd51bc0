"""What the processes of a job did (epmtlite).

All functions take an open Database with the tables of epmtlite, only read, and raise
ConfigurationError without these tables, else what usagedb's Database raises. cluster is always the
name that Slurm has for it.
"""

import dataclasses
from typing import Optional

from epmtlite import connection, of_job, selection
from epmtlite import jobs as job_reader
from epmtlite.plot import data, files, page, texts
from userportal.suite import asked
from userportal.suite.availability import require

MOST_PROGRAMS = 50
MOST_SHOWN = 2000  # processes of a timeline, the longest
MOST_IN_PAGE = 50_000  # processes of the page that is downloaded
MICROSECONDS = 1e6


@dataclasses.dataclass(frozen=True)
class ProgramProcesses:
    """The processes of one program together."""

    name: str
    processes: int
    failed: int  # ended by a signal, or with another status than 0
    cpu_seconds: float
    wall_seconds: float
    longest_seconds: float
    peak_bytes: int  # of the largest process


@dataclasses.dataclass(frozen=True)
class Feature:
    """By what a job was compared with others of its kind."""

    name: str
    is_outlier: bool


@dataclasses.dataclass(frozen=True)
class ProcessesOfJob:
    """What is known of the processes of a job."""

    job: selection.Job  # what the other functions here ask for
    cpu_seconds: float
    processes: int
    threads: int
    failed: int  # processes
    exit_code: int  # of the process that began first
    peak_bytes: int  # of the largest process
    read_bytes: Optional[int]  # by all calls; None: not measured
    written_bytes: Optional[int]
    tags: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]
    programs: tuple[ProgramProcesses, ...]  # the most CPU time first
    more_programs: int
    features: Optional[tuple[Feature, ...]]  # None: never compared with other jobs

    @property
    def is_outlier(self):
        """Whether it differs from jobs of its kind; None if nobody has looked."""
        return None if self.features is None else any(one.is_outlier for one in self.features)


@dataclasses.dataclass(frozen=True)
class ShownProcess:
    """One process of a timeline; times in seconds, start since the epoch."""

    parent: int  # place of its nearest ancestor among those shown, -1: none
    depth: int  # generations above it in the job
    descendants: int  # processes below it in the job
    host: str
    lane: int  # within its host
    program: str
    arguments: str
    pid: int
    exit_code: int
    exit_signal: int
    start: float
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    threads: int


@dataclasses.dataclass(frozen=True)
class Timeline:
    """The longest processes of a job, by their start."""

    processes: tuple[ShownProcess, ...]
    more: int  # shorter ones that are left out
    longest_left_out: float  # seconds that each of these took at most; 0 if there are none

    def tree(self):
        """Yield (level, ShownProcess), parents before their children, as a tree is written."""
        children: dict = {}
        for place, one in enumerate(self.processes):
            children.setdefault(one.parent, []).append(place)
        waiting = [(0, place) for place in reversed(children.get(-1, ()))]
        while waiting:
            level, place = waiting.pop()
            yield level, self.processes[place]
            waiting += [(level + 1, child) for child in reversed(children.get(place, ()))]


def processes_of_job(database, cluster, job_id, user, start, end):
    """Return the ProcessesOfJob of a job of a user, None if they are not stored.

    start and end are seconds since the epoch; None: not yet.
    """
    require(database, "epmt")
    job = find_job(database, cluster, job_id, user, start, end)
    if job is None:
        return None
    try:
        (record,) = job_reader.job_dicts(database, [job])
    except KeyError:  # it was deleted meanwhile
        return None
    programs = of_job.programs(database, job)
    found = of_job.outlier_features(record["analyses"], job)
    return ProcessesOfJob(
        job=job,
        cpu_seconds=record["cpu_time"] / MICROSECONDS,
        processes=record["num_procs"],
        threads=record["num_threads"],
        failed=sum(one.failed for one in programs),
        exit_code=record["exitcode"],
        peak_bytes=record["peak_rss"] * 1024,
        read_bytes=record.get("rchar"),
        written_bytes=record.get("wchar"),
        tags=shown_pairs(record["tags"]),
        annotations=shown_pairs(record["annotations"]),
        programs=tuple(program_of(one) for one in programs[:MOST_PROGRAMS]),
        more_programs=max(0, len(programs) - MOST_PROGRAMS),
        features=None if found is None else tuple(Feature(*one) for one in sorted(found.items())),
    )


def find_job(database, cluster, job_id, user, start, end):
    """Return the selection.Job of a user that ran at that time, None if it is not stored."""
    number = asked.job_number(job_id)
    if start is None or not number:
        return None
    names = asked.names_in(database.config, "epmt", cluster)
    own = connection.cluster_name(database.config)  # of the jobs that are stored without another
    slack = asked.SLACK_SECONDS
    times = (
        int((start - slack) * MICROSECONDS),
        int((1e12 if end is None else end + slack) * MICROSECONDS),
    )
    clusters = (*names, own, "") if names else ()
    return of_job.find(database, number, asked.user_name(user), clusters, times)


def shown_pairs(mapping):
    """Return (name, value) of tags or annotations, as short texts."""
    return tuple((key, value) for key, value in data.shown_mapping(mapping))


def program_of(one):
    """Return the ProgramProcesses of an of_job.Program."""
    return ProgramProcesses(
        name=texts.shown(one.name, texts.NAME_LENGTH),
        processes=one.processes,
        failed=one.failed,
        cpu_seconds=one.cpu_time / MICROSECONDS,
        wall_seconds=one.wall_time / MICROSECONDS,
        longest_seconds=one.longest / MICROSECONDS,
        peak_bytes=one.peak_rss * 1024,
    )


def timeline(database, job, most=MOST_SHOWN):
    """Return the Timeline of a selection.Job: its longest processes, at most `most`."""
    found = of_job.longest_processes(database, job, most)
    more = max(0, job.num_procs - len(found))
    shortest = min((one.duration for one in found), default=0)
    return Timeline(
        processes=tuple(process_of(one) for one in found),
        more=more,
        longest_left_out=shortest / MICROSECONDS if more else 0.0,
    )


def process_of(one):
    """Return the ShownProcess of an of_job.Process."""
    return ShownProcess(
        parent=one.parent,
        depth=one.depth,
        descendants=one.descendants,
        host=texts.shown(one.host, texts.NAME_LENGTH),
        lane=one.lane,
        program=texts.shown(one.program, texts.NAME_LENGTH),
        arguments=texts.shown(one.arguments, texts.ARGUMENTS_LENGTH),
        pid=one.pid,
        exit_code=one.exit_code,
        exit_signal=one.exit_signal,
        start=one.start / MICROSECONDS,
        seconds=one.duration / MICROSECONDS,
        cpu_seconds=one.cpu_time / MICROSECONDS,
        peak_bytes=one.peak_rss * 1024,
        threads=one.threads,
    )


def whole_page(database, job, most=MOST_IN_PAGE):
    """Return (file name, texts that make a page) of a selection.Job: all pictures of epmtlite.

    The page has its script inside and its own content security policy: it is a file to keep, not
    one to show from the portal's address. Its processes, at most `most`, are in memory at once.
    Raises MissingInputError if the job was deleted.
    """
    found = data.job_data(database, job, most)
    title = f"Job {found['facts']['job']}"
    return f"{files.safe_name([job.jobid])}.html", page.chunks([found], title)
