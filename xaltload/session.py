"""One run of a loader: parts are stored, rejects kept, files removed, and all of it counted."""

import logging
import time

from usagedb import errors
from usagedb.database import with_reconnects
from usagedb.progress import Counter
from xaltload import dispose, packages
from xaltload.facts import find_facts
from xaltload.outcome import Outcome
from xaltload.reject_ledger import RejectLedger
from xaltload.store import Store, Stored
from xaltload.totals import Totals

logger = logging.getLogger(__name__)

ALL_MALFORMED = errors.MalformedInputError.exit_code
MAX_FILTERED_UUIDS = 200_000


class Session:
    """The work of one run."""

    def __init__(self, database, options, quiet=False, dry_run=False):
        """options has reject_path, delete, archive, quarantine and timeout."""
        self.database, self.options = database, options
        self.dry_run = dry_run
        self.store = Store(database)
        self.rejects = RejectLedger(database, options.get("reject_path"), dry_run)
        self.totals = Totals()
        self.outcome = Outcome()
        self._filtered_uuids: set = set()
        self._progress = Counter("records", quiet)
        self._started = time.monotonic()

    def run(self, parts):
        """Store all Parts of an iterable and return the exit status."""
        try:
            for part in parts:
                self._take(part)
                if not part.is_last and self._is_over_time():
                    break
        finally:
            self._progress.close()
            self.rejects.close()
        if not self.dry_run:
            with_reconnects(self.database, self._settle_packages)
            with_reconnects(self.database, lambda: find_facts(self.database))
        return self._status()

    @property
    def timed_out(self):
        """Tell whether some of the input is left for the next run."""
        return bool(self.outcome.time_limit_seconds)

    def _is_over_time(self):
        limit = self.options.get("timeout")
        if limit and time.monotonic() - self._started >= limit:
            self.outcome.time_limit_seconds = limit
        return self.timed_out

    def _take(self, part):
        stored = Stored() if self.dry_run else self.store.write(part.batch)
        self.totals.add(part, stored)
        self._note_problems(part)
        self._note_rejects(part.rejects)
        if len(self._filtered_uuids) < MAX_FILTERED_UUIDS:
            self._filtered_uuids.update(part.filtered_uuids)
        self._dispose(part)
        self._progress.add(part.records)

    def _note_problems(self, part):
        for problem in part.problems:
            self.outcome.note(problem)
        for path in part.left:
            logger.info("%s is left: it may not be finished yet", path)

    def _note_rejects(self, rejects):
        """Keep rejected records, and tell of those that are not known."""
        new = self.rejects.note(rejects)
        self.totals.rejected += len(new)
        self.totals.known_rejected += len(rejects) - len(new)
        for reject in new:
            self.totals.reasons[reject.reason] += 1
            logger.info("%s: rejected: %s", reject.source, reject.reason)

    def _dispose(self, part):
        """Remove the files of a part as the options say. What stays does not end the run: the
        records of others are still to be stored."""
        if self.dry_run:
            return
        archive, aside = self.options.get("archive"), self.options.get("quarantine")
        refused = self.outcome.refuse
        if self.options.get("delete") or archive:
            self.totals.removed += dispose.remove(part.done, archive, refused)
        if aside:
            rejected = [reject.file for reject in part.rejects if reject.file]
            self.totals.removed += dispose.set_aside(rejected, aside, refused)

    def _settle_packages(self):
        """Attach packages whose run has come, and drop those of runs that a filter left out."""
        attached = packages.sweep(self.database)
        dropped = packages.leave_filtered(self.database, self._filtered_uuids)
        packages.drop_left(self.database)
        self.totals.packages += attached
        self.totals.filtered += dropped
        self.totals.waiting_packages = max(0, self.totals.waiting_packages - attached - dropped)

    def count_in(self, run):
        """Write the totals into the row of usage_run."""
        totals = self.totals
        run.stored += totals.stored
        run.duplicates += totals.duplicates
        run.ignored += totals.filtered
        run.rejected += totals.rejected
        run.waiting += totals.left + totals.waiting_packages + self.timed_out
        run.read_bytes += totals.read_bytes
        run.message = totals.describe()

    def _status(self):
        """Tell about rejected records and return the exit status."""
        totals, status = self.totals, self.outcome.status()
        if not totals.rejected:
            return status
        reasons = ", ".join(f"{n} {reason}" for reason, n in totals.reasons.most_common())
        logger.warning("%d records were rejected: %s", totals.rejected, reasons)
        is_all = totals.records == totals.rejected + totals.known_rejected
        if status not in (0, errors.PARTLY):
            return status
        return ALL_MALFORMED if is_all else errors.PARTLY
