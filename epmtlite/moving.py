"""Move a file or a directory whose owner may be anybody, without giving anything away.

All is done relative to open directories, and no link is followed: what somebody puts into the
place of a name meanwhile leads nowhere. No name is replaced. What comes from another file system
is copied, see epmtlite/copying.py.
"""

import contextlib
import errno
import itertools
import os
import stat

from epmtlite.collect import errors, job, tarball
from epmtlite.copying import DIRECTORY, DIRECTORY_MODE, copy_and_remove

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
MOST_TRIES = 1000  # of names
# Why a name cannot simply be another one, though there is nothing in its way.
NEEDS_COPY = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)
IS_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


@contextlib.contextmanager
def folder_of(path, identity):
    """Give the block (descriptor of the folder of a path, name there).

    identity is the device and the inode of what is meant. Raises WriteError if it is something else
    by now, or OSError.
    """
    folder_path, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
    folder = os.open(folder_path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if (status.st_dev, status.st_ino) != identity:
            raise errors.WriteError(f"{path} has changed since it was read: it stays")
        yield folder, name
    finally:
        os.close(folder)


@contextlib.contextmanager
def safe_directory(path):
    """Give the block (descriptor, path) of a directory into which not everyone can write.

    Below one into which everyone can, such as /tmp, it is epmt-failed-USER, made if need be.
    Raises RefusedError if that is somebody else's, or OSError.
    """
    outer = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not os.fstat(outer).st_mode & stat.S_IWOTH:
            yield outer, path
            return
        name = "epmt-failed-" + job.user_name()
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, DIRECTORY_MODE, dir_fd=outer)
        inner = os.open(name, DIRECTORY, dir_fd=outer)
        try:
            check_own(inner, os.path.join(path, name))  # noqa: PTH118
            yield inner, os.path.join(path, name)  # noqa: PTH118
        finally:
            os.close(inner)
    finally:
        os.close(outer)


def check_own(directory, path):
    """Raise RefusedError unless an open directory is this account's, for no other to write."""
    status = os.fstat(directory)
    if status.st_uid != os.geteuid() or status.st_mode & OTHERS_MAY_WRITE:
        raise errors.RefusedError(f"{path} is another account's, or others can write into it")


def move(folder, name, target):
    """Move a name of one open directory into another; return the name that it has there.

    Raises OSError; then it is where it was.
    """
    for new in itertools.islice(names_like(name), MOST_TRIES):
        try:
            try:
                rename(folder, name, target, new)
            except OSError as error:
                if error.errno not in NEEDS_COPY:
                    raise
                copy_and_remove(folder, name, target, new)
            return new
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "there are too many of that name already")


def names_like(name):
    """Yield a name, and then the same with -2, -3 and so on before its suffix."""
    yield name
    stem = tarball.without_suffix(name)
    for number in itertools.count(2):
        yield f"{stem}-{number}{name[len(stem) :]}"


def rename(folder, name, target, new):
    """Rename within a file system. Raises FileExistsError if the new name is taken, or OSError."""
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISDIR(mode):
        rename_directory(folder, name, target, new)
    elif stat.S_ISREG(mode):
        rename_file(folder, name, target, new)
    else:
        raise OSError(errno.EINVAL, "it is no regular file and no directory")


def rename_directory(folder, name, target, new):
    """Rename a directory: it can replace an empty one, which is made for that, and nothing else."""
    os.mkdir(new, DIRECTORY_MODE, dir_fd=target)
    try:
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=target)  # noqa: PTH104
    except OSError as error:
        with contextlib.suppress(OSError):
            os.rmdir(new, dir_fd=target)
        if error.errno in IS_TAKEN:
            raise FileExistsError(errno.EEXIST, "somebody took the name") from error
        raise


def rename_file(folder, name, target, new):
    """Rename a file: by a second name for it, since that replaces nothing."""
    try:
        os.link(name, new, src_dir_fd=folder, dst_dir_fd=target, follow_symlinks=False)
    except FileExistsError:
        if not is_one_file(folder, name, target, new):  # else a run was killed between the two
            raise
    try:
        os.unlink(name, dir_fd=folder)
    except OSError:
        os.unlink(new, dir_fd=target)
        raise


def is_one_file(folder, name, target, new):
    """Tell whether two names of open directories are of one file. Raises OSError."""
    one = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return os.path.samestat(one, os.stat(new, dir_fd=target, follow_symlinks=False))
