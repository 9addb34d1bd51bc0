"""Keep copies of inputs in an archive directory, compressed, for a later replay."""

import contextlib
import gzip
import os
import shutil
import tempfile
from pathlib import Path

from usagedb import errors

MOST_OF_A_NAME = 10_000


def keep_copy(original, name, directory, is_compressed=False):
    """Write a compressed copy of an open file into a directory, on the disk before it returns.

    name is the file's own; a copy whose name is taken gets a number. Raises OSError or WriteError.
    """
    with new_file(Path(directory), name, "" if is_compressed else ".gz") as file:
        if is_compressed:
            shutil.copyfileobj(original, file)
        else:
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                shutil.copyfileobj(original, packed)


@contextlib.contextmanager
def new_file(directory, name, suffix):
    """Give a file to write; after the block it is on the disk, under a name that was free.

    The directory is made if it is not there. Raises OSError or WriteError.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=".archive.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        link_under_free_name(temporary, directory, name, suffix)
    finally:
        Path(temporary).unlink()
    sync_directory(directory)


def link_under_free_name(temporary, directory, name, suffix):
    """Give a finished copy its name; a name that is taken gets a number."""
    for number in range(MOST_OF_A_NAME):
        middle = f".{number}" if number else ""
        try:
            os.link(temporary, directory / f"{name}{middle}{suffix}")
            return
        except FileExistsError:
            continue
    raise errors.WriteError(f"{directory} holds {MOST_OF_A_NAME} files named {name}: empty it")


def sync_directory(directory):
    """Make the new name in a directory survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
