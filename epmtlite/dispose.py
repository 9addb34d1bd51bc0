"""What becomes of a directory or archive after it was submitted: kept, removed, or moved away."""

import logging
import os
import stat

from epmtlite import copying, moving
from epmtlite.collect import errors

logger = logging.getLogger(__name__)

MOST_NAMES = 5  # in a warning


def state_of(path):
    """Return what changes when a file, or a file of a directory, changes; None if it is gone.

    For a directory {name: state of it}, with "" for the directory itself.
    """
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode):
            return copying.state_of(status)
        with os.scandir(path) as entries:
            states = {
                entry.name: copying.state_of(entry.stat(follow_symlinks=False)) for entry in entries
            }
        return {"": (status.st_dev, status.st_ino), **states}
    except OSError:
        return None


def identity_of(state):
    """Return the device and the inode of what has a state."""
    return state[""] if isinstance(state, dict) else state[:2]


def remove(path, state, unread=()):
    """Remove what was submitted, if it is as it was when it was read: state is that of then.

    unread names what was in it and was not read: that stays. What stays is told with a warning.
    Raises WriteError if something cannot be removed.
    """
    if state is None or state_of(path) != state:
        logger.warning("%s has changed since it was read: it stays", path)
        return
    if unread and not isinstance(state, dict):
        logger.warning("%s stays: it has files that were not read: %s", path, listed(unread))
        return
    try:
        with moving.folder_of(path, identity_of(state)) as (folder, name):
            if isinstance(state, dict):
                remove_directory(folder, name, state, unread)
            else:
                os.unlink(name, dir_fd=folder)
    except OSError as error:
        raise errors.WriteError(f"cannot remove {path}: {error.strerror}") from error
    if unread:
        logger.warning("%s stays, with what was not read: %s", path, listed(unread))


def remove_directory(folder, name, state, unread):
    """Remove what was read from a directory, and then it, if that was all. Raises OSError."""
    names = set(state).difference(unread, ("",))
    with copying.opened(name, folder) as directory:
        for one in sorted(names):
            status = os.stat(one, dir_fd=directory, follow_symlinks=False)
            if copying.state_of(status) == state[one]:
                os.unlink(one, dir_fd=directory)
    if not unread:
        os.rmdir(name, dir_fd=folder)


def listed(names):
    """Return the first of some names, for a warning."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def move_away(path, directory, state):
    """Move what could not be submitted into a directory, under its name or one like it.

    Where everyone can write into that, it goes into one below it that is this account's alone.
    state is that of when it was read: something else stays. Raises WriteError or RefusedError.
    """
    source = moving.folder_of(path, identity_of(state))
    try:
        with source as (folder, name), moving.safe_directory(directory) as (target, shown):
            if os.path.sameopenfile(folder, target):
                return
            new = moving.move(folder, name, target)
    except OSError as error:
        reason = error.strerror or error
        raise errors.WriteError(f"cannot move {path} to {directory}: {reason}") from error
    logger.warning("%s was moved to %s", path, os.path.join(shown, new))  # noqa: PTH118
