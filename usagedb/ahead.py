"""Read ahead: a generator runs in a process of its own, beside the one that stores its items."""

import contextlib
import ctypes
import os
import pickle
import signal
import sys
import traceback

from usagedb import errors

PR_SET_PDEATHSIG = 1  # prctl(2)
ITEM, END, ERROR = range(3)


def has_second_processor():
    """Tell whether a second process can run while this one does."""
    return len(os.sched_getaffinity(0)) > 1


def ahead(items):
    """Yield what a generator yields, while it makes the next item in a child process.

    The generator begins when the first item is asked for, in a copy of this process as it is then;
    what it changes in memory stays there. It must not use an open database. Items are pickled;
    one of them waits at most. An expected error that it raises is raised here.
    Raises UnavailableError if the child dies.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if not child:
        os.close(reading)
        run_child(items, writing, parent)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            while True:
                kind, item = receive(pipe)
                if kind == END:
                    return
                if kind == ERROR:
                    raise item
                yield item
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def receive(pipe):
    """Return the next (kind, item) of a child."""
    try:
        return pickle.load(pipe)  # nosec B301 # it comes from our own child
    except EOFError:
        raise errors.UnavailableError("the process that reads ahead died: try again") from None


def run_child(items, writing, parent):
    """Send all items, then end the process; never returns."""
    try:
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the parent heeds them
        die_with(parent)
        pipe = os.fdopen(writing, "wb")  # closed by the end of the process, when all is said
        with contextlib.suppress(BrokenPipeError):
            send_all(items, pipe)
            pipe.flush()
    except BaseException:  # a bug: the parent sees that the child is gone
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)


def send_all(items, pipe):
    """Write all items, and how they ended, to a pipe."""
    end: tuple = (END, None)
    try:
        for item in items:
            pickle.dump((ITEM, item), pipe, pickle.HIGHEST_PROTOCOL)
            pipe.flush()
    except errors.UsageDBError as error:
        end = (ERROR, error)
    pickle.dump(end, pipe)


def die_with(parent):
    """Let the kernel kill this process when its parent dies, whatever of."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
