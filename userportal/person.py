"""People's data that the portal itself keeps: accounts, notes, job scripts, tokens, sessions."""

import contextlib
import importlib
import logging
import os

from usagedb.person import PersonalData, overwriting

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def opened(places):
    """Give the block userportal.records.people, set up for the portal; None if there is no portal.

    Nothing is made. Raises ConfigurationError without the extra `portal`, and what the portal's own
    database says, there and in the block, as the errors of usagedb.
    """
    from userportal.configuration import VARIABLE, find_configuration

    configuration = find_configuration(places.portal_conf)
    if not has_database(configuration):
        logger.info("portal: there is no database of a portal (%s)", configuration.source)
        yield None
        return
    if places.portal_conf:
        os.environ[VARIABLE] = configuration.source
    from userportal.django_commands import own_time_zone, set_up_django

    with own_time_zone():  # other schemas come after this one
        set_up_django()
    from django.db import connection

    from userportal.own_errors import told_own_errors

    with told_own_errors(configuration):
        if "auth_user" in connection.introspection.table_names():
            # Its models need Django made ready.
            people = importlib.import_module("userportal.records.people")
            with overwriting(asked, places.to_write and connection.vendor == "sqlite"):
                yield people
        else:
            logger.info("portal: its database has no tables (%s)", configuration.source)
            yield None


def asked(sql):
    """Return the rows that the portal's own database answers with."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def has_database(configuration):
    """Tell whether the portal has a database of its own: it is not to be made now."""
    from usagedb.config import read_config
    from userportal.configuration import state_directory
    from userportal.own_database import FILE_NAME

    path = state_directory(configuration) / FILE_NAME
    if configuration.database.conf_file is not None:
        config = read_config(configuration.database.conf_file)
        if config.backend != "sqlite":
            return True
        path = config.database
    return os.path.exists(path)  # noqa: PTH110 - False also where we may not look


def export(store, renaming):
    """Yield (table, row) of all that is stored about a person. Read-only."""
    return store.export(renaming)


def change(store, change):
    """Rename or remove a person; see usagedb.person."""
    store.change(change)


PERSON = PersonalData("portal", opened, export, change, database_of=lambda _store: None)
