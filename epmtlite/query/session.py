"""The database that the functions of epmtlite.query ask: one of each thread.

from epmtlite import query
query.get_jobs("685000")                          # in the database of the settings
with query.connected("/etc/hpcusage/epmt_db.conf"):
    query.get_jobs("685000")                      # in another one
"""

import contextlib
import threading

from epmtlite import connection
from epmtlite.collect import settings as collect_settings

_local = threading.local()


def current():
    """Return the Database of this thread; opens that of the settings if there is none.

    Raises ConfigurationError, UnavailableError or RefusedError.
    """
    found = getattr(_local, "database", None)
    if found is None:
        config = connection.database_config(settings())
        found = _local.database = connection.open_database(config)
    return found


def settings():
    """Return the Settings of this thread, those of the settings file if there are no others."""
    found = getattr(_local, "settings", None)
    if found is None:
        found = _local.settings = collect_settings.load()
    return found


@contextlib.contextmanager
def using(database, its_settings=None):
    """Let the functions ask this Database in the block, with these Settings if there are any."""
    before = dict(vars(_local))
    _local.database = database
    if its_settings is not None:
        _local.settings = its_settings
    try:
        yield database
    finally:
        vars(_local).clear()
        vars(_local).update(before)


@contextlib.contextmanager
def connected(conf_path=None):
    """Open the Database that a configuration file names, and let the functions ask it in the block.

    Without a path it is that of the settings. Raises what current raises.
    """
    database = connection.open_database(connection.database_config(settings(), conf_path))
    try:
        with using(database):
            yield database
    finally:
        database.close()


def close():
    """Close the Database of this thread, and forget its settings."""
    found = getattr(_local, "database", None)
    vars(_local).clear()
    if found is not None:
        found.close()
