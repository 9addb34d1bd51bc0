"""A switch that lets any step of a command fail, kills the command there, or sets its clock.

A step is a call of the system that changes something: a write to a file or its length, a new name
or one that goes, a mode, an owner or a time that is set, a sync, a COMMIT that is sent to a server.
What is written to mapped memory, such as the index of SQLite's WAL, is none. A library
(fault_points.c, made with the C compiler of this machine, and loaded before all others) counts them
and does what is asked at one of them.
Commands run in forks of one process that has imported them, so that hundreds of runs take seconds.
"""

import contextlib
import ctypes
import dataclasses
import errno
import importlib
import json
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import services
from tests.forked_commands import import_all

CHECKOUT = Path(__file__).parent.parent
SOURCE = Path(__file__).with_suffix(".c")

# Kinds of steps, as in fault_points.c.
DISK, NAMES, COMMITS, SYNCS, ATTRIBUTES = 1, 2, 4, 8, 16
CONTENT = DISK | NAMES | SYNCS  # what is there, whoever may read it
ANY = CONTENT | ATTRIBUTES
COUNT, KILL_BEFORE, KILL_AFTER, TEAR, FAIL, JUMP = range(6)

FULL, READ_ONLY, NOT_PERMITTED, BROKEN = errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO
# The exit codes of what a file system refuses: a write error, and permission.
REFUSED_STATUSES = (74, 77)
# How many steps of a run are tried, of more every k-th one. `make soak` tries them all.
MOST_KILLS = int(os.environ.get("HPCUSAGE_FAULT_STEPS", "16"))
MOST_FAILURES = int(os.environ.get("HPCUSAGE_FAULT_STEPS", "4"))
# Of kills at random moments this part is done; `make soak` does them all.
KILLS = float(os.environ.get("HPCUSAGE_KILLS", "0.3"))

# For tests that call fail_at_every_step with each errno, at the steps that it can concern.
REFUSALS = pytest.mark.parametrize(
    "error, which",
    [
        (FULL, ANY), (READ_ONLY, ANY), (NOT_PERMITTED, NAMES | ATTRIBUTES),
        (NOT_PERMITTED, ATTRIBUTES), (BROKEN, ANY),
    ],
    ids=["full", "read-only", "not permitted", "no attributes", "broken"],
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens at which step. With lasting it happens at all steps from there on."""

    at: int = 0
    action: int = COUNT
    which: int = CONTENT
    error: int = 0
    lasting: bool = False
    clock_seconds: int = 0  # by which the clock is wrong from the beginning
    jump_seconds: int = 0  # by which it is wrong from `at` on, with JUMP


@dataclasses.dataclass(frozen=True)
class Done:
    """How a run ended, and how many steps it took."""

    returncode: int
    stdout: str
    stderr: str
    steps: int


class Commands:
    """Runs commands of bin/, or programs, with a Fault."""

    def __init__(self, directory, *packages):
        """packages are imported before the first run."""
        services.require_service("gcc")
        library = Path(directory, "fault_points.so")
        subprocess.run(
            ["gcc", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True
        )
        self.directory = Path(directory)
        self.environment: dict = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault_points", *packages],
            cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "LD_PRELOAD": str(library), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip

    def run(self, command, *arguments, fault=None, settings=None, cwd=None, **environment):
        """Run bin/<command>, or a Python program given as a path; return Done.

        settings is {dotted name of a variable of a module: its value in this run}.
        """
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            streams = [str(Path(directory, name)) for name in ("out", "err")]
            job = {
                "path": str(CHECKOUT / "bin" / command), "arguments": list(map(str, arguments)),
                "fault": dataclasses.asdict(fault or Fault()), "settings": settings or {},
                "environment": {**self.environment, **environment}, "streams": streams,
                "cwd": str(cwd or directory),
            }  # fmt: skip
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            status, steps = json.loads(self._process.stdout.readline())
            output, messages = (Path(path).read_text(errors="backslashreplace") for path in streams)
        return Done(status, output, messages, steps)

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Place:
    """A directory that is put back to how it was before every run."""

    def __init__(self, directory):
        """Take the directory as it is now."""
        self.directory = Path(directory)
        self._kept = self.directory.with_name(self.directory.name + ".kept")
        shutil.copytree(self.directory, self._kept, symlinks=True)

    def restore(self):
        """Make the directory what it was, with the times of its files."""
        shutil.rmtree(self.directory)
        shutil.copytree(self._kept, self.directory, symlinks=True)


def some_kills(count):
    """Return how many of so many kills are done here."""
    return max(1, round(count * KILLS))


def chosen(steps, most):
    """Return the numbers of the steps to try: all, or every k-th when there are more than `most`,
    and the last."""
    stride = -(-steps // most)
    return sorted({*range(1, steps + 1, stride), steps} - {0})


def assert_told(done, statuses):
    """Make sure that a run ended with one of some statuses, and told of it as it should."""
    assert done.returncode in statuses, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode not in (0, 3):
        assert "Error: " in done.stderr or done.returncode > 128, done.stderr


def kill_at_every_step(
    place, run, check_after, actions=(KILL_BEFORE, TEAR), statuses=(0, 3), again=(), most=MOST_KILLS
):  # fmt: skip
    """Kill -9 a run at each step, of many at `most`; run it again without a fault each time.

    run(fault) does one run and returns Done; place is a Place, or has its restore(). What was
    killed comes to check_after(at), after the second run, which ends with one of statuses or again.
    """
    place.restore()
    clean = run(Fault(which=ANY))
    assert clean.returncode in statuses, clean.stderr
    check_after(0)
    assert clean.steps > 4
    numbers = chosen(clean.steps, most)
    for number, at in enumerate(numbers):
        place.restore()
        done = run(Fault(at, actions[number % len(actions)], ANY))
        assert done.returncode in (-9, *statuses), (at, done)  # it may have fewer steps this time
        assert_ended(run(Fault()), (*statuses, *again), (at, done))
        check_after(at)


def assert_ended(done, statuses, after):
    """Make sure that the run after one with a fault ended with one of some statuses."""
    assert done.returncode in statuses, (*after, done.stderr)
    assert "Traceback" not in done.stderr, after


def fail_at_every_step(
    place, run, check_after, error, which=ANY, also=(0, 3), again=(), most=MOST_FAILURES
):  # fmt: skip
    """Let each step fail with an errno, and with all but BROKEN all later ones too; then run it
    again without a fault.

    As kill_at_every_step; statuses of a run that is refused something are also and 74 and 77.
    """
    place.restore()
    clean = run(Fault(which=which))
    assert clean.returncode in also, clean.stderr
    assert clean.steps > 3 or which == ATTRIBUTES  # of those there may be very few
    numbers = chosen(clean.steps, most)
    for at in numbers:
        place.restore()
        done = run(Fault(at, FAIL, which, error, lasting=error != BROKEN))
        assert_told(done, (*REFUSED_STATUSES, *also))
        assert_ended(run(Fault()), (*also, *again), (at, done))
        check_after(at)


def kill_at_every_commit(load):
    """Kill -9 a load at each of its commits, before it is sent and after, and let the next run end
    the work.

    load(number, fault) loads the input of that number, of which each is another one, and returns
    Done. Returns how many inputs there were.
    """
    steps = load(0, Fault(which=COMMITS)).steps
    assert steps > 2  # else the commits were not seen
    for number in range(1, 2 * steps + 1):
        action = KILL_AFTER if number % 2 else KILL_BEFORE
        done = load(number, Fault((number + 1) // 2, action, COMMITS))
        assert done.returncode in (-9, 0), (number, done)
        done = load(number, Fault(which=COMMITS))
        assert (done.returncode, done.stderr) == (0, ""), number
    return 2 * steps + 1


# In the process that runs the commands.


def serve(packages):
    """Run what comes on standard input, each in a fork, until it ends."""
    library = ctypes.CDLL(None)
    library.fault_steps.restype = ctypes.c_long
    for package in packages:
        import_all(package)
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            perform(job, library)
        _pid, status = os.waitpid(pid, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), library.fault_steps()]), flush=True)


def perform(job, library):
    """Run one command, and end this process with its status."""
    status = 1
    try:
        os.setsid()
        arrange(job)
        fault = job["fault"]
        library.fault_arm(
            fault["which"], fault["action"], ctypes.c_long(fault["at"]), fault["error"],
            fault["lasting"], ctypes.c_long(fault["clock_seconds"]),
            ctypes.c_long(fault["jump_seconds"]),
        )  # fmt: skip
        runpy.run_path(job["path"], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        library.fault_arm(0, 0, ctypes.c_long(0), 0, 0, ctypes.c_long(0), ctypes.c_long(0))
        os._exit(status)


def arrange(job):
    """Give this process its streams, directory, environment, arguments and settings."""
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    for number, path in enumerate(job["streams"], 1):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.close(empty)
    os.chdir(job["cwd"])
    os.environ.update(job["environment"])
    os.environ.pop("LD_PRELOAD", None)
    sys.argv = [job["path"], *job["arguments"]]
    sys.path[0] = str(CHECKOUT / "bin")
    for name, value in job["settings"].items():
        module, _dot, variable = name.rpartition(".")
        setattr(importlib.import_module(module), variable, value)


if __name__ == "__main__":
    serve(sys.argv[1:])
