"""Run commands as processes of their own, bounded in time, and keep count of how they ended."""

import collections
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.conftest import CHECKOUT
from tests.soak import small_batches

# A load waits for silent nodes, connects anew and tries again some times; then it has to end.
LONGEST_SECONDS = 600
UNAVAILABLE = 75
FOREIGN = ("EPMT_", "SLURM_", "PBS_", "HPCUSAGE_CONF", "XALT_", "XDG_")
RETRIES = {
    "connection lost, trying again": "connections made anew",
    "another transaction was faster": "transactions tried again",
}


class Wrong(Exception):
    """Something was lost, doubled or wrongly shown, or did not end."""


class Ended(NamedTuple):
    """How a command ended."""

    words: "list[str]"
    status: int
    output: str
    messages: str
    seconds: float

    def describe(self) -> str:
        """Return all about it, for a failure."""
        words = " ".join(self.words)
        return (
            f"{words}\nended with {self.status} after {self.seconds:.1f} s\n"
            f"{self.output[-2000:]}\n{self.messages[-4000:]}"
        )


class Runner:
    """Runs commands; several threads may do so at once."""

    def __init__(self, directory: Path) -> None:
        """directory is the home of the commands."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        self.environment = {
            **kept,
            "HOME": str(directory),
            "TZ": "UTC",
            "PYTHONPATH": str(CHECKOUT),
        }
        self.directory = directory
        self._lock = threading.Lock()
        self.statuses: collections.Counter = collections.Counter()  # (kind, command, status)
        self.retries: collections.Counter = collections.Counter()
        self.reasons: collections.Counter = collections.Counter()  # of those that ended with 75
        self.longest_seconds: dict[str, float] = {}  # by kind

    def load(self, words: Sequence[object]) -> Ended:
        """Run a loading command with small batches. Raises Wrong if it ends as none may."""
        ended = self._run("load", [sys.executable, small_batches.__file__, *words])
        if ended.status not in (0, 3, UNAVAILABLE):
            raise Wrong(ended.describe())
        return ended

    def report(self, words: Sequence[object], statuses: Sequence[int] = ()) -> Ended:
        """Run a report. Raises Wrong unless it ends with 0, 75 or one of these statuses."""
        command, *rest = words
        ended = self._run("report", [sys.executable, CHECKOUT / "bin" / str(command), *rest])
        if ended.status not in (0, UNAVAILABLE, *statuses):
            raise Wrong(ended.describe())
        return ended

    def _run(self, kind: str, words: Sequence[object]) -> Ended:
        started = time.monotonic()
        texts = [str(word) for word in words]
        try:
            done = subprocess.run(
                texts, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                env=self.environment, cwd=self.directory, timeout=LONGEST_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Wrong(f"{' '.join(texts)} does not end: {error.stderr!r}") from error
        seconds = time.monotonic() - started
        ended = Ended(texts[1:], done.returncode, done.stdout, done.stderr, seconds)
        with self._lock:
            self.statuses[kind, Path(texts[2 if kind == "load" else 1]).name, done.returncode] += 1
            self.longest_seconds[kind] = max(seconds, self.longest_seconds.get(kind, 0.0))
            if done.returncode == UNAVAILABLE:
                self.reasons[reason_of(done.stderr)] += 1
            for message, name in RETRIES.items():
                self.retries[name] += done.stderr.count(message)
        return ended


def reason_of(messages: str) -> str:
    """Return why a command ended with 75: its last line without what differs from run to run."""
    last = messages.strip().rpartition("\n")[2]
    return re.sub(r"\d[\d.,]*", "N", last.partition(" on ")[2] or last)[-100:]
