"""Copy a file or a directory to another file system, and then remove it.

All is done relative to open directories, and no link is followed. The copy keeps the owner but not
the mode: a copy made by root that had the set-user-ID bit of a user's file would make that user
root.
"""

import contextlib
import errno
import logging
import os
import stat

logger = logging.getLogger(__name__)

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
SOURCE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
COPY = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_MODE, DIRECTORY_MODE = 0o600, 0o700
BLOCK_BYTES = 1 << 20
MOST_DEPTH = 16  # of directories; a job has no other ones in it


def copy_and_remove(folder, name, target, new):
    """Copy a file or a directory, then remove it; what changed while it was copied stays.

    Raises FileExistsError if the new name is taken, or OSError; then nothing was removed.
    """
    copied: dict = {}
    try:
        copy(folder, name, target, new, copied)
        os.fsync(target)
    except FileExistsError:
        raise
    except BaseException:  # also a signal
        remove_tree(target, new)
        raise
    if not remove_copied(folder, copied):
        remove_tree(target, new)
        raise OSError(errno.EBUSY, "it cannot be removed, or it changes")
    if is_there(folder, name):
        logger.warning("%s stays as far as it changed, or cannot be removed", name)


def is_there(folder, name):
    """Tell whether an open directory has a name."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def copy(folder, name, target, new, copied, depth=0):
    """Copy a file or a directory; note in copied, by names, what was: {…} for a directory.

    Raises FileExistsError if the new name is taken; OSError, also for anything else.
    """
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISREG(mode):
        copied[name] = copy_file(folder, name, target, new)
    elif stat.S_ISDIR(mode) and depth < MOST_DEPTH:
        copied[name] = copy_directory(folder, name, target, new, depth)
    else:
        raise OSError(errno.EINVAL, f"{name} is no regular file, or too deep")


def copy_file(folder, name, target, new):
    """Copy a regular file; return its state."""
    with os.fdopen(os.open(name, SOURCE, dir_fd=folder), "rb") as source:
        status = os.fstat(source.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, f"{name} is no regular file")
        with os.fdopen(os.open(new, COPY, FILE_MODE, dir_fd=target), "wb") as made:
            copy_bytes(source.fileno(), made.fileno(), status.st_size)
            keep_owner(made.fileno(), status)
            os.fsync(made.fileno())
    return state_of(status)


def copy_bytes(source, made, size_bytes):
    """Copy the bytes of a file up to its size. Raises OSError.

    Holes stay holes, for one of terabytes costs who made it nothing; what somebody adds meanwhile
    is left: the state of the file has changed then.
    """
    end = 0
    while end < size_bytes:
        try:
            begin = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break  # a hole up to the end
        end = min(os.lseek(source, begin, os.SEEK_HOLE), size_bytes)
        while begin < end:
            block = os.pread(source, min(BLOCK_BYTES, end - begin), begin)
            if not block:
                raise OSError(errno.EBUSY, "it changes")
            begin += os.pwrite(made, block, begin)
    os.ftruncate(made, size_bytes)


def copy_directory(folder, name, target, new, depth):
    """Copy a directory; return {name: state, or {…}} of what is in it."""
    os.mkdir(new, DIRECTORY_MODE, dir_fd=target)
    copied: dict = {}
    with opened(name, folder) as source, opened(new, target) as made:
        for one in os.listdir(source):  # noqa: PTH208
            copy(source, one, made, one, copied, depth + 1)
        keep_owner(made, os.fstat(source))
        os.fsync(made)
    return copied


@contextlib.contextmanager
def opened(name, folder):
    """Give the block the descriptor of a directory that is no link."""
    directory = os.open(name, DIRECTORY, dir_fd=folder)
    try:
        yield directory
    finally:
        os.close(directory)


def keep_owner(descriptor, status):
    """Give a copy the owner and the times of what it is a copy of; only root can do the first."""
    if os.geteuid() == 0:
        os.fchown(descriptor, status.st_uid, status.st_gid)
    os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))


def state_of(status):
    """Return what changes when a file changes."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def remove_copied(folder, copied):
    """Remove what was copied and has not changed; return how many files were removed."""
    removed = 0
    for name, state in copied.items():
        if isinstance(state, dict):
            with contextlib.suppress(OSError), opened(name, folder) as inner:
                removed += remove_copied(inner, state)
            with contextlib.suppress(OSError):
                os.rmdir(name, dir_fd=folder)
                removed += 1
        else:
            with contextlib.suppress(OSError):
                if state_of(os.stat(name, dir_fd=folder, follow_symlinks=False)) == state:
                    os.unlink(name, dir_fd=folder)
                    removed += 1
    return removed


def remove_tree(folder, name):
    """Remove a copy that is not needed, as far as that can be done."""
    with contextlib.suppress(OSError):
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISDIR(mode):
            os.unlink(name, dir_fd=folder)
            return
        with opened(name, folder) as inner:
            for one in os.listdir(inner):  # noqa: PTH208
                remove_tree(inner, one)
        os.rmdir(name, dir_fd=folder)
