"""Run commands as an account, alone and followed by `epmt run`, each as a whole process."""

import contextlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

from tests.bench import epmt_starter, measure
from tests.bench.epmt_environment import epmt_environment
from tests.bench.setting import REPOSITORY
from tests.epmtlite.collect.test_privileges import SYSTEM_PYTHON, copied_tree

JOB = "1"
ORDINARY = "nobody"


class NoSuchAccount(Exception):
    """An account cannot be had here; the text says why."""


class Used(NamedTuple):
    """What processes used: seconds of all, the peak of the largest, how often they waited."""

    cpu_seconds: float
    peak_megabytes: float
    waits: int


class Ran(NamedTuple):
    """A command that has run, with its children, and what it left behind: the collector."""

    wall_seconds: float
    command: Used
    others: Used

    @property
    def cpu_seconds(self) -> float:
        """All of them."""
        return self.command.cpu_seconds + self.others.cpu_seconds


class Account(NamedTuple):
    """An account with a Python, the directory of our package, and a directory for its files."""

    name: str
    python: str
    library: Path
    place: Path
    starter: Path
    ids: str  # UID:GID, or - for that of this process

    def bare(self, command: Sequence[str]) -> Ran:
        """Run a command alone. Raises CommandFailed if its status is not 0."""
        words = [self.python, "-I", "-S", str(self.starter), self.ids, *command]
        kept = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "TZ": "UTC"}
        environment = epmt_environment(
            kept, self.place, HOME=str(self.place), PYTHONPATH=str(self.library)
        )
        done = subprocess.run(
            words, cwd=self.place, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            check=False,
        )  # fmt: skip
        answer: dict[str, Any] = {} if done.returncode else json.loads(done.stdout)
        status = done.returncode or measure.exit_code_of(answer["wait_status"])
        if status:
            raise measure.CommandFailed(measure.failure_text(command, status, done.stderr))
        return Ran(
            answer["wall_seconds"], together([answer["command"]]), together(answer["others"])
        )

    def followed(self, command: Sequence[str], processes: int) -> Ran:
        """Run a command that is a job of its own, with so many processes.

        Raises CommandFailed if its status is not 0, or if others than these are recorded.
        """
        run = [self.python, "-m", "epmtlite.collect", "run", "-a", "--jobid", JOB, "--"]
        ran = self.bare([*run, *command])
        (directory,) = self.place.glob(f"jobs/*/{JOB}")
        recorded = recorded_in(directory)
        shutil.rmtree(directory)
        if recorded != processes:
            text = f"{recorded} of {processes} processes of {' '.join(command)} are recorded"
            raise measure.CommandFailed(text)
        return ran


def together(used: "list[dict[str, Any]]") -> Used:
    """Return what several processes used."""
    return Used(
        sum(one["cpu_seconds"] for one in used),
        max((one["peak_kilobytes"] for one in used), default=0) / 1024,
        sum(one["waits"] for one in used),
    )


def recorded_in(directory: Path) -> int:
    """Return how many processes are in the data of a job that is complete, 0 of another one."""
    if not (directory / "job_metadata").exists():
        return 0
    return sum(path.read_bytes().count(b"\n") for path in directory.glob("*-papiex.tsv"))


def this_account(place: Path) -> Account:
    """Return the account of this process; its files go to a directory, which is made."""
    place.mkdir()
    starter = Path(epmt_starter.__file__)
    name = "root" if os.geteuid() == 0 else "this account"
    return Account(name, sys.executable, REPOSITORY, place, starter, "-")


@contextlib.contextmanager
def ordinary_account() -> Iterator[Account]:
    """Give nobody, with a Python that it can run and a copy of the package that it can read.

    Only root can use it. Raises NoSuchAccount where it cannot be had.
    """
    account = account_named(ORDINARY)
    if account is None or SYSTEM_PYTHON is None:
        missing = f"account {ORDINARY}" if account is None else "Python that every account can run"
        raise NoSuchAccount(f"there is no {missing}")
    with tempfile.TemporaryDirectory(prefix="hpcusage-bench-") as directory:
        top = Path(directory)
        library, place = top / "library", top / "place"
        library.mkdir()
        place.mkdir()
        copied_tree(library)
        # Nobody cannot keep what Python compiles.
        subprocess.run([SYSTEM_PYTHON, "-m", "compileall", "-q", str(library)], check=True)
        starter = Path(shutil.copy(epmt_starter.__file__, top))
        top.chmod(0o755)
        os.chown(place, account.pw_uid, account.pw_gid)
        ids = f"{account.pw_uid}:{account.pw_gid}"
        yield Account(ORDINARY, SYSTEM_PYTHON, library, place, starter, ids)


def account_named(name: str) -> Optional[pwd.struct_passwd]:
    """Return an account, None if there is none of that name."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
