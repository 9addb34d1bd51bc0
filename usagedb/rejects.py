"""The file of rejected lines: one JSON object a line, on the disk before the commit."""

import json
import os
import stat
from pathlib import Path

from usagedb import errors
from usagedb.terminal import stored_text

MAX_KEPT_BYTES = 65536


class RejectFile:
    """Appends rejected lines to the file of --reject. After a crash a line may stand twice."""

    def __init__(self, path):
        """Open the file, mode 0640. Raises RefusedError, or WriteError, as for a link or FIFO."""
        self.path = Path(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            # Nobody may be reading a FIFO: opening it would wait.
            descriptor = os.open(self.path, flags | os.O_NONBLOCK, 0o640)
            os.set_blocking(descriptor, True)
            self._file = os.fdopen(descriptor, "ab")
        except PermissionError as error:
            raise errors.RefusedError(f"cannot write {path}: {error.strerror}") from error
        except OSError as error:
            raise errors.WriteError(f"cannot write {path}: {error.strerror}") from error
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            self._file.close()
            raise errors.WriteError(f"cannot write {path}: it is a FIFO")
        if self._ends_inside_a_line():
            self._file.write(b"\n")

    def _ends_inside_a_line(self):
        """Tell whether an earlier run was killed while it wrote."""
        if self._file.tell() == 0:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"

    def add(self, source_name, line_number, line, reason):
        """Add one line (bytes; what exceeds 64 KB of it is cut)."""
        record = {
            "file": source_name,
            "line": line_number,
            "reason": reason,
            "text": stored_text(line[:MAX_KEPT_BYTES]),
        }
        self._write(json.dumps(record).encode() + b"\n")

    def _write(self, data):
        try:
            self._file.write(data)
        except OSError as error:
            raise errors.WriteError(f"cannot write {self.path}: {error.strerror}") from error

    def save(self):
        """Return when all that was added is on the disk."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise errors.WriteError(f"cannot write {self.path}: {error.strerror}") from error

    def close(self):
        """Save and close."""
        self.save()
        self._file.close()
