"""The errors that a person may see: each class carries its exit code.

One place, ``usagedb.cli.run``, turns them into one line on stderr and a status.
The codes are those of the table in README.md (sysexits where one exists).
"""

# The status of a run that did its work, but rejected or failed over a part of it, as its lines say.
PARTLY = 3


class UsageDBError(Exception):
    """Base of all expected errors; its text says what, where, and what to do."""

    exit_code = 1


class UsageError(UsageDBError):
    """The command line asks for something impossible."""

    exit_code = 2


class MalformedInputError(UsageDBError):
    """All of the input was malformed: nothing was loaded."""

    exit_code = 65


class MissingInputError(UsageDBError):
    """A named input does not exist or cannot be read."""

    exit_code = 66


class WriteError(UsageDBError):
    """A file or the database could not be written (disk full, read-only)."""

    exit_code = 74


class UnavailableError(UsageDBError):
    """The database is away, or a lock is held: the same run may succeed later."""

    exit_code = 75


class PartlyAwayError(UnavailableError):
    """No host that answers has the database, and another one, which may have it, is away."""


class ConflictError(UnavailableError):
    """The server undid the transaction in favour of another one (deadlock, lock wait,
    certification): the same transaction may be tried again at once."""


class RefusedError(UsageDBError):
    """Permission or credentials were refused."""

    exit_code = 77


class ConfigurationError(UsageDBError):
    """The configuration is missing or wrong, or the schema is not up to date."""

    exit_code = 78


class NoDatabaseError(ConfigurationError):
    """The server has no database of that name: it is still to be made."""


class DamagedError(ConfigurationError):
    """A database file is not what it was: no longer a database, or parts of it are lost."""


class RunInterrupted(BaseException):
    """A signal asked the run to end; ``signal_number`` gives the exit code 128+N.

    Like KeyboardInterrupt it is no Exception: who expects errors does not mean the end of the run.
    """

    def __init__(self, signal_number):
        super().__init__(f"ended by signal {signal_number}")
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


def reason(error):
    """Return what an exception of Python says, without the number and the path of an OSError."""
    return str(getattr(error, "strerror", None) or error)
