"""The errors that a person may see: each class carries its exit code, as in usagedb.errors.

One place, ``epmtlite.collect.console.execute``, turns them into one line on stderr and a status.
"""


class CollectError(Exception):
    """Base of all expected errors; its text says what, where, and what to do."""

    exit_code = 1


class UsageError(CollectError):
    """The command line asks for something impossible."""

    exit_code = 2


class MalformedError(CollectError):
    """An input is not what it should be."""

    exit_code = 65


class MissingError(CollectError):
    """A named input does not exist or cannot be read."""

    exit_code = 66


class WriteError(CollectError):
    """A file could not be written (disk full, read-only)."""

    exit_code = 74


class UnavailableError(CollectError):
    """Something is away or busy: the same command may succeed later."""

    exit_code = 75


class RefusedError(CollectError):
    """Permission was refused, or what was found belongs to somebody else."""

    exit_code = 77


class ConfigurationError(CollectError):
    """The configuration is missing or wrong."""

    exit_code = 78


class Interrupted(BaseException):
    """A signal asked the command to end; exit_code is 128+N.

    Like KeyboardInterrupt it is no Exception: who expects errors does not mean the end of the run.
    """

    def __init__(self, signal_number):
        super().__init__(f"ended by signal {signal_number}")
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number
