"""Read records from logs of syslog: blocks are put together, what is incomplete waits in a file."""

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from usagedb import errors
from usagedb.source import Fragment, LogSource, SourceChanged, line_blocks
from xaltload.reading import Problem
from xaltload.record import Rejected
from xaltload.syslog import MAX_LINE_BYTES, TAG, Assembler, format_block, parse_line

KEPT_SECONDS = 3 * 86400  # an incomplete record waits this long for its other blocks
INCOMPLETE = "incomplete for three days"


UNFINISHED_LINE = "its last line has no end yet, and is left: read it again when it is whole"


class LogReader:
    """Reads the records of some logs, after those that an earlier run left over."""

    def __init__(self, reader, leftover_path, new_leftover, wanted, clock=time.time):
        """new_leftover is a NewLeftover that is open; wanted(syshost) tells what is read."""
        self.reader, self.wanted, self.clock = reader, wanted, clock
        self.leftover_path, self.new_leftover = leftover_path, new_leftover
        self.assembler = Assembler()
        self.now = clock()

    def parts(self, names):
        """Yield the Parts of the leftover file and of some logs; the new leftover file is written
        when the last one comes.

        A log that cannot be read does not keep the others from it. Raises MissingInputError or
        UnavailableError for the leftover file: the new one would take the place of what is in it.
        """
        if os.path.lexists(self.leftover_path):
            yield from self._read_leftover()
        for name in names:
            try:
                yield from self._read_source(LogSource(name), self._take_line)
            except errors.MissingInputError as error:
                self._note(str(error), error.exit_code)
            except SourceChanged as error:
                self._note(f"cannot read {name}: it {error}", errors.MissingInputError.exit_code)
        for partial in self.assembler.take_all():
            self._leave_over(partial)
        self.new_leftover.sync()
        yield self.reader.take(is_last=True)

    def _note(self, text, status):
        self.reader.problems.append(Problem(text, status))

    def _read_leftover(self):
        source = LeftoverSource(self.leftover_path)
        try:
            yield from self._read_source(source, self._take_leftover)
        except SourceChanged as error:
            raise errors.UnavailableError(f"{self.leftover_path}: it {error}: try again") from error

    def _read_source(self, source, take_line):
        """Let take_line take in the lines of a source that may be XALT's; close it; yield Parts.

        Raises MissingInputError or SourceChanged.
        """
        name, line_number = source.name, 0
        try:
            for block in line_blocks(source, MAX_LINE_BYTES):
                if isinstance(block, Fragment):
                    self._take_fragment(block, name, line_number + 1)
                    line_number += block.count(b"\n")
                    continue
                for line in block.splitlines():
                    line_number += 1
                    if b"XALT_LOGGING_" in line:
                        take_line(line, name, line_number)
                        if self.reader.is_full:
                            yield self.reader.take()
                for partial in self.assembler.take_excess():
                    self._leave_over(partial)
            if source.rest_bytes:
                self.reader.left.append(name)
                self._note(f"{name}: {UNFINISHED_LINE}", errors.PARTLY)
        finally:
            source.close()

    def _take_fragment(self, fragment, name, line_number):
        if TAG.search(fragment[:4096]):
            self.reader.add_reject(bytes(fragment), "line too long", name, line_number)

    def _take_line(self, line, name, line_number):
        block = self._parse(line, name, line_number)
        if block and self.wanted(block.syshost):
            # Any user can write an epoch into a line of a log: only we write those that count.
            self._take_block(block._replace(epoch=self.now), name, line_number)

    def _take_leftover(self, line, name, line_number):
        """Take in a line of the leftover file; what is another run's stays in it."""
        block = self._parse(line, name, line_number)
        if block and not self.wanted(block.syshost):
            self.new_leftover.write(line)
        elif block:
            epoch = min(block.epoch or self.now, self.now)
            self._take_block(block._replace(epoch=epoch), name, line_number)

    def _parse(self, line, name, line_number):
        """Return the Block of a line, None if it has none; what is damaged is rejected."""
        try:
            return parse_line(line)
        except Rejected as error:
            self.reader.add_reject(line, str(error), name, line_number)
            return None

    def _take_block(self, block, name, line_number):
        partial = self.assembler.add(block)
        if partial:
            self._take_record(partial, name, line_number)

    def _take_record(self, partial, name, line_number):
        try:
            text = partial.text()
        except Rejected as error:
            joined = b"".join(block.payload for block in partial.blocks())
            self.reader.add_reject(joined, str(error), name, line_number)
            return
        self.reader.add_text(text, partial.first.syshost, name, line_number)

    def _leave_over(self, partial):
        """Write an incomplete record into the new leftover file, or reject it for its age."""
        lines = [format_block(block) for block in partial.blocks()]
        if self.now - partial.first.epoch > KEPT_SECONDS:
            self.reader.add_reject(b"\n".join(lines), INCOMPLETE, str(self.leftover_path))
            return
        for line in lines:
            self.new_leftover.write(line)


class LeftoverSource(LogSource):
    """The leftover file: nobody writes on in it, its last line is whole."""

    may_grow = False


class NewLeftover:
    """A leftover file that takes the old one's place when all is stored."""

    def __init__(self, path):
        """Nothing is written before `open`."""
        self.path = Path(path)
        self._temporary = self.path.with_name(f".{self.path.name}.new")
        self.file: Any = None

    def open(self):
        """Open it beside its place, and return this. Raises RefusedError or WriteError.

        For the holder of the loaders' lock alone: two would write into one file.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self.file = os.fdopen(os.open(self._temporary, flags, 0o640), "wb")
        except PermissionError as error:
            raise errors.RefusedError(f"cannot write {self.path}: {error.strerror}") from error
        except OSError as error:
            raise errors.WriteError(f"cannot write {self.path}: {error.strerror}") from error
        return self

    def write(self, line):
        """Write a line, without its newline. Raises WriteError."""
        with self._told():
            self.file.write(line + b"\n")

    def sync(self):
        """Let the disk have what was written. Raises WriteError."""
        with self._told():
            self.file.flush()
            os.fsync(self.file.fileno())

    @contextlib.contextmanager
    def _told(self):
        try:
            yield
        except OSError as error:
            raise errors.WriteError(f"cannot write {self.path}: {error.strerror}") from error

    def take_place(self):
        """Replace the old leftover file; none is left if nothing is left over."""
        with self._told():
            if self._temporary.stat().st_size:
                self._temporary.replace(self.path)
            else:
                self.path.unlink(missing_ok=True)

    def close(self):
        """Close the file, and remove it if it did not take its place."""
        if self.file:
            with contextlib.suppress(OSError):  # a full disk, which was told of before
                self.file.close()
            with contextlib.suppress(OSError):  # the next run begins it anew
                self._temporary.unlink(missing_ok=True)
