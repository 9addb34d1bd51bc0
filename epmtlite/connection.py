"""Find the database of EPMT, and open it."""

import contextlib
import logging
import os
from pathlib import Path

from epmtlite.collect.settings import DATABASE_VARIABLES
from epmtlite.database_url import PARTS, config_of_params
from epmtlite.schema import DEFAULT_DBNAME, EPMT
from usagedb import schema
from usagedb.config import embedded_path, find_config
from usagedb.database import Database
from usagedb.errors import MissingInputError
from usagedb.opening import open_existing, open_tables

logger = logging.getLogger(__name__)


def database_config(settings, conf_path=None):
    """Return the DatabaseConfig to use.

    conf_path is what --confFn named. Without it: db_params of the Settings, which EPMT_DB_URL
    overrides; then, as for all commands, $HPCUSAGE_CONF, epmt_db.conf here and in /etc/hpcusage,
    and the embedded file. Raises ConfigurationError or RefusedError.
    """
    config = None
    if not conf_path:
        config = config_of_params(settings.db_params, source_of_params(settings))
    config = config or find_config(conf_path, default_dbname=DEFAULT_DBNAME)
    logger.info("database: %s (%s)", config.describe(), config.source)
    # createDB reads no settings of EPMT: it may not know this database.
    return config.replaced(setup_command="epmt migrate")


def source_of_params(settings):
    """Return where db_params of the Settings come from, for messages: a variable, or the file."""
    keys = ("url",) if settings.db_params.get("url") else PARTS
    variables = [name for name, key in DATABASE_VARIABLES.items() if key in keys]
    found = [name for name in variables if os.environ.get(name)]
    return ", ".join(found) or settings.source or "db_params"


def open_database(config, to_write=True):
    """Return the Database with the tables of EPMT; makes them in an SQLite file.

    Raises UnavailableError, RefusedError, or ConfigurationError (run epmt migrate).
    """
    if not to_write and config.backend == "sqlite":
        check_folder(config)
    database = Database(config)
    schema.require(database, EPMT, to_write)
    return database


def check_folder(config):
    """Raise MissingInputError if an SQLite file is to be read from a directory that is not there:
    its name was misspelt, or a disk is not mounted. The embedded one is made where it is missing.
    """
    folder = Path(config.database).parent
    if config.database != str(embedded_path()) and not folder.is_dir():
        raise MissingInputError(f"{config.database}: there is no directory {folder}")


def open_to_compare(config):
    """Return the Database as it is, to read from; None for an SQLite file that is not there, or has
    no tables yet: these are made when the first job is stored. Raises what open_database raises.
    """
    if config.backend == "sqlite":
        return open_existing(config, EPMT, read_only=True)
    return open_database(config, to_write=False)


def cluster_name(config, given=None):
    """Return the name of the cluster whose jobs are meant: the given one, else CLUSTER of [SITE]
    in the configuration, else ''."""
    return config.site.get("CLUSTER", "").strip() if given is None else given


def check(options):
    """Return which database it is that commands without --confFn use, if it can be used.

    Raises what open_database raises.
    """
    config = database_config(options.settings)
    open_database(config, to_write=False).close()
    return config.describe()


@contextlib.contextmanager
def opened(options, to_write=True):
    """Give the block the Database that the options of a command mean.

    Without to_write the block sees one state of it, whatever is stored meanwhile. With the option
    dry_run nothing is made: see usagedb.opening.open_tables.
    """
    config = database_config(options.settings, options.conf_path)
    if getattr(options, "dry_run", False):
        database = open_tables(config, EPMT, dry_run=True)
    else:
        database = open_database(config, to_write)
    try:
        with contextlib.nullcontext() if to_write else database.snapshot():
            yield database
    finally:
        database.close()
