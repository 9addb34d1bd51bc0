"""The database that EPMT's settings name: by a URL, or by its parts."""

import os
from urllib.parse import unquote, urlsplit

from epmtlite.collect.settings import masked
from usagedb import errors
from usagedb.config import DatabaseConfig

BACKENDS = {
    "sqlite": "sqlite",
    "mysql": "mysql",
    "mariadb": "mysql",
    "postgresql": "postgresql",
    "postgres": "postgresql",
}
PARTS = ("provider", "user", "password", "host", "dbname", "filename")  # EPMT's older way


def config_of_params(params, source):
    """Return the DatabaseConfig of EPMT's db_params, or None if they name no database.

    They hold a url, or provider, user, password, host, dbname and filename (of SQLite); source
    says in messages where they were found. Raises ConfigurationError.
    """
    if params.get("url"):
        return config_of_url(str(params["url"]), source)
    known = {key: str(params.get(key) or "") for key in PARTS}
    if not known["provider"]:
        return None
    backend = BACKENDS.get(known["provider"])
    if backend is None:
        raise errors.ConfigurationError(
            f"{source}: provider {known['provider']} is none of {', '.join(BACKENDS)}"
        )
    if backend == "sqlite":
        return sqlite_config(known["filename"], source)
    if not known["dbname"]:
        raise errors.ConfigurationError(f"{source}: dbname, the name of the database, is missing")
    return DatabaseConfig(
        backend,
        known["dbname"],
        source,
        hosts=(known["host"] or "localhost",),
        user=known["user"],
        password=known["password"],
    )


def config_of_url(url, source):
    """Return the DatabaseConfig of a URL; source says in messages where it was found.

    sqlite:///FILE (four slashes before an absolute path), postgresql://USER:PASSWORD@HOST:PORT/NAME
    or mysql://…; a driver, as in postgresql+psycopg2://, is ignored.
    Raises ConfigurationError, without the password.
    """
    shown = masked("url", url)
    try:
        parts = urlsplit(url)
        port = parts.port or 0
    except ValueError:  # its text may quote a part of the password
        raise errors.ConfigurationError(
            f"{source}: {shown} is no URL: write / : @ and % of a password as %2F %3A %40 %25"
        ) from None
    backend = BACKENDS.get(parts.scheme.partition("+")[0])
    if backend is None:
        raise errors.ConfigurationError(
            f"{source}: {shown}: write sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME"
            " or mysql://USER:PASSWORD@HOST/NAME"
        )
    if backend == "sqlite":
        return sqlite_config(unquote(parts.path)[1:], source)
    name = unquote(parts.path)[1:]
    if not name or not parts.hostname:
        raise errors.ConfigurationError(f"{source}: {shown} names no host or no database")
    return DatabaseConfig(
        backend,
        name,
        source,
        hosts=(unquote(parts.hostname),),
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def sqlite_config(path, source):
    """Return the DatabaseConfig of an SQLite file. Raises ConfigurationError for one in memory."""
    if "\0" in path:
        raise errors.ConfigurationError(f"{source}: a path has no NUL: {path}")
    if path in ("", ":memory:"):
        raise errors.ConfigurationError(
            f"{source}: a database in memory is gone when the command ends: name a file,"
            " for instance sqlite:////var/lib/hpcusage/epmt.db"
        )
    return DatabaseConfig("sqlite", os.path.abspath(os.path.expanduser(path)), source)  # noqa: PTH100, PTH111
