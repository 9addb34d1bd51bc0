"""Rows that wait to be stored: in memory while they are few, else in a file without a name."""

import marshal
import tempfile
from typing import Any

from epmtlite.collect.files import write_error

MOST_BYTES_IN_MEMORY = 48 << 20
# What a row takes in memory beside its texts.
ROW_BYTES = 1200


class Spool:
    """A sequence of lists of rows (tuples of texts and integers), written once, read in order."""

    def __init__(self, most_bytes=None):
        """most_bytes of rows are kept in memory, by default 48 MB."""
        self._most_bytes = MOST_BYTES_IN_MEMORY if most_bytes is None else most_bytes
        self.part_count = 0  # lists that were added
        self._kept: list = []
        self._kept_bytes = 0
        self._sizes: list = []  # bytes of the lists in the file
        self._file: Any = None

    def add(self, rows, text_bytes):
        """Append a list of rows, with texts of about that size. Raises WriteError."""
        self.part_count += 1
        self._kept.append(rows)
        self._kept_bytes += text_bytes + ROW_BYTES * len(rows)
        if self._kept_bytes > self._most_bytes:
            self._write_out()

    def _write_out(self):
        try:
            self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115
            for rows in self._kept:
                self._sizes.append(self._file.write(marshal.dumps(rows)))
            self._file.flush()
        except OSError as error:
            raise write_error(tempfile.gettempdir(), error) from error
        self._kept, self._kept_bytes = [], 0

    def parts(self):
        """Yield the lists of rows in their order, once all are added; can be called again."""
        if self._file:
            self._file.seek(0)
            for size_bytes in self._sizes:
                # An unnamed file: nobody else can have written it.
                yield marshal.loads(self._file.read(size_bytes))  # nosec B302
        yield from self._kept

    def close(self):
        """Give the space back."""
        if self._file:
            self._file.close()
