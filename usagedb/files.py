"""Write a file whole or not at all, and find those that come with the suite."""

import contextlib
import importlib.util
import os
import stat
import tempfile
from pathlib import Path

from usagedb import errors


def write_whole(path, text, mode):
    """Write a text to a file of that mode; see whole_file."""
    with whole_file(path, mode) as file:
        file.write(text.encode())


@contextlib.contextmanager
def whole_file(path, mode, owner=None):
    """Give the block a binary file beside a place, and move it there at the end, with that mode.

    owner is (uid, gid) of the file, if this account may give it away; None: this account's. Who
    reads the file of that place sees the old content or the new one. Raises RefusedError or
    WriteError, also if a device, a FIFO or a directory is there; then, and when the block raises
    anything, nothing is left behind.
    """
    path = Path(path)
    check_ordinary(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:32]}.")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if owner:
                    with contextlib.suppress(PermissionError):
                        os.fchown(file.fileno(), *owner)
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


def new_file_mode():
    """Return the mode of a new file of this account: that of its umask."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def check_ordinary(path):
    """Raise WriteError if what is there is no ordinary file: a file must not take the place of
    /dev/null."""
    try:
        mode = path.stat().st_mode
    except OSError:  # it is not there, or writing it will say why
        return
    if not stat.S_ISREG(mode):
        raise errors.WriteError(f"cannot write {path}: it is there, and no ordinary file")


def conf_file(name):
    """Return the path of a file of conf/, installed or in the checkout."""
    package = importlib.util.find_spec("usagedb.conf")
    if package and package.origin:
        return Path(package.origin).parent / name
    return Path(__file__).parent.parent / "conf" / name
