"""The errors of analyses: each is a builtin of Python, too, for programs that call us."""

from usagedb import errors


class BadArgument(errors.UsageError, ValueError):
    """An argument that cannot be, or that must not be empty."""


class BadValues(errors.MalformedInputError, ValueError):
    """Numbers that nothing can be said about, as they are not finite: those of .keys."""

    def __init__(self, message, keys=()):
        super().__init__(message)
        self.keys = frozenset(keys)


class CannotAnalyze(errors.UsageError, RuntimeError):
    """What was asked for cannot be done with these jobs, or this model."""


class MissingLibrary(errors.ConfigurationError, ImportError):
    """A library of an extra is not installed."""


def needed(module_name):
    """Import a library of the extra `analysis` and return it. Raises MissingLibrary."""
    import importlib

    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        name = module_name.partition(".")[0]
        raise MissingLibrary(
            f"{name} is not installed: pip install 'hpcusage[analysis]'"
        ) from error
