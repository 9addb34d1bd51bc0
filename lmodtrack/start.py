"""Find out which part of a log is new: what it has in common with the logs of the ledger."""

import dataclasses
import itertools
from collections.abc import Iterator

from lmodtrack import identity, ledger
from usagedb.database import with_reconnects
from usagedb.source import line_blocks

MAX_HEAD_BYTES = 65536


@dataclasses.dataclass
class Start:
    """Where the loading of a log begins."""

    entry: ledger.Entry  # as the ledger has it, or a new one with log_id None
    chain: identity.Chain  # the log's digests up to that place
    blocks: Iterator[bytes]  # what comes after it
    is_anew: bool = False  # nothing of the entry's log is stored: it is loaded from its beginning

    def first_line(self):
        """Return the first line to load that is not blank, b"" for none."""
        first = next(self.blocks, b"")
        self.blocks = itertools.chain([first] if first else (), self.blocks)
        return first.lstrip().partition(b"\n")[0]


def find_start(database, source):
    """Return the Start of a LogSource at its beginning, or None if it has no whole line.

    Read-only.
    """
    blocks = line_blocks(source)
    first = next(blocks, None)
    if first is None:
        return None
    head = identity.head_digest(first[: first.find(b"\n") + 1 or len(first)][:MAX_HEAD_BYTES])
    blocks = itertools.chain([first], blocks)
    known = with_reconnects(database, lambda: ledger.entries(database, head))
    if not known:
        return Start(ledger.Entry(None, head, 0), identity.Chain(), blocks)
    return compare(source, blocks, head, known)


def compare(source, blocks, head, known):
    """Return the Start of a log whose first line is that of some known logs."""
    comparisons = [identity.Comparison(entry) for entry in known]
    places = sorted({place for comparison in comparisons for place in comparison.marks})
    reader = PrefixReader(blocks)
    for place in places:
        if not reader.read_to(place):
            break
        mark = reader.chain.mark()
        for comparison in comparisons:
            comparison.see(place, mark)
        if all(comparison.differs for comparison in comparisons):
            break
    best = max(comparisons, key=lambda one: (one.common, one.common == one.entry.position))
    if reader.at_end:
        for comparison in comparisons:
            if comparison.is_beginning(reader.chain.position):
                return Start(comparison.entry, reader.chain, iter(()))
    if reader.chain.position != best.common or reader.at_end:
        reader = reread(source, best.common)
    entry = best.entry
    if best.common != entry.position:
        entry = ledger.Entry(None, head, known[-1].fork + 1, best.common)
    return Start(entry, reader.chain, reader.remaining())


def reread(source, position):
    """Return a PrefixReader that has read a source up to a position."""
    source.rewind()
    reader = PrefixReader(line_blocks(source))
    reader.read_to(position)
    return reader


class PrefixReader:
    """Reads the beginning of a log up to given places, keeping its digests."""

    def __init__(self, blocks):
        self._blocks = blocks
        self._rest = b""
        self.chain = identity.Chain()
        self.at_end = False

    def read_to(self, position):
        """Read up to a position and return whether the log reaches that far."""
        while self.chain.position < position:
            if not self._rest:
                self._rest = next(self._blocks, b"")
            if not self._rest:
                self.at_end = True
                return False
            wanted = position - self.chain.position
            self.chain.add(self._rest[:wanted])
            self._rest = self._rest[wanted:]
        return True

    def remaining(self):
        """Yield what has not been read."""
        if self._rest:
            yield self._rest
        yield from self._blocks
