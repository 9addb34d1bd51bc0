"""Pseudonyms of people: the same for the same name, and nobody's without the site's key."""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from usagedb import errors

PREFIX = "anon-"  # what all pseudonyms begin with
DIGITS = 12
KEY_BYTES = 32
FILE_NAME = "pseudonyms.key"
SYSTEM_DIRECTORY = Path("/etc/hpcusage")


def usual_key_path():
    """Return where this account's key is: one for root, one for each other account."""
    if os.geteuid() == 0:
        return SYSTEM_DIRECTORY / FILE_NAME
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "hpcusage" / FILE_NAME


def usual_key():
    """Return this account's key, None if no command made one. Raises as `read_key` does."""
    path = usual_key_path()
    key = read_key(path) if path.exists() else b""
    return key if len(key) == KEY_BYTES else None


def read_key(path):
    """Return the key of a file, hexadecimal; makes the file, mode 0600, when there is none.

    Raises RefusedError for one that others can read, ConfigurationError for one that holds no key,
    or WriteError.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_key(path)
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise errors.RefusedError(f"{path} can be read by others: chmod 600 {path}")
            key = bytes.fromhex(file.read(4 * KEY_BYTES).decode("ascii").strip())
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise errors.WriteError(f"cannot make {path}: {error.strerror}") from error
    except ValueError as error:
        raise errors.ConfigurationError(f"{path} holds no key: see usage_person") from error
    if len(key) < KEY_BYTES // 2:
        raise errors.ConfigurationError(f"{path} holds no key, or a very short one")
    return key


def make_key(path):
    """Make a file with a new key; do nothing if there is a file. Raises OSError."""
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    if path.exists():
        return
    with os.fdopen(os.open(made, flags, 0o600), "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(made, path)  # whole, or not at all: another run may make one at the same time
    except FileExistsError:
        pass
    finally:
        made.unlink()


def pseudonym_of(name, key):
    """Return the pseudonym of a name; a pseudonym is its own."""
    if name.startswith(PREFIX):
        return name
    raw = name.encode("utf-8", "surrogatepass")
    return PREFIX + hmac.new(key, raw, hashlib.sha256).hexdigest()[:DIGITS]
