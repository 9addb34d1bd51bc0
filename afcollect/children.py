"""Ask what may never be answered in processes of their own: one that hangs holds up nothing."""

import json
import os
import select
import signal
from pathlib import Path

LONGEST_ANSWER_BYTES = 65536
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
        """function(argument) returns what JSON holds, in some kilobytes."""
        self._descriptor, writing = os.pipe()
        self._child = os.fork()
        if not self._child:
            try:
                # What hangs must hold neither the lock of this run nor the pipes of cron.
                os.closerange(0, writing)
                os.closerange(writing + 1, MOST_DESCRIPTORS)
                os.write(writing, json.dumps(function(argument)).encode())
            finally:
                os._exit(0)
        os.close(writing)

    def answer(self, wait_seconds):
        """Return what the function returned, None if it raised. Raises NoAnswer."""
        try:
            ready, _, _ = select.select([self._descriptor], [], [], wait_seconds)
            text = os.read(self._descriptor, LONGEST_ANSWER_BYTES) if ready else b""
        finally:
            os.close(self._descriptor)
        if not ready:
            os.kill(self._child, signal.SIGKILL)  # in vain while the kernel waits
            ended, _status = os.waitpid(self._child, os.WNOHANG)
            raise NoAnswer(None if ended else identity(self._child))
        os.waitpid(self._child, 0)
        return json.loads(text) if text else None


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
