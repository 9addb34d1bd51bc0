"""Run the programs of other systems, and bound how long they take and how much they say."""

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import time

from afcollect.children import identity, is_alive
from afcollect.failures import PartFailed
from usagedb.signals import SIGNALS

logger = logging.getLogger(__name__)

COLLECT_SECONDS = 150.0  # of all programs of a run together: its documents must still be sent
END_SECONDS = 2.0  # until a process that was ended is gone, if the kernel lets it go
LONGEST_OUTPUT_BYTES = 512 << 20
KEPT_BYTES = 4096  # of complaints
READ_BYTES = 1 << 16
POLL_SECONDS = 0.02
LONGEST_REASON = 200
LOOK_UP_SECONDS = 10.0
# It is the shell that looks a program up and starts it: where the program lies on a file system
# that hangs, the shell hangs, and we do not.
LAUNCH = 'command -v "$1" > /dev/null || exit 127; exec "$@"'


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
    process = said = hanging = None
    try:
        with held_signals() as mask:
            process = start(arguments, mask)
        said = said_by(process, timeout_seconds)
    finally:
        if process:
            hanging = end_session(process)
            process.stdout.close()
            process.stderr.close()
    if said is None:
        raise TooSlow(name, timeout_seconds, hanging)
    output, complaints, size = said
    if size > LONGEST_OUTPUT_BYTES:
        raise PartFailed(f"{name} said more than {LONGEST_OUTPUT_BYTES} bytes")
    check_status(name, process.returncode, complaints)
    return output.decode("utf-8", "backslashreplace")


def said_by(process, timeout_seconds):
    """Return what a program writes to stdout and (its begin) to stderr, and how many bytes that
    were, until it ends or has said too much; None if it does neither in time.

    What it has started may hold its pipes for longer.
    """
    deadline = time.monotonic() + timeout_seconds
    output, complaints, size = bytearray(), bytearray(), 0
    with selectors.DefaultSelector() as selector:
        for file in (process.stdout, process.stderr):
            os.set_blocking(file.fileno(), False)
            selector.register(file, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            has_ended = process.poll() is not None
            ready = selector.select(0 if has_ended else POLL_SECONDS)
            for key, _events in ready:
                part = os.read(key.fd, READ_BYTES)
                size += len(part)
                if not part:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    output += part
                else:
                    complaints += part[: KEPT_BYTES - len(complaints)]
            if size > LONGEST_OUTPUT_BYTES or (has_ended and not ready):
                return bytes(output), bytes(complaints), size
    return None


@contextlib.contextmanager
def held_signals():
    """Let signals wait during the block, which gets the mask to give to others: one that came in
    the middle of starting a program would leave it behind."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def start(arguments, signal_mask):
    """Start a program whose output goes to pipes; return its Popen."""
    return subprocess.Popen(
        ["/bin/sh", "-c", LAUNCH, "sh", *arguments], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, env=environment(),
        start_new_session=True,
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


def check_status(name, status, complaints):
    """Raise PartFailed if a program failed; complaints are what it wrote to stderr."""
    complaint = first_line(complaints)
    if status == 127 and not complaint:
        raise PartFailed(f"cannot run {name}: it is not on PATH")
    if status:
        raise PartFailed(f"{name} ended with {status}: {complaint or 'it did not say why'}")


def environment():
    """Return the environment of a program: ours, in a language we know, and without secrets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AFMETRICS_")}
    return {**kept, "LC_ALL": "C"}


def first_line(raw):
    """Return the first line of what a program complained about, '' if it did not."""
    text = raw.decode("utf-8", "backslashreplace").strip()
    return text.splitlines()[0][:LONGEST_REASON] if text else ""
