"""Read the files that the configuration names, and again when they change."""

import contextlib
import os
import threading

from usagedb import errors

MOST_CHARACTERS = 64 * 2**20
OTHERS = 0o007  # rights of those who are neither the owner nor of the group


@contextlib.contextmanager
def told(path):
    """Tell what goes wrong with a configured file as ConfigurationError or RefusedError."""
    try:
        yield
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise errors.ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise errors.ConfigurationError(f"cannot read {path}: it is not UTF-8") from error


def keep_private(path):
    """Keep all other accounts of the machine out of a file: it is made empty with mode 0600, or
    loses the rights of others.

    What cannot be made or changed, such as the file of another account, stays as it is.
    """
    with contextlib.suppress(OSError):
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        mode = path.stat().st_mode
        if mode & OTHERS:
            path.chmod(mode & ~OTHERS & 0o7777)


class ReadFile:
    """What a function makes of a file's text, made anew when the file changes; thread-safe."""

    def __init__(self, path, make):
        """make(text, path) may raise errors of usagedb.errors; the file is read when asked."""
        self.path, self._make = path, make
        self._lock = threading.Lock()
        self._stamp, self._made = None, None

    def get(self):
        """Return what is made of the file. Raises ConfigurationError, RefusedError, or as make."""
        with self._lock:
            with told(self.path):
                status = self.path.stat()
                stamp = status.st_mtime_ns, status.st_size, status.st_ino
                if stamp == self._stamp:
                    return self._made
                with self.path.open(encoding="utf-8", errors="surrogateescape") as file:
                    text = file.read(MOST_CHARACTERS)
            self._made, self._stamp = self._make(text, self.path), stamp
            return self._made
