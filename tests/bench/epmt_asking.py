"""Measure how asking about a job grows with its processes: memory, and seconds for each of them.

Whole processes, SQLite and MariaDB: its sums and its tree made anew, all processes exported, and
the longest ones listed.
"""

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import measure
from tests.bench.epmt_builds import write_build
from tests.bench.epmt_environment import epmt_environment
from tests.bench.results import Results
from tests.bench.setting import BACKENDS, REPOSITORY, Setting, tool

DATABASE = "epmt_asking"
PEAK_MEGABYTES_LIMIT = 300
SECONDS_PER_PROCESS_RATIO_LIMIT = 1.5
START, SMALLER_BY = 4, 10
# What takes less for the smaller job is no measure of growth.
LEAST_SECONDS = 0.1
SCRIPT = """
import sys
from epmtlite import query
with query.connected(sys.argv[1]):
    query.{function}
"""

Sizes = Sequence[int]


def commands(conf: Path, jobid: str) -> "dict[str, list[str]]":
    """Return what is measured: {title: command}."""

    def script(function: str) -> "list[str]":
        return [sys.executable, "-c", SCRIPT.format(function=function), str(conf), jobid]

    which = ("--confFn", str(conf))
    return {
        "sums": script("post_process_jobs(sys.argv[2], check=False)"),
        "tree": script("compute_process_trees(sys.argv[2])"),
        "export procs": tool("epmt", "export", "procs", jobid, *which),
        "list procs, the longest": tool(
            "epmt", "list", "procs", jobid, "order=-duration", "limit=10", *which
        ),
    }


def run(setting: Setting, results: Results, processes: int, repeats: int) -> None:
    """Ask about jobs of that size, of a tenth of it and of four processes; show and judge."""
    place = setting.directory / "epmt-asking"
    place.mkdir()
    sizes = (START, max(processes // SMALLER_BY, START + 1), processes)
    environment = epmt_environment(setting.environment, place, PYTHONPATH=str(REPOSITORY))
    rows = []
    for backend in BACKENDS:
        conf = setting.make_database(backend, DATABASE)
        for size in sizes:
            path = write_build(place / backend / str(size), size)
            measure.run_once(tool("epmt", "submit", "--confFn", str(conf), str(path)), environment)
        for title in commands(conf, ""):
            found = {
                size: [
                    measure.run_once(commands(conf, str(size))[title], environment)
                    for _ in range(repeats)
                ]
                for size in sizes
            }
            rows += [row(backend, title, size, runs) for size, runs in found.items()]
            judge(results, f"{title}, {backend}", found)
    headings = ("database", "what", "processes", "seconds", "CPU s", "peak MB")
    results.show("Growth of asking about an invented job of EPMT", headings, rows)


def row(
    backend: str, title: str, size: int, runs: "list[measure.Measurement]"
) -> "tuple[str, ...]":
    """Return what to show of one size."""
    summary = measure.summarise(runs)
    return (
        backend, title, f"{size:,}", f"{summary.wall_seconds:.2f}", f"{summary.cpu_seconds:.2f}",
        f"{summary.peak_megabytes:.0f}",
    )  # fmt: skip


def judge(results: Results, title: str, found: "dict[int, list[measure.Measurement]]") -> None:
    """Judge the memory of the largest, and its seconds for each process against those of the
    smaller one."""
    start, small, large = sorted(found)
    seconds = {
        size: statistics.median(one.wall_seconds for one in runs) for size, runs in found.items()
    }
    peak = max(one.peak_megabytes for one in found[large])
    results.at_most(f"peak MB, {large:,} processes, {title}", peak, PEAK_MEGABYTES_LIMIT)
    is_measurable = seconds[small] - seconds[start] >= LEAST_SECONDS
    each = [(seconds[size] - seconds[start]) / size for size in (small, large)]
    name = f"seconds for each process, {large:,} to {small:,}, {title}"
    results.at_most(
        name,
        each[1] / each[0] if is_measurable else 0.0,
        SECONDS_PER_PROCESS_RATIO_LIMIT,
        is_measurable,
    )
