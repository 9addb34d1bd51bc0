"""Find the database of EPMT, and open it."""

import contextlib
import logging

from epmtlite.database_url import config_of_params
from epmtlite.schema import DEFAULT_DBNAME, EPMT
from usagedb import schema
from usagedb.config import find_config
from usagedb.database import Database

logger = logging.getLogger(__name__)


def database_config(settings, conf_path=None):
    """Return the DatabaseConfig to use.

    conf_path is what --confFn named. Without it: db_params of the Settings, which EPMT_DB_URL
    overrides; then, as for all commands, $HPCUSAGE_CONF, epmt_db.conf here and in /etc/hpcusage,
    and the embedded file. Raises ConfigurationError or RefusedError.
    """
    config = None
    if not conf_path:
        config = config_of_params(settings.db_params, settings.source or "EPMT_DB_URL")
    config = config or find_config(conf_path, default_dbname=DEFAULT_DBNAME)
    logger.info("database: %s (%s)", config.describe(), config.source)
    return config


def open_database(config, to_write=True):
    """Return the Database with the tables of EPMT; makes them in an SQLite file.

    Raises UnavailableError, RefusedError, or ConfigurationError (run createDB).
    """
    database = Database(config)
    schema.require(database, EPMT, to_write)
    return database


def cluster_name(config, given=None):
    """Return the name of the cluster whose jobs are meant: the given one, else CLUSTER of [SITE]
    in the configuration, else ''."""
    return config.site.get("CLUSTER", "").strip() if given is None else given


@contextlib.contextmanager
def opened(options, to_write=True):
    """Give the block the Database that the options of a command mean."""
    config = database_config(options.settings, options.conf_path)
    database = open_database(config, to_write)
    try:
        yield database
    finally:
        database.close()
