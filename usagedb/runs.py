"""The row that every run of a command leaves in usage_run."""

import contextlib
import socket
import time

from usagedb import errors
from usagedb.dialects.base import SECONDS, TEXT
from usagedb.terminal import visible

COUNTERS = ("stored", "duplicates", "ignored", "rejected", "waiting", "read_bytes")
NEW_RUN = (
    ("command", TEXT),
    ("host", TEXT),
    ("started_at", SECONDS),
    ("message", TEXT),
)
UPDATE = (
    "UPDATE usage_run SET ended_at = ?, exit_code = ?, message = ?, stored = ?, duplicates = ?,"
    " ignored = ?, rejected = ?, waiting = ?, read_bytes = ? WHERE run_id = ?"
)


class Run:
    """What one run did: counters that the command adds to, and the row that keeps them."""

    def __init__(self, database, command, clock=time.time, host=None):
        """host is this machine's name unless it is given."""
        self.database, self.command, self.clock = database, command, clock
        self.host = (socket.gethostname() if host is None else host)[:255]
        self.message = ""
        self.exit_code = 0
        for name in COUNTERS:
            setattr(self, name, 0)
        self.run_id = self._begin()

    def _begin(self):
        started_at = round(self.clock(), 6)
        row = (self.command, self.host, started_at, "")
        self.database.insert_rows("usage_run", NEW_RUN, [row])
        found = self.database.rows(
            "SELECT MAX(run_id) FROM usage_run WHERE command = ? AND host = ?",
            (self.command, self.host),
        )
        return found[0][0]

    def finish(self, exit_code, message=""):
        """Record how the run ended. A database that is away is not an error here."""
        counters = [getattr(self, name) for name in COUNTERS]
        values = (self.clock(), exit_code, visible(message)[:1000], *counters, self.run_id)
        try:
            self.database.execute(UPDATE, values)
        except errors.UsageDBError:
            # A signal in the middle of a statement makes the connection useless.
            with contextlib.suppress(errors.UsageDBError):
                self.database.reconnect(pauses_seconds=())
                self.database.execute(UPDATE, values)


@contextlib.contextmanager
def recorded(database, command, host=None):
    """Give a Run to the block and record how the block ended, errors included. Commits."""
    run = Run(database, command, host=host)
    try:
        yield run
    except errors.UsageDBError as error:
        run.finish(error.exit_code, str(error))
        raise
    except SystemExit as error:
        run.finish(error.code if isinstance(error.code, int) else 1, run.message)
        raise
    except BaseException as error:
        run.finish(1, repr(error))
        raise
    run.finish(run.exit_code, run.message)
