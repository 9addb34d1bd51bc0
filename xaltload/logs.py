"""Read records from logs of syslog: blocks are put together, what is incomplete waits in a file."""

import contextlib
import os
import time
from pathlib import Path

from usagedb import errors
from usagedb.source import Fragment, LogSource, SourceChanged, line_blocks
from xaltload.record import Rejected
from xaltload.syslog import MAX_LINE_BYTES, TAG, Assembler, format_block, parse_line

KEPT_SECONDS = 3 * 86400  # an incomplete record waits this long for its other blocks
INCOMPLETE = "incomplete for three days"


class LogReader:
    """Reads the records of some logs, after those that an earlier run left over."""

    def __init__(self, reader, leftover_path, new_leftover, wanted, clock=time.time):
        """new_leftover is a file open for writing; wanted(syshost) tells what is read."""
        self.reader, self.wanted, self.clock = reader, wanted, clock
        self.leftover_path, self.new_leftover = leftover_path, new_leftover
        self.assembler = Assembler()
        self.now = clock()

    def parts(self, names):
        """Yield the Parts of the leftover file and of some logs; the new leftover file is written
        when the last one comes. Raises MissingInputError."""
        if os.path.lexists(self.leftover_path):
            yield from self._read(self.leftover_path)
        for name in names:
            yield from self._read(name)
        for partial in self.assembler.take_all():
            self._leave_over(partial)
        self.new_leftover.flush()
        os.fsync(self.new_leftover.fileno())
        yield self.reader.take()

    def _read(self, name):
        source = LogSource(name)
        line_number = 0
        try:
            for block in line_blocks(source, MAX_LINE_BYTES):
                if isinstance(block, Fragment):
                    self._take_fragment(block, name, line_number + 1)
                    line_number += block.count(b"\n")
                    continue
                for line in block.splitlines():
                    line_number += 1
                    if b"XALT_LOGGING_" in line:
                        self._take_line(line, name, line_number)
                        if self.reader.is_full:
                            yield self.reader.take()
                for partial in self.assembler.take_excess():
                    self._leave_over(partial)
        except SourceChanged as error:
            self.reader.problems.append(f"{name}: it {error}")
        finally:
            source.close()

    def _take_fragment(self, fragment, name, line_number):
        if TAG.search(fragment[:4096]):
            self.reader.add_reject(bytes(fragment), "line too long", name, line_number)

    def _take_line(self, line, name, line_number):
        try:
            block = parse_line(line)
        except Rejected as error:
            self.reader.add_reject(line, str(error), name, line_number)
            return
        if block is None or not self.wanted(block.syshost):
            return
        if not block.epoch:
            block = block._replace(epoch=self.now)
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
            self.new_leftover.write(line + b"\n")


class NewLeftover:
    """A leftover file that takes the old one's place when all is stored."""

    def __init__(self, path):
        """Nothing is written before `open`."""
        self.path = Path(path)
        self._temporary = self.path.with_name(f".{self.path.name}.new")
        self.file = None

    def open(self):
        """Open it beside its place, and return it. Raises RefusedError or WriteError.

        For the holder of the loaders' lock alone: two would write into one file.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self.file = os.fdopen(os.open(self._temporary, flags, 0o640), "wb")
        except PermissionError as error:
            raise errors.RefusedError(f"cannot write {self.path}: {error.strerror}") from error
        except OSError as error:
            raise errors.WriteError(f"cannot write {self.path}: {error.strerror}") from error
        return self.file

    def take_place(self):
        """Replace the old leftover file; none is left if nothing is left over."""
        try:
            if self._temporary.stat().st_size:
                self._temporary.replace(self.path)
            else:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            raise errors.WriteError(f"cannot write {self.path}: {error.strerror}") from error

    def close(self):
        """Close the file, and remove it if it did not take its place."""
        if self.file:
            with contextlib.suppress(OSError):  # a full disk, which was told of before
                self.file.close()
            with contextlib.suppress(OSError):  # the next run begins it anew
                self._temporary.unlink(missing_ok=True)
