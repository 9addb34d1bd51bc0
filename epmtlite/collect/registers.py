"""The registers of a stopped task, of the processors whose layout is known here; see ptrace(2).

The orders are those of struct user_regs_struct and user_regs_struct32 in the kernel's
<asm/user_64.h> and <asm/user_32.h>.
"""

import ctypes
import os
import struct
from typing import NamedTuple

from epmtlite.collect import ptrace

GET, SET = 0x4204, 0x4205  # PTRACE_GETREGSET, PTRACE_SETREGSET
GENERAL = 1  # NT_PRSTATUS
NO_CALL = -1  # as the number of a system call: none is to be made, none to be made again


class Layout(NamedTuple):
    """Where the registers are that system calls use, and their numbers."""

    word: str  # of struct: a register
    words: int
    number: int  # of the call; its result after it
    original: int  # the number, while the call is made
    arguments: tuple
    next: int  # the instruction
    stack: int
    call_bytes: int  # of the instruction that makes a call
    execve: int
    prctl: int


X86_64 = Layout("Q", 27, 10, 15, (14, 13, 12, 7, 9, 8), 16, 19, 2, 59, 157)
I386 = Layout("I", 17, 6, 11, (0, 1, 2, 3, 4, 5), 12, 15, 2, 11, 172)
# By the size of what the kernel hands over: 32-bit programs have their own.
LAYOUTS = {
    struct.calcsize(f"={layout.words}{layout.word}"): layout
    for layout in ({"x86_64": (X86_64, I386)}.get(os.uname().machine, ()))
}
MOST_BYTES = 4096


class Vector(ctypes.Structure):
    """A struct iovec."""

    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Registers:
    """A copy of the general registers of a stopped task."""

    def __init__(self, task):
        """Read them. Raises OSError."""
        buffer = ctypes.create_string_buffer(MOST_BYTES)
        vector = Vector(ctypes.addressof(buffer), MOST_BYTES)
        ptrace.call(GET, task, GENERAL, ctypes.addressof(vector))
        self._task, self.layout = task, LAYOUTS[vector.length]
        self._format = f"={self.layout.words}{self.layout.word}"
        self._values = list(struct.unpack_from(self._format, buffer))

    @property
    def stack(self):
        """The address of the end of the stack."""
        return self._values[self.layout.stack]

    @property
    def word_bytes(self):
        """The size of a pointer."""
        return struct.calcsize("=" + self.layout.word)

    def call(self):
        """Return the number of the system call that is being made, and its arguments."""
        layout = self.layout
        return self._values[layout.original], [self._values[one] for one in layout.arguments]

    def write(self):
        """Give them back to the task. Raises OSError."""
        data = struct.pack(self._format, *self._values)
        buffer = ctypes.create_string_buffer(data, len(data))
        vector = Vector(ctypes.addressof(buffer), len(data))
        ptrace.call(SET, self._task, GENERAL, ctypes.addressof(vector))

    def cancel_call(self):
        """At the begin of a system call: let it not be made. Raises OSError."""
        self._set(self.layout.original, NO_CALL)
        self.write()

    def make_call(self, number, arguments):
        """At the end of a system call: let the task make another one in its place, with the same
        instruction. Raises OSError."""
        layout = self.layout
        self._set(layout.original, NO_CALL)
        self._set(layout.number, number)
        for index, value in zip(layout.arguments, arguments):
            self._set(index, value)
        self._values[layout.next] -= layout.call_bytes
        self.write()

    def _set(self, index, value):
        self._values[index] = value % (1 << 8 * self.word_bytes)
