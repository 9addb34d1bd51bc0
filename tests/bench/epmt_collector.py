"""Measure the collector itself: what it adds to a job that computes, and its memory.

Of a job that computes, the CPU seconds that following adds are judged, not the difference of the
whole, which is lost in the noise of a machine: runs of the same job differ by 5 % and more. They
are what the collector used itself, which is measured exactly, and what its stops of the job's
threads took. Each stop is a voluntary context switch, so their number is the difference of these
between the job followed and alone; each is charged with more than it takes. Wall seconds and CPU
seconds of the whole are shown beside it. Not in it is the start of `epmt run`, which a job has
once, however long it computes.
"""

import statistics
from collections.abc import Iterable, Sequence

from tests.bench.epmt_accounts import Account, Ran, this_account
from tests.bench.epmt_follow import TRUE, loop
from tests.bench.results import Results
from tests.bench.setting import Setting

PERCENT_LIMIT, MEGABYTES_LIMIT = 1, 60
FEWEST_REPEATS = 3
THREADS, ITERATIONS = 16, 1_600_000
# A short process has five stops or more and may cost 500 microseconds, see epmt_follow.
STOP_SECONDS = 0.0001
ALIVE = 200  # shells that run at the same time, where the job is large enough

# Python lets other threads run meanwhile, so that all processors have work.
COMPUTE = f"""
import hashlib, threading
def compute():
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", {ITERATIONS})
threads = [threading.Thread(target=compute) for _ in range({THREADS})]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def run(setting: Setting, results: Results, job_processes: int, repeats: int) -> None:
    """Measure both; show and judge."""
    account = this_account(setting.directory / "epmt-collector")
    _compute(results, account, max(repeats, FEWEST_REPEATS))
    _remember(results, account, job_processes)


def _compute(results: Results, account: Account, times: int) -> None:
    """Run the job that computes, alone and followed in turns."""
    command = [account.python, "-c", COMPUTE]
    bare, followed = [], []
    for _ in range(times):
        bare.append(account.bare(command))
        followed.append(account.followed(command, 1))
    collector_seconds = median(one.others.cpu_seconds for one in followed)
    stops = max(waits(followed) - waits(bare), 0)
    rows = [row("alone", bare), row("followed", followed)]
    headings = ("job", "wall s", "CPU s", "waits", "collector's CPU s")
    results.show(f"Computing in {THREADS} threads, medians of {times}", headings, rows)
    added_seconds = collector_seconds + stops * STOP_SECONDS
    percent = 100 * added_seconds / median(one.command.cpu_seconds for one in bare)
    name = f"% of CPU s that following {THREADS} threads adds"
    results.at_most(name, percent, PERCENT_LIMIT)


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def waits(runs: Sequence[Ran]) -> float:
    """Return how often the job gave a processor away."""
    return median(one.command.waits for one in runs)


def row(name: str, runs: Sequence[Ran]) -> "tuple[str, ...]":
    """Return what to show."""
    return (
        name, f"{median(one.wall_seconds for one in runs):.2f}",
        f"{median(one.command.cpu_seconds for one in runs):.2f}", f"{waits(runs):,.0f}",
        f"{median(one.others.cpu_seconds for one in runs):.3f}",
    )  # fmt: skip


def _remember(results: Results, account: Account, processes: int) -> None:
    """Follow many processes of shells that run at the same time."""
    ran = account.followed(shells(processes), processes)
    rows = [
        (
            f"{processes:,}", f"{ran.wall_seconds:.1f}", f"{ran.others.cpu_seconds:.1f}",
            f"{ran.others.peak_megabytes:.1f}",
        )
    ]  # fmt: skip
    headings = ("processes", "wall s", "collector's CPU s", "its peak MB")
    results.show(f"The collector of a job of {ALIVE} shells at once", headings, rows)
    name = f"peak MB of the collector, {processes:,} processes"
    results.at_most(name, ran.others.peak_megabytes, MEGABYTES_LIMIT)


def shells(processes: int) -> "list[str]":
    """Return a shell that, with all the shells and short processes it starts, is so many."""
    started = processes - 1
    alive = min(ALIVE, started // 2)
    each = started // alive - 1 if alive else 0
    rest = started - alive * (each + 1)
    inner = f"{{ sh -c '{loop(TRUE, each)}' & }}"
    return ["sh", "-c", f"{loop(inner, alive)}; {loop(TRUE, rest)}; wait"]
