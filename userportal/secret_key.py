"""Keep the key with which Django signs sessions: a file of the portal's own, made once."""

import contextlib
import os
import secrets
import stat

from usagedb import errors
from userportal.configuration import state_directory

FILE_NAME = "portal.key"
MINIMUM_CHARACTERS = 32


def secret_key(configuration):
    """Return the key of this portal; make it if it is not there.

    Writes a file of mode 0600 in the state directory. Raises ConfigurationError or RefusedError.
    """
    path = state_directory(configuration) / FILE_NAME
    try:
        if is_missing(path):
            make_key(path)
        key = path.read_text(encoding="ascii").strip()
        mode = path.stat().st_mode
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise errors.ConfigurationError(f"cannot read {path}: {errors.reason(error)}") from error
    if mode & stat.S_IRWXO:
        raise errors.ConfigurationError(
            f"{path}: all users may read it, and so log in as anybody: remove it, and a new one is"
            " made"
        )
    if len(key) < MINIMUM_CHARACTERS:
        raise errors.ConfigurationError(f"{path} holds no key: remove it, and a new one is made")
    return key


def is_missing(path):
    """Tell whether nothing is there yet. Raises PermissionError where one may not look."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    return False


def make_key(path):
    """Make the key, unless another process has just done so.

    Raises RefusedError or ConfigurationError, which say where files of the portal should be.
    """
    advice = "[portal] state names a directory of the account that serves the portal"
    try:
        with contextlib.suppress(FileExistsError):
            write_key(path)
    except PermissionError as error:
        raise errors.RefusedError(f"cannot make {path}: {error.strerror}: {advice}") from error
    except OSError as error:
        raise errors.ConfigurationError(
            f"cannot make {path}: {error.strerror}: {advice}"
        ) from error


def write_key(path):
    """Write a new key to a place where nothing is; raises OSError.

    It comes to its place whole, so that of two processes at once both read the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50) + "\n")
        os.link(beside, path)
    finally:
        beside.unlink()
