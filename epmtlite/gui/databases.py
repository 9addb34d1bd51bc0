"""The connections to the database: a few, each lent to one request at a time, to read only."""

import contextlib
import os
import threading
from typing import Any, NamedTuple

from epmtlite import connection
from epmtlite.query import session
from usagedb import errors

MOST = 4  # at once
WAIT_SECONDS = 60.0  # for one of them


class Site(NamedTuple):
    """What pages are made of."""

    database: Any
    settings: Any


class Databases:
    """Lends connections; what is idle is kept, but not SQLite's: these belong to one thread."""

    def __init__(self, config, settings, most=MOST):
        self.config = config.replaced(read_only=True)
        self.settings = settings
        self._free = threading.BoundedSemaphore(most)
        self._idle: list = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def lent(self):
        """Give the block a Site, which epmtlite.query asks, too.

        Raises UnavailableError if none is free for long, and what open_database raises.
        """
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise errors.UnavailableError("too much is asked at once: try again")
        try:
            database = self._taken()
            try:
                with session.using(database, self.settings):
                    yield Site(database, self.settings)
            except BaseException:
                self._close(database)  # it may be in the middle of something
                raise
            self._put_back(database)
        finally:
            self._free.release()

    def close(self):
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for database in idle:
            self._close(database)

    def _taken(self):
        """Return an idle Database that still answers, else a new one."""
        while True:
            with self._lock:
                database = self._idle.pop() if self._idle else None
            if database is None:
                return self._opened()
            try:
                database.rows("SELECT 1")
                return database
            except Exception:  # the server has closed it meanwhile: whatever the driver says
                self._close(database)

    def _opened(self):
        is_file = self.config.backend == "sqlite"
        if is_file and not os.path.exists(self.config.database):  # noqa: PTH110
            raise errors.UnavailableError(f"{self.config.describe()} is not there")
        return connection.open_database(self.config, to_write=False)

    def _put_back(self, database):
        if self.config.backend == "sqlite":
            database.close()  # tells if it was written while it was read as a still file
            return
        with self._lock:
            self._idle.append(database)

    @staticmethod
    def _close(database):
        with contextlib.suppress(Exception):
            database.close()
