"""Say to Django which database is the portal's own: that of [database], else an SQLite file."""

from pathlib import Path

from usagedb.config import read_config
from userportal.access.files import keep_private
from userportal.configuration import state_directory

FILE_NAME = "portal.db"
SQLITE_SECONDS = 20  # how long one waits for another that writes


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
    """Return the entry for MariaDB, MySQL or PostgreSQL: the first of its hosts."""
    entry = {
        "NAME": config.database, "USER": config.user, "PASSWORD": config.password,
        "HOST": config.socket or (config.hosts[0] if config.hosts else ""),
        "PORT": str(config.port or ""), "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True,
    }  # fmt: skip
    if config.backend == "postgresql":
        entry["ENGINE"] = "django.db.backends.postgresql"
        entry["OPTIONS"] = postgresql_options(config)
        return entry
    import pymysql

    pymysql.install_as_MySQLdb()
    entry["ENGINE"] = "userportal.own_mysql"
    entry["OPTIONS"] = {"charset": "utf8mb4", **mysql_tls(config)}
    return entry


def postgresql_options(config):
    """Return the TLS options of psycopg."""
    if not config.ssl_ca:
        return {}
    found = {"sslmode": "verify-full", "sslrootcert": config.ssl_ca}
    names = {"sslcert": config.ssl_cert, "sslkey": config.ssl_key}
    return {**found, **{name: value for name, value in names.items() if value}}


def mysql_tls(config):
    """Return the TLS options of PyMySQL."""
    if not config.ssl_ca:
        return {}
    found = {"ca": config.ssl_ca, "check_hostname": True}
    names = {"cert": config.ssl_cert, "key": config.ssl_key}
    return {"ssl": {**found, **{name: value for name, value in names.items() if value}}}
