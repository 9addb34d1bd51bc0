"""Rejected records: each is told of once, and written once into a file of --reject."""

import logging
import time

from usagedb.database import in_parts, in_transaction, marks, with_reconnects
from usagedb.dialects.base import BYTES, INTEGER, SECONDS, TEXT
from usagedb.rejects import RejectFile
from usagedb.terminal import stored_path

logger = logging.getLogger(__name__)

COLUMNS = (
    ("reject_key", BYTES), ("reason", TEXT), ("source", TEXT), ("rejected_at", SECONDS),
    ("saved", INTEGER),
)  # fmt: skip
MOST_REASON_CHARACTERS = 64
KEYS_PER_STATEMENT = 500
UNSAVED, SAVED = 0, 1  # xalt_rejected.saved


class RejectLedger:
    """The rejected records that a database knows, and the file of --reject."""

    def __init__(self, database, path=None, dry_run=False):
        """path is that of the file, or None. Raises RefusedError or WriteError."""
        self.database, self.dry_run = database, dry_run
        self._file = RejectFile(path) if path and not dry_run else None

    def note(self, rejects):
        """Keep some Rejects: in the file all that no file holds yet, in the database all that are
        new. Commits; returns the new ones.

        The file is on the disk before the database says so: after a crash a record may stand there
        twice.
        """
        by_key = {reject.key: reject for reject in rejects}
        saved_of = self._known(by_key)
        new = [reject for key, reject in by_key.items() if key not in saved_of]
        if self.dry_run:
            return new
        unsaved = [by_key[key] for key, saved in saved_of.items() if not saved]
        if self._file and (new or unsaved):
            write(self._file, [*new, *unsaved])
        if new or (self._file and unsaved):
            in_transaction(self.database, lambda: self._store(new, unsaved))
        return new

    def _known(self, keys):
        """Return {key: whether a file holds it} of those that the database knows."""
        sql = "SELECT reject_key, saved FROM xalt_rejected WHERE reject_key IN ({})"

        def read():
            return {bytes(key): saved for key, saved in in_parts(self.database, sql, keys)}

        return with_reconnects(self.database, read)

    def _store(self, new, unsaved):
        saved = SAVED if self._file else UNSAVED
        now = time.time()
        rows = [
            (one.key, one.reason[:MOST_REASON_CHARACTERS], stored_path(one.source), now, saved)
            for one in new
        ]
        self.database.insert_rows("xalt_rejected", COLUMNS, rows, key=("reject_key",))
        if self._file:
            self._mark_saved([one.key for one in unsaved])

    def _mark_saved(self, keys):
        for start in range(0, len(keys), KEYS_PER_STATEMENT):
            part = keys[start : start + KEYS_PER_STATEMENT]
            sql = f"UPDATE xalt_rejected SET saved = ? WHERE reject_key IN ({marks(part)})"  # noqa: S608 - marks
            self.database.execute(sql, [SAVED, *part])

    def close(self):
        """Close the file."""
        if self._file:
            self._file.close()


def write(file, rejects):
    """Write Rejects into a RejectFile, on the disk before it returns."""
    for reject in rejects:
        file.add(reject.source, reject.line, reject.text, reject.reason)
    file.save()
