"""The crc that XALT writes at the beginning of its records since version 2.10."""

import binascii
import re

# CRC-16/CCITT-FALSE over the whole text, in which the crc itself reads 0xFFFF.
START = re.compile(rb'\s*\{"crc":"0x([0-9A-Fa-f]{4})"')
NEUTRAL = b'{"crc":"0xFFFF"'


def holds(text):
    """Tell whether the crc of a record (bytes) fits its text; None if it has none."""
    text = text.rstrip(b"\r\n")
    found = START.match(text)
    if not found:
        return None
    return binascii.crc_hqx(NEUTRAL + text[found.end() :], 0xFFFF) == int(found[1], 16)
