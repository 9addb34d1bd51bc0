"""Read the collector's INI file: where the portal is, where Slurm keeps scripts, what is kept."""

import configparser
import dataclasses
import logging
import os
import re
import stat
from pathlib import Path
from typing import Optional
from urllib.parse import urlsplit

from usagedb import errors

logger = logging.getLogger(__name__)

DEFAULT_PATH = Path("/etc/slurm/slurm_jobscripts.ini")
TOKEN = re.compile(r"[\x21-\x7e]{8,512}")
LONGEST_LINE = 4096
MOST_SCRIPT_CHARACTERS = 10_000_000
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What stands in the file; a field's comment names its section."""

    source: Path
    host: str  # [api] http://localhost:8000; a path may follow, as of a portal at /portal/
    token: str = ""  # [api]
    token_file: Optional[Path] = None  # [api] instead of token; its first line
    ca_file: Optional[Path] = None  # [api] authorities beside those of the system
    script_length: int = 100_000  # [api] characters; what is beyond is cut off
    spool: Path = Path("/var/spool/slurmctld")  # [slurm] StateSaveLocation of slurm.conf
    slurmd_spool: Path = Path("/var/spool/slurmd")  # [slurm] SlurmdSpoolDir, for the prolog
    state: Path = Path("/var/lib/hpcusage-jobscripts")  # [collector] a directory of its own
    interval_seconds: float = 5.0  # [collector]
    kept_megabytes: int = 500  # [collector] of scripts that wait for the portal
    once: bool = False  # [collector] end after one round, as --once says

    def read_token(self):
        """Return the token. Raises MissingInputError, RefusedError or ConfigurationError."""
        token = first_line(self.token_file) if self.token_file else self.token
        if not TOKEN.fullmatch(token):
            where = self.token_file or f"{self.source}: [api] token"
            raise errors.ConfigurationError(f"{where} is no token: 8 to 512 characters, no blanks")
        return token

    @property
    def is_open_to_listeners(self):
        """Whether the token goes through a network without TLS."""
        parts = urlsplit(self.host)
        return parts.scheme == "http" and parts.hostname not in LOOPBACK


SECTIONS = {
    "api": ("host", "token", "token_file", "ca_file", "script_length"),
    "slurm": ("spool", "slurmd_spool"),
    "collector": ("state", "interval_seconds", "kept_megabytes", "once"),
}


def read_settings(path=DEFAULT_PATH):
    """Return the Settings of a file; those with unknown names are told in the log.

    Raises MissingInputError, RefusedError or ConfigurationError.
    """
    path = Path(path)
    parser = parsed(path)
    found = {}
    for section, names in SECTIONS.items():
        given = dict(parser[section]) if parser.has_section(section) else {}
        for name in sorted(given.keys() - set(names)):
            logger.warning("%s: [%s] %s means nothing here", path, section, name)
        for name in names:
            text = given.get(name, "").strip()
            if text:
                found[name] = value_of(path, f"[{section}] {name}", name, text)
    if "host" not in found:
        raise errors.ConfigurationError(f"{path}: [api] host is missing, such as https://HOST")
    if not found.get("token") and not found.get("token_file"):
        raise errors.ConfigurationError(f"{path}: [api] token or token_file is missing")
    return Settings(source=path, **found)


def parsed(path):
    """Return the RawConfigParser of a file; warns if others can read the token in it."""
    parser = configparser.RawConfigParser()
    try:
        with path.open(encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            parser.read_file(file, str(path))
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from None
    except OSError as error:
        raise errors.MissingInputError(f"cannot read {path}: {error.strerror}") from None
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise errors.ConfigurationError(f"{path} is no INI file: {reason}") from None
    if parser.has_option("api", "token"):
        warn_if_open(path, status)
    return parser


def value_of(path, where, name, text):
    """Return a setting's text as its field holds it. Raises ConfigurationError."""
    if name in ("host", "token"):
        return checked_host(path, text) if name == "host" else text
    if name in ("token_file", "ca_file", "spool", "slurmd_spool", "state"):
        return (path.absolute().parent / text).absolute()
    try:
        if name == "once":
            return configparser.RawConfigParser.BOOLEAN_STATES[text.lower()]
        number = float(text) if name == "interval_seconds" else int(text)
    except (KeyError, ValueError):
        raise errors.ConfigurationError(f"{path}: {where} cannot be {text!r}") from None
    lowest, highest = {"interval_seconds": (0.05, 86400), "kept_megabytes": (1, 1_000_000),
                       "script_length": (1, MOST_SCRIPT_CHARACTERS)}[name]  # fmt: skip
    if not lowest <= number <= highest:
        raise errors.ConfigurationError(f"{path}: {where} is {lowest} to {highest}")
    return number


def checked_host(path, text):
    """Return the address of the portal without / at its end. Raises ConfigurationError."""
    complaint = f"{path}: [api] host is no address such as https://portal.example.org"
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for one that cannot be
    except ValueError:
        raise errors.ConfigurationError(complaint) from None
    is_plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise errors.ConfigurationError(complaint)
    if re.search(r"[\s\x00-\x20\x7f]", text):
        raise errors.ConfigurationError(complaint)
    return text.rstrip("/")


def first_line(path):
    """Return the first line of a file of secrets; warns if others can read it.

    Raises MissingInputError or RefusedError.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            warn_if_open(path, os.fstat(file.fileno()))
            return file.readline(LONGEST_LINE).strip()
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from None
    except OSError as error:
        raise errors.MissingInputError(f"cannot read {path}: {error.strerror}") from None


_told_open: set = set()


def warn_if_open(path, status):
    """Warn, once a run, that other accounts can read a file with a token."""
    if status.st_mode & (stat.S_IRWXO | stat.S_IWGRP) and path not in _told_open:
        _told_open.add(path)
        logger.warning("others can read or change %s, with the token: chmod 0600 %s", path, path)
