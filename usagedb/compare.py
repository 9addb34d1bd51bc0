"""Compare a table of two databases: by count, and by a digest over ranges of its rows."""

import hashlib
import itertools
import marshal
from typing import NamedTuple, Optional

from usagedb.copy_rows import batches, beside

# Of the rows of a range: plain values, floats to the last bit, no shared references.
MARSHAL_VERSION = 2


class Range(NamedTuple):
    """Some rows of one side: those up to a key, behind those of the Range before."""

    upto: tuple
    row_count: int
    digest: bytes


class Difference(NamedTuple):
    """A range of keys whose rows differ; see usagedb.keyset for its ends."""

    after: Optional[tuple]
    upto: Optional[tuple]
    source_count: int
    target_count: int


class Comparison(NamedTuple):
    """What the comparison of one table found."""

    source_count: int
    target_count: int
    digest: str  # of all rows of the source, in hexadecimal digits
    differences: list


def compare(source_config, target_config, table, upto=None, progress=lambda row_count: None):
    """Return the Comparison of a Table of two databases; None stands for one without the table.

    Rows behind the key upto are left out. Reads each side once, a batch in memory at a time, the
    source in a process of its own. Read-only. Raises what usagedb.copy_rows.batches raises.
    """
    ranges = ranges_of(source_config, table, upto) if source_config else ()
    target = Rows(target_config, table, upto)
    found: list = []
    digest = hashlib.sha256(usedforsecurity=False)
    after, source_count = None, 0
    for one in ranges:
        digest.update(one.digest)
        target_digest, target_count = target.take(one)
        if target_digest != one.digest:
            found.append(Difference(after, one.upto, one.row_count, target_count))
        after, source_count = one.upto, source_count + one.row_count
        progress(one.row_count)
    rest = target.count_rest()
    if rest:
        found.append(Difference(after, upto, 0, rest))
    return Comparison(source_count, target.row_count, digest.hexdigest(), found)


def ranges_of(config, table, upto=None):
    """Yield the Ranges of a table. Read-only."""

    def make(after, most_rows):
        for batch in batches(config, table, after, upto, most_rows):
            one = Range(table.key_of(batch[-1]), len(batch), digest_of(batch))
            yield one.upto, one.row_count, one

    return beside(make)


def digest_of(rows):
    """Return the digest of a list of rows."""
    return hashlib.sha256(marshal.dumps(rows, MARSHAL_VERSION), usedforsecurity=False).digest()


class Rows:
    """The rows of the other side, taken range by range."""

    def __init__(self, config, table, upto):
        """config is None where the table is not there."""
        self.table, self.row_count = table, 0
        lists = batches(config, table, upto=upto) if config else ()
        self._rows = itertools.chain.from_iterable(lists)
        self._put_back: list = []  # rows that were read, and belong to the next range

    def take(self, one):
        """Take the rows up to the end of a Range; return (their digest or None, their number).

        None: they are more or fewer, or others.
        """
        rows = self._put_back[: one.row_count]
        self._put_back = self._put_back[one.row_count :]
        rows += itertools.islice(self._rows, one.row_count - len(rows))
        self.row_count += len(rows)
        if len(rows) == one.row_count and self.table.key_of(rows[-1]) == one.upto:
            return digest_of(rows), len(rows)
        return None, self._take_others(rows, one.upto)

    def _take_others(self, rows, upto):
        """Put back what is behind the end of the range, or take what still belongs to it."""
        for place, row in enumerate(rows):
            if self.table.key_of(row) > upto:
                self._put_back = rows[place:] + self._put_back
                self.row_count -= len(rows) - place
                return place
        found = len(rows)
        for row in itertools.chain(self._put_back, self._rows):
            if self.table.key_of(row) > upto:
                break
            found += 1
        else:
            row = None
        taken = found - len(rows)
        self.row_count += taken
        behind = self._put_back[taken + 1 :] if taken < len(self._put_back) else []
        self._put_back = ([] if row is None else [row]) + behind
        return found

    def count_rest(self):
        """Take all other rows and return their number."""
        found = len(self._put_back) + sum(1 for _row in self._rows)
        self._put_back = []
        self.row_count += found
        return found
