"""The daemon: rounds of steps over one database, which may go away and come back."""

import contextlib
import dataclasses
import logging
import os
import time
from typing import Any

from epmtlite import connection
from epmtlite.collect import errors
from epmtlite.daemon.steps import Tally
from usagedb import errors as database_errors
from usagedb.runs import recorded

logger = logging.getLogger(__name__)

COMMAND = "epmt daemon"
MOST_CHARACTERS = 1000  # of a trouble, in the status


class Link:
    """The connection to the database, or that there is none."""

    def __init__(self, config):
        self.config = config
        self.database: Any = None
        self._lost: Any = None  # the Database before: a Run may still write into it
        self.trouble = ""  # why it cannot be used
        self._file = None  # device and inode of an SQLite file

    def open(self):
        """Connect for the first time; that the database is away is no error.

        Raises ConfigurationError or RefusedError.
        """
        try:
            self._connect()
        except database_errors.UnavailableError as error:
            self.lost(error)

    def _connect(self):
        if self._file and not os.path.exists(self.config.database):  # noqa: PTH110
            # It would be made anew, without jobs: perhaps where a file system is to be mounted.
            raise database_errors.UnavailableError(f"{self.config.database} is not there")
        self.database = connection.open_database(self.config)
        self._file = self._file_now()

    def _file_now(self):
        if self.config.backend != "sqlite":
            return None
        with contextlib.suppress(OSError):
            status = os.stat(self.config.database)  # noqa: PTH116
            return status.st_dev, status.st_ino
        return None

    def check_file(self):
        """Raise UnavailableError if the SQLite file is another one by now, or gone."""
        if self._file_now() != self._file:
            raise database_errors.UnavailableError(
                f"{self.config.database} was replaced or removed"
            )

    def usable(self):
        """Return the Database, connected anew if need be; None while it is away."""
        try:
            if self.database:
                self._probe()
            else:
                self.close()
                self._connect()
        except database_errors.UsageDBError as error:
            self.lost(error)
            return None
        if self.trouble:
            logger.warning("the database is back: %s", self.config.describe())
            self.trouble = ""
        return self.database

    def _probe(self):
        """See whether the connection still works; if not, connect anew."""
        try:
            self.check_file()
            self.database.rows("SELECT 1")
        except database_errors.UsageDBError:
            self.close()
            self._connect()

    def answers(self):
        """Tell whether the database answers on a new connection."""
        try:
            self.check_file()
            self.database.reconnect(pauses_seconds=())
            self.database.rows("SELECT 1")
        except database_errors.UsageDBError:
            return False
        return True

    def lost(self, error):
        """Note that the database cannot be used, with a warning if that is new."""
        if not self.trouble:
            logger.warning("the database is away, its work waits: %s", error)
        self.trouble = str(error)[:MOST_CHARACTERS] or "away"
        if self.database:
            self._lost, self.database = self.database, None

    def close(self):
        """Close the connection, and one that was lost."""
        for database in (self.database, self._lost):
            if database:
                with contextlib.suppress(database_errors.UsageDBError):
                    database.close()
        self.database = self._lost = None


class Daemon:
    """Works in rounds until signals.asked."""

    def __init__(self, link, steps, signals, interval_seconds, pause_seconds, tell):
        """A round begins interval_seconds after the one before, or pause_seconds() after its end
        where that says so (None: not). tell(facts) is told what goes on."""
        self.link, self.steps, self.signals = link, steps, signals
        self.interval_seconds, self.pause_seconds, self.tell = (
            interval_seconds, pause_seconds, tell,
        )  # fmt: skip
        self.troubles: dict = {}  # name of a step: why it could not be done
        self.total = Tally()

    def run(self):
        """Work until a signal comes."""
        while not self.signals.asked:
            began = time.monotonic()
            self.round()
            pause = self.pause_seconds()
            if pause is None:
                pause = self.interval_seconds - (time.monotonic() - began)
            self.signals.wait(pause)
        self.link.close()

    def round(self):
        """Do each step that has work. One that fails hinders no other."""
        tally, before = Tally(), (self.link.trouble, dict(self.troubles))
        if self.link.usable():
            with contextlib.ExitStack() as stack:
                run = None
                for step in self.steps:
                    if self.signals.asked or not self.link.database:
                        break
                    run = self._attempt(step, run, stack, tally)
                if run:
                    tally.write_to(run)
        is_news = tally != Tally() or before != (self.link.trouble, self.troubles)
        if is_news:
            self.total.add(tally)
            self.tell(self._facts())

    def _attempt(self, step, run, stack, tally):
        """Do a step; return the Run of this round, which begins when there is work."""
        try:
            if step.has_work(self.link.database):
                run = run or stack.enter_context(recorded(self.link.database, COMMAND))
                step.do(self.link.database, tally)
        except (database_errors.UsageDBError, errors.CollectError) as error:
            self._fail(step, run, error)
        except Exception as error:
            if step.name not in self.troubles:
                logger.exception("%s: a fault of epmt", step.name)
            self._fail(step, run, error)
        else:
            if self.troubles.pop(step.name, None):
                logger.warning("%s goes on", step.name)
        return run

    def _fail(self, step, run, error):
        """Note why a step could not be done, with a warning if that is new."""
        if run:
            run.exit_code = getattr(error, "exit_code", 1)
        if not isinstance(error, errors.CollectError) and not self.link.answers():
            self.link.lost(error)
            return
        if step.name not in self.troubles:
            logger.warning("%s waits: %s", step.name, error)
        self.troubles[step.name] = (str(error) or repr(error))[:MOST_CHARACTERS]

    def _facts(self):
        """Return what the status shows."""
        return {
            "done": dataclasses.asdict(self.total),
            "last_work": time.time(),
            "database_trouble": self.link.trouble,
            "troubles": self.troubles,
        }
