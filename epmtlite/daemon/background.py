"""Let a process go on in the background, and tell who started it whether it does."""

import contextlib
import logging
import os
import sys

from epmtlite.collect import errors
from usagedb.errors import RunInterrupted, UsageDBError

logger = logging.getLogger(__name__)

READY = b"ready"
MOST_BYTES = 1 << 16  # of the message of one that failed


class NotStarted(errors.CollectError):
    """The daemon ended before it was ready."""

    def __init__(self, message, exit_code):
        super().__init__(message)
        self.exit_code = exit_code


def start(work):
    """Run work(ready) in a process of its own, without a terminal, in the directory /.

    Returns when work calls ready(); from then on its standard streams are /dev/null. Raises
    NotStarted, with its message and exit code, if it ends before.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        os.setsid()
        if os.fork():
            os._exit(0)  # so the other one leads no session, and gets no terminal by opening one
        run(work, writing)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read(MOST_BYTES)
    if answer != READY:
        code, _space, message = answer.decode(errors="replace").partition(" ")
        raise NotStarted(message or "the daemon ended as it started", int(code or 1))


def run(work, writing):
    """Do the work and end the process; never returns."""

    pipe, status = os.fdopen(writing, "wb", buffering=0), 1

    def tell(error):
        logger.info("%s", error)
        if not pipe.closed:
            pipe.write(f"{status} {error}".encode(errors="replace")[:MOST_BYTES])

    def ready():
        leave_terminal()
        pipe.write(READY)
        pipe.close()

    try:
        close_inherited()
        os.chdir("/")
        status = work(ready)
    except (errors.CollectError, UsageDBError) as error:
        status = error.exit_code
        tell(error)
    except RunInterrupted as error:  # by a signal before the daemon heeds them by itself
        status = 128 + error.signal_number
        tell(error)
    except BaseException:
        logger.exception("the daemon ends by a fault of its own")
    finally:
        os._exit(status)


def close_inherited():
    """Close what else whoever started this has left open, such as the lock of a script."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):  # the directory itself is closed by now
            if int(name) > 2 and os.get_inheritable(int(name)):
                os.close(int(name))


def leave_terminal():
    """Make the standard streams those of /dev/null."""
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for number in range(3):
        os.dup2(nowhere, number)
    os.close(nowhere)
