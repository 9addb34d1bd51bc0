"""What makes a log the same log: its content, whatever its name or compression.

The ledger keeps, for every log, a digest of its first line (to find it), of all that was loaded
(to go on behind it), and of places in between, the checkpoints: they tell how much two logs with
the same beginning have in common. Every line is a checkpoint in a small log; in a large one they
are thinned out, so that there are never more than MAX_CHECKPOINTS.
"""

import hashlib
import struct

MAX_CHECKPOINTS = 2048
_HEADER = struct.Struct("<Q")  # bytes between checkpoints; 1: every line is one
_ENTRY = struct.Struct("<Q8s")  # bytes before the checkpoint, beginning of their SHA-256


def head_digest(first_line):
    """Return the digest by which a log is looked up: that of its first line, 32 bytes."""
    return hashlib.sha256(first_line, usedforsecurity=False).digest()


class Chain:
    """The digests of a log while it is read from its beginning."""

    def __init__(self):
        self.position = 0  # bytes taken in
        self.line_count = 0
        self.stride = 1
        self.checkpoints = []  # (position, 8 bytes), ascending
        self._hash = hashlib.sha256(usedforsecurity=False)

    def add(self, block):
        """Take in some whole lines."""
        start = 0
        for end in self._next_checkpoints(block):
            self._hash.update(block[start:end])
            start = end
            self.checkpoints.append((self.position + end, self.mark()))
        self._hash.update(block[start:])
        self.position += len(block)
        self.line_count += block.count(b"\n")
        if len(self.checkpoints) > MAX_CHECKPOINTS:
            self._thin_out()

    def _next_checkpoints(self, block):
        """Return the line ends of the block that are at least a stride apart."""
        last = self.checkpoints[-1][0] if self.checkpoints else 0
        ends: list[int] = []
        at = last + self.stride - self.position - 1
        while True:
            end = block.find(b"\n", max(at, 0)) + 1
            if not end:
                return ends
            ends.append(end)
            at = end + self.stride - 1

    def _thin_out(self):
        while len(self.checkpoints) > MAX_CHECKPOINTS // 2:
            self.checkpoints = self.checkpoints[1::2]
        self.stride = max(1, self.position // len(self.checkpoints))

    def mark(self):
        """Return the 8 bytes that stand for all that was taken in so far."""
        return self._hash.copy().digest()[:8]

    def digest(self):
        """Return the SHA-256 of all that was taken in so far."""
        return self._hash.copy().digest()

    def place(self):
        """Return the fields of a ledger Entry that say how far the log has been taken in."""
        return {
            "position": self.position,
            "line_count": self.line_count,
            "digest": self.digest(),
            "checkpoints": self.packed_checkpoints(),
        }

    def packed_checkpoints(self):
        """Return the checkpoints as the ledger stores them."""
        entries = b"".join(_ENTRY.pack(*checkpoint) for checkpoint in self.checkpoints)
        return _HEADER.pack(self.stride) + entries


def unpack_checkpoints(packed):
    """Return (stride, [(position, mark), …]) of what `packed_checkpoints` made."""
    packed = bytes(packed)
    return _HEADER.unpack_from(packed)[0], list(_ENTRY.iter_unpack(packed[_HEADER.size :]))


class Comparison:
    """Compares a log, while its beginning is read, with one that the ledger knows."""

    def __init__(self, entry):
        self.entry = entry
        self.stride, checkpoints = unpack_checkpoints(entry.checkpoints)
        self.marks = dict(checkpoints)  # position -> expected mark
        self.marks[entry.position] = bytes(entry.digest)[:8]
        self.common = 0  # bytes known to be the same
        self.differs = False

    def see(self, position, mark):
        """Take in the other log's mark at a place."""
        if self.differs or position not in self.marks:
            return
        if self.marks[position] == mark:
            self.common = position
        else:
            self.differs = True

    def is_beginning(self, position):
        """Tell whether a log that ended at `position` holds nothing but what was loaded.

        Exact at checkpoints. Between two of a thinned-out log, a log that matched all checkpoints
        before is taken for a beginning: it is what copytruncate leaves when lines are loaded
        between its copying and its truncating.
        """
        if self.differs or position > self.entry.position:
            return False
        return position == self.common or self.stride > 1
