"""Measure commands as whole processes: wall seconds, CPU seconds and peak memory."""

import math
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Optional

Command = Sequence[str]
DISCARD = Path(os.devnull)


class Measurement(NamedTuple):
    """One run of a command.

    `peak_megabytes` cannot be less than what the measuring process held when it started
    the command, for the kernel hands that mark on to the child.
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
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - start
        # Popen must know that the process is gone, or it would wait for it once more.
        process.returncode = exit_code_of(status)
        if process.returncode:
            errors.seek(0)
            raise CommandFailed(failure_text(command, process.returncode, errors.read()))
    # Linux counts ru_maxrss in KiB.
    return Measurement(wall_seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


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
