"""The ledger of logs: how far each one has been loaded (table lmod_log)."""

import dataclasses
import time

from usagedb.dialects.base import BYTES, INTEGER, SECONDS, TEXT

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
SELECT = "SELECT log_id, " + ", ".join(name for name, _kind in COLUMNS[:-2]) + " FROM lmod_log"
ADVANCE = (
    "UPDATE lmod_log SET position = ?, line_count = ?, digest = ?, checkpoints = ?, unsaved = ?,"
    " name = ?, loaded_at = ? WHERE log_id = ? AND position = ?"
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
    return [Entry(*row) for row in found]


def current(database, entry):
    """Return the entry as it stands in the ledger now, or None. Read-only."""
    found = database.rows(SELECT + " WHERE head = ? AND fork = ?", (entry.head, entry.fork))
    return Entry(*found[0]) if found else None


def advance(database, entry, chain, unsaved, name):
    """Record, inside the caller's transaction, that a log is loaded up to the chain's place.

    Returns the new Entry. Raises LedgerMoved if the ledger does not say `entry` any more, or
    ConflictError if another loader is recording the same new log.
    """
    new = dataclasses.replace(
        entry,
        position=chain.position,
        line_count=chain.line_count,
        digest=chain.digest(),
        checkpoints=chain.packed_checkpoints(),
        unsaved=unsaved,
    )
    values = (new.position, new.line_count, new.digest, new.checkpoints, new.unsaved)
    stamp = (name[-1024:], time.time())
    if entry.log_id is None:
        if current(database, entry):
            raise LedgerMoved
        database.insert_rows("lmod_log", COLUMNS, [(new.head, new.fork, *values, *stamp)])
        return current(database, new)
    if database.execute(ADVANCE, (*values, *stamp, entry.log_id, entry.position)) != 1:
        raise LedgerMoved
    return new


def mark_saved(database, entry):
    """Record that a --reject file holds all rejected lines of a log. Commits."""
    database.execute("UPDATE lmod_log SET unsaved = 0 WHERE log_id = ?", (entry.log_id,))
