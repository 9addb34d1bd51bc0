"""How full file systems are; one that does not answer holds up no other."""

import os
import time

from afcollect.children import NoAnswer, Question, is_alive
from afcollect.failures import PartFailed
from usagedb.mounts import mount_of

DEFAULT_MOUNTS = ("/home", "/data", "/scratch")
TIMEOUT_SECONDS = 10.0


class Hanging(PartFailed):
    """A path whose file server does not answer; `process` may still wait for it."""

    def __init__(self, mount, process):
        super().__init__(f"{mount} did not answer in time: its file server may be away")
        self.process = process


def usage_of(mounts, hanging=None, timeout_seconds=TIMEOUT_SECONDS):
    """Yield (mount, answer) for each path: an answer is a dict with total, used and free (bytes),
    and device (or None); or a PartFailed; or None if there is no such path.

    All are asked at the same time. hanging is {mount: process} of earlier runs: where that still
    waits, no other is started.
    """
    hanging = hanging or {}
    deadline = time.monotonic() + timeout_seconds
    asked = [
        (one, None if is_alive(hanging.get(one)) else Question(measured, one)) for one in mounts
    ]
    for mount, question in asked:
        if question:
            yield mount, answer_of(mount, question, max(0.0, deadline - time.monotonic()))
        else:
            yield mount, Hanging(mount, hanging[mount])


def answer_of(mount, question, wait_seconds):
    """Return the answer for one path, as usage_of does."""
    try:
        answer = question.answer(wait_seconds) or {"error": "nobody answered"}
    except NoAnswer as error:
        return Hanging(mount, error.process)
    if answer.get("missing"):
        return None
    return PartFailed(f"{mount}: {answer['error']}") if "error" in answer else answer


def measured(mount):
    """Return what is known of one path, with `error` if nothing is. It may never return."""
    try:
        status = os.statvfs(mount)
    except OSError as error:
        return {"error": error.strerror, "missing": isinstance(error, FileNotFoundError)}
    block_bytes = status.f_frsize or status.f_bsize
    found = mount_of(mount)
    return {
        "total": status.f_blocks * block_bytes,
        "used": (status.f_blocks - status.f_bfree) * block_bytes,
        "free": status.f_bavail * block_bytes,
        "device": found.device if found else None,
    }
