"""The row that every run of a command leaves in usage_run."""

import contextlib
import os
import re
import socket
import time

from usagedb import errors
from usagedb.database import with_reconnects
from usagedb.dialects.base import SECONDS, TEXT
from usagedb.terminal import visible

COUNTERS = ("stored", "duplicates", "ignored", "rejected", "waiting", "read_bytes")
NEW_RUN = (
    ("command", TEXT),
    ("host", TEXT),
    ("started_at", SECONDS),
    ("message", TEXT),
)
NUMBER = "SELECT MAX(run_id) FROM usage_run WHERE command = ? AND host = ? AND started_at = ?"
UPDATE = (
    "UPDATE usage_run SET ended_at = ?, exit_code = ?, message = ?, {stored} = ?, duplicates = ?,"
    " ignored = ?, rejected = ?, waiting = ?, read_bytes = ? WHERE run_id = ?"
)
# What tells runs of one command apart, as two lines of a crontab that load other logs.
NAME_VARIABLE = "HPCUSAGE_RUN"
NAME = re.compile(r"[\w.-]{1,24}", re.ASCII)
LAST_RUNS = """
SELECT r.command, r.host, r.started_at, r.ended_at, r.exit_code, r.stored, r.duplicates,
       r.rejected, r.waiting, r.message
  FROM usage_run r
  JOIN (SELECT command, host, MAX(run_id) AS run_id FROM usage_run GROUP BY command, host) last
    ON last.run_id = r.run_id
 ORDER BY r.command, r.host
"""


class Run:
    """What one run did: counters that the command adds to, and the row that keeps them."""

    def __init__(self, database, command, clock=time.time, host=None, part=""):
        """host is this machine's name unless it is given; part tells what of its work the command
        does. Nothing is written before begin(). Raises ConfigurationError for a name of the run
        that cannot be.
        """
        self.database, self.command, self.clock = database, title_of(command, part), clock
        self.host = (socket.gethostname() if host is None else host)[:255]
        self.message = ""
        self.exit_code = 0
        for name in COUNTERS:
            setattr(self, name, 0)
        self.started_at = round(self.clock(), 6)
        self.run_id = None
        self.has_failed_to_begin = False

    def begin(self):
        """Write the row, and return this. Commits. Raises what the database raises."""
        row = (self.command, self.host, self.started_at, "")

        def once():
            self.database.insert_rows("usage_run", NEW_RUN, [row])
            return self._number()

        try:
            self.run_id = with_reconnects(self.database, once, self._number)
        except errors.UsageDBError:
            self.has_failed_to_begin = True
            raise
        return self

    def _number(self):
        # Not the newest row of all: another run of this command may have begun meanwhile.
        found = self.database.rows(NUMBER, (self.command, self.host, self.started_at))
        return found[0][0]

    def finish(self, exit_code, message=""):
        """Record how the run ended. A database that is away is not an error here."""
        if self.has_failed_to_begin:
            return
        counters = [getattr(self, name) for name in COUNTERS]
        update = UPDATE.format(stored=self.database.dialect.quote("stored"))  # reserved in MySQL
        values = (self.clock(), exit_code, visible(message)[:1000], *counters)

        def write():
            # A signal may have come when the row was written, and its number not known yet.
            number = self._number() if self.run_id is None else self.run_id
            self.database.execute(update, (*values, number))

        try:
            write()
        except (errors.WriteError, errors.RefusedError):
            pass  # another connection would be refused as well, and this one be closed for it
        except errors.UsageDBError:
            # A signal in the middle of a statement makes the connection useless.
            with contextlib.suppress(errors.UsageDBError):
                self.database.reconnect(pauses_seconds=())
                write()


def title_of(command, part=""):
    """Return how a run is called: its command, in brackets the part of the work that it does and
    the name that $HPCUSAGE_RUN gives it. Raises ConfigurationError."""
    name = os.environ.get(NAME_VARIABLE, "")
    if name and not NAME.fullmatch(name):
        raise errors.ConfigurationError(
            f"${NAME_VARIABLE}: {name!r}: write at most 24 letters, digits, '.', '-' and '_'"
        )
    names = [one for one in (part, name) if one]
    return f"{command} [{', '.join(names)}]" if names else command


def parts_of(title):
    """Return (command, what the brackets say or "") of a run that is called as title_of says."""
    command, _, names = title.partition(" [")
    return command, names.removesuffix("]")


def command_of(title):
    """Return the command of a run that is called as title_of says."""
    return parts_of(title)[0]


@contextlib.contextmanager
def recorded(database, command, host=None, part=""):
    """Give a Run to the block and record how the block ended, errors included. Commits.

    Raises ConfigurationError as Run does.
    """
    run = Run(database, command, host=host, part=part)
    try:
        yield run.begin()
    except (errors.UsageDBError, errors.RunInterrupted) as error:
        run.finish(error.exit_code, str(error))
        raise
    except SystemExit as error:
        run.finish(error.code if isinstance(error.code, int) else 1, run.message)
        raise
    except BaseException as error:
        run.finish(1, repr(error))
        raise
    run.finish(run.exit_code, run.message)


def last_runs(database):
    """Return the columns of LAST_RUNS of the last run of each command on each host. Read-only."""
    return database.rows(LAST_RUNS)
