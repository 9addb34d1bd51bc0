"""Tell what goes wrong with the portal's own database by the suite's errors, not by Django's."""

import contextlib
import re

from usagedb import errors
from usagedb.config import DatabaseConfig, read_config
from usagedb.dialects import load_dialect
from userportal.configuration import state_directory
from userportal.own_database import FILE_NAME

SETUP_COMMAND = "userportal migrate"
# What the three databases say of a column that an older release has not made.
NO_COLUMN = re.compile(r"no such column|Unknown column|column .* does not exist")


def own_config(configuration):
    """Return the DatabaseConfig of the portal's own tables, as messages describe it.

    Raises ConfigurationError or RefusedError. Read-only.
    """
    path = configuration.database.conf_file
    if path is None:
        file = state_directory(configuration) / FILE_NAME
        found = DatabaseConfig("sqlite", str(file), configuration.source)
    else:
        found = read_config(path)
    return found.replaced(setup_command=SETUP_COMMAND)


@contextlib.contextmanager
def told_own_errors(configuration):
    """Turn Django's errors of the portal's own database inside the block into those of the suite.

    What is not known is a bug, and goes on as it is.
    """
    from django.db import DatabaseError, InterfaceError

    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        known = known_error(error, configuration)
        if known is None:
            raise
        raise known from error


def known_error(error, configuration):
    """Return the error of usagedb.errors for an exception of Django's about the own database.

    None for every other exception, for a bug's, and if what [database] names cannot be read.
    """
    from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError

    if not isinstance(error, (InterfaceError, InternalError, OperationalError, ProgrammingError)):
        return None
    try:
        return told(error, own_config(configuration))
    except errors.UsageDBError:
        return None


def told(error, config):
    """Return the error of usagedb.errors for one of Django's, None for one that is not known."""
    if NO_COLUMN.search(str(error)):
        return errors.ConfigurationError(f"{config.describe()}: {error}: run {SETUP_COMMAND}")
    return load_dialect(config.backend).translate_error(error.__cause__ or error, config)
