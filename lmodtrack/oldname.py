"""Which older database is this? The ledger knows it by its rows, whatever it is called now."""

import dataclasses
import hashlib
import logging
import struct

from lmodtrack import record
from lmodtrack.dimensions import module_digest
from usagedb import errors
from usagedb.days import Calendar

logger = logging.getLogger(__name__)

MARKS = struct.Struct(">q32s32s")  # id of the first row taken over, digests of it and of the last
# How a database compares with a known one.
SAME, OTHER, BEGINS_ALIKE, UNSURE = range(4)
# Without marks, the stored loads of this many rows tell whether a database was taken over.
SAMPLED_ROWS = 100
STORED = (
    "SELECT COUNT(*) FROM lmod_use f JOIN lmod_user u ON u.user_id = f.user_id"
    " JOIN lmod_module m ON m.module_id = f.module_id"
    " JOIN lmod_cluster c ON c.cluster_id = f.cluster_id"
    " WHERE f.day = ? AND u.user_name = ? AND m.digest = ? AND c.cluster_name = ?"
    " AND f.first_time <= ? AND f.last_time >= ?"
)


@dataclasses.dataclass(frozen=True)
class Known:
    """A row of lmod_conversion; marks are b"" if an older program wrote it."""

    source: str
    position: int
    marks: bytes


def digest_of(row):
    """Return the digest of a row (id, user, path, module, syshost, date), 32 bytes."""
    # Databases differ in their type of a date: a moment, or its text.
    texts = [str(value) for value in (*row[:5], str(row[5])[:19])]
    data = "\0".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(data, usedforsecurity=False).digest()


def marks_of(before, rows):
    """Return the marks of a database of which some rows are taken over after those of `before`."""
    first = MARKS.unpack(before)[:2] if before else (rows[0][0], digest_of(rows[0]))
    return MARKS.pack(*first, digest_of(rows[-1]))


class OldName:
    """Finds the name by which the ledger knows an older database."""

    def __init__(self, new, generation, usual_name, rows_after, load_of, site):
        """rows_after(id, count) returns rows of the older database in the order of their ids,
        load_of(row) what a row is as a Load."""
        self.new, self.site, self.usual_name = new, site, usual_name
        self.rows_after, self.load_of = rows_after, load_of
        sql = "SELECT source, position, marks FROM lmod_conversion ORDER BY source"
        rows = new.rows(sql)
        self.known = {
            source: Known(source, position, bytes(marks or b""))
            for source, position, marks in rows
            if source.startswith(f"{generation} of ")
        }

    def find(self):
        """Return the name; one that nobody has for a database that is not known. Read-only.

        Raises ConfigurationError for one that shares its first rows with a known one and is not it.
        """
        verdicts = {source: self._compare(known) for source, known in self.known.items()}
        of_name = verdicts.pop(self.usual_name, None)
        # What the rows do not tell, the name does.
        if of_name in (SAME, UNSURE):
            return self.usual_name
        for source, verdict in verdicts.items():
            if verdict == SAME:
                logger.info("%s was taken over as %s", self.usual_name, source)
                return source
        if of_name == BEGINS_ALIKE:
            verdicts[self.usual_name] = of_name
        for source, verdict in verdicts.items():
            if verdict == BEGINS_ALIKE:
                raise errors.ConfigurationError(
                    f"{self.usual_name} begins with the rows of {source}, which was taken over up"
                    f" to id {self.known[source].position}, and is another there: which of its rows"
                    " are taken over cannot be told"
                )
        return self._free_name()

    def _free_name(self):
        name, number = self.usual_name, 1
        while name in self.known:
            number += 1
            name = f"{self.usual_name[:240]} ({number})"
        return name

    def _row(self, row_id):
        """Return the row with an id, or None."""
        found = self.rows_after(row_id - 1, 1)
        return found[0] if found and found[0][0] == row_id else None

    def _compare(self, known):
        if not known.marks:
            return SAME if self._is_stored(known.position) else UNSURE
        first_id, first_digest, last_digest = MARKS.unpack(known.marks)
        first, last = self._row(first_id), self._row(known.position)
        if last and digest_of(last) == last_digest:
            return SAME
        begins_alike = bool(first) and digest_of(first) == first_digest
        if last:
            return BEGINS_ALIKE if begins_alike else OTHER
        if not begins_alike:
            return OTHER if first else UNSURE
        # Its last row was deleted, or it is an older copy; then nothing in it is new.
        is_older = not self.rows_after(known.position, 1)
        return SAME if is_older or known.source == self.usual_name else BEGINS_ALIKE

    def _is_stored(self, position):
        """Tell whether the loads of most of the rows up to an id are in lmod_use."""
        before = self.rows_after(position - 10 * SAMPLED_ROWS, 10 * SAMPLED_ROWS)
        rows = [row for row in before if row[0] <= position][-SAMPLED_ROWS:]
        found = sum(map(self._is_row_stored, rows))
        return 2 * found > len(rows)

    def _is_row_stored(self, row):
        try:
            load = self.load_of(row)
        except record.Rejected:
            return False
        cluster, zone = self.site.cluster_of("lmod", load.host)
        day = Calendar(zone).day_of(load.time).number
        module = module_digest((load.module, load.path))
        values = (day, load.user, module, cluster, load.time, load.time)
        return self.new.rows(STORED, values)[0][0] > 0
