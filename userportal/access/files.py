"""Read the files that the configuration names, and again when they change."""

import contextlib
import threading

from usagedb import errors

MOST_CHARACTERS = 64 * 2**20


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
