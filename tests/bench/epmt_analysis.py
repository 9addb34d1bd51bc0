"""Measure what it takes to ask about jobs, side by side with EPMT itself, in SQLite.

Both have the same jobs in their databases. What a function takes is measured inside of a process of
its own, after all imports and a first small query, so that it is the function that is compared;
`epmt list` is measured as a whole process. Jobs are post-processed anew, and trees are made anew
(ours are there from the moment a job is stored, and are wiped first), on a fresh copy of the
database each time.
"""

import re
import shutil
import sqlite3
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from tests.bench import measure
from tests.bench.epmt_builds import write_build
from tests.bench.epmt_environment import epmt_environment
from tests.bench.epmt_submit import KERNEL, MODEL, real_job
from tests.bench.results import Results
from tests.bench.setting import REPOSITORY, Setting, tool
from tests.epmtlite.epmt_peer import VERSION, Peer, PeerMissing, installed_peer
from tests.epmtlite.made_jobs import SAMPLES, archived

KERNEL_BUILDS = "kern-6656-*.tgz"
# What is timed after the imports:
# {title: (what is done before, statements, how many times faster it has to be)}.
ASKED = {
    "post-process four kernel builds, and read them as a table": (
        "",
        "query.post_process_jobs(builds{anew}); found = query.get_jobs(builds, fmt='pandas')"
        "; assert len(found) == len(builds)",
        5,
    ),
    "make the process tree of one job": (
        "query.post_process_jobs([model])",
        "query.compute_process_trees([model])",
        5,
    ),
    "read the processes of one job as a table": (
        "query.post_process_jobs([model]); query.compute_process_trees([model])",
        "assert len(query.get_procs([model], fmt='pandas')) == {processes}",
        2,
    ),
}
TIMED = """
import sys, time
import pandas
import {module} as query
model, *builds = sys.argv[1:]
query.get_jobs([model], fmt="terse")
{before}
begin = time.perf_counter()
{statements}
print("seconds", time.perf_counter() - begin)
"""
SECONDS = re.compile(r"^seconds ([\d.e-]+)$", re.MULTILINE)
WIPE = (
    "UPDATE epmt_process SET parent_id = NULL, depth = 0, inclusive_cpu_time = 0, tree_number = 0,"
    " descendants = 0"
)
LIST_RATIO = 4


class Program(NamedTuple):
    """One of the two."""

    name: str
    python: Sequence[str]  # followed by a script and its arguments
    list_command: Sequence[str]
    module: str
    anew: str  # the argument of post_process_jobs that it needs
    environment: "dict[str, str]"
    database: Path
    wipe: Optional[str]  # SQL by which a tree is forgotten

    @property
    def filled_database(self) -> Path:
        """The database as it was filled."""
        return self.database.with_suffix(".filled")


def run(setting: Setting, results: Results, repeats: int) -> None:
    """Measure both, in turns; show and judge."""
    place = setting.directory / "epmt-analysis"
    place.mkdir()
    programs, missing, installation = [our_program(setting, place)], None, None
    try:
        installation = installed_peer()
        programs.insert(0, peer_program(Peer(installation, place / "peer")))
    except PeerMissing as error:
        missing = error
    jobs = fill(programs, place, installation)
    rows = []
    for title, (before, statements, ratio) in ASKED.items():
        found: dict[str, list[float]] = {program.name: [] for program in programs}
        for _ in range(repeats):
            for program in programs:
                found[program.name].append(asked(program, before, statements, jobs))
        rows += [row(title, name, seconds) for name, seconds in found.items()]
        judge(results, title, found, ratio, missing)
    found = listed(programs, repeats)
    rows += [row("epmt list, a whole process", name, seconds) for name, seconds in found.items()]
    judge(results, "epmt list", found, LIST_RATIO, missing)
    headings = ("what", "program", "seconds", "best")
    results.show(f"Asking about jobs of EPMT, SQLite, medians of {repeats}", headings, rows)
    shutil.rmtree(place)


def our_program(setting: Setting, place: Path) -> Program:
    """Return ours."""
    database = place / "ours.db"
    environment = epmt_environment(
        setting.environment, place, EPMT_DB_URL=f"sqlite:///{database}", PYTHONPATH=str(REPOSITORY)
    )
    return Program(
        "ours", [sys.executable, "-c"], tool("epmt", "list"), "epmtlite.query", ", check=False",
        environment, database, WIPE,
    )  # fmt: skip


def peer_program(peer: Peer) -> Program:
    """Return EPMT."""
    return Program(
        f"EPMT {VERSION}", [str(peer.python), "-c"], peer.command("list"), "epmt.epmt_query", "",
        peer.environment, peer.place / "peer.db", None,
    )  # fmt: skip


class Jobs(NamedTuple):
    """What is in the databases."""

    model: str
    processes: int
    builds: "list[str]"


def fill(programs: Sequence[Program], place: Path, installation: Optional[Path]) -> Jobs:
    """Let both store the jobs, real ones where they are, and keep the databases."""
    model = real_job(*MODEL, installation)
    builds = sorted(SAMPLES.glob(KERNEL_BUILDS))
    model_path = model.path if model else archived(write_build(place / "5", MODEL[1]))
    if not builds:
        builds = [archived(write_build(place / str(n), KERNEL[1])) for n in range(1, 5)]
    for program in programs:
        submit = [*program.list_command[:-1], "submit"]
        for zone, paths in ((MODEL[2], [model_path]), (KERNEL[2], builds)):
            environment = {**program.environment, "EPMT_TZ": zone}
            measure.run_once([*submit, *map(str, paths)], environment)
        program.database.rename(program.filled_database)
    ours = sqlite3.connect(programs[-1].filled_database)
    found = dict(ours.execute("SELECT jobid, num_procs FROM epmt_job ORDER BY id").fetchall())
    ours.close()
    (first, *others) = found
    return Jobs(first, found[first], others)


def asked(program: Program, before: str, statements: str, jobs: Jobs) -> float:
    """Return the seconds that statements take after others, on a fresh copy of the database."""
    shutil.copy(program.filled_database, program.database)
    if program.wipe:
        database = sqlite3.connect(program.database)
        with database:
            database.execute(program.wipe)
        database.close()
    statements = statements.format(anew=program.anew, processes=jobs.processes)
    script = TIMED.format(module=program.module, before=before, statements=statements)
    output = program.database.with_suffix(".out")
    command = [*program.python, script, jobs.model, *jobs.builds]
    measure.run_once(command, program.environment, output)
    found = SECONDS.search(output.read_text())
    if not found:
        raise measure.CommandFailed(f"{program.name} has not said how long it took")
    return float(found[1])


def listed(programs: Sequence[Program], repeats: int) -> "dict[str, list[float]]":
    """Return the wall seconds of `epmt list` of each program."""
    found: dict[str, list[float]] = {program.name: [] for program in programs}
    for program in programs:
        shutil.copy(program.filled_database, program.database)
    for _ in range(repeats):
        for program in programs:
            run_ = measure.run_once(program.list_command, program.environment)
            found[program.name].append(run_.wall_seconds)
    return found


def row(title: str, name: str, seconds: "list[float]") -> "tuple[str, ...]":
    """Return what to show of one program."""
    return title, name, f"{statistics.median(seconds):.3f}", f"{min(seconds):.3f}"


def judge(
    results: Results,
    title: str,
    found: "dict[str, list[float]]",
    ratio: float,
    missing: Optional[PeerMissing],
) -> None:
    """Judge how many times faster ours is."""
    name = f"times faster than EPMT {VERSION}, {title}"
    if missing:
        results.failed(name, missing)
        return
    theirs, ours = (statistics.median(seconds) for seconds in found.values())
    results.at_least(name, theirs / ours, ratio)
