"""Run all benchmarks, or those named: python -m tests.bench [help] [load] [growth] [year]
[xalt_load] [xalt_reports] [xalt_user] [af] [epmt] [portal] [scale].

The sizes come from the environment: BENCH_LINES (300000), BENCH_REPEATS (3), BENCH_YEAR_ROWS
(1200000; "full" is 11700000), BENCH_GROWTH_LINES ("300000,1000000"; "full" adds 10000000),
BENCH_XALT_RUNS ("4000,40000": runs of a load, each of 2.66 records; "full" adds 376000, a million
records), BENCH_XALT_REPORT_RUNS (100000; "full" is 1000000), BENCH_XALT_USER_RUNS (40000: of one
user; "full" is 400000), BENCH_AF_JOBS (10000),
BENCH_EPMT_PROCESSES (100000: of a job that is stored; "full" is 1000000),
BENCH_EPMT_JOB_PROCESSES (20000: of a job that is followed; "full" is 100000),
BENCH_PORTAL_JOBS (100000: of one user, in a table of three times as many), BENCH_PORTAL_NODES (16:
of 64 cores and 4 GPUs, of one job), BENCH_PORTAL_SECONDS (10: of asking for a user's page),
BENCH_SCALE_LOADS ("1000000,3000000": module loads in one database; "full" goes on to 100000000),
BENCH_SCALE_RUNS ("10000,30000": of XALT in one database; "full" goes on to 400000).
The exit code is 1 when a target is missed.
"""

import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Callable, NoReturn

from tests.bench import (
    af_send,
    epmt_parts,
    help_speed,
    load_growth,
    load_speed,
    measure,
    portal,
    scale,
    xalt_load,
    xalt_reports,
    xalt_user,
    year_reports,
)
from tests.bench.results import Results
from tests.bench.setting import Setting

FULL = {
    "BENCH_YEAR_ROWS": "11700000",
    "BENCH_GROWTH_LINES": "300000,1000000,10000000",
    "BENCH_XALT_RUNS": "4000,40000,376000",
    "BENCH_XALT_REPORT_RUNS": "1000000",
    "BENCH_XALT_USER_RUNS": "400000",
    "BENCH_SCALE_LOADS": "1000000,3000000,10000000,30000000,100000000",
    "BENCH_SCALE_RUNS": "10000,40000,130000,400000",
    "BENCH_EPMT_PROCESSES": "1000000",
    "BENCH_EPMT_JOB_PROCESSES": "100000",
}


def sizes(name: str, default: str) -> list[int]:
    """Return the numbers of an environment variable, or end with a word about a wrong one."""
    text = os.environ.get(name) or default
    text = FULL.get(name, text) if text == "full" else text
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        sys.exit(f"Error: {name}={text} is not a size: give whole numbers above 0")
    return numbers


def parts(setting: Setting, results: Results) -> dict[str, Callable[[], None]]:
    """Return the benchmarks by name, in their order, bound to the sizes asked for."""
    lines, repeats = sizes("BENCH_LINES", "300000")[0], sizes("BENCH_REPEATS", "3")[0]
    line_counts = sizes("BENCH_GROWTH_LINES", "300000,1000000")
    year_rows = sizes("BENCH_YEAR_ROWS", "1200000")[0]
    xalt_runs = sizes("BENCH_XALT_RUNS", "4000,40000")
    report_runs = sizes("BENCH_XALT_REPORT_RUNS", "100000")[0]
    user_runs = sizes("BENCH_XALT_USER_RUNS", "40000")[0]
    af_jobs = sizes("BENCH_AF_JOBS", "10000")[0]
    processes = sizes("BENCH_EPMT_PROCESSES", "100000")[0]
    job_processes = sizes("BENCH_EPMT_JOB_PROCESSES", "20000")[0]
    scale_loads = sizes("BENCH_SCALE_LOADS", "1000000,3000000")
    scale_runs = sizes("BENCH_SCALE_RUNS", "10000,30000")
    portal_sizes = [
        sizes(f"BENCH_PORTAL_{name}", default)[0]
        for name, default in (("JOBS", "100000"), ("NODES", "16"), ("SECONDS", "10"))
    ]
    return {
        "help": lambda: help_speed.run(setting, results),
        "load": lambda: load_speed.run(setting, results, lines, repeats),
        "growth": lambda: load_growth.run(setting, results, line_counts),
        "year": lambda: year_reports.run(setting, results, year_rows),
        "xalt_load": lambda: xalt_load.run(setting, results, xalt_runs, repeats),
        "xalt_reports": lambda: xalt_reports.run(setting, results, report_runs),
        "xalt_user": lambda: xalt_user.run(setting, results, user_runs),
        "af": lambda: af_send.run(setting, results, af_jobs, repeats),
        "epmt": lambda: epmt_parts.run(setting, results, processes, job_processes, repeats),
        "portal": lambda: portal.run(setting, results, *portal_sizes),
        "scale": lambda: scale.run(setting, results, scale_loads, scale_runs),
    }


def machine() -> str:
    """Return one line about where the numbers come from."""
    return (
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    )


def end_cleanly(signal_number: int, _frame: object) -> NoReturn:
    """Leave through all the ``finally`` blocks, so that the server is stopped."""
    sys.exit(128 + signal_number)


def main(names: Sequence[str]) -> int:
    """Run the named benchmarks, or all; return the exit code."""
    signal.signal(signal.SIGTERM, end_cleanly)
    with tempfile.TemporaryDirectory(prefix="hpcusage-bench-") as scratch:
        setting, results = Setting(Path(scratch)), Results()
        benchmarks = parts(setting, results)
        unknown = set(names) - set(benchmarks)
        if unknown:
            sys.exit(f"Error: no benchmark {min(unknown)}: choose from {', '.join(benchmarks)}")
        print(machine())
        with setting:
            print(f"MariaDB {setting.execute('select version()')[0][0]}, default settings")
            for name in names or benchmarks:
                try:
                    benchmarks[name]()
                except measure.CommandFailed as error:
                    results.failed(f"benchmark {name}", error)
    return results.finish()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
