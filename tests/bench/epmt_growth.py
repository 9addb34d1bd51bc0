"""Measure how storing a job grows with its processes: memory, and seconds for each of them.

What every `epmt submit` needs before it reads, and after it, is measured with a job of four
processes and left out of the seconds of a process.
"""

import statistics
from pathlib import Path

from tests.bench import measure
from tests.bench.epmt_builds import write_build
from tests.bench.epmt_environment import epmt_environment
from tests.bench.results import Results
from tests.bench.setting import BACKENDS, Setting, tool

DATABASE = "epmt_growth"
PEAK_MEGABYTES_LIMIT = 300
SECONDS_PER_PROCESS_RATIO_LIMIT = 1.5
START, SMALLER_BY = 4, 10
# All sizes are not submitted once more when the largest has taken so long.
ENOUGH_SECONDS = 8.0

Runs = dict[int, list[measure.Measurement]]


def run(setting: Setting, results: Results, processes: int, repeats: int) -> None:
    """Submit jobs of that size, of a tenth of it and of four processes; show and judge."""
    place = setting.directory / "epmt-growth"
    place.mkdir()
    sizes = (START, max(processes // SMALLER_BY, START + 1), processes)
    builds = {size: write_build(place / str(size), size) for size in sizes}
    rows = []
    for backend in BACKENDS:
        runs = measured(setting, backend, place, builds, repeats)
        rows += [row(backend, size, found) for size, found in runs.items()]
        judge(results, backend, runs)
    headings = ("database", "processes", "seconds", "processes/s", "CPU s", "peak MB")
    results.show("Growth of storing an invented job of EPMT, TSV", headings, rows)


def measured(
    setting: Setting, backend: str, place: Path, builds: "dict[int, Path]", repeats: int
) -> Runs:
    """Submit all jobs in turns, the small ones also after the large one: the speed of the machine
    changes meanwhile."""
    environment = epmt_environment(setting.environment, place)
    sizes = sorted(builds)
    processes = sizes[-1]
    found: Runs = {size: [] for size in sizes}
    for _ in range(repeats):
        for size in (*sizes, *reversed(sizes[:-1])):
            conf = setting.make_database(backend, DATABASE)
            command = tool("epmt", "submit", "--confFn", str(conf), str(builds[size]))
            found[size].append(measure.run_once(command, environment))
            stored = setting.row_count(backend, DATABASE, "epmt_process")
            if stored != size:
                raise measure.CommandFailed(f"{stored} of {size} processes are in {backend}")
        if sum(one.wall_seconds for one in found[processes]) >= ENOUGH_SECONDS:
            break
    return found


def row(backend: str, size: int, runs: "list[measure.Measurement]") -> "tuple[str, ...]":
    """Return what to show of one size."""
    summary = measure.summarise(runs)
    return (
        backend, f"{size:,}", f"{summary.wall_seconds:.2f}",
        f"{size / summary.wall_seconds:,.0f}", f"{summary.cpu_seconds:.2f}",
        f"{summary.peak_megabytes:.0f}",
    )  # fmt: skip


def judge(results: Results, backend: str, runs: Runs) -> None:
    """Judge the memory of the largest, and its seconds for each process against those of the
    smaller one."""
    start, small, large = sorted(runs)
    seconds = {
        size: statistics.median(one.wall_seconds for one in found) for size, found in runs.items()
    }
    peak = max(one.peak_megabytes for one in runs[large])
    results.at_most(
        f"peak MB of storing {large:,} processes, {backend}", peak, PEAK_MEGABYTES_LIMIT
    )
    each = {size: (seconds[size] - seconds[start]) / size for size in (small, large)}
    results.at_most(
        f"seconds for each process, {large:,} to {small:,}, {backend}",
        each[large] / each[small], SECONDS_PER_PROCESS_RATIO_LIMIT,
    )  # fmt: skip
