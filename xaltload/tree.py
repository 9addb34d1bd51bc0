"""Find and read the files of records below some directories, in any layout.

A tree of records can be written by every user: directories are opened one below the other, links
are not followed at any step, and only regular files are read. Some thousand names are collected at
a time, so that the records of a run come together; a million files need no million names in memory.
"""

import contextlib
import itertools
import os
import stat
from typing import NamedTuple

from xaltload.names import parse_name
from xaltload.record import MAX_RECORD_BYTES

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MOST_LEVELS = 60
LAST = "~"  # after all uuids
NAMES_AT_ONCE = 50_000  # in the uppermost directory; fewer further down
BLOCK_BYTES = 65536
# What an open of a directory says that is gone, or is a link or a file instead.
NOT_THERE = (FileNotFoundError, NotADirectoryError)


class TooDeepError(OSError):
    """A directory lies deeper than is looked at."""


class Directory(NamedTuple):
    """A directory below a root: it can be opened again, step by step, without following links."""

    root: str
    inside: tuple  # names below the root

    @property
    def path(self):
        """The whole path, for messages."""
        return "/".join((self.root.rstrip("/"), *self.inside)) or "/"

    def open(self):
        """Return a descriptor of the directory. Raises OSError."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for name in self.inside:
            descriptor = open_below(descriptor, name)
        return descriptor


def open_below(descriptor, name):
    """Return a descriptor of a directory in an open one, which is closed. Raises OSError."""
    try:
        return os.open(name, DIRECTORY, dir_fd=descriptor)
    finally:
        os.close(descriptor)


class FoundFile(NamedTuple):
    """One file of a record, in a directory that is open while it is looked at."""

    directory: Directory
    file_name: str
    name: object  # RecordName
    descriptor: int  # of the directory

    @property
    def path(self):
        """The whole path, for messages."""
        return f"{self.directory.path}/{self.file_name}"

    def read(self):
        """Return (content, os.stat_result); of a file that is too long only the beginning.

        Raises OSError, also for what is no regular file.
        """
        descriptor = os.open(self.file_name, FILE, dir_fd=self.descriptor)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError(f"{self.file_name} is no regular file")
            return read_all(file, status.st_size), status


def read_all(file, size_bytes):
    """Return the content of a file that should have that size, up to what a record may have."""
    content = file.read(min(size_bytes, MAX_RECORD_BYTES) + 1)
    while content and len(content) <= MAX_RECORD_BYTES:
        more = file.read(BLOCK_BYTES)
        if not more:
            break
        content += more
    return content


def record_files(root, inside=(), wanted=lambda name: True, on_error=lambda error: None):
    """Yield a FoundFile for each record below a directory whose RecordName is wanted.

    Those of one run come one after the other, in a directory that is not too large.
    Half-written files have other names, and so are not seen. A directory that cannot be read is
    told to on_error(OSError), a link and one that goes away meanwhile are not. Read-only.
    """
    try:
        first = Directory(root, tuple(inside))
        levels = [Level(first, first.open(), depth=1)]
    except NOT_THERE:
        return
    except OSError as error:
        on_error(error)
        return
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [level.close() for level in levels])
        while levels:
            level = levels[-1]
            try:
                entry, name = next(level.entries, (None, None))
                if entry is None:
                    levels.pop().close()
                elif entry.is_dir(follow_symlinks=False):
                    levels.append(level.below(entry.name))
                elif name and wanted(name) and entry.is_file(follow_symlinks=False):
                    yield FoundFile(level.directory, entry.name, name, level.descriptor)
            except NOT_THERE:
                continue
            except OSError as error:
                on_error(error)


def by_run(entries, names_at_once):
    """Yield (entry, RecordName or None) of os.scandir's entries, some thousand at a time: the
    records of a run together, what is no record last."""
    while True:
        some = [(one, parse_name(one.name)) for one in itertools.islice(entries, names_at_once)]
        if not some:
            return
        some.sort(key=run_and_name, reverse=True)
        while some:
            yield some.pop()


def run_and_name(found):
    """Return what orders an (entry, RecordName or None): the uuid of its run, then its name."""
    entry, name = found
    return (name.uuid if name else LAST, entry.name)


class Level:
    """One open directory on the way down."""

    def __init__(self, directory, descriptor, depth):
        self.directory, self.descriptor, self.depth = directory, descriptor, depth
        try:
            self._scan = os.scandir(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self.entries = by_run(self._scan, NAMES_AT_ONCE // depth)

    def below(self, name):
        """Return the Level of a directory in this one. Raises OSError."""
        directory = Directory(self.directory.root, (*self.directory.inside, name))
        if self.depth >= MOST_LEVELS:
            raise TooDeepError(f"{directory.path}: more than {MOST_LEVELS} levels deep")
        try:
            descriptor = os.open(name, DIRECTORY, dir_fd=self.descriptor)
            return Level(directory, descriptor, self.depth + 1)
        except OSError as error:
            error.filename = directory.path
            raise

    def close(self):
        """Close the directory."""
        self._scan.close()
        os.close(self.descriptor)
