"""Measure what following costs for each short process.

Each command runs alone and followed, in turns, several times; the best of each are compared. What
`epmt run` needs for a single /bin/true is its start: it has a row of its own and is not counted for
the processes of the others. The seconds that pass are judged; the CPU seconds of all processes, the
collector's too, tell on a busy machine how much of them is waiting for others.
"""

import os
import shutil
from typing import NamedTuple

from tests.bench.epmt_accounts import Account, NoSuchAccount, ordinary_account, this_account
from tests.bench.results import Results
from tests.bench.setting import Setting

MICROSECONDS_LIMIT = 500
FEWEST_REPEATS = 4
SHELLS = ("dash", "bash")
SHELL_STARTS, PYTHON_STARTS = 2000, 500
TRUE = "/bin/true"
LOOP = "i=0; while [ $i -lt {count} ]; do {command}; i=$((i + 1)); done"
SUBPROCESSES = "import subprocess\nfor _ in range({count}): subprocess.run([{command!r}])"


class Starter(NamedTuple):
    """A command that starts so many short processes."""

    name: str
    command: "list[str]"
    starts: int


class Cost(NamedTuple):
    """The best seconds of a command, alone and followed, and the fewest CPU seconds of all."""

    bare_seconds: float
    followed_seconds: float
    bare_cpu_seconds: float
    followed_cpu_seconds: float

    @property
    def seconds(self) -> float:
        """What following adds."""
        return self.followed_seconds - self.bare_seconds

    @property
    def cpu_seconds(self) -> float:
        """What following adds, the collector included."""
        return self.followed_cpu_seconds - self.bare_cpu_seconds


def run(setting: Setting, results: Results, repeats: int) -> None:
    """Measure as this account and, if that is root, as an ordinary one; show and judge."""
    times = max(repeats, FEWEST_REPEATS)
    rows = measured(results, this_account(setting.directory / "epmt-follow"), times)
    if os.geteuid() == 0:
        try:
            with ordinary_account() as account:
                rows += measured(results, account, times)
        except NoSuchAccount as error:
            results.failed("µs for each short process of an ordinary account", error)
    headings = (
        "account", "what starts", "processes", "alone s", "followed s", "µs each", "CPU µs each",
    )  # fmt: skip
    results.show(f"Following short processes, best of {times}", headings, rows)


def measured(results: Results, account: Account, times: int) -> "list[tuple[str, ...]]":
    """Measure and judge all that an account can start; return the rows to show."""
    run_itself = Starter("epmt run itself", [TRUE], 0)
    start = cost(account, run_itself, times * 2)
    rows = [row(account, run_itself, start, start.seconds, start.cpu_seconds)]
    for one in starters(account):
        found = cost(account, one, times)
        each = (found.seconds - start.seconds) / one.starts
        cpu_each = (found.cpu_seconds - start.cpu_seconds) / one.starts
        rows.append(row(account, one, found, each, cpu_each))
        name = f"µs for each short process, {one.name}, {account.name}"
        results.at_most(name, each * 1e6, MICROSECONDS_LIMIT)
    return rows


def row(
    account: Account, starter: Starter, found: Cost, seconds: float, cpu_seconds: float
) -> "tuple[str, ...]":
    """Return what to show of a command."""
    return (
        account.name, starter.name, f"{starter.starts:,}", f"{found.bare_seconds:.3f}",
        f"{found.followed_seconds:.3f}", f"{seconds * 1e6:,.0f}", f"{cpu_seconds * 1e6:,.0f}",
    )  # fmt: skip


def starters(account: Account) -> "list[Starter]":
    """Return what starts processes here."""
    found = [
        Starter(shell, [shell, "-c", loop(TRUE, SHELL_STARTS)], SHELL_STARTS)
        for shell in SHELLS
        if shutil.which(shell)
    ]
    text = SUBPROCESSES.format(count=PYTHON_STARTS, command=TRUE)
    return [*found, Starter("Python", [account.python, "-c", text], PYTHON_STARTS)]


def loop(command: str, count: int) -> str:
    """Return the text of a shell that runs a command so many times."""
    return LOOP.format(command=command, count=count)


def cost(account: Account, starter: Starter, times: int) -> Cost:
    """Run a command alone and followed, in turns, and return the best of both."""
    bare, followed = [], []
    for _ in range(times):
        bare.append(account.bare(starter.command))
        followed.append(account.followed(starter.command, starter.starts + 1))
    return Cost(
        min(one.wall_seconds for one in bare), min(one.wall_seconds for one in followed),
        min(one.cpu_seconds for one in bare), min(one.cpu_seconds for one in followed),
    )  # fmt: skip
