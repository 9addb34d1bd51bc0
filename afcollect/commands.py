"""Run the programs of other systems, and bound how long they take and how much they say."""

import contextlib
import logging
import os
import signal
import subprocess
import tempfile
import time

from afcollect.children import identity, is_alive
from afcollect.failures import PartFailed
from usagedb.cli import SIGNALS

logger = logging.getLogger(__name__)

COLLECT_SECONDS = 150.0  # of all programs of a run together: its documents must still be sent
END_SECONDS = 2.0  # until a process that was ended is gone, if the kernel lets it go
LONGEST_OUTPUT_BYTES = 512 << 20
BLOCK_BYTES = 512  # of ulimit -f (POSIX, Shell & Utilities)
LONGEST_REASON = 200
LOOK_UP_SECONDS = 10.0
# It is the shell that looks a program up and starts it: where the program lies on a file system
# that hangs, the shell hangs, and we do not.
LAUNCH = """
command ulimit -f "$1" 2> /dev/null
shift
command -v "$1" > /dev/null || exit 127
exec "$@"
"""


class TooSlow(PartFailed):
    """A program did not end in time; `process` is its identity if it cannot be ended either."""

    def __init__(self, name, timeout_seconds, process):
        super().__init__(f"{name} did not end within {timeout_seconds:g} s")
        self.process = process


class Programs:
    """The programs that one run asks, until its time is up."""

    def __init__(self, seconds=COLLECT_SECONDS, hanging=None):
        """hanging is {program: process} of earlier runs that could not be ended."""
        self._deadline = time.monotonic() + seconds
        self._too_slow: set = set()
        self.hanging = dict(hanging or {})

    def left_seconds(self):
        """Return how much time is left. Raises PartFailed if that is none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise PartFailed("it is left out: collecting took too long already")
        return left

    def is_installed(self, name):
        """Tell whether a program is on PATH. Raises PartFailed."""
        look_up = ["/bin/sh", "-c", 'command -v "$1"; true', "sh", name]
        return bool(self.output_of(look_up, LOOK_UP_SECONDS, "looking through PATH"))

    def output_of(self, arguments, timeout_seconds, name=""):
        """Return what a program writes to stdout. Raises PartFailed: for one that was too slow
        before in this run, or hangs since an earlier one, at once.

        name is what the program is called in messages, by default its first argument.
        """
        name = name or arguments[0]
        if name in self._too_slow:
            raise PartFailed(f"{name} was too slow before, and is not asked again")
        if is_alive(self.hanging.get(name)):
            raise PartFailed(f"{name} of an earlier run hangs, process {self.hanging[name][0]}")
        try:
            return output_of(arguments, min(timeout_seconds, self.left_seconds()), name)
        except TooSlow as error:
            self._too_slow.add(name)
            if error.process:
                self.hanging[name] = error.process
            raise


def output_of(arguments, timeout_seconds, name=""):
    """Return what a program writes to stdout, as text; read-only as far as we are concerned.

    Raises PartFailed if it is not there, fails, says too much or takes longer.
    """
    name = name or arguments[0]
    logger.debug("running %s", " ".join(arguments))
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as said:
        process, status, hanging = None, None, None
        try:
            with held_signals() as mask:
                process = start(arguments, output, said, mask)
            status = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if process:
                hanging = end_session(process)
        if status is None:
            raise TooSlow(name, timeout_seconds, hanging)
        check_status(name, status, said)
        output.seek(0)
        return output.read().decode("utf-8", "backslashreplace")


@contextlib.contextmanager
def held_signals():
    """Let signals wait during the block, which gets the mask to give to others: one that came in
    the middle of starting a program would leave it behind."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def start(arguments, output, said, signal_mask):
    """Start a program whose output goes to files; return its Popen."""
    most_blocks = str(LONGEST_OUTPUT_BYTES // BLOCK_BYTES)
    return subprocess.Popen(
        ["/bin/sh", "-c", LAUNCH, "sh", most_blocks, *arguments], stdin=subprocess.DEVNULL,
        stdout=output, stderr=said, env=environment(), start_new_session=True,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, signal_mask),
    )  # fmt: skip


def end_session(process):
    """End a process, and what it has started, if they still run; return its identity if the kernel
    does not let it go, else None."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        return identity(process.pid)
    return None


def check_status(name, status, said):
    """Raise PartFailed if a program failed; `said` is the file of its complaints."""
    if status in (-signal.SIGXFSZ, 128 + signal.SIGXFSZ):  # its own, or that of what it started
        raise PartFailed(f"{name} said more than {LONGEST_OUTPUT_BYTES} bytes")
    complaint = first_line(said)
    if status == 127 and not complaint:
        raise PartFailed(f"cannot run {name}: it is not on PATH")
    if status:
        raise PartFailed(f"{name} ended with {status}: {complaint or 'it did not say why'}")


def environment():
    """Return the environment of a program: ours, in a language we know, and without secrets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AFMETRICS_")}
    return {**kept, "LC_ALL": "C"}


def first_line(file):
    """Return the first line of what a program complained about, '' if it did not."""
    file.seek(0)
    text = file.read(4096).decode("utf-8", "backslashreplace").strip()
    return text.splitlines()[0][:LONGEST_REASON] if text else ""
