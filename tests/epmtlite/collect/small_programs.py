"""Programs of a hundred bytes, without any library: their status is the account that they have."""

import struct

BASE = 0x10000
# geteuid, then exit with what it returned; of x86_64 and of i386.
CODE_64 = bytes.fromhex("b86b000000 0f05 89c7 b83c000000 0f05")
CODE_32 = bytes.fromhex("b8c9000000 cd80 89c3 b801000000 cd80")
IDENTITY = b"\x7fELF%c\1\1" + bytes(9)
EXECUTABLE, LOADED, READ_AND_RUN = 2, 1, 5
X86_64, I386 = 62, 3


def program_64():
    """Return a program for x86_64; see elf(5)."""
    size = 64 + 56 + len(CODE_64)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", IDENTITY % 2, EXECUTABLE, X86_64, 1, BASE + 64 + 56, 64, 0, 0, 64, 56,
        1, 0, 0, 0,
    )  # fmt: skip
    data = struct.pack("<IIQQQQQQ", LOADED, READ_AND_RUN, 0, BASE, BASE, size, size, 0x1000)
    return header + data + CODE_64


def program_32():
    """Return a program for i386."""
    size = 52 + 32 + len(CODE_32)
    header = struct.pack(
        "<16sHHIIIIIHHHHHH", IDENTITY % 1, EXECUTABLE, I386, 1, BASE + 52 + 32, 52, 0, 0, 52, 32,
        1, 0, 0, 0,
    )  # fmt: skip
    data = struct.pack("<8I", LOADED, 0, BASE, BASE, size, size, READ_AND_RUN, 0x1000)
    return header + data + CODE_32
