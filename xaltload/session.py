"""One run of a loader: parts are stored, rejects kept, files removed, and all of it counted."""

import logging
import time

from usagedb import errors
from usagedb.database import in_parts, with_reconnects
from usagedb.dialects.base import BYTES, SECONDS, TEXT
from usagedb.progress import Counter
from usagedb.rejects import RejectFile
from usagedb.terminal import stored_path
from xaltload import dispose, packages
from xaltload.facts import find_facts
from xaltload.store import Store, Stored
from xaltload.totals import Totals

logger = logging.getLogger(__name__)

ALL_MALFORMED = errors.MalformedInputError.exit_code
MISSING_INPUT = errors.MissingInputError.exit_code
MAX_FILTERED_UUIDS = 200_000
REJECT_COLUMNS = (
    ("reject_key", BYTES), ("reason", TEXT), ("source", TEXT), ("rejected_at", SECONDS),
)  # fmt: skip


class Session:
    """The work of one run."""

    def __init__(self, database, options, quiet=False, dry_run=False):
        """options has reject_path, delete, archive, quarantine and timeout."""
        self.database, self.options = database, options
        self.dry_run = dry_run
        self.store = Store(database)
        path = None if dry_run else options.get("reject_path")
        self.reject_file = RejectFile(path) if path else None
        self.totals = Totals()
        self.problems = 0
        self.timed_out = False
        self._filtered_uuids: set = set()
        self._progress = Counter("records", quiet)
        self._started = time.monotonic()

    def run(self, parts):
        """Store all Parts of an iterable and return the exit status."""
        try:
            for part in parts:
                self._take(part)
                if self._is_over_time():
                    break
        finally:
            self._progress.close()
            if self.reject_file:
                self.reject_file.close()
        if not self.dry_run:
            with_reconnects(self.database, self._settle_packages)
            with_reconnects(self.database, lambda: find_facts(self.database))
        return self._status()

    def _is_over_time(self):
        limit = self.options.get("timeout")
        self.timed_out = bool(limit) and time.monotonic() - self._started >= limit
        if self.timed_out:
            logger.warning("stopped after %s seconds: the next run goes on", limit)
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
            logger.warning("cannot read %s", problem)
        self.problems += len(part.problems)
        for path in part.left:
            logger.info("%s is left: it may not be finished yet", path)

    def _note_rejects(self, rejects):
        """Keep rejected records, and tell of those that are not known."""
        new = {reject.key: reject for reject in rejects}
        for key in self._known_rejects(new):
            del new[key]
        self.totals.rejected += len(new)
        self.totals.known_rejected += len(rejects) - len(new)
        for reject in new.values():
            self.totals.reasons[reject.reason] += 1
            logger.info("%s: rejected: %s", reject.source, reject.reason)
        if new and not self.dry_run:
            self._keep_rejects(new.values())

    def _known_rejects(self, keys):
        sql = "SELECT reject_key FROM xalt_rejected WHERE reject_key IN ({})"
        return with_reconnects(
            self.database, lambda: [bytes(row[0]) for row in in_parts(self.database, sql, keys)]
        )

    def _keep_rejects(self, rejects):
        if self.reject_file:
            for reject in rejects:
                self.reject_file.add(reject.source, reject.line, reject.text, reject.reason)
            self.reject_file.save()
        now = time.time()
        rows = [(one.key, one.reason[:64], stored_path(one.source), now) for one in rejects]
        insert = self.database.insert_rows
        with_reconnects(
            self.database,
            lambda: insert("xalt_rejected", REJECT_COLUMNS, rows, key=("reject_key",)),
        )

    def _dispose(self, part):
        if self.dry_run:
            return
        if self.options.get("delete") or self.options.get("archive"):
            self.totals.removed += dispose.remove(part.done, self.options.get("archive"))
        if self.options.get("quarantine"):
            rejected = [reject.file for reject in part.rejects if reject.file]
            self.totals.removed += dispose.set_aside(rejected, self.options["quarantine"])

    def _settle_packages(self):
        """Attach packages whose run has come, and drop those of runs that a filter left out."""
        attached = packages.sweep(self.database)
        dropped = packages.drop_filtered(self.database, self._filtered_uuids)
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
        run.waiting += totals.left + totals.waiting_packages
        run.read_bytes += totals.read_bytes
        run.message = totals.describe()

    def _status(self):
        """Tell about rejected records and return the exit status."""
        totals = self.totals
        if self.problems:
            logger.error("Error: %d inputs could not be read", self.problems)
            return MISSING_INPUT
        if not totals.rejected:
            return 0
        reasons = ", ".join(f"{n} {reason}" for reason, n in totals.reasons.most_common())
        logger.warning("%d records were rejected: %s", totals.rejected, reasons)
        is_all = totals.records == totals.rejected
        return ALL_MALFORMED if is_all else errors.PARTLY
