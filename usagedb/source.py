"""Open a log, plain or compressed or piped, and read it in blocks of whole lines."""

import bz2
import gzip
import lzma
import os
import re
import stat
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from usagedb import errors

BLOCK_BYTES = 1 << 20
MAX_LINE_BYTES = 65536
SPOOL_IN_MEMORY_BYTES = 16 << 20
OPENERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open))
ZSTD = b"\x28\xb5\x2f\xfd"  # which Python reads from 3.14 on only
BROKEN_COMPRESSION = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
# What rotation adds to a name: a date, a number, an epoch; the live log has none of them.
ROTATED = re.compile(r"[-._](\d{8}([-_.T]?\d{2,6})?|\d{1,3}|\d{10}|\d{4}-\d\d-\d\d)$")


class SourceChanged(Exception):
    """The file was truncated or rewritten while it was read; its text says which."""


class Fragment(bytes):
    """A part of a line that is too long to be held; the last part ends in a newline."""


class LogSource:
    """A log as a stream of bytes after decompression.

    Raises MissingInputError when it cannot be opened.
    """

    def __init__(self, path):
        self.name = str(path)
        self.path = None if self.name == "-" else Path(path)
        self._raw = self._open()
        status = os.fstat(self._raw.fileno())
        self.is_pipe = not stat.S_ISREG(status.st_mode)
        self.size_bytes = 0 if self.is_pipe else status.st_size
        self._pipe = PipeStream(self._raw) if self.is_pipe else None
        self.stream: Any = self._pipe or self._raw
        opener = self._opener()
        self.is_compressed = opener is not None
        if opener:
            self.stream = opener(self.stream, "rb")
        self._first = b""  # the beginning of a plain file, to notice that it was rewritten
        self.end_state = None  # of the file when its end was read (os.stat_result)
        self.rest_bytes = 0  # of an unfinished last line, set when the end was read

    def _open(self):
        if self.path is None:
            return sys.stdin.buffer
        try:
            if self.path.is_dir():
                raise errors.MissingInputError(f"{self.name} is a directory")
            return self.path.open("rb", buffering=0)
        except OSError as error:
            raise errors.MissingInputError(f"cannot read {self.name}: {error.strerror}") from error

    def _opener(self):
        """Return the opener of a compressed file, told by its first bytes; None for plain text."""
        first = self.stream.read(6)
        self.rewind()
        if first.startswith(ZSTD):
            self._raw.close()
            raise errors.MissingInputError(
                f"{self.name} is compressed by zstd: read it from a pipe, zstdcat FILE | … -"
            )
        return next((opener for magic, opener in OPENERS if first.startswith(magic)), None)

    @property
    def may_grow(self):
        """Tell whether a line without its newline may yet be completed by its writer.

        So it is with what comes by a pipe: most often that is a live log, read at any moment.
        """
        if self.is_compressed:
            return False
        return self.is_pipe or self.path is None or not ROTATED.search(self.path.name)

    def rewind(self):
        """Go back to the beginning; a pipe can do so until `forget_beginning` was called."""
        self.stream.seek(0)

    def forget_beginning(self):
        """Let a pipe drop what it kept for a rewind."""
        if self._pipe:
            self._pipe.recording = False

    def read(self, size):
        """Return up to size bytes, b"" at the end.

        Raises SourceChanged, or MissingInputError for broken compression.
        """
        try:
            # read1: what was decompressed before damaged data is returned before they are met.
            block = self.stream.read1(size) if self.is_compressed else self.stream.read(size)
        except BROKEN_COMPRESSION as error:
            raise errors.MissingInputError(
                f"{self.name}: its compressed data end too early or are damaged ({error})"
            ) from error
        except OSError as error:
            raise errors.MissingInputError(
                f"cannot read {self.name}: {errors.reason(error)}"
            ) from error
        if not (self.is_pipe or self.is_compressed):
            self._check_not_rewritten(block)
        self.end_state = os.fstat(self._raw.fileno())
        return block

    def _check_not_rewritten(self, block):
        """Notice copytruncate: what was read up to now was there before the check."""
        position = self.stream.tell()
        if os.fstat(self._raw.fileno()).st_size < position:
            raise SourceChanged("was truncated while it was read")
        if position == len(block):
            self._first = block[:256]
        elif os.pread(self._raw.fileno(), len(self._first), 0) != self._first:
            raise SourceChanged("was truncated and written anew while it was read")

    def done_bytes(self):
        """Return how much of size_bytes has been read, for progress."""
        return 0 if self.is_pipe else self._raw.tell()

    def is_unchanged(self):
        """Tell whether the path still names the file as it was when its end was read."""
        if self.path is None:
            return False
        try:
            now = self.path.lstat()
        except OSError:
            return False
        return self.end_state is not None and same_file_state(now, self.end_state)

    def close(self):
        """Close the file; standard input stays open."""
        if self.is_compressed:
            self.stream.close()
        if self.path is not None:
            self._raw.close()


def file_size(name):
    """Return the size of a log in bytes without opening it; 0 for a pipe and for none at all."""
    try:
        status = os.fstat(sys.stdin.fileno()) if name == "-" else os.stat(name)  # noqa: PTH116
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def is_unexpanded(name):
    """Tell whether a name is a pattern that the shell left as it was: it matches no file."""
    return name != "-" and re.search(r"[*?[]", name) is not None and not os.path.lexists(name)


def same_file_state(one, other):
    """Tell whether two stat results show the same file with the same content."""
    fields = ("st_dev", "st_ino", "st_size", "st_mtime_ns")
    return all(getattr(one, field) == getattr(other, field) for field in fields)


class PipeStream:
    """A pipe that can go back to its beginning, from a temporary file, while it is recording."""

    def __init__(self, pipe):
        self._pipe = pipe
        self._kept = tempfile.SpooledTemporaryFile(SPOOL_IN_MEMORY_BYTES)  # noqa: SIM115
        self._replaying = False
        self.recording = True

    def read(self, size=-1):
        """Return up to size bytes, first those kept from before a rewind."""
        if self._replaying:
            block = self._kept.read(size)
            if block:
                return block
            self._replaying = False
        block = self._pipe.read(size)
        if self.recording and block:
            self._kept.write(block)
        return block

    def readable(self):
        """Tell the decompressors that this can be read."""
        return True

    def seekable(self):
        """Tell the decompressors that they may go back to the beginning."""
        return True

    def seek(self, position):
        """Go back to the beginning, the only place there is."""
        if position != 0:
            raise OSError("a pipe can only be rewound")
        if not self.recording:
            raise errors.UnavailableError("a pipe cannot be read a second time: send it again")
        self._kept.seek(0)
        self._replaying = True


def line_blocks(source, longest_bytes=None):
    """Yield a source's bytes as blocks that end in a newline; parts of lines longer than
    longest_bytes (by default 64 KB) as Fragments.

    In a source that may grow, a last line without its newline is not yielded but counted in
    source.rest_bytes; in any other it gets one.
    """
    may_grow = source.may_grow
    longest_bytes = longest_bytes or MAX_LINE_BYTES
    rest, in_long_line = b"", False
    while True:
        block = source.read(BLOCK_BYTES)
        if not block:
            break
        block = rest + block
        if in_long_line:
            end = block.find(b"\n") + 1
            yield Fragment(block[: end or len(block)])
            block, in_long_line = block[end or len(block) :], not end
        end = block.rfind(b"\n") + 1
        if end:
            yield block[:end]
        rest = block[end:]
        if len(rest) > longest_bytes:
            yield Fragment(rest)
            rest, in_long_line = b"", True
    if rest and not may_grow:
        yield rest + b"\n"
    elif in_long_line and not may_grow:
        yield Fragment(b"\n")
    source.rest_bytes = len(rest) if may_grow else 0
