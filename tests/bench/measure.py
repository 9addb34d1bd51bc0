"""Measure commands as whole processes: wall seconds, CPU seconds and peak memory."""

import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Optional

Command = Sequence[str]
DISCARD = Path(os.devnull)


SAMPLE_SECONDS = 0.05


class Measurement(NamedTuple):
    """One run of a command.

    `peak_megabytes` is the larger of what its largest process ever held and of what it and its
    children held together when they were looked at. It cannot be less than what the measuring
    process held when it started the command, for the kernel hands that mark on to the child.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


class Summary(NamedTuple):
    """Repeated runs of one command: the median and the best wall time, CPU, the worst peak."""

    runs: int
    wall_seconds: float
    best_wall_seconds: float
    cpu_seconds: float
    peak_megabytes: float


class CommandFailed(Exception):
    """A measured command ended with another status than 0."""


def run_once(
    command: Command, environment: Optional[dict[str, str]] = None, output: Path = DISCARD
) -> Measurement:
    """Run a command to its end, its output going to a file, and measure that one process.

    Raises CommandFailed, with the end of what it said, if its status is not 0.
    """
    with tempfile.TemporaryFile() as errors, output.open("wb") as stdout:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors,
            env=environment,
        )  # fmt: skip
        with MemoryWatch(process.pid) as memory:
            _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - start
        # Popen must know that the process is gone, or it would wait for it once more.
        process.returncode = exit_code_of(status)
        if process.returncode:
            errors.seek(0)
            raise CommandFailed(failure_text(command, process.returncode, errors.read()))
    # Linux counts ru_maxrss in KiB.
    peak_megabytes = max(usage.ru_maxrss / 1024, memory.peak_megabytes)
    return Measurement(wall_seconds, usage.ru_utime + usage.ru_stime, peak_megabytes)


class MemoryWatch(threading.Thread):
    """Looks now and then at the memory of a process and its children while a block runs."""

    def __init__(self, process_id: int):
        super().__init__(daemon=True)
        self.process_id = process_id
        self.peak_megabytes = 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            megabytes = sum(map(held_megabytes, [self.process_id, *children(self.process_id)]))
            self.peak_megabytes = max(self.peak_megabytes, megabytes)

    def __enter__(self) -> "MemoryWatch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def children(process_id: int) -> list[int]:
    """Return the ids of a process's children; none of one that has ended."""
    try:
        text = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def held_megabytes(process_id: int) -> float:
    """Return the memory of a process, its part of shared pages included; 0 of one that ended."""
    try:
        text = Path(f"/proc/{process_id}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


# A small process starts the command: the mark of the measuring one is not handed on.
SMALL_STARTER = """
import os, sys
child = os.spawnvpe(os.P_NOWAIT, sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
os.write(int(sys.argv[1]), str(usage.ru_maxrss).encode())
sys.exit(os.WEXITSTATUS(status))
"""


def peak_megabytes_of(command: Command, environment: Optional[dict[str, str]] = None) -> float:
    """Return the most memory that the largest process of a small command ever held.

    Raises CommandFailed, with the end of what it said, if its status is not 0.
    """
    reading, writing = os.pipe()
    starter = [sys.executable, "-I", "-S", "-c", SMALL_STARTER, str(writing)]
    done = subprocess.run(
        [*starter, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, env=environment, pass_fds=[writing], check=False,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    if done.returncode:
        raise CommandFailed(failure_text(command, done.returncode, done.stderr))
    return int(text) / 1024


def exit_code_of(wait_status: int) -> int:
    """Return the exit code behind a wait status, -N for a process ended by signal N."""
    if os.WIFSIGNALED(wait_status):
        return -os.WTERMSIG(wait_status)
    return os.WEXITSTATUS(wait_status)


def failure_text(command: Command, exit_code: int, errors: bytes) -> str:
    """Say which command failed, how, and the end of what it wrote to stderr."""
    said = errors.decode("utf-8", "replace").strip()[-2000:]
    return f"{' '.join(command)[:500]}\nended with {exit_code}: {said}"


def repeat(
    command: Command,
    times: int,
    environment: Optional[dict[str, str]] = None,
    enough_seconds: float = math.inf,
    output: Path = DISCARD,
) -> Summary:
    """Measure a command several times, but no more once its runs took `enough_seconds`."""
    measurements: list[Measurement] = []
    while len(measurements) < times:
        measurements.append(run_once(command, environment, output))
        if sum(measurement.wall_seconds for measurement in measurements) >= enough_seconds:
            break
    return summarise(measurements)


def summarise(measurements: Sequence[Measurement]) -> Summary:
    """Return the medians of the times, the best wall time and the worst peak."""
    wall_seconds = [measurement.wall_seconds for measurement in measurements]
    return Summary(
        len(measurements),
        statistics.median(wall_seconds),
        min(wall_seconds),
        statistics.median(measurement.cpu_seconds for measurement in measurements),
        max(measurement.peak_megabytes for measurement in measurements),
    )
