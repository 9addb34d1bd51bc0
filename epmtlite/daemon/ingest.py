"""The first step of a round of the daemon: store archives, and move away what cannot be stored.

See epmtlite/daemon/steps.py for what a step is.
"""

import contextlib
import logging
from typing import Any

from epmtlite import partial, submit
from epmtlite.collect import console, errors
from epmtlite.daemon import aside
from usagedb import errors as database_errors

logger = logging.getLogger(__name__)

# A Submitter remembers the users and hosts it met.
ARCHIVES_PER_SUBMITTER = 100
MOST_PER_ROUND = 1000  # archives; where there are more the next round begins at once
# Archives that were postponed before and are again, in one round. New ones do not count: else some
# that never fit would stop all others.
MOST_POSTPONED = 10
MOST_FAULTS = 3  # of our own, over one archive


class ShownPath(logging.Filter):
    """Puts the name of an archive into messages, for the path by which it was opened."""

    def __init__(self, path, shown):
        super().__init__()
        self.path, self.shown = path, shown

    def filter(self, record):
        """Change a message."""
        record.msg, record.args = record.getMessage().replace(self.path, self.shown), ()
        return True


@contextlib.contextmanager
def shown_as(path, shown):
    """Let the messages in the block show a path as another one."""
    handlers, change = list(console.logger.handlers), ShownPath(path, shown)
    for handler in handlers:
        handler.addFilter(change)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(change)


class Ingest:
    """Stores the archives of an archives.Inbox, and moves away what cannot be stored."""

    name = "ingest"

    def __init__(self, inbox, settings, how, link, patience_seconds, is_asked):
        """how are submit.Options. An archive that cannot be stored is moved away when it has not
        changed for patience_seconds: until then somebody may be writing it."""
        self.inbox, self.settings, self.how, self.link = inbox, settings, how, link
        self.patience_seconds, self.is_asked = patience_seconds, is_asked
        self._has_more = False

    def has_work(self, _database):
        """Look into the directory."""
        self._has_more = False
        self.inbox.look()
        return bool(self.inbox.ready() or self._to_be_moved())

    def _to_be_moved(self):
        return [one for one in self.inbox.failed(self.patience_seconds) if not one.is_told]

    def pause_seconds(self):
        """Return after how many seconds to look again, None for as usual: soon where an archive has
        just come, at once where there were many."""
        if self._has_more:
            return 0.0
        return self.inbox.settle_seconds if self.inbox.is_waiting() else None

    def do(self, database, tally):
        """Store what is ready. Raises UsageDBError if the database does not take it."""
        partial.clean(database)
        submitter: Any = None
        postponed: list = []
        again = 0
        ready = self.inbox.ready()
        for number, seen in enumerate(ready[:MOST_PER_ROUND]):
            if self.is_asked() or again >= MOST_POSTPONED:
                break
            if number % ARCHIVES_PER_SUBMITTER == 0:
                submitter = submit.Submitter(database, self.settings, self.how)
            self.link.check_file()
            try:
                self._take(seen, submitter, tally)
            except database_errors.UsageDBError as error:
                if not self.link.answers():
                    raise
                postponed.append(error)  # another one is being stored, or the like
                again += bool(seen.postponed)
                self._postpone(seen, error)
        for seen in self.inbox.failed(self.patience_seconds):
            self._move_away(seen, tally)
        left = ready[MOST_PER_ROUND:]
        self._has_more = any(not (postponed and seen.postponed) for seen in left)
        if postponed:
            raise postponed[0]

    def _postpone(self, seen, error):
        """Note that an archive waits; its turn comes after those that have waited less often."""
        if not seen.postponed:
            logger.info("%s waits: %s", self.inbox.shown(seen.name), error)
        seen.postponed += 1

    def _take(self, seen, submitter, tally):
        """Store an archive. Raises UsageDBError: then it may be tried again."""
        shown = self.inbox.shown(seen.name)
        try:
            with self.inbox.path_of(seen) as path, shown_as(path, shown):
                outcome = submitter.submit(path)
                outcome = outcome._replace(message=outcome.message.replace(path, shown))
        except database_errors.UsageDBError:
            raise
        except errors.CollectError as error:  # its directory has gone, or cannot be read now
            outcome = submit.Outcome(
                shown, submit.FAILED, exit_code=error.exit_code, message=str(error)
            )
        except Exception as error:
            self._note_fault(seen, error, shown)
            return
        self._note(seen, outcome, tally, shown)

    def _note_fault(self, seen, error, shown):
        """Note a fault of our own: after some of them the archive is taken for a bad one."""
        logger.exception("%s: a fault of epmt", shown)
        if not self.link.answers():  # a driver may say so in words that nobody knows
            raise database_errors.UnavailableError(f"the database is away: {error!r}") from error
        seen.tries += 1
        if seen.tries >= MOST_FAULTS:
            seen.reason = f"{shown}: a fault of epmt: {error!r}"

    def _note(self, seen, outcome, tally, shown):
        """Note what became of an archive. Raises UsageDBError if that is not its fault."""
        if outcome.kind == submit.TAKEN:
            seen.is_done = True
        elif outcome.kind != submit.FAILED:
            logger.info("%s: %s", shown, outcome.line().strip())
            if outcome.remains:
                logger.warning("%s", outcome.remains)
            seen.is_done = True
            is_new = outcome.kind == submit.STORED
            tally.stored += is_new
            tally.present += not is_new
            tally.processes += outcome.processes
        elif outcome.exit_code in submit.NOT_ITS_FAULT:
            raise database_errors.UnavailableError(outcome.message)
        elif self._has_gone(seen):
            seen.is_done = True  # somebody took it
        else:
            tally.rejected += 1
            is_named = shown in outcome.message
            seen.reason = outcome.message if is_named else f"{shown}: {outcome.message}"
            logger.info("%s", seen.reason)

    def _has_gone(self, seen):
        """Tell whether an archive is there no more. Raises UsageDBError if nobody can say so."""
        try:
            return self.inbox.state_of(seen) is None
        except errors.CollectError as error:
            raise database_errors.UnavailableError(str(error)) from error

    def _move_away(self, seen, tally):
        """Move an archive away, if it is as it was when it was read; warn if not, once."""
        shown = self.inbox.shown(seen.name)
        try:
            if self.inbox.state_of(seen) != seen.state:
                return
            with self.inbox.path_of(seen) as path:
                new = aside.set_aside(
                    path, self.settings.ingest_failed_dir, seen.state[:2], seen.reason, shown
                )
        except errors.CollectError as error:
            if not seen.is_told:
                logger.warning("%s; %s", seen.reason, error)
            seen.is_told = True
            self._note_attempt(seen)
        else:
            tally.moved += 1
            logger.warning("%s; it was moved to %s", seen.reason, new)

    def _note_attempt(self, seen):
        """Heed that the attempt to move an archive may have changed its ctime."""
        with contextlib.suppress(errors.CollectError):
            now = self.inbox.state_of(seen)
            if now and now[:4] == seen.state[:4]:
                seen.state = now
