"""Let one process at a time change a directory of a job, or an archive."""

import contextlib
import errno
import fcntl
import os
import time

from epmtlite.collect import errors
from epmtlite.collect.files import open_directory, open_regular

LOCK_SECONDS = 10.0
LOCK_PAUSE_SECONDS = 0.05


@contextlib.contextmanager
def locked(directory, wait_seconds=None):
    """Let one process at a time change the metadata in a directory; by default wait LOCK_SECONDS.

    The block gets the descriptor of the directory, which its path may lead away from by then.
    Raises UnavailableError if another one holds them for long, MissingError or RefusedError.
    """
    descriptor = open_directory(directory)
    try:
        wait_for_lock(descriptor, directory, wait_seconds or LOCK_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked_file(path):
    """Let one process at a time write a file anew; it is open for reading meanwhile.

    Not its directory is locked, which may be one of everybody. Raises UnavailableError if another
    one is at work for long, MissingError or RefusedError.
    """
    with contextlib.ExitStack() as stack:
        while True:
            file = stack.enter_context(open_regular(path))
            wait_for_lock(file.fileno(), path, LOCK_SECONDS)
            if state_of(file) == state_at(path):
                break  # it is not what was written anew while this process waited
        yield file


def state_of(file):
    """Return what changes when an open file is written, or another one takes its place."""
    return state_from(os.fstat(file.fileno()))


def state_at(path):
    """Return the same of a path, None if nothing is there."""
    try:
        return state_from(os.lstat(path))
    except OSError:
        return None


def state_from(status):
    """Return the same of a status."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def check_unchanged(path, before):
    """Raise UnavailableError unless a path has the state that it had before. This is for file
    systems without locks, and for who takes none."""
    if state_at(path) != before:
        raise errors.UnavailableError(f"{path} has changed meanwhile: try again")


def wait_for_lock(descriptor, shown, wait_seconds):
    """Lock an open directory or file, where its file system can do that. Raises UnavailableError.

    shown is its name in messages.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EINTR):
                return  # NFS locks no directory
        if time.monotonic() > deadline:
            raise errors.UnavailableError(f"another process is at work in {shown}")
        time.sleep(LOCK_PAUSE_SECONDS)
