"""What happens to files of records once they are stored: kept, deleted, archived, set aside.

They lie where every user can write: each is removed only if it is still the one that was read, in
a directory that is reached without following a link.
"""

import contextlib
import io
import logging
import os
import stat
import tarfile
import time
from pathlib import Path

from usagedb import errors
from usagedb.archive import new_file
from usagedb.terminal import visible
from xaltload.files import state_of
from xaltload.record import MAX_RECORD_BYTES
from xaltload.tree import FILE

logger = logging.getLogger(__name__)

# Directories of one run's packages, copied as a whole: removed when the last record has gone.
RUN_DIRECTORY = "XALT_pkg_"


def remove(files, archive_directory=None):
    """Delete InputFiles, after a copy in an archive if there is one; return how many are gone.

    A file that has changed since it was read is kept. Raises WriteError or RefusedError.
    """
    with writing():
        if archive_directory and files:
            files = copy_to_archive(files, Path(archive_directory))
        return sum(remove_from(directory, some) for directory, some in by_directory(files))


def remove_from(directory, files):
    """Delete files of one directory; return how many are gone."""
    gone = 0
    try:
        descriptor = directory.open()
    except (FileNotFoundError, NotADirectoryError):
        return 0
    try:
        for file in files:
            if is_unchanged(descriptor, file):
                os.unlink(file.file_name, dir_fd=descriptor)
                gone += 1
            else:
                logger.info("%s is kept: it has changed since it was read", file.path)
    finally:
        os.close(descriptor)
    if directory.inside and directory.inside[-1].startswith(RUN_DIRECTORY):
        remove_empty(directory)
    return gone


def remove_empty(directory):
    """Remove a directory of a run if nothing is in it any more."""
    parent = directory._replace(inside=directory.inside[:-1])
    with contextlib.suppress(OSError):
        descriptor = parent.open()
        try:
            os.rmdir(directory.inside[-1], dir_fd=descriptor)
        finally:
            os.close(descriptor)


def is_unchanged(descriptor, file):
    """Tell whether a name in an open directory still is the file that was read."""
    try:
        status = os.stat(file.file_name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return state_of(status) == file.state


def by_directory(files):
    """Return [(directory, files)]."""
    found: dict = {}
    for file in files:
        found.setdefault(file.directory, []).append(file)
    return list(found.items())


def contents(files):
    """Yield (file, content) of the files that are as they were when they were read."""
    for directory, some in by_directory(files):
        try:
            descriptor = directory.open()
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            for file in some:
                content = content_of(descriptor, file)
                if content is not None:
                    yield file, content
        finally:
            os.close(descriptor)


def content_of(descriptor, file):
    """Return the content of a file in an open directory, None if it is another one now, or longer
    than any record: a hole of terabytes costs who made it nothing."""
    try:
        handle = os.open(file.file_name, FILE, dir_fd=descriptor)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as opened:
        status = os.fstat(handle)
        is_same = stat.S_ISREG(status.st_mode) and state_of(status) == file.state
        if is_same and status.st_size > MAX_RECORD_BYTES:
            logger.warning("%s stays: it is longer than any record", visible(file.path))
        if not is_same or status.st_size > MAX_RECORD_BYTES:
            return None
        content = opened.read(status.st_size + 1)
        return content if len(content) == status.st_size else None


def copy_to_archive(files, directory):
    """Write the files into a new .tar.gz in a directory, on the disk before it returns.

    Returns those that are in it. xalt_file_to_db reads such an archive again.
    """
    copied = []
    name = time.strftime("xalt-records-%Y%m%d-%H%M%S")
    with new_file(directory, name, ".tar.gz") as raw, tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for file, content in contents(files):
            member = tarfile.TarInfo("/".join((*file.directory.inside, file.file_name)))
            member.size, member.mtime = len(content), file.state[3] // 1_000_000_000
            tar.addfile(member, io.BytesIO(content))
            copied.append(file)
    return copied


def set_aside(files, directory):
    """Move rejected files into a directory, under their own names; return how many."""
    moved = []
    with writing():
        for file, content in contents(files):
            with new_file(Path(directory), file.file_name, "") as raw:
                raw.write(content)
            moved.append(file)
        return remove(moved)


@contextlib.contextmanager
def writing():
    """Turn what can go wrong with files inside the block into UsageDBErrors."""
    try:
        yield
    except PermissionError as error:
        raise errors.RefusedError(f"cannot remove records: {error}") from error
    except OSError as error:
        raise errors.WriteError(f"cannot remove records: {error}") from error
