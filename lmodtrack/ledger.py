"""The ledger of logs: how far each one has been loaded (table lmod_log)."""

import dataclasses
import time

from usagedb.dialects.base import BYTES, INTEGER, SECONDS, TEXT
from usagedb.terminal import stored_path

COLUMNS = (
    ("head", BYTES),
    ("fork", INTEGER),
    ("position", INTEGER),
    ("line_count", INTEGER),
    ("digest", BYTES),
    ("checkpoints", BYTES),
    ("unsaved", INTEGER),
    ("name", TEXT),
    ("loaded_at", SECONDS),
)
SELECT = (
    "SELECT log_id, head, fork, position, line_count, digest, checkpoints, unsaved FROM lmod_log"
)
ADVANCE = (
    "UPDATE lmod_log SET position = ?, line_count = ?, digest = ?, checkpoints = ?, unsaved = ?,"
    " name = ?, loaded_at = ? WHERE log_id = ? AND position = ? AND unsaved = ?"
)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One log of the ledger; log_id is None while it is not stored."""

    log_id: object
    head: bytes
    fork: int
    position: int = 0
    line_count: int = 0
    digest: bytes = b""
    checkpoints: bytes = b""
    unsaved: int = 0


class LedgerMoved(Exception):
    """Another loader has loaded a part of this log meanwhile: look at the ledger again."""


def entries(database, head):
    """Return the Entries of all logs with this first line. Read-only."""
    found = database.rows(SELECT + " WHERE head = ? ORDER BY fork", (head,))
    return [entry_of(row) for row in found]


def current(database, entry):
    """Return the entry as it stands in the ledger now, or None. Read-only."""
    found = database.rows(SELECT + " WHERE head = ? AND fork = ?", (entry.head, entry.fork))
    return entry_of(found[0]) if found else None


def entry_of(row):
    """Return the Entry of a row of SELECT; drivers differ in their type for bytes."""
    log_id, head, fork, position, line_count, digest, checkpoints, unsaved = row
    return Entry(
        log_id, bytes(head), fork, position, line_count, bytes(digest), bytes(checkpoints), unsaved
    )


@dataclasses.dataclass(frozen=True)
class LogPlace:
    """A place in a log up to which a batch reaches; recorded with the batch's rows."""

    before: Entry  # as the ledger has it until then
    after: Entry
    name: str

    def record(self, database):
        """Move the ledger to this place, inside the caller's transaction; return its Entry.

        Raises LedgerMoved if the ledger does not say `before` any more, or ConflictError if
        another loader is recording the same new log.
        """
        new = self.after
        values = (new.position, new.line_count, new.digest, new.checkpoints, new.unsaved)
        stamp = (stored_path(self.name, 1024), time.time())
        if self.before.log_id is None:
            if current(database, new):
                raise LedgerMoved
            database.insert_rows("lmod_log", COLUMNS, [(new.head, new.fork, *values, *stamp)])
            return current(database, new)
        place = (self.before.log_id, self.before.position, self.before.unsaved)
        if database.execute(ADVANCE, (*values, *stamp, *place)) != 1:
            raise LedgerMoved
        return new

    def recorded(self, database):
        """Return the Entry if the ledger is at this place (a commit's answer was lost), or None."""
        now = current(database, self.after)
        place = (self.after.position, self.after.digest, self.after.unsaved)
        return now if now and (now.position, now.digest, now.unsaved) == place else None


def place_of(entry, place, unsaved, name):
    """Return the LogPlace up to which a log has been read; place as of identity.Chain.place."""
    return LogPlace(entry, dataclasses.replace(entry, unsaved=unsaved, **place), name)


def mark_saved(database, entry):
    """Record that a --reject file holds all rejected lines of a log. Commits."""
    database.execute("UPDATE lmod_log SET unsaved = 0 WHERE log_id = ?", (entry.log_id,))
