"""What becomes of a directory or archive after it was submitted: kept, removed, or moved away."""

import contextlib
import logging
import os
import secrets
import stat
import time

from epmtlite import copying, moving
from epmtlite.collect import errors, names

logger = logging.getLogger(__name__)

MOST_NAMES = 5  # in a warning
# What has not been written to for so long is whole: nobody copies it any more.
QUIET_SECONDS = 60.0
# Of a time that lies more ahead nobody's clock is the reason.
MOST_AHEAD_SECONDS = 3600.0
# What the name of a directory ends with while it is removed: its job is stored, all of it.
REMOVAL_SUFFIX = ".epmt-stored"
MOST_NAME = 40  # characters of its own name that it keeps then


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


def is_vanishing(path, state):
    """Tell whether somebody else has removed what had a state, or is about to: that it is there no
    more, or in a directory fewer of the same files."""
    now = state_of(path)
    if now is None or not isinstance(now, dict) or not isinstance(state, dict):
        return now is None
    return now != state and now.items() <= state.items()


def remove(path, state, unread=()):
    """Remove what was submitted, if it is as it was when it was read: state is that of then.

    unread names what was in it and was not read: that stays. What stays is told with a warning;
    that another run removes the same is as good. Raises WriteError if something cannot be removed.
    """
    if state is None or not (state_of(path) == state or is_vanishing(path, state)):
        logger.warning("%s has changed since it was read: it stays", path)
        return
    if unread and not isinstance(state, dict):
        logger.warning(
            "%s stays: it has files that were not read: %s", path, names.some_of(unread, MOST_NAMES)
        )
        return
    try:
        with moving.folder_of(path, identity_of(state)) as (folder, name):
            if isinstance(state, dict):
                remove_directory(folder, name, state, unread)
            else:
                os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        logger.info("%s is gone already", path)
        return
    except OSError as error:
        raise errors.WriteError(f"cannot remove {path}: {error.strerror}") from error
    if unread:
        logger.warning(
            "%s stays, with what was not read: %s", path, names.some_of(unread, MOST_NAMES)
        )


def remove_directory(folder, name, state, unread):
    """Remove what was read from a directory, and then it, if that was all. Raises OSError, or
    WriteError if what is left of it has another name.

    It gets that name first, unless it has one: what a kill leaves of it is known by that, and
    taken for no job.
    """
    if unread:
        empty(folder, name, state, unread)
        return
    going = name
    if not name.endswith(REMOVAL_SUFFIX):
        going = f"{name[:MOST_NAME]}.{secrets.token_hex(4)}{REMOVAL_SUFFIX}"
        os.rename(name, going, src_dir_fd=folder, dst_dir_fd=folder)
    try:
        empty(folder, going, state)
        os.rmdir(going, dir_fd=folder)
    except OSError as error:
        if is_whole(folder, going):
            os.rename(going, name, src_dir_fd=folder, dst_dir_fd=folder)
            raise
        raise errors.WriteError(f"cannot remove the rest, {going}: {error.strerror}") from error


def is_whole(folder, name):
    """Tell whether a directory still has its metadata, which go first."""
    with contextlib.suppress(OSError), copying.opened(name, folder) as directory:
        os.stat(names.METADATA, dir_fd=directory)
        return True
    return False


def empty(folder, name, state, unread=()):
    """Remove the files of a directory that are as they were. Raises OSError."""
    read = set(state).difference(unread, ("",))
    with copying.opened(name, folder) as directory:
        # Metadata first: whoever reads the rest meanwhile takes it for no job.
        for one in sorted(read, key=lambda name: (name != names.METADATA, name)):
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(one, dir_fd=directory, follow_symlinks=False)
                if copying.state_of(status) == state[one]:
                    os.unlink(one, dir_fd=directory)


def is_remainder(path, state):
    """Tell whether a path is what a killed run left of a directory whose job it had stored."""
    is_directory = isinstance(state, dict) and names.METADATA not in state
    return is_directory and str(path).rstrip("/").endswith(REMOVAL_SUFFIX)


def check_finished(path, state):
    """Raise WriteError for what somebody may be writing still: it changed since it had that state,
    or lately, or is the directory of a job that was not stopped."""
    if state_of(path) != state:
        raise errors.WriteError(f"{path} has changed since it was read: it stays")
    if isinstance(state, dict) and names.STARTED in state and names.METADATA not in state:
        raise errors.WriteError(f"{path} stays: its job was not stopped")
    age_seconds = time.time() - changed_at(path, state)
    if -MOST_AHEAD_SECONDS < age_seconds < QUIET_SECONDS:
        raise errors.WriteError(
            f"{path} stays: it was written to less than {QUIET_SECONDS:.0f} seconds ago"
        )


def changed_at(path, state):
    """Return when somebody last wrote to what has a state, in seconds since the epoch."""
    files = [one for name, one in state.items() if name] if isinstance(state, dict) else [state]
    times = [mtime_ns / 1e9 for _device, _inode, _size, mtime_ns in files]
    return max(times) if times else os.lstat(path).st_mtime


def move_away(path, directory, state):
    """Move what could not be submitted into a directory, under its name or one like it.

    Where everyone can write into that, it goes into one below it that is this account's alone.
    state is that of when it was read: something else stays, and what check_finished names. Raises
    WriteError or RefusedError.
    """
    source = moving.folder_of(path, identity_of(state))
    try:
        check_finished(path, state)
        with source as (folder, name), moving.safe_directory(directory) as (target, shown):
            if os.path.sameopenfile(folder, target):
                return
            new = moving.move(folder, name, target)
    except OSError as error:
        reason = error.strerror or error
        raise errors.WriteError(f"cannot move {path} to {directory}: {reason}") from error
    logger.warning("%s was moved to %s", path, os.path.join(shown, new))  # noqa: PTH118
