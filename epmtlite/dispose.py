"""What becomes of a directory or archive after it was submitted: kept, removed, or moved away."""

import logging
import os
import shutil
import stat

from epmtlite.collect import errors

logger = logging.getLogger(__name__)


def state_of(path):
    """Return what changes when a file, or a file of a directory, changes; None if it is gone."""
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode):
            return file_state(status)
        with os.scandir(path) as entries:
            return {entry.name: file_state(entry.stat(follow_symlinks=False)) for entry in entries}
    except OSError:
        return None


def file_state(status):
    """Return what changes when a file changes."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def remove(path, state):
    """Remove what was submitted, if it is as it was when it was read: state is that of then.

    Else it stays, with a warning. Raises WriteError if it cannot be removed.
    """
    if state is None or state_of(path) != state:
        logger.warning("%s has changed since it was read: it stays", path)
        return
    try:
        if isinstance(state, dict):
            shutil.rmtree(path)
        else:
            os.unlink(path)  # noqa: PTH108
    except OSError as error:
        raise errors.WriteError(f"cannot remove {path}: {error.strerror}") from error


def move_away(path, directory):
    """Move what could not be submitted into a directory, under its name; nothing is overwritten.

    Raises WriteError if that fails.
    """
    target = os.path.join(directory, os.path.basename(os.path.abspath(path)))  # noqa: PTH100,PTH118,PTH119
    try:
        if os.path.lexists(target):
            raise errors.WriteError(f"cannot move {path}: {target} is there already")
        shutil.move(path, target)
    except (OSError, shutil.Error) as error:
        raise errors.WriteError(f"cannot move {path} to {directory}: {error}") from error
    logger.warning("%s was moved to %s", path, target)
