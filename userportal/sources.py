"""Open what the portal reads: the databases that are configured, and the history of metrics."""

import contextlib
import functools
import threading

from usagedb import errors
from usagedb.config import read_config
from usagedb.database import Database
from userportal.metrics.expression import parse_filter
from userportal.metrics.history import History
from userportal.metrics.prometheus import Prometheus
from userportal.slurm.database import SlurmDatabase

KEPT_CONNECTIONS = 16


class Sources:
    """All sources of one Configuration; used by many threads at once."""

    def __init__(self, configuration):
        """Remember the configuration; nothing is opened before it is asked."""
        self.configuration = configuration
        self._idle = {}  # path of a configuration file -> [Database]
        self._lock = threading.Lock()

    def has(self, name):
        """Tell whether the database of a section, such as slurm or lmod, is configured."""
        return getattr(self.configuration, name).conf_file is not None

    @contextlib.contextmanager
    def database(self, name):
        """Give the block the open Database of that name, read-only where that can be said.

        Raises ConfigurationError if it is not configured, and what opening it raises.
        """
        path = getattr(self.configuration, name).conf_file
        if path is None:
            raise errors.ConfigurationError(f"no database is configured in [{name}]")
        with self.opened(path) as database:
            yield database

    @contextlib.contextmanager
    def opened(self, path):
        """Give the block the open Database of a configuration file; connections are used again."""
        database = self._taken(path) or open_database(path)
        try:
            yield database
        except BaseException:
            with contextlib.suppress(Exception):
                database.close()
            raise
        self._put_back(path, database)

    def _taken(self, path):
        """Return an idle connection that still answers, or None."""
        with self._lock:
            idle = self._idle.get(path)
            database = idle.pop() if idle else None
        if database is not None:
            try:  # the server may have been started anew meanwhile
                database.rows("SELECT 1")
            except errors.UsageDBError:
                with contextlib.suppress(Exception):
                    database.close()
                return None
        return database

    def _put_back(self, path, database):
        """Keep a connection for the next who asks; one of SQLite belongs to its thread."""
        if database.config.backend != "sqlite":
            with self._lock:
                idle = self._idle.setdefault(path, [])
                if len(idle) < KEPT_CONNECTIONS:
                    idle.append(database)
                    return
        database.close()

    @contextlib.contextmanager
    def slurm(self):
        """Give the block the SlurmDatabase; see database()."""
        with self.database("slurm") as database:
            yield SlurmDatabase(database, self.configuration.portal.cluster)

    @functools.cached_property
    def metrics(self):
        """The MetricsSource: Prometheus, an embedded history, or None if neither is configured."""
        return open_metrics(self.configuration.prometheus, self.configuration.prometheus.filter)

    @functools.cached_property
    def cloud_metrics(self):
        """The same for virtual machines, whose series may have other labels."""
        settings = self.configuration.prometheus
        return open_metrics(settings, settings.filter_cloud or settings.filter)


def open_database(path):
    """Open the Database of a configuration file, read-only. Raises what Database and read_config
    raise."""
    config = read_config(path).replaced(read_only=True)
    try:
        return Database(config)
    except OSError as error:  # the file of an embedded database that is not there yet
        raise errors.UnavailableError(
            f"cannot open {config.describe()}: {error.strerror}"
        ) from error


def open_metrics(settings, site_filter):
    """Return a MetricsSource for a section [prometheus], or None. Raises ConfigurationError."""
    if settings.history:
        return History(settings.history, parse_filter(site_filter))
    if not settings.url:
        return None
    return Prometheus(
        settings.url,
        headers=read_headers(settings.headers_file) if settings.headers_file else {},
        site_filter=parse_filter(site_filter),
        timeout_seconds=settings.timeout_seconds,
        cache_seconds=settings.cache_seconds,
        workers=settings.workers,
        ca_file=settings.ca_file,
    )


def read_headers(path):
    """Return the headers of a file with lines "Name: value".

    Raises ConfigurationError or RefusedError.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except PermissionError as error:
        raise errors.RefusedError(f"cannot read {path}: {error.strerror}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise errors.ConfigurationError(f"cannot read {path}: {errors.reason(error)}") from error
    headers = {}
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        if line.strip() and not (colon and name.strip()):
            raise errors.ConfigurationError(f"{path}:{number}: no header, which is Name: value")
        if line.strip():
            headers[name.strip()] = value.strip()
    return headers
