"""What becomes of a directory or archive after it was submitted: kept, removed, or moved away."""

import contextlib
import logging
import os
import re
import secrets
import stat
import time

from epmtlite import copying, moving
from epmtlite.collect import errors, names
from epmtlite.collect.files import is_gone, read_error

logger = logging.getLogger(__name__)

MOST_NAMES = 5  # in a warning
# What has not been written to for so long is whole: nobody copies it any more.
QUIET_SECONDS = 60.0
# Of a time that lies more ahead nobody's clock is the reason.
MOST_AHEAD_SECONDS = 3600.0
# What the name of a directory ends with while it is removed: its job is stored, all of it.
REMOVAL_SUFFIX = ".epmt-stored"
MOST_NAME = 40  # characters of its own name that it keeps then
# Between them are nanoseconds, see name_of_remainder, and what makes the name the only one.
REMAINDER = re.compile(
    rf".{{1,{MOST_NAME}}}\.([0-9a-f]{{16}})[0-9a-f]{{8}}{re.escape(REMOVAL_SUFFIX)}", re.DOTALL
)


def state_of(path):
    """Return what changes when a file, or a file of a directory, changes; None if it is gone.

    For a directory {name: state of it}, with "" for the directory itself. Raises CollectError if
    nobody can say so, as while a file server is away.
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
    except OSError as error:
        if is_gone(error):
            return None
        raise read_error(path, error) from error


def identity_of(state):
    """Return the device and the inode of what has a state."""
    return state[""] if isinstance(state, dict) else state[:2]


def is_vanishing(path, state):
    """Tell whether somebody else has removed what had a state, or is about to: that it is there no
    more, or in a directory fewer of the same files. Raises what state_of does."""
    now = state_of(path)
    if now is None or not isinstance(now, dict) or not isinstance(state, dict):
        return now is None
    return now != state and now.items() <= state.items()


def remove(path, state, unread=()):
    """Remove what was submitted, if it is as it was when it was read: state is that of then.

    unread names what was in it and was not read: that stays. Returns why something of it is still
    there, '' if it is gone; that another run removes the same is as good. Raises WriteError if
    something cannot be removed, and what state_of does.
    """
    if state is None or not (state_of(path) == state or is_vanishing(path, state)):
        return f"{path} has changed since it was read: it stays"
    shown = names.some_of(unread, MOST_NAMES)
    if unread and not isinstance(state, dict):
        return f"{path} stays: it has files that were not read: {shown}"
    try:
        with moving.folder_of(path, identity_of(state)) as (folder, name):
            if not isinstance(state, dict):
                os.unlink(name, dir_fd=folder)
            elif unread:
                empty(folder, name, state, unread, [])
            else:
                remove_directory(folder, name, state)
    except FileNotFoundError:
        logger.info("%s is gone already", path)
        return ""
    except OSError as error:
        raise errors.WriteError(f"cannot remove {path}: {error.strerror}") from error
    return f"{path} stays, with what was not read: {shown}" if unread else ""


def remove_directory(folder, name, state):
    """Remove a directory, all of which was read. Raises OSError, or WriteError if what is left of
    it has another name.

    It gets that name first, unless it has one: what a kill leaves of it is known by that, and
    taken for no job.
    """
    going = name
    removed: list = []
    if names.METADATA in state:
        going = name_of_remainder(folder, name, state)
        os.rename(name, going, src_dir_fd=folder, dst_dir_fd=folder)
    try:
        empty(folder, going, state, (), removed)
        os.rmdir(going, dir_fd=folder)
    except FileNotFoundError:  # another run has taken it for the remainder that it is
        raise
    except OSError as error:
        if going == name or (not removed and goes_back(folder, going, name)):
            raise
        raise errors.WriteError(f"cannot remove the rest, {going}: {error.strerror}") from error


def goes_back(folder, going, name):
    """Give a directory the name that it had; tell whether that could be done."""
    try:
        moving.rename_directory(folder, going, folder, name)
    except OSError as error:
        logger.debug("%s cannot be %s again: %s", going, name, error.strerror)
        return False
    return True


def empty(folder, name, state, unread, removed):
    """Remove the files of a directory that are as they were, but for those of unread; add their
    names to the list removed. Raises OSError."""
    read = set(state).difference(unread, ("",))
    with copying.opened(name, folder) as directory:
        # Metadata first: whoever reads the rest meanwhile takes it for no job.
        for one in sorted(read, key=lambda name: (name != names.METADATA, name)):
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(one, dir_fd=directory, follow_symlinks=False)
                if copying.state_of(status) == state[one]:
                    os.unlink(one, dir_fd=directory)
                    removed.append(one)


# What a killed run leaves of a directory whose job is stored


def name_of_remainder(folder, name, state):
    """Return the name that a directory has while it is removed. Raises OSError.

    It says when the last of what was read had changed, by the clock of its file system: what is
    newer came after that, and is not stored.
    """
    latest_ns = 0
    with copying.opened(name, folder) as directory:
        for one in filter(None, state):
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(one, dir_fd=directory, follow_symlinks=False)
                if copying.state_of(status) == state[one]:
                    latest_ns = max(latest_ns, status.st_ctime_ns)
    return f"{name[:MOST_NAME]}.{latest_ns:016x}{secrets.token_hex(4)}{REMOVAL_SUFFIX}"


def is_remainder(path, state):
    """Tell whether a path is what a killed run left of a directory whose job it had stored. In one
    of that name a job may have begun, too."""
    is_directory = isinstance(state, dict)
    has_job = is_directory and not {names.METADATA, names.STARTED}.isdisjoint(state)
    return is_directory and not has_job and bool(REMAINDER.fullmatch(base_of(path)))


def not_stored(path, pattern):
    """Return the names in a remainder that are not of the job that was stored, in order: what no
    collection makes, pattern being that of the settings, or what has changed since it was read.
    Raises OSError."""
    match = REMAINDER.fullmatch(base_of(path))
    latest_ns = int(match.group(1), 16) if match else 0
    found = []
    for one in os.listdir(path):  # noqa: PTH208
        with contextlib.suppress(FileNotFoundError):
            status = os.lstat(os.path.join(path, one))  # noqa: PTH118
            is_made = names.is_header(one) or names.is_data(one, pattern)
            is_old = stat.S_ISREG(status.st_mode) and status.st_ctime_ns <= latest_ns
            if not (is_made and is_old):
                found.append(one)
    return tuple(sorted(found))


def base_of(path):
    """Return the last part of a path."""
    return os.path.basename(str(path).rstrip("/"))  # noqa: PTH119


def check_finished(path, state):
    """Raise WriteError for what somebody may be writing still: it changed since it had that state,
    or lately, or is the directory of a job that was not stopped. Raises what state_of does, too."""
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
