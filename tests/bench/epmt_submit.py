"""Measure what it takes to store a job, side by side with EPMT itself, in SQLite.

Whole processes are measured. The sums and the tree of a job are made by our `epmt submit`; EPMT
makes them when its Python functions are called, which is what a process of its own does here, with
its Python. So that both have to show that they are there, each shows one process with its place in
the tree: ours is `epmt list procs`. Each submits into a database with all tables and no job.
"""

import re
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from tests.bench import measure
from tests.bench.epmt_builds import write_build
from tests.bench.epmt_environment import epmt_environment
from tests.bench.results import Results
from tests.bench.setting import Setting, tool
from tests.epmtlite.epmt_peer import VERSION, Peer, PeerMissing, installed_peer
from tests.epmtlite.made_jobs import SAMPLES

SUBMIT_RATIO, TREE_RATIO = 4, 6
# Of one kernel build, and of one post-processing of a model: (name, processes, zone of the site).
KERNEL = ("kern-6656-20190614-190245", 10600, "Asia/Kolkata")
MODEL = ("692500", 6486, "US/Eastern")
WITH_TREE = """
import sys
import epmt.epmt_query as query
jobs = sys.argv[1:]
assert query.post_process_jobs(jobs) == jobs
query.compute_process_trees(jobs)
print(query.get_procs(jobs, limit=1, fmt="dict"))
"""
PLACE_IN_TREE = re.compile(r"'depth': \d")


class Job(NamedTuple):
    """A job to submit."""

    title: str
    path: Path
    jobid: str
    processes: int
    zone: str


class Program(NamedTuple):
    """One of the two; its commands are followed by a path, or by the id of a job."""

    name: str
    submit: Sequence[str]
    show: Sequence[str]
    environment: "dict[str, str]"
    database: Path
    empty_database: Path


class Stored(NamedTuple):
    """A job that was stored, and shown with its tree."""

    submitted: measure.Measurement
    shown: measure.Measurement

    @property
    def wall_seconds(self) -> float:
        """Both together."""
        return self.submitted.wall_seconds + self.shown.wall_seconds


def run(setting: Setting, results: Results, repeats: int) -> None:
    """Measure both with each job, in turns; show and judge."""
    place = setting.directory / "epmt-submit"
    place.mkdir()
    programs, missing = [our_program(setting, place)], None
    try:
        installation = installed_peer()
        programs.insert(0, peer_program(Peer(installation, place / "peer")))
    except PeerMissing as error:
        installation, missing = None, error
    rows = []
    for job in jobs(setting, place, installation):
        stored: dict[str, list[Stored]] = {program.name: [] for program in programs}
        for _ in range(repeats):
            for program in programs:
                stored[program.name].append(store(program, job, place))
        rows += [row(job, name, runs) for name, runs in stored.items()]
        judge(results, job, list(stored.values()), missing)
    headings = (
        "job", "program", "submit s", "best", "CPU s", "peak MB", "with tree s", "best",
    )  # fmt: skip
    results.show(f"Storing a job of EPMT, SQLite, medians of {repeats}", headings, rows)
    shutil.rmtree(place)


def our_program(setting: Setting, place: Path) -> Program:
    """Return our commands."""
    database = place / "ours.db"
    environment = epmt_environment(setting.environment, place, EPMT_DB_URL=f"sqlite:///{database}")
    show = tool("epmt", "list", "procs", "limit=1")
    return prepared(
        Program("ours", tool("epmt", "submit"), show, environment, database, place / "ours.empty"),
        tool("epmt", "list"),
    )


def peer_program(peer: Peer) -> Program:
    """Return those of EPMT."""
    show = [str(peer.python), "-c", WITH_TREE]
    database = peer.place / "peer.db"
    return prepared(
        Program(
            f"EPMT {VERSION}", peer.command("submit"), show, peer.environment, database,
            peer.place / "peer.empty",
        ),
        peer.command("list"),
    )  # fmt: skip


def prepared(program: Program, command: Sequence[str]) -> Program:
    """Let a command make the tables, keep the empty database, and return the program."""
    measure.run_once(command, program.environment)
    program.database.rename(program.empty_database)
    return program


def jobs(setting: Setting, place: Path, installation: Optional[Path]) -> "list[Job]":
    """Return the jobs to submit: real ones where they are, and the first also in version 2."""
    found = [real_job(*one, installation) or invented_job(*one, place) for one in (KERNEL, MODEL)]
    kernel = found[0]
    if kernel.path.is_file():
        (place / "version-2").mkdir()
        path = place / "version-2" / kernel.path.name
        environment = epmt_environment(setting.environment, place, EPMT_TZ=kernel.zone)
        measure.run_once(tool("epmt", "convert", str(kernel.path), str(path)), environment)
        title = kernel.title.replace("CSV", "TSV")
        found.append(kernel._replace(path=path, title=title))
    return found


def real_job(name: str, processes: int, zone: str, installation: Optional[Path]) -> Optional[Job]:
    """Return a job that came with EPMT, None where neither samples nor EPMT are."""
    package = "lib/python*/site-packages/epmt/test/data/*"
    packed = installation.glob(f"{package}/{name}.tgz") if installation else ()
    for path in (SAMPLES / f"{name}.tgz", *packed):
        if path.is_file():
            return Job(f"{processes:,} processes, CSV", path, name, processes, zone)
    return None


def invented_job(name: str, processes: int, zone: str, place: Path) -> Job:
    """Return an invented job of that size."""
    path = write_build(place / name, processes)
    return Job(f"{processes:,} processes, TSV, invented", path, name, processes, zone)


def store(program: Program, job: Job, place: Path) -> Stored:
    """Store a job in an empty database and show it with its tree."""
    for left in program.database.parent.glob(f"{program.database.name}*"):
        left.unlink()
    shutil.copyfile(program.empty_database, program.database)
    environment, output = {**program.environment, "EPMT_TZ": job.zone}, place / "output"
    submitted = measure.run_once([*program.submit, str(job.path)], environment, output)
    expect(f"job: {job.jobid} processes: {job.processes} ", output)
    shown = measure.run_once([*program.show, job.jobid], environment, output)
    expect(PLACE_IN_TREE.pattern, output)
    return Stored(submitted, shown)


def expect(pattern: str, output: Path) -> None:
    """Raise CommandFailed unless a pattern is in the output of a command."""
    text = output.read_text()
    if not re.search(pattern, text):
        raise measure.CommandFailed(f"{pattern!r} is not in what it printed: {text[:500]}")


def row(job: Job, name: str, runs: "list[Stored]") -> "tuple[str, ...]":
    """Return what to show of a program."""
    summary = measure.summarise([one.submitted for one in runs])
    both = [one.wall_seconds for one in runs]
    return (
        job.title, name, f"{summary.wall_seconds:.2f}", f"{summary.best_wall_seconds:.2f}",
        f"{summary.cpu_seconds:.2f}", f"{summary.peak_megabytes:.0f}",
        f"{statistics.median(both):.2f}", f"{min(both):.2f}",
    )  # fmt: skip


def judge(
    results: Results, job: Job, stored: "list[list[Stored]]", missing: Optional[PeerMissing]
) -> None:
    """Judge how many times faster ours is, by the medians."""
    names = (
        f"times faster than EPMT {VERSION}, submit, {job.title}",
        f"times faster, submit, sums and tree, {job.title}",
    )
    if missing:
        for name in names:
            results.failed(name, missing)
        return
    peer, ours = (
        (
            statistics.median(one.submitted.wall_seconds for one in runs),
            statistics.median(one.wall_seconds for one in runs),
        )
        for runs in stored
    )
    for name, limit, at in zip(names, (SUBMIT_RATIO, TREE_RATIO), (0, 1)):
        results.at_least(name, peer[at] / ours[at], limit)
