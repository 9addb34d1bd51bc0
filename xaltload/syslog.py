"""Records of XALT that came through syslog: lines become blocks, blocks become records.

A line reads `… XALT_LOGGING_<syshost> V:<version> key:value … value:<payload>`: one block of a
record. Versions 3 and 4 cut the JSON text, version 2 its zlib and base64 form; version 1 has the
whole record in base64. Blocks of many records are mixed, some come twice, and syslog cuts blanks
off their ends.
"""

import base64
import binascii
import collections
import re
import zlib
from typing import NamedTuple

from xaltload.record import MAX_RECORD_BYTES, Rejected

TAG = re.compile(rb"XALT_LOGGING_([^\s:]+):?\s+")
VERSION = re.compile(rb"V:(\d+)\s+")
VERSION_1 = re.compile(rb"(link|run|pkg):([A-Za-z0-9+/=]+)\s*$")
VALUE = re.compile(rb"(?:^|\s)value:")
KINDS = ("link", "run", "pkg")
MAX_BLOCKS = 1_000_000
MAX_LINE_BYTES = 1 << 20
# What an Assembler remembers of complete records, to know a block that comes again.
MAX_COMPLETED = 200_000
MAX_COMPLETED_BYTES = 32 << 20
# What an incomplete record, and each block of it, takes in memory beside its texts (measured).
PARTIAL_BYTES = 1000
BLOCK_BYTES = 200


class Block(NamedTuple):
    """One line's part of a record."""

    version: int
    kind: str
    syshost: str
    key: bytes  # the same for all blocks of a record
    crc: bytes  # tells records with the same key apart, b"" before version 4
    place: int  # among the record's blocks, from 0
    total: int  # blocks of the record
    epoch: float  # when it was first seen, 0.0 if the line does not say
    payload: bytes


def parse_line(line):
    """Return the Block of a line (bytes), or None if the line is not XALT's.

    Raises Rejected for a line of XALT that cannot be read.
    """
    tag = TAG.search(line)
    if not tag or tag[1].startswith(b"ERROR"):
        return None
    if len(line) > MAX_LINE_BYTES:
        raise Rejected("line too long")
    line = line.rstrip(b"\r\n")
    version = VERSION.match(line, tag.end())
    if not version:
        return version_1(line[tag.end() :], tag[1])
    value = VALUE.search(line, version.end() - 1)
    if not value:
        raise Rejected("no value in the line")
    header = line[version.end() : value.start()].split()
    fields = dict(field.partition(b":")[::2] for field in header)
    return block_of(int(version[1][:9]), fields, tag[1], line[value.end() :])


def version_1(text, syshost):
    """Return the Block of a line of version 1: a whole record."""
    found = VERSION_1.match(text)
    if not found:
        raise Rejected("no version in the line")
    key = b"%s_%08x" % (found[1], binascii.crc32(found[2]))
    return Block(1, found[1].decode(), name_of(syshost), key, b"", 0, 1, 0.0, found[2])


def block_of(version, fields, tag_syshost, payload):
    """Return the Block that the fields of a line's header describe. Raises Rejected."""
    kind = fields.get(b"kind", b"").decode("ascii", "replace")
    if kind not in KINDS:
        raise Rejected("no kind in the line")
    key = fields.get(b"key", b"")
    place, total = whole_number(fields, b"idx"), whole_number(fields, b"nb")
    if not key or not place < total <= MAX_BLOCKS:
        raise Rejected("no place in a record in the line")
    return Block(
        version=version,
        kind=kind,
        syshost=name_of(fields.get(b"syshost") or tag_syshost),
        key=key,
        crc=fields.get(b"crcStr") or fields.get(b"crc") or b"",
        place=place,
        total=total,
        epoch=float(whole_number(fields, b"epoch", 0)),
        payload=payload,
    )


def name_of(syshost):
    """Return the name of a cluster as text."""
    return syshost.decode("utf-8", "backslashreplace")


def whole_number(fields, key, default=None):
    """Return the number of a field. Raises Rejected."""
    text = fields.get(key)
    if text is None and default is not None:
        return default
    if not text or not text.isdigit() or len(text) > 12:
        raise Rejected("no place in a record in the line")
    return int(text)


class Partial:
    """A record of which not all blocks have come."""

    __slots__ = ("first", "payloads", "size_bytes")

    def __init__(self, block):
        self.first = block
        self.payloads = {}  # place -> payload; the first copy counts
        self.size_bytes = PARTIAL_BYTES + texts_bytes(key_of(block))  # in memory

    def add(self, block):
        """Take in a block; return whether the record is complete."""
        if block.place not in self.payloads:
            self.payloads[block.place] = block.payload
            self.size_bytes += BLOCK_BYTES + len(block.payload)
        return len(self.payloads) == self.first.total

    def blocks(self):
        """Yield the blocks that have come."""
        for place, payload in sorted(self.payloads.items()):
            yield self.first._replace(place=place, payload=payload)

    def text(self):
        """Return the record's text. Raises Rejected."""
        parts = [self.payloads[place] for place in range(self.first.total)]
        if self.first.version <= 2:
            return unpacked(b"".join(part.strip() for part in parts), self.first.version)
        # All blocks but the last are of one size; syslog may have cut blanks off their ends.
        size = max(map(len, parts[:-1]), default=0)
        if size * (self.first.total - 1) + len(parts[-1]) > MAX_RECORD_BYTES:
            raise Rejected("too long")  # one long block would make all others as long
        return b"".join([*(part.ljust(size) for part in parts[:-1]), parts[-1]])


def key_of(block):
    """Return what the blocks of one record have in common."""
    return (block.syshost, block.key, block.crc, block.total)


def texts_bytes(key):
    """Return how long the texts of a key are, about in bytes."""
    return sum(map(len, key[:3]))


def unpacked(text, version):
    """Return the record behind the base64 text of version 1 or 2. Raises Rejected."""
    try:
        packed = base64.b64decode(text, validate=True)
        if version == 1:
            return packed
        unpacking = zlib.decompressobj()
        found = unpacking.decompress(packed, MAX_RECORD_BYTES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise Rejected("damaged blocks") from error
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise Rejected("damaged blocks")
    return found


class Assembler:
    """Puts blocks together; holds what is incomplete, up to a limit."""

    def __init__(self, most_bytes=64 << 20):
        """most_bytes bounds what the incomplete records that are held take in memory."""
        self.most_bytes = most_bytes
        self.held_bytes = 0
        self._partials = collections.OrderedDict()  # key -> Partial, the oldest first
        self._completed = collections.OrderedDict()  # keys of records that were complete lately
        self._completed_bytes = 0

    def add(self, block):
        """Take in a block; return the Partial that it makes complete, or None."""
        key = key_of(block)
        if key in self._completed:
            return None
        partial = self._partials.get(key)
        before = partial.size_bytes if partial else 0
        if partial is None:
            partial = self._partials[key] = Partial(block)
        is_complete = partial.add(block)
        self.held_bytes += partial.size_bytes - before
        if not is_complete:
            return None
        del self._partials[key]
        self.held_bytes -= partial.size_bytes
        self._remember(key)
        return partial

    def _remember(self, key):
        self._completed[key] = None
        self._completed_bytes += texts_bytes(key)
        while len(self._completed) > MAX_COMPLETED or self._completed_bytes > MAX_COMPLETED_BYTES:
            oldest, _none = self._completed.popitem(last=False)
            self._completed_bytes -= texts_bytes(oldest)

    def take_excess(self):
        """Yield, and forget, the oldest incomplete records while they are more than may be held."""
        while self.held_bytes > self.most_bytes:
            yield self._take_oldest()

    def take_all(self):
        """Yield, and forget, all incomplete records."""
        while self._partials:
            yield self._take_oldest()

    def _take_oldest(self):
        _key, partial = self._partials.popitem(last=False)
        self.held_bytes -= partial.size_bytes
        return partial


def format_block(block):
    """Return a Block as a line of a leftover file, without its newline."""
    fields = [b"kind:" + block.kind.encode(), b"syshost:" + block.syshost.encode()]
    fields.append(b"key:" + block.key)
    if block.crc:
        fields.append(b"crcStr:" + block.crc)
    fields.append(b"nb:%02d idx:%02d epoch:%d" % (block.total, block.place, block.epoch))
    start = b"XALT_LOGGING_%s V:%d " % (block.syshost.encode(), block.version)
    return start + b" ".join(fields) + b" value:" + block.payload
