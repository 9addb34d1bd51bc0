"""Set an archive aside: move it into the directory of failed ones, with a file that says why."""

import os
import time

from epmtlite import copying, moving
from epmtlite.collect import errors
from epmtlite.collect.texts import visible

SUFFIX = ".reason"
REASON = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
REASON_MODE = 0o640
MOST_CHARACTERS = 4000  # of a reason
MOST_NAME_BYTES = 255
MOST_TRIES = 1000  # of names


def set_aside(path, directory, identity, reason, shown=None):
    """Move a file into a directory, and write NAME.reason there before; return its new path.

    Where everyone can write into the directory it is one below it, see moving.safe_directory.
    identity is the device and the inode of the file, shown its name in texts. Raises WriteError or
    RefusedError; then it is where it was.
    """
    shown = shown or path
    source = moving.folder_of(path, identity)
    try:
        with source as (folder, name), moving.safe_directory(directory) as (target, where):
            if os.path.sameopenfile(folder, target):
                raise errors.WriteError(f"{shown} stays: it is in the directory of failed ones")
            return os.path.join(where, move(folder, name, target, reason, shown))  # noqa: PTH118
    except OSError as error:
        text = f"cannot move {shown} to {directory}: {error.strerror or error}"
        raise errors.WriteError(text) from error


def move(folder, name, target, reason, shown):
    """Move a name of one open directory into another; return the name that it has there."""
    own = identity_at(folder, name)
    for number, new in enumerate(moving.names_like(name)):
        found = identity_at(target, new)
        if found == own:  # a run that was killed gave it its second name, and not more
            os.unlink(name, dir_fd=folder)
            return new
        if found is None:
            write_reason(target, new, reason, shown)
            try:
                move_to(folder, name, target, new)
                return new
            except FileExistsError:
                pass
            except BaseException:
                copying.remove_tree(target, reason_name(new))
                raise
        if number >= MOST_TRIES:
            raise errors.WriteError(f"{shown} stays: there are too many of that name already")
    raise AssertionError("unreachable")


def move_to(folder, name, target, new):
    """Rename a file, or copy and remove it. Raises FileExistsError if the name is taken."""
    try:
        moving.rename(folder, name, target, new)
    except OSError as error:
        if error.errno not in moving.NEEDS_COPY:
            raise
        copying.copy_and_remove(folder, name, target, new)


def identity_at(folder, name):
    """Return the device and the inode of a name of an open directory, None if there is none."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def reason_name(name):
    """Return the name of the file that says why."""
    most = MOST_NAME_BYTES - len(SUFFIX)
    return os.fsdecode(os.fsencode(name)[:most]) + SUFFIX


def write_reason(target, name, reason, shown):
    """Write why a file of that name will be in an open directory."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    text = f"{visible(reason)[:MOST_CHARACTERS]}\nmoved from {visible(shown)}, {now}\n"
    descriptor = os.open(reason_name(name), REASON, REASON_MODE, dir_fd=target)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
