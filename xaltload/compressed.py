"""Texts in the form of MySQL's COMPRESS(), as the tables of XALT keep command lines.

Four bytes with the length of the text, little-endian, then a zlib stream; nothing for no text.
"""

import struct
import zlib


def compressed(text):
    """Return a text as it is stored."""
    raw = text.encode("utf-8", "surrogatepass")
    return struct.pack("<I", len(raw)) + zlib.compress(raw) if raw else b""


def uncompressed(value, most_bytes=1 << 20):
    """Return the text of a stored value, '' for a damaged one; at most most_bytes of it."""
    if value is None or len(value) <= 4:
        return ""
    try:
        raw = zlib.decompressobj().decompress(bytes(value)[4:], most_bytes)
    except zlib.error:
        return ""
    return raw.decode("utf-8", "replace")
