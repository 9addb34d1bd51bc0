"""Read the values that Slurm stores in a form of its own: times, limits, sizes, statuses, texts.

The constants are those of Slurm's public header slurm.h.
"""

import re
from dataclasses import dataclass

from usagedb.terminal import visible

NO_VALUE = 0xFFFFFFFE
INFINITE = 0xFFFFFFFF
NO_VALUE_64 = 0xFFFFFFFFFFFFFFFE
MASK_64 = 0xFFFFFFFFFFFFFFFF
MEMORY_PER_CPU = 1 << 63
MEGABYTE = 1 << 20
LAST_MOMENT = 1 << 33  # in the year 2242; no calendar has the times far beyond it
LONGEST_TEXT = 1 << 20  # characters of one column that are looked at
# Bytes that windows-1252 has no character for stand for themselves in MariaDB's latin1.
UNASSIGNED = dict.fromkeys((0x81, 0x8D, 0x8F, 0x90, 0x9D), "")
NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def number(value: object) -> int:
    """Return a number of a row as an int without a sign, 0 for NULL and for what is none.

    Databases without unsigned numbers hold those above 2^63 as negative ones.
    """
    try:
        return int(value) & MASK_64  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return 0


UNKNOWN_64 = (NO_VALUE_64, MASK_64)


def known(value: object) -> "int | None":
    """Return a 32-bit number of a row, None where Slurm says that it has none."""
    found = number(value)
    return None if value is None or found in (NO_VALUE, INFINITE, *UNKNOWN_64) else found


def moment(value: object) -> "int | None":
    """Return a time as seconds since the epoch, None for what has not come yet.

    None as well for what is beyond LAST_MOMENT: no job was there then.
    """
    found = known(value)
    return found if found and found <= LAST_MOMENT else None


def limit_minutes(value: object) -> "int | None":
    """Return a time limit in minutes, None for UNLIMITED and for the partition's own."""
    return known(value) or None


def is_unlimited(value: object) -> bool:
    """Tell whether a time limit says that there is none."""
    return number(value) == INFINITE


def requested_memory(mem_req: object, cores: int, nodes: int) -> "int | None":
    """Return in bytes what a mem_req asks for on all nodes, None for nothing.

    Its lower bits are megabytes of each node, or of each core when the highest bit is set.
    """
    stored = number(mem_req)
    if stored in UNKNOWN_64:
        return None
    megabytes = stored & ~MEMORY_PER_CPU
    shares = cores if stored & MEMORY_PER_CPU else nodes
    return megabytes * max(shares, 1) * MEGABYTE or None


@dataclass(frozen=True)
class ExitStatus:
    """How a program ended: its exit code, or the signal that ended it."""

    code: int
    signal: int
    dumped_core: bool = False

    def __str__(self) -> str:
        """Write it as code:signal, the way of sacct."""
        return f"{self.code}:{self.signal}"


def exit_status(value: object) -> "ExitStatus | None":
    """Return the ExitStatus that a wait status of wait(2) stands for, None for no status."""
    status = known(value)
    if status is None:
        return None
    return ExitStatus(status >> 8 & 0xFF, status & 0x7F, bool(status & 0x80))


def text(value: object) -> str:
    """Return a text of a row, '' for NULL, with the letters that its writer meant.

    Slurm's tables are latin1, and many a slurmdbd writes UTF-8 into them byte by byte.
    """
    if value is None:
        return ""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)[:LONGEST_TEXT].decode("utf-8", "replace")
    written = str(value)[:LONGEST_TEXT]
    if not NOT_ASCII.search(written):
        return written
    try:
        return latin1_bytes(written).decode("utf-8")
    except UnicodeError:
        return written


def shown(value: object, kept: str = "") -> str:
    """Return a text of a row with every character that nobody sees, or that turns text round,
    made visible; those in `kept` stay as they are."""
    written = text(value)
    if written.isascii() and written.isprintable():
        return written
    letters = {ord(letter): visible(letter) for letter in set(written) - set(kept)}
    return written.translate(letters)


def latin1_bytes(written: str) -> bytes:
    """Return the bytes that MariaDB's latin1, which is windows-1252, has for a text.

    Raises UnicodeEncodeError for a text with other letters.
    """
    if not written.isascii() and written.translate(UNASSIGNED) != written:
        return b"".join(map(latin1_byte, written))
    return written.encode("cp1252")


def latin1_byte(letter: str) -> bytes:
    """Return the byte of one letter. Raises UnicodeEncodeError."""
    return letter.encode("latin-1" if ord(letter) in UNASSIGNED else "cp1252")


def as_stored(written: str) -> str:
    """Return what a text looks like in a latin1 table that slurmdbd wrote: the opposite of text."""
    return "".join(
        chr(byte) if byte in UNASSIGNED else bytes([byte]).decode("cp1252")
        for byte in written.encode("utf-8", "surrogateescape")
    )
