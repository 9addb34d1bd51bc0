"""Texts of records become parts: batches of rows, and what could not be read."""

import os
import time
from typing import Any, NamedTuple

from usagedb.terminal import stored_text
from xaltload import checksum, keys
from xaltload.record import Link, Rejected, Run, parse_record
from xaltload.store import Batch

# A part is as much as memory allows: the indexes of large tables are touched all over by each.
PART_RECORDS = 3000
PART_BYTES = 24 << 20
FIRST_PART_RECORDS = 500  # so that storing begins soon; each one that follows is twice as large
# A file that was written so short a time ago may still be on its way, when it is no whole record.
YOUNG_SECONDS = 600
MAX_KEPT_BYTES = 65536
UNFINISHED = ("empty", "broken JSON")
# Packages come from these interpreters: the filtered ones of their runs must be remembered.
WITH_PACKAGES = ("python", "r", "matlab", "ipython", "pypy", "jupyter")


class InputFile(NamedTuple):
    """A file of a record as it was read: what is needed to remove it."""

    directory: Any  # tree.Directory
    file_name: str
    state: tuple  # st_dev, st_ino, st_size, st_mtime_ns

    @property
    def path(self):
        """The whole path, for messages."""
        return f"{self.directory.path}/{self.file_name}"

    def identity(self):
        """Return texts that tell it from other files, and from itself before it was written anew.

        A device has no lasting number: that of a file server changes when it is mounted again.
        """
        _device, *state = self.state
        return (stored_text(os.fsencode(self.path)), *map(str, state))


class Problem(NamedTuple):
    """What could not be read."""

    text: str  # a sentence
    status: int  # with which the run ends for it; 0: it is told, and that is all


class Reject(NamedTuple):
    """A record that cannot be stored."""

    key: bytes  # of its text, and of the file that holds nothing else
    reason: str
    source: str  # path of the file, or of the log
    line: int  # in it
    text: bytes  # its beginning
    file: Any  # InputFile, or None


class Part(NamedTuple):
    """What was read, up to a place in the input."""

    batch: Any  # Batch
    done: list  # InputFiles whose records are in the batch, or were left out by a filter
    rejects: list  # Rejects
    left: list  # paths of files that may not be finished
    problems: list  # Problems
    records: int
    filtered_runs: int
    filtered_packages: int
    filtered_uuids: list  # of runs that were left out, and may have packages
    suspicious: int  # records whose crc does not hold
    read_bytes: int
    is_last: bool


class Reader:
    """Collects records until there are enough for a Part."""

    def __init__(self, maker, filters, strict_crc=False, clock=time.time):
        """maker is a RowMaker, filters are Filters."""
        self.maker, self.filters = maker, filters
        self.strict_crc, self.clock = strict_crc, clock
        self._most_records = FIRST_PART_RECORDS
        self._begin()

    def _begin(self):
        self.maker.sets = {}
        self.batch = Batch(sets=self.maker.sets)
        self.done: list = []
        self.rejects: list = []
        self.left: list = []
        self.problems: list = []
        self.filtered_uuids: list = []
        self.records = self.filtered_runs = self.filtered_packages = 0
        self.suspicious = self.read_bytes = 0

    @property
    def is_full(self):
        """Tell whether there is enough for a Part."""
        most = min(self._most_records, PART_RECORDS)
        return self.records >= most or self.read_bytes >= PART_BYTES

    def take(self, is_last=False):
        """Return what was collected as a Part, and begin anew."""
        part = Part(
            self.batch, self.done, self.rejects, self.left, self.problems, self.records,
            self.filtered_runs, self.filtered_packages, self.filtered_uuids, self.suspicious,
            self.read_bytes, is_last,
        )  # fmt: skip
        self._most_records = min(2 * self._most_records, PART_RECORDS)
        self._begin()
        return part

    def add_file(self, text, syshost, file, has_other_names=False):
        """Take in the record of an InputFile.

        What is no record and has_other_names may be a file that the user who gave it this name
        cannot read: nothing of it is kept, and it stays where it is.
        """
        try:
            self._add(text, syshost)
            self.done.append(file)
        except Rejected as error:
            if str(error) in UNFINISHED and self._is_young(file):
                self.left.append(file.path)
                return
            key = keys.text_key(text, *file.identity())
            if has_other_names:
                self._reject(b"", str(error), file.path, key=key)
            else:
                self._reject(text, str(error), file.path, key=key, file=file)

    def add_text(self, text, syshost, source, line=1, name=()):
        """Take in a record that is in no file of its own, but ends in that line of a source.

        name are texts that tell it from others there, if it has any.
        """
        try:
            self._add(text, syshost)
        except Rejected as error:
            self._reject(text, str(error), source, line, key=keys.text_key(text, *name))

    def add_reject(self, text, reason, source, line=1):
        """Take in what is no record."""
        self.records += 1
        self.read_bytes += len(text)
        self._reject(text, reason, source, line)

    def _reject(self, text, reason, source, line=1, key=None, file=None):
        key = key or keys.text_key(text)
        self.rejects.append(Reject(key, reason, source, line, text[:MAX_KEPT_BYTES], file))

    def _is_young(self, file):
        return self.clock() - file.state[3] / 1e9 < YOUNG_SECONDS

    def _add(self, text, syshost):
        self.records += 1
        self.read_bytes += len(text)
        record = parse_record(text, syshost)
        if checksum.holds(text) is False:
            if self.strict_crc:
                raise Rejected("the crc does not hold")
            self.suspicious += 1
        if isinstance(record, Run):
            self._add_run(record)
        elif isinstance(record, Link):
            self.batch.links.append(self.maker.link(record))
        elif self.filters.keeps_package(record.program, record.name, record.path):
            self.batch.packages.append(self.maker.package(record))
        else:
            self.filtered_packages += 1

    def _add_run(self, run):
        if self.filters.keeps_run(run.exec_path, run.run_uuid):
            probability = self.filters.probability_of(run.exec_path)
            self.batch.runs.append(self.maker.run(run, probability))
            return
        self.filtered_runs += 1
        if run.exec_path.rpartition("/")[2].lower().startswith(WITH_PACKAGES):
            self.filtered_uuids.append(run.run_uuid)
