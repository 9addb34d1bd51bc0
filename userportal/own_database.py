"""Say to Django which database is the portal's own: that of [database], else an SQLite file."""

from pathlib import Path

from usagedb import tls
from usagedb.config import read_config
from userportal.access.files import keep_private
from userportal.configuration import state_directory

FILE_NAME = "portal.db"
SQLITE_SECONDS = 20  # how long one waits for another that writes
CONNECT_SECONDS = 10  # to one host of PostgreSQL


def django_database(configuration):
    """Return the entry of Django's DATABASES. Raises ConfigurationError or RefusedError."""
    if configuration.database.conf_file is None:
        return sqlite_database(state_directory(configuration) / FILE_NAME)
    config = read_config(configuration.database.conf_file)
    if config.backend == "sqlite":
        return sqlite_database(config.database)
    return server_database(config)


def sqlite_database(path):
    """Return the entry for a file."""
    keep_private(Path(path))  # password hashes are in it
    options = {"timeout": SQLITE_SECONDS, "transaction_mode": "IMMEDIATE",
               "init_command": "PRAGMA journal_mode=WAL"}  # fmt: skip
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}


def server_database(config):
    """Return the entry for MariaDB, MySQL or PostgreSQL: the first of its hosts that answers."""
    hosts = () if config.socket else config.hosts
    entry = {
        "NAME": config.database, "USER": config.user, "PASSWORD": config.password,
        "HOST": config.socket or ",".join(hosts[:1]),
        "PORT": str(config.port or ""), "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True,
    }  # fmt: skip
    if config.backend == "postgresql":
        entry["ENGINE"] = "django.db.backends.postgresql"
        entry["HOST"] = config.socket or ",".join(hosts)  # libpq takes several
        entry["OPTIONS"] = postgresql_options(config)
        return entry
    import pymysql

    pymysql.install_as_MySQLdb()
    entry["ENGINE"] = "userportal.own_mysql"
    several = {"hosts": hosts} if len(hosts) > 1 else {}
    entry["OPTIONS"] = {"charset": "utf8mb4", **several, **mysql_tls(config)}
    return entry


def postgresql_options(config):
    """Return the options of psycopg: TLS, and of several hosts that which takes writes."""
    found: dict[str, object] = {"connect_timeout": CONNECT_SECONDS}
    if len(config.hosts) > 1 and not config.socket:
        found["target_session_attrs"] = "read-write"
    from usagedb.dialects.postgresql import tls_arguments

    found |= tls_arguments(config)
    return found


def mysql_tls(config):
    """Return the TLS options of PyMySQL."""
    context = tls.context(config)
    return {"ssl": context} if context else {}
