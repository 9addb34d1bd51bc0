"""What a task that is stopped at a system call is about to execute."""

import os

from epmtlite.collect import ptrace
from epmtlite.collect.privileges import LONGEST_PATH, in_sight_of
from epmtlite.collect.proc import read

# The numbers of execve and execveat by architecture (AUDIT_ARCH_…, <linux/audit.h>).
NUMBERS = {
    0xC000003E: (59, 322), 0x40000003: (11, 358),  # x86_64, i386
    0xC00000B7: (221, 281), 0x40000028: (11, 387),  # aarch64, arm
    0xC0000015: (11, 362), 0x80000015: (11, 362),  # ppc64le, ppc64
    0x80000016: (11, 354), 0xC00000F3: (221, 281),  # s390x, riscv64
}  # fmt: skip
X32 = 0x40000000  # set in the numbers of x86_64's other kind of programs
X32_NUMBERS = (520, 545)
OF_MACHINE = {
    "x86_64": 0xC000003E, "i686": 0x40000003, "aarch64": 0xC00000B7, "ppc64le": 0xC0000015,
    "ppc64": 0x80000015, "s390x": 0x80000016, "riscv64": 0xC00000F3,
}  # fmt: skip
AT_FDCWD = 2**64 - 100
PAGE_BYTES = 4096


def target_of(task):
    """Return the path of what a task is about to execute, in our sight; None if it is doing
    something else. Raises OSError."""
    architecture, number, arguments = call_of(task)
    execve, execveat = NUMBERS.get(architecture, (None, None))
    if number & X32 and architecture == 0xC000003E:
        number, (execve, execveat) = number & ~X32, X32_NUMBERS
    if number == execve:
        return in_sight_of(task, text_at(task, arguments[0]))
    if number == execveat:
        directory = None if arguments[0] & 0xFFFFFFFF == AT_FDCWD & 0xFFFFFFFF else arguments[0]
        return in_sight_of(task, text_at(task, arguments[1]), directory)
    return None


def call_of(task):
    """Return (architecture, number, arguments) of the system call that a stopped task begins; the
    number is -1 at its end."""
    try:
        info = ptrace.syscall_info(task)
    except OSError:  # before Linux 5.3
        words = read(f"/proc/{task}/syscall").split()
        machine = OF_MACHINE.get(os.uname().machine)
        if not words or not words[0].isdigit():
            return machine, -1, ()
        return machine, int(words[0]), [int(word, 16) for word in words[1:7]]
    is_begin = info.op == ptrace.ENTRY
    return info.architecture, info.number if is_begin else -1, info.arguments


def text_at(task, address):
    """Return the text at an address of a task. Raises OSError."""
    memory = os.open(f"/proc/{task}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Not beyond the page: the next one may not be there.
        found = os.pread(memory, PAGE_BYTES - address % PAGE_BYTES, address)
        while b"\0" not in found and 0 < len(found) < LONGEST_PATH:
            found += os.pread(memory, PAGE_BYTES, address + len(found)) or b"\0"
    finally:
        os.close(memory)
    return os.fsdecode(found.partition(b"\0")[0])
