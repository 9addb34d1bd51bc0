"""Secrets: the token and the salt, from where neither the process list nor a log shows them."""

import logging
import os
import stat
from pathlib import Path

from usagedb import errors

logger = logging.getLogger(__name__)


class Secret:
    """One secret, which is read when it is needed."""

    def __init__(self, value, path, variable):
        """It is what the option says, else the first line of a file, else the variable of the
        environment, which no program that is run here needs."""
        of_environment = os.environ.pop(variable, "")
        self._path = path if value is None else None
        self._value = of_environment if value is None else value

    @property
    def is_named(self):
        """Whether any of the three is there."""
        return bool(self._path or self._value)

    def read(self):
        """Return the secret, '' if there is none.

        Raises MissingInputError or RefusedError for a file that cannot be read, ConfigurationError
        for an empty one.
        """
        return first_line(self._path) if self._path else self._value


def first_line(path):
    """Return the first line of a file of secrets."""
    try:
        with Path(path).open(encoding="utf-8", errors="surrogateescape") as file:
            status = os.fstat(file.fileno())
            line = file.readline(4096).strip()
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from None
    except OSError as error:
        raise errors.MissingInputError(f"cannot read {path}: {error.strerror}") from None
    if not line:
        raise errors.ConfigurationError(f"the first line of {path} is empty")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) & ~stat.S_IRGRP:
        logger.warning("others may read or change %s: chmod 0600 %s", path, path)
    return line
