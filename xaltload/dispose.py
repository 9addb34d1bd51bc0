"""What happens to files of records once they are stored: kept, deleted, archived, set aside.

They lie where every user can write: each is removed only if it is still the one that was read, in
a directory that is reached without following a link.
"""

import contextlib
import errno
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
from xaltload.tree import FILE, NOT_THERE

logger = logging.getLogger(__name__)

WRITE_ERRORS = (errors.RefusedError, errors.WriteError)
# Directories of one run's packages, copied as a whole: removed when the last record has gone.
RUN_DIRECTORY = "XALT_pkg_"


def tell_nobody(_error, _files):
    """Forget why some files were not removed."""


def remove(files, archive_directory=None, refused=tell_nobody):
    """Delete InputFiles, after a copy in an archive if there is one; return how many are gone.

    A file that has changed since it was read is kept. What cannot be removed stays, and does not
    keep the rest from it: refused(UsageDBError, number of files) is told of it.
    """
    if archive_directory and files:
        try:
            with writing_to(archive_directory):
                files = copy_to_archive(files, Path(archive_directory), refused)
        except WRITE_ERRORS as error:
            refused(error, len(files))
            return 0
    return sum(remove_from(directory, some, refused) for directory, some in by_directory(files))


def remove_from(directory, files, refused):
    """Delete files of one directory; return how many are gone."""
    gone, kept, why = 0, 0, None
    try:
        descriptor = directory.open()
    except NOT_THERE:
        return 0
    except OSError as error:
        refused(as_refusal(directory, error), len(files))
        return 0
    try:
        for file in files:
            try:
                gone += remove_one(descriptor, file)
            except OSError as error:
                kept, why = kept + 1, error
    finally:
        os.close(descriptor)
    if why:
        refused(as_refusal(directory, why), kept)
    if directory.inside and directory.inside[-1].startswith(RUN_DIRECTORY):
        remove_empty(directory)
    return gone


def remove_one(descriptor, file):
    """Delete a file of an open directory if it is the one that was read; return whether it is gone.
    Raises OSError."""
    if not is_unchanged(descriptor, file):
        logger.info("%s is kept: it has changed since it was read", file.path)
        return False
    with contextlib.suppress(FileNotFoundError):  # its owner was faster
        os.unlink(file.file_name, dir_fd=descriptor)
    return True


def as_refusal(directory, error):
    """Return an OSError as the UsageDBError that says why nothing goes from a directory."""
    kind = errors.RefusedError if isinstance(error, PermissionError) else errors.WriteError
    return kind(f"cannot remove records from {directory.path}: {error.strerror}")


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


def contents(files, refused):
    """Yield (file, content) of the files that are as they were when they were read, and that can be
    removed: those that stay would be copied anew by every run."""
    for directory, some in by_directory(files):
        try:
            descriptor = directory.open()
        except NOT_THERE:
            continue
        except OSError as error:
            refused(as_refusal(directory, error), len(some))
            continue
        try:
            yield from contents_of(directory, descriptor, some, refused)
        finally:
            os.close(descriptor)


def contents_of(directory, descriptor, files, refused):
    """Yield (file, content) of the files of one open directory, as `contents` does."""
    kept, why = 0, None
    for file in files:
        try:
            check_removable(descriptor, file)
        except OSError as error:
            kept, why = kept + 1, error
            continue
        content = content_of(descriptor, file)
        if content is not None:
            yield file, content
    if why:
        refused(as_refusal(directory, why), kept)


def check_removable(descriptor, file):
    """Raise OSError if this account cannot remove a file from an open directory."""
    if os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    account, place = os.geteuid(), os.fstat(descriptor)
    may_write = os.access(".", os.W_OK | os.X_OK, dir_fd=descriptor, effective_ids=True)
    if may_write and account and place.st_mode & stat.S_ISVTX and account != place.st_uid:
        # Of such a directory, as /tmp is, everybody removes his own files only.
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(file.file_name, dir_fd=descriptor, follow_symlinks=False)
            may_write = status.st_uid == account
    if not may_write:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


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


def copy_to_archive(files, directory, refused):
    """Write the files into a new .tar.gz in a directory, on the disk before it returns.

    Returns those that are in it. xalt_file_to_db reads such an archive again.
    """
    copied = []
    name = time.strftime("xalt-records-%Y%m%d-%H%M%S")
    with new_file(directory, name, ".tar.gz") as raw, tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for file, content in contents(files, refused):
            member = tarfile.TarInfo("/".join((*file.directory.inside, file.file_name)))
            member.size, member.mtime = len(content), file.state[3] // 1_000_000_000
            tar.addfile(member, io.BytesIO(content))
            copied.append(file)
    return copied


def set_aside(files, directory, refused=tell_nobody):
    """Move rejected files into a directory, under their own names; return how many.

    What cannot be moved stays: refused is told of it, as `remove` does.
    """
    moved = []
    try:
        with writing_to(directory):
            for file, content in contents(files, refused):
                with new_file(Path(directory), file.file_name, "") as raw:
                    raw.write(content)
                moved.append(file)
    except WRITE_ERRORS as error:
        refused(error, len(files) - len(moved))
    return remove(moved, refused=refused)


@contextlib.contextmanager
def writing_to(directory):
    """Turn what can go wrong with files inside the block into UsageDBErrors."""
    try:
        yield
    except PermissionError as error:
        raise errors.RefusedError(
            f"cannot copy records to {directory}: {error.strerror}"
        ) from error
    except OSError as error:
        raise errors.WriteError(
            f"cannot copy records to {directory}: {errors.reason(error)}"
        ) from error
