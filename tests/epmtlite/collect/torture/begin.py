"""Begin processes that note themselves, and wait for them."""

import ctypes
import os
import signal
import subprocess
import traceback

from . import ledger

LIBRARY = ctypes.CDLL(None, use_errno=True)
BROKEN = 99  # the status of a child whose work raised an exception


def child(work, *arguments, status=0, **noted):
    """Fork a process that notes itself, works and ends with a status; return its number, when it
    is noted."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        be_child(work, arguments, status, lambda: note_through(writing, status, noted))
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    return pid


def note_through(writing, status, noted):
    """Note this process, and tell its parent by closing a pipe."""
    ledger.note(status=status, **noted)
    os.close(writing)


def be_child(work, arguments, status, begin):
    """Begin, work and end with a status, or with BROKEN; never returns."""
    try:
        begin()
        work(*arguments)
    except BaseException:
        traceback.print_exc()
        status = BROKEN
    finally:
        os._exit(status)


def child_killed_at_once(number, times):
    """Fork a process and send it a signal that ends it, maybe before it has begun; return its
    number."""
    pid = os.fork()
    if not pid:
        be_child(wait_for_signals, (), 0, nothing)
    for _time in range(times):
        os.kill(pid, number)
    identity = ledger.identity_of(pid)
    ledger.note(
        identity=identity, signal=int(number), state=ledger.SEEN_OR_LOST, threads=ledger.ANY
    )
    return pid


def in_session(work, status=0):
    """Fork a process that leads a session of its own and works there; return the lines that its
    work tells of. Nobody stops it by a terminal's signals, and its children can be stopped so."""
    reading, writing = os.pipe()

    def lead():
        os.setsid()
        work(lambda text: os.write(writing, (text + "\n").encode()))

    pid = child(lead, status=status)
    os.close(writing)
    with open(reading) as file:
        lines = file.read().splitlines()
    return [*lines, end_of(pid)]


def nothing():
    """Do nothing."""


def wait_for_signals():
    """Do nothing but to handle signals, without end."""
    while True:
        signal.pause()


def die_of(number):
    """End this process by a signal, as it ends a program that knows nothing of signals."""
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def execute(status):
    """Become a shell that ends with a status."""
    os.execlp("sh", "sh", "-c", f"exit {status}")


def end_of(pid):
    """Wait for a child; return how it ended, as a text."""
    return described(os.waitpid(pid, 0)[1])


def ends_of(pids):
    """Wait for children; return how they ended, each way once, with its number."""
    ends = [end_of(pid) for pid in pids]
    return ", ".join(f"{ends.count(one)} x {one}" for one in sorted(set(ends)))


def described(status):
    """Return a status of wait(2) as a text."""
    if os.WIFSTOPPED(status):
        return f"stopped {os.WSTOPSIG(status)}"
    if os.WIFCONTINUED(status):
        return "continued"
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit {os.WEXITSTATUS(status)}"


def run(arguments, images=None):
    """Run a program, and note it after its end; return (how it ended, all its output).

    images are what is noted of its generations, by default one of that name.
    """
    process, output = start(arguments)
    with output:
        text = output.read()
    end = note_ended(process, images or [{"name": ledger.name_of(arguments[0])}])
    return end, text


def start(arguments):
    """Start a program; return (its Popen, a file from which all its output is read)."""
    reading, writing = os.pipe()
    process = subprocess.Popen(arguments, stdout=writing, stderr=writing)
    os.close(writing)
    return process, open(reading)


def note_ended(process, images):
    """Wait for a Popen, and note its images as it ended; return that as a text."""
    # What /proc knows of it is still there before it is waited for.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    identity = ledger.identity_of(process.pid)
    status = os.waitpid(process.pid, 0)[1]
    process.returncode = status  # so that Popen does not wait, too
    for generation, image in enumerate(images):
        is_seen = generation == len(images) - 1 and image.get("state") in (None, ledger.SEEN)
        ended = {"status": status >> 8, "signal": status & 0x7F} if is_seen else {}
        ledger.note(identity=identity, generation=generation, **ended, **image)
    return described(status)


def shell(text, *words, program="sh"):
    """Return the command of a shell that can note itself."""
    return [program, "-c", ledger.SHELL_NOTE + text, program, *words]


def run_shell(text, *words, program="sh"):
    """Run a shell, which is noted as it ended; return its output and how it ended."""
    end, output = run(shell(text, *map(str, words), program=program))
    return f"{output.strip()} ({end})".strip()


class Gate:
    """Through it one process waits until others are as far."""

    def __init__(self):
        self.reading, self.writing = os.pipe()

    def open(self):
        """Let one pass."""
        os.write(self.writing, b".")

    def wait(self, times=1):
        """Wait until it was opened so often."""
        while times:
            passed = len(os.read(self.reading, times))
            if not passed:
                raise EOFError("nobody is left to open the gate")
            times -= passed

    def close(self):
        """Close it, in this process."""
        os.close(self.reading)
        os.close(self.writing)
