"""Ask what may never be answered in processes of their own: one that hangs holds up nothing."""

import contextlib
import fcntl
import json
import os
import select
import signal
import time
from pathlib import Path

from usagedb import errors

READ_BYTES = 1 << 16
MOST_DESCRIPTORS = 4096


class NoAnswer(Exception):
    """No answer came in time."""

    def __init__(self, process):
        """process still waits for it: [number, start time in ticks]; None if it has ended."""
        super().__init__("no answer in time")
        self.process = process


class Question:
    """A function at work in a process of its own."""

    def __init__(self, function, argument):
        """function(argument) returns what JSON holds."""
        self._descriptor, writing = os.pipe()
        self._child = os.fork()
        if not self._child:
            try:
                os.setsid()  # what it starts ends with it
                writing = stand_alone(writing)
                with os.fdopen(writing, "wb") as answer:
                    answer.write(json.dumps(function(argument)).encode())
            finally:
                os._exit(0)
        os.close(writing)

    def answer(self, wait_seconds):
        """Return what the function returned, None if it raised. Raises NoAnswer."""
        deadline, parts, part = time.monotonic() + wait_seconds, [], b"-"
        try:
            while part:
                left_seconds = max(0.0, deadline - time.monotonic())
                ready, _, _ = select.select([self._descriptor], [], [], left_seconds)
                if not ready:
                    raise NoAnswer(self._end())
                part = os.read(self._descriptor, READ_BYTES)
                parts.append(part)
        except errors.RunInterrupted:
            self._end()
            raise
        finally:
            os.close(self._descriptor)
        os.waitpid(self._child, 0)
        text = b"".join(parts)
        return json.loads(text) if text else None

    def _end(self):
        """End the process and what it has started; return its identity if it does not end."""
        for end in (os.killpg, os.kill):  # it may not have a group of its own yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(self._child, signal.SIGKILL)  # in vain while the kernel waits
        ended, _status = os.waitpid(self._child, os.WNOHANG)
        return None if ended else identity(self._child)


def stand_alone(writing):
    """Keep a descriptor, and no other of this process, open; return its new number.

    What hangs must hold neither the lock of this run nor the pipes of cron.
    """
    kept = fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, 3)
    os.closerange(0, kept)
    os.closerange(kept + 1, MOST_DESCRIPTORS)
    for _number in range(3):  # stdin, stdout and stderr, which libraries may write to
        os.open(os.devnull, os.O_RDWR)
    return kept


def identity(process):
    """Return [number, start time], by which a later run knows a process again."""
    return [process, start_of(process)]


def start_of(process):
    """Return when a process started, in clock ticks since the boot; None if it has ended.

    See proc(5), /proc/PID/stat: the 22nd field; the second may hold anything, in brackets.
    """
    try:
        text = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])


def is_alive(process):
    """Tell whether a process of an earlier run, [number, start time], is still there."""
    return bool(process) and process[1] is not None and start_of(process[0]) == process[1]
