"""Who of a group has stored what, and what of it is on tape: Robinhood's table ACCT_STAT.

Its columns: uid and gid (names), type, lhsm_status, size in bytes, blocks of 512 bytes, count.
Read-only; SQL that all databases know.
"""

import dataclasses

BLOCK_BYTES = 512
ON_DISK = ("", "new")  # what has never been on tape
LEAST_FILES = 3
MOST_USERS = 1000
BY_USER = """
SELECT uid, SUM(count), SUM(blocks) FROM ACCT_STAT
 WHERE gid = ? AND lhsm_status IN (?, ?) AND uid <> 'root'
 GROUP BY uid HAVING SUM(count) >= ? ORDER BY SUM(blocks) DESC, uid LIMIT ?
"""
TOTALS = "SELECT SUM(count), SUM(blocks) FROM ACCT_STAT WHERE gid = ? AND lhsm_status IN (?, ?)"
TAPE = """
SELECT uid, CASE WHEN lhsm_status = 'released' THEN 1 ELSE 0 END AS is_released,
       SUM(count), SUM(blocks), SUM(size)
  FROM ACCT_STAT WHERE gid = ? AND lhsm_status NOT IN ('', 'new')
 GROUP BY uid, CASE WHEN lhsm_status = 'released' THEN 1 ELSE 0 END ORDER BY uid LIMIT ?
"""


@dataclasses.dataclass(frozen=True)
class Stored:
    """Files and bytes of a user of a group."""

    user: str
    files: int
    size_bytes: int


@dataclasses.dataclass(frozen=True)
class OnTape:
    """Files of a user that are copied to tape: those still on disk, and those on tape alone."""

    user: str
    disk_files: int = 0
    disk_bytes: int = 0
    tape_files: int = 0
    tape_bytes: int = 0


def text(value):
    """Return a name of the table, which may be bytes."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "backslashreplace")
    return str(value)


def users_of_group(database, group):
    """Return what the users of a group have on disk, the most first; root's and tiny ones not."""
    rows = database.rows(BY_USER, (group, *ON_DISK, LEAST_FILES, MOST_USERS))
    return [
        Stored(text(user), int(files or 0), int(blocks or 0) * BLOCK_BYTES)
        for user, files, blocks in rows
    ]


def total_of_group(database, group):
    """Return what a group has on disk, as Stored by nobody."""
    ((files, blocks),) = database.rows(TOTALS, (group, *ON_DISK))
    return Stored("", int(files or 0), int(blocks or 0) * BLOCK_BYTES)


def tape_of_group(database, group):
    """Return what the users of a group have on tape, by name."""
    found: dict = {}
    for user, is_released, files, blocks, size in database.rows(TAPE, (group, 2 * MOST_USERS)):
        fields = found.setdefault(text(user), {})
        if is_released:
            # Of a released file no block is left on disk: its size is what is on tape.
            fields.update(tape_files=int(files or 0), tape_bytes=int(size or 0))
        else:
            fields.update(disk_files=int(files or 0), disk_bytes=int(blocks or 0) * BLOCK_BYTES)
    return [OnTape(user, **fields) for user, fields in sorted(found.items())]
