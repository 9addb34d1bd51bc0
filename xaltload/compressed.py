"""Texts in the form of MySQL's COMPRESS(), as the tables of XALT keep command lines.

Four bytes with the length of the text, little-endian, then a zlib stream; nothing for no text.
"""

import struct
import zlib

MOST_BYTES = 1 << 24  # of a text that is written anew: more than a command line or environment has


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


def text_of(value):
    """Return the text of a stored value, packed or plain; '' for None and for one of no bytes."""
    if value is None:
        return ""
    text = uncompressed(value, MOST_BYTES)
    return text or bytes(value).decode("utf-8", "surrogateescape")


def written_as(value, text):
    """Return a text as it is stored in the place of a value: packed, or plain where that was."""
    if value is None or uncompressed(value, 1) or not len(value):
        return compressed(text)
    return text.encode("utf-8", "surrogateescape")
