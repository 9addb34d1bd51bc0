"""The archives of a directory into which any account may write: which of them are there, and ready.

No link is followed. An archive is ready when it has not changed for a while: until then somebody
may be writing it. What was done with one is remembered as long as it is there and unchanged.
"""

import contextlib
import logging
import os
import stat
import time
from typing import NamedTuple

from epmtlite.collect import errors, job, tarball
from epmtlite.collect.files import read_error, status_at

logger = logging.getLogger(__name__)

MOST_ARCHIVES = 100_000  # that wait and are looked at in one round; the others have to wait, too
MOST_SETTLED = 500_000  # that stay, with nothing to be done; more are read again
MOST_OTHERS = 1000  # that are told once
MOST_DEPTH = 16  # of directories
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class State(NamedTuple):
    """What changes when a file changes."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class Seen:
    """An archive, as it was seen."""

    __slots__ = ("is_done", "is_told", "name", "postponed", "reason", "since", "state", "tries")

    def __init__(self, name, state, since):
        """name is relative to the directory; since, of time.monotonic, when it was seen first."""
        self.name, self.state, self.since = name, state, since
        self.is_done = False  # stored, and to be kept, or it cannot be removed
        self.is_told = False  # that it cannot be moved
        self.reason = ""  # why it could not be stored
        self.tries = 0  # that ended by a fault of our own
        self.postponed = 0  # how often it could not be stored for no fault of its own

    def is_settled(self):
        """Tell whether nothing is to be done with it any more."""
        return self.is_done or self.is_told

    def quiet_seconds(self):
        """Return for how long it has not changed, by this machine's clocks or by those of its
        file system. A copy may bring its mtime along, but no ctime."""
        changed = max(self.state.mtime_ns, self.state.ctime_ns) / 1e9
        return max(time.monotonic() - self.since, time.time() - changed)


def state_of(status):
    """Return the State of the result of stat."""
    return State(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


class Inbox:
    """The archives of a directory, and with is_recursive of those below it."""

    def __init__(self, directory, failed_directory, settle_seconds, is_recursive=False):
        """settle_seconds is how long an archive must not have changed before it is read."""
        self.directory, self.failed_directory = directory, failed_directory
        self.settle_seconds, self.is_recursive = settle_seconds, is_recursive
        self.seen: dict = {}  # relative path: Seen
        self._others: set = set()  # names of archives that are no regular files
        self._is_full = False

    def look(self):
        """Look what is there. Raises MissingError if the directory is not, RefusedError or
        UnavailableError if it cannot be read."""
        now = time.monotonic()
        found: dict = {}
        others: set = set()
        settled = 0
        for name, status in self._names():
            if not stat.S_ISREG(status.st_mode):
                if len(others) < MOST_OTHERS:
                    others.add(name)
                continue
            state, seen = state_of(status), self.seen.get(name)
            if seen is None or seen.state != state:
                seen = Seen(name, state, now)
            if seen.is_settled():
                settled += 1
                if settled > MOST_SETTLED:
                    continue
            found[name] = seen
            if len(found) - min(settled, MOST_SETTLED) >= MOST_ARCHIVES:
                break
        self.seen = found
        self._tell_of_limits(settled)
        for name in sorted(others - self._others):
            logger.warning("%s stays: it is no regular file", self.shown(name))
        self._others = others

    def _tell_of_limits(self, settled):
        """Warn, once, when there is more than is remembered."""
        waiting = len(self.seen) - min(settled, MOST_SETTLED)
        is_full = settled > MOST_SETTLED or waiting >= MOST_ARCHIVES
        if is_full and not self._is_full:
            logger.warning(
                "%s has %d archives that wait and %d that stay: remove some, what is beyond"
                " %d and %d is not looked at, or read again", self.directory, waiting, settled,
                MOST_ARCHIVES, MOST_SETTLED,
            )  # fmt: skip
        self._is_full = is_full

    def shown(self, name):
        """Return the path of a name for messages."""
        return os.path.join(self.directory, name)  # noqa: PTH118

    def ready(self):
        """Return the archives that are to be read, those that were postponed least often first,
        of these the ones that are there for longest."""
        found = [one for one in self._open() if one.quiet_seconds() >= self.settle_seconds]
        return sorted(found, key=lambda one: (one.postponed, one.state.ctime_ns, one.name))

    def is_waiting(self):
        """Tell whether an archive may be ready soon."""
        return any(one.quiet_seconds() < self.settle_seconds for one in self._open())

    def _open(self):
        return [one for one in self.seen.values() if not (one.is_done or one.reason)]

    def failed(self, quiet_seconds):
        """Return the archives that could not be stored and have not changed for so long."""
        found = [one for one in self.seen.values() if one.reason]
        return [one for one in found if one.quiet_seconds() >= quiet_seconds]

    def state_of(self, seen):
        """Return the State that an archive has now, None if it has gone. Raises CollectError if
        nobody can say so, as while a file server is away."""
        try:
            with self.path_of(seen) as path:
                status = status_at(path, self.shown(seen.name))
        except errors.MissingError:
            return None
        return status and state_of(status)

    @contextlib.contextmanager
    def path_of(self, seen):
        """Give the block a path to an archive on which nobody can put a link.

        Below the directory itself it leads through an open directory. Raises MissingError, or
        RefusedError or UnavailableError for what cannot be read, or not now.
        """
        *parts, name = seen.name.split("/")
        if not parts:
            yield self.shown(name)
            return
        folder = self._folder()
        try:
            for part in parts:
                outer = folder
                try:
                    folder = os.open(part, FOLDER, dir_fd=outer)
                finally:
                    os.close(outer)
        except OSError as error:
            raise read_error(self.shown(seen.name), error) from error
        try:
            yield f"/proc/self/fd/{folder}/{name}"
        finally:
            os.close(folder)

    def _folder(self):
        """Return the descriptor of the directory. Raises what path_of does."""
        try:
            return os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise read_error(f"the directory {self.directory}", error) from error

    def _names(self):
        """Yield (relative path, result of lstat) of what has the name of an archive."""
        folder = self._folder()
        try:
            yield from self._names_in(folder, "", 0, self._left_out())
        except OSError as error:
            raise read_error(f"the directory {self.directory}", error) from error
        finally:
            os.close(folder)

    def _left_out(self):
        """Return the identity of the directory of failed archives, if there is one."""
        with contextlib.suppress(OSError):
            status = os.stat(self.failed_directory)  # noqa: PTH116
            return status.st_dev, status.st_ino
        return None

    def _names_in(self, folder, prefix, depth, left_out):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):  # as of rsync, and of what is being written
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # it has gone, or is met again in another round
                    continue
                if tarball.is_archive_name(entry.name):
                    yield prefix + entry.name, status
                elif self._is_entered(entry.name, status, depth, left_out):
                    yield from self._names_below(folder, entry.name, prefix, depth, left_out)

    def _is_entered(self, name, status, depth, left_out):
        """Tell whether archives of a directory count, too."""
        is_own = (status.st_dev, status.st_ino) == left_out
        is_own = is_own or name == "epmt-failed-" + job.user_name()
        is_directory = stat.S_ISDIR(status.st_mode)
        return self.is_recursive and is_directory and not is_own and depth < MOST_DEPTH

    def _names_below(self, folder, name, prefix, depth, left_out):
        """Yield what _names_in yields of a directory below; nothing if it cannot be read."""
        try:
            inner = os.open(name, FOLDER, dir_fd=folder)
            try:
                yield from self._names_in(inner, f"{prefix}{name}/", depth + 1, left_out)
            finally:
                os.close(inner)
        except OSError as error:
            logger.info("cannot read %s: %s", self.shown(prefix + name), error.strerror)
