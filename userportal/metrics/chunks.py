"""Samples packed into bytes: their times, in milliseconds, and their values."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence

SAMPLES = 1024  # in a chunk: at one sample in 300 s these are three and a half days
HEAD = struct.Struct("<IqqB")  # how many, the first time, the time between, how times are written
REGULAR, LISTED = 0, 1
LEVEL = 6


def packed(times: Sequence[int], values: Sequence[float]) -> bytes:
    """Return at least one sample, times ascending, as compressed bytes."""
    between = times[1] - times[0] if len(times) > 1 else 1
    regular = all(at == times[0] + number * between for number, at in enumerate(times))
    head = HEAD.pack(len(times), times[0], between, REGULAR if regular else LISTED)
    body = b"" if regular else _bytes(array("q", times))
    return zlib.compress(head + body + _bytes(array("d", values)), LEVEL)


def unpacked(data: bytes) -> tuple[array[int], array[float]]:
    """Return times and values. Raises ValueError for bytes that are no chunk."""
    try:
        plain = zlib.decompress(data)
        length, first, between, how = HEAD.unpack_from(plain)
        if len(plain) - HEAD.size != length * (8 if how == REGULAR else 16):
            raise ValueError("the samples are not as many as announced")
        times = array("q")
        if how == REGULAR:
            times.extend(range(first, first + length * between, between))
            values = _array("d", plain[HEAD.size :])
        else:
            middle = HEAD.size + 8 * length
            times = _array("q", plain[HEAD.size : middle])
            values = _array("d", plain[middle:])
    except (zlib.error, struct.error) as error:
        raise ValueError(str(error)) from error
    return times, values


def _bytes(numbers: array) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _array(kind: str, data: bytes) -> array:
    numbers: array = array(kind)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
