"""The directory of a job while it is staged: what is read of it is what was looked at.

Who owns a directory above it can put another one into its place at any moment. So it is opened
once, and its files are those of the open directory, wherever its path leads by then.
"""

import errno
import os
import stat
from typing import NamedTuple

from epmtlite.collect import errors
from epmtlite.collect.files import listed, open_regular, read_error, status_of

PLACE_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class State(NamedTuple):
    """What changes when a file is written, given away, or another one takes its place."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    uid: int
    gid: int
    links: int  # names that it has


def state_of(status):
    """Return the State of the result of stat."""
    return State(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_uid,
        status.st_gid, status.st_nlink,
    )  # fmt: skip


class Folder:
    """An open directory; .before is {name: State} of its regular files as they were at first."""

    def __init__(self, path, descriptor):
        """path is absolute; the descriptor stays the caller's."""
        self.path, self.descriptor = path, descriptor
        self.before = self.states()

    def states(self):
        """Return {name: State} of the regular files that are there now. Raises CollectError."""
        found = {}
        for name in listed(self.descriptor, self.path):
            try:
                status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            except FileNotFoundError:  # it has just gone
                continue
            except OSError as error:
                raise read_error(self.path_of(name), error) from error
            if stat.S_ISREG(status.st_mode):
                found[name] = state_of(status)
        return found

    def check_unchanged(self):
        """Raise UnavailableError if the data of a job are still being written."""
        if self.states() != self.before:
            raise self.changed()

    def changed(self):
        """Return the error for a job that is not as it was."""
        text = "{} has changed while it was staged: it is left as it is, stage it again"
        return errors.UnavailableError(text.format(self.path))

    def path_of(self, name):
        """Return the path of a file, for messages and for open."""
        return os.path.join(self.path, name)

    def open(self, path):
        """Open a file by its path; it is the one that was looked at. Raises UnavailableError if it
        is not, and what open_regular does."""
        name = os.path.basename(path)
        file = open_regular(name, self.descriptor, path)
        if state_of(status_of(file)) != self.before.get(name):
            file.close()
            raise self.changed()
        return file

    def remove(self, found):
        """Remove files by their names, in that order, and the directory if it is empty then; return
        the names of what stays. Raises OSError, also for one that is not as it was at first."""
        for name in found:
            status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
            if state_of(status) != self.before[name]:
                raise OSError(errno.EBUSY, f"{name} has just been written")
            os.unlink(name, dir_fd=self.descriptor)
        left = sorted(os.listdir(self.descriptor))
        if not left:
            self.remove_directory()
        return left

    def remove_directory(self):
        """Remove the empty directory, by its name in the one that it is in. Raises OSError."""
        outer, name = os.path.split(self.path)
        place = os.open(outer, PLACE_FLAGS)
        try:
            found = os.stat(name, dir_fd=place, follow_symlinks=False)
            if not os.path.samestat(found, os.fstat(self.descriptor)):
                raise FileNotFoundError(errno.ENOENT, "it is somewhere else by now")
            os.rmdir(name, dir_fd=place)
        finally:
            os.close(place)
