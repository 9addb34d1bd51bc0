"""Write a small file whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from usagedb import errors


def write_whole(path, text, mode):
    """Write a text to a file of that mode beside its place, then move it there.

    Who reads the file sees the old text or the new one. Raises RefusedError or WriteError; then
    nothing is left behind.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:32]}.")  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), mode)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except PermissionError as error:
        raise errors.RefusedError(f"cannot write {path}: {error.strerror}") from error
    except OSError as error:
        raise errors.WriteError(f"cannot write {path}: {error.strerror}") from error
