"""Write the records of processes into the files of a job, as soon as they are known."""

import contextlib
import errno
import fcntl
import os
import socket
import time

from epmtlite.collect import record
from epmtlite.collect.metrics import names_here
from epmtlite.collect.names import ROOM_PREFIX

FILE_MODE = 0o600
STATE_TAG = "epmt_state"  # of processes whose end was not seen, and why
THREADS_TAG = "epmt_threads_added_up"  # how many are the last one of a record together
MOST_HELD_BYTES = 16 << 20  # while a disk is full
ROOM_BYTES = 64 << 10  # for the metadata of a job whose disk is full at its end
CLOSE_SECONDS, PAUSE_SECONDS = 1, 0.05  # that are waited for room, or for other collectors


class Recorder:
    """The records of one host in the directory of a job; several collectors may add to them."""

    def __init__(self, directory, events=()):
        """events are the names of counted events. Raises OSError."""
        self._host = socket.gethostname()
        base = os.path.join(directory, self._host)
        self._names = names_in(base + "-papiex-header.tsv", [*names_here(), *events])
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = LineFile(os.open(base + "-papiex.tsv", flags, FILE_MODE))
        self._room = os.path.join(directory, f"{ROOM_PREFIX}{self._host}-{os.getpid()}")
        reserve(self._room)
        self.states = {}  # state: how many
        self.faults = 0  # of the collector, that it went on after

    @property
    def lost(self):
        """How many records could not be written."""
        return self._file.lost

    def record(self, process, threads, end, reading, status, state):
        """Write a record; see Tracer."""
        image, more = process.image, []
        if state:
            more.append(f"{STATE_TAG}:{state}")
            self.states[state] = self.states.get(state, 0) + 1
        if process.added_up:
            more.append(f"{THREADS_TAG}:{process.added_up}")
        tags = ";".join(filter(None, (image.tags, *more)))
        group, session = (reading.field(5), reading.field(6)) if reading else (0, 0)
        fields = (
            tags, self._host, image.name, image.path, status >> 8 & 0xFF, status & 0x7F,
            process.pid, process.generation, process.parent, group, session, len(threads),
            process.start, end, image.arguments,
        )  # fmt: skip
        self._file.add(record.line(self._names, threads, fields).encode())

    def close(self):
        """Write what could not be written before, and make room for a word about what cannot."""
        self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._room)


def reserve(path):
    """Take some room on the disk as long as there is some."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            os.posix_fallocate(descriptor, 0, ROOM_BYTES)
        finally:
            os.close(descriptor)


class LineFile:
    """A file of whole lines, though several collectors write it and its disk is full at times."""

    def __init__(self, descriptor):
        self._descriptor, self._held, self._held_bytes, self.lost = descriptor, [], 0, 0

    def add(self, line):
        """Write a line, or hold it; when too much is held it is lost, and counted."""
        if self._held_bytes > MOST_HELD_BYTES:
            self.lost += 1
        else:
            self._held.append(line)
            self._held_bytes += len(line)
        self._write()

    def _write(self):
        """Write what is held, as far as that can be done."""
        if not self._lock():
            return
        try:
            while self._held and self._write_whole(self._held[0]):
                self._held_bytes -= len(self._held.pop(0))
        finally:
            self._lock(fcntl.LOCK_UN)

    def _lock(self, how=fcntl.LOCK_EX | fcntl.LOCK_NB):
        """Lock the file, where its file system can do that; tell whether no other one has done."""
        try:
            fcntl.flock(self._descriptor, how)
        except OSError as error:
            return error.errno != errno.EWOULDBLOCK
        return True

    def _write_whole(self, line):
        """Write a line, or nothing of it; tell which."""
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
                os.ftruncate(self._descriptor, end - written)
        except OSError:
            return False
        return written == len(line)

    def close(self):
        """Write what is held; count what cannot be written."""
        deadline = time.monotonic() + CLOSE_SECONDS
        while self._held and time.monotonic() < deadline:
            self._write()
            if self._held:
                time.sleep(PAUSE_SECONDS)
        self.lost += len(self._held)
        os.close(self._descriptor)


def names_in(path, names):
    """Return the names of the metrics in a header file, which is made of `names` if it is not
    there. Raises OSError."""
    own = f"{path}.{os.getpid()}.{time.time():.6f}"
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(record.header(names))
        os.link(own, path)  # whole, or not at all
    except FileExistsError:
        with open(path, encoding="utf-8") as file:
            return file.readline().partition("}")[0].lstrip("{").split(",")
    finally:
        os.unlink(own)
    return names
