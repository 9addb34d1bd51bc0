"""Write the records of processes into the files of a job, as soon as they are known."""

import os
import socket

from epmtlite.collect import record
from epmtlite.collect.metrics import names_here

FILE_MODE = 0o600
STATE_TAG = "epmt_state"  # of processes whose end was not seen, and why
MOST_HELD_BYTES = 16 << 20  # while a disk is full


class Recorder:
    """The records of one host in the directory of a job; several collectors may add to them."""

    def __init__(self, directory, events=()):
        """events are the names of counted events. Raises OSError."""
        self._host = socket.gethostname()
        base = os.path.join(directory, self._host)
        self._names = names_in(base + "-papiex-header.tsv", [*names_here(), *events])
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = LineFile(os.open(base + "-papiex.tsv", flags, FILE_MODE))
        self.states = {}  # state: how many

    @property
    def lost(self):
        """How many records could not be written."""
        return self._file.lost

    def record(self, process, threads, end, reading, status, state):
        """Write a record; see Tracer."""
        image, tags = process.image, process.image.tags
        if state:
            tags = ";".join(filter(None, (tags, f"{STATE_TAG}:{state}")))
            self.states[state] = self.states.get(state, 0) + 1
        group, session = (reading.field(5), reading.field(6)) if reading else (0, 0)
        fields = (
            tags, self._host, image.name, image.path, status >> 8 & 0xFF, status & 0x7F,
            process.pid, process.generation, process.parent, group, session, len(threads),
            process.start, end, image.arguments,
        )  # fmt: skip
        self._file.add(record.line(self._names, threads, fields).encode())

    def close(self):
        """Write what could not be written before."""
        self._file.close()


class LineFile:
    """A file of lines that is whole at its end, though its disk was full for a time."""

    def __init__(self, descriptor):
        self._descriptor, self._held, self.lost = descriptor, [], 0
        self._begun = 0  # bytes of the first held line that are in the file

    def add(self, line):
        """Write a line, or hold it; when too much is held it is lost, and counted."""
        if sum(map(len, self._held)) > MOST_HELD_BYTES:
            self.lost += 1
        else:
            self._held.append(line)
        self._write()

    def _write(self):
        while self._held:
            rest = self._held[0][self._begun :]
            try:
                written = os.write(self._descriptor, rest)
            except OSError:
                return
            self._begun += written
            if written == len(rest):
                self._begun = 0
                del self._held[0]

    def close(self):
        """Write what is held; count what cannot be written, and leave no part of a line."""
        self._write()
        self.lost += len(self._held)
        if self._begun:
            end = os.lseek(self._descriptor, 0, os.SEEK_END)
            os.ftruncate(self._descriptor, end - self._begun)
        os.close(self._descriptor)


def names_in(path, names):
    """Return the names of the metrics in a header file, which is made of `names` if it is not
    there. Raises OSError."""
    own = f"{path}.{os.getpid()}"
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
