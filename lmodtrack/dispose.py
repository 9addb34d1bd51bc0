"""What happens to a log once it is loaded: kept, deleted, or moved to an archive."""

import gzip
import logging
import os
import shutil
import tempfile
from pathlib import Path

from usagedb import errors

logger = logging.getLogger(__name__)


def reason_to_keep(source, outcome):
    """Return why a log must not be deleted, or '' if it may be."""
    if source.is_pipe or source.path is None:
        return "it is no file"
    if source.path.is_symlink():
        return "it is a link"
    if outcome.change:
        return f"it {outcome.change}"
    if not outcome.is_whole:
        return "its last line is not finished"
    if outcome.has_unsaved:
        return "it holds rejected lines: keep them with --reject FILE"
    if not source.is_unchanged():
        return "it has changed since"
    return ""


def dispose(source, outcome, archive_directory=None):
    """Delete a loaded log, or move it compressed to an archive; return whether it is gone.

    Raises WriteError or RefusedError.
    """
    reason = reason_to_keep(source, outcome)
    if reason:
        logger.warning("%s is kept: %s", source.name, reason)
        return False
    try:
        if archive_directory:
            archive(source, Path(archive_directory))
        if not source.is_unchanged():
            logger.warning("%s is kept: it has changed since", source.name)
            return False
        source.path.unlink()
    except PermissionError as error:
        raise errors.RefusedError(f"cannot remove {source.name}: {error}") from error
    except OSError as error:
        raise errors.WriteError(f"cannot remove {source.name}: {error}") from error
    logger.info("%s: %s", source.name, "archived" if archive_directory else "deleted")
    return True


def archive(source, directory):
    """Write a compressed copy of a log into a directory, on the disk before it returns."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    suffix = "" if source.is_compressed else ".gz"
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=".archive.")
    try:
        with source.path.open("rb") as original, os.fdopen(handle, "wb") as file:
            if source.is_compressed:
                shutil.copyfileobj(original, file)
            else:
                with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                    shutil.copyfileobj(original, packed)
            file.flush()
            os.fsync(file.fileno())
        link_under_free_name(temporary, directory, source.path.name, suffix)
    finally:
        Path(temporary).unlink()
    sync_directory(directory)


def link_under_free_name(temporary, directory, name, suffix):
    """Give a finished copy its name; a name that is taken gets a number."""
    for number in range(10_000):
        middle = f".{number}" if number else ""
        try:
            os.link(temporary, directory / f"{name}{middle}{suffix}")
            return
        except FileExistsError:
            continue
    raise errors.WriteError(f"{directory} holds 10,000 files named {name}: empty it")


def sync_directory(directory):
    """Make the new name in a directory survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
