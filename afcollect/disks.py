"""How full file systems are, asked in processes of their own: one that hangs holds up nothing."""

import json
import os
import select
import signal
import time
from pathlib import Path

from afcollect.failures import PartFailed

DEFAULT_MOUNTS = ("/home", "/data", "/scratch")
TIMEOUT_SECONDS = 10.0
LONGEST_ANSWER_BYTES = 65536
MOST_DESCRIPTORS = 4096


class Hanging(PartFailed):
    """A path whose file server does not answer; `process` still waits for it."""

    def __init__(self, mount, process):
        super().__init__(f"{mount} did not answer in time: its file server may be away")
        self.process = process  # [number, start time in ticks], None if it has ended


def usage_of(mounts, hanging=None, timeout_seconds=TIMEOUT_SECONDS):
    """Yield (mount, answer) for each path: an answer is a dict with total, used and free (bytes),
    and `path`, where links lead to; or a PartFailed; or None if there is no such path.

    All are asked at the same time. hanging is {mount: process} of earlier runs: where that still
    waits, no other is started.
    """
    hanging = hanging or {}
    deadline = time.monotonic() + timeout_seconds
    asked = [(one, None if is_alive(hanging.get(one)) else ask(one)) for one in mounts]
    for mount, question in asked:
        if question:
            left_seconds = max(0.0, deadline - time.monotonic())
            yield mount, receive(mount, question[0], question[1], left_seconds)
        else:
            yield mount, Hanging(mount, hanging[mount])


def ask(mount):
    """Start a process that asks; return its number and the descriptor of its answer."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            # What hangs must hold neither the lock of this run nor the pipes of cron.
            os.closerange(0, writing)
            os.closerange(writing + 1, MOST_DESCRIPTORS)
            os.write(writing, json.dumps(measured(mount)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    return child, reading


def measured(mount):
    """Return the answer for one path, with `error` if there is none."""
    try:
        status = os.statvfs(mount)
    except OSError as error:
        return {"error": error.strerror, "missing": isinstance(error, FileNotFoundError)}
    block_bytes = status.f_frsize or status.f_bsize
    return {
        "path": os.path.realpath(mount),
        "total": status.f_blocks * block_bytes,
        "used": (status.f_blocks - status.f_bfree) * block_bytes,
        "free": status.f_bavail * block_bytes,
    }


def receive(mount, child, descriptor, wait_seconds):
    """Return the answer of a process, and end it."""
    try:
        ready, _, _ = select.select([descriptor], [], [], wait_seconds)
        text = os.read(descriptor, LONGEST_ANSWER_BYTES) if ready else b""
    finally:
        os.close(descriptor)
    if not ready:
        os.kill(child, signal.SIGKILL)  # in vain while the kernel waits for the file server
        ended, _status = os.waitpid(child, os.WNOHANG)
        return Hanging(mount, None if ended else [child, start_of(child)])
    os.waitpid(child, 0)
    answer = json.loads(text) if text else {"error": "nobody answered"}
    if answer.get("missing"):
        return None
    return PartFailed(f"{mount}: {answer['error']}") if "error" in answer else answer


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
    return bool(process) and start_of(process[0]) == process[1]
