"""The kernel's ptrace(2), as far as following processes needs it.

Numbers are those of the kernel's own <linux/ptrace.h>, <linux/prctl.h> and <linux/seccomp.h>.
"""

import ctypes
import os

CONT, DETACH, SYSCALL = 7, 17, 24
GETEVENTMSG, SEIZE, INTERRUPT, LISTEN = 0x4201, 0x4206, 0x4207, 0x4208
GET_SYSCALL_INFO = 0x420E  # Linux 5.3

EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC, EVENT_EXIT, EVENT_STOP = 1, 2, 3, 4, 6, 128
OPTION_SYSGOOD = 1  # stops at system calls say so by 0x80 in the signal's number
OPTIONS = OPTION_SYSGOOD | sum(
    1 << event for event in (EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC, EVENT_EXIT)
)
SYSCALL_STOP = 0x80

WAIT_ALL = 0x40000000  # __WALL: threads, too

SET_PTRACER = 0x59616D61  # of Yama: who may trace this process besides its ancestors

GET_SUBREAPER = 37  # PR_GET_CHILD_SUBREAPER

ENTRY = 1  # PTRACE_SYSCALL_INFO_ENTRY


class SyscallInfo(ctypes.Structure):
    """What GET_SYSCALL_INFO tells of a stop at the entry of a system call."""

    _fields_ = [
        ("op", ctypes.c_uint8), ("pad", ctypes.c_uint8 * 3), ("architecture", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64), ("stack_pointer", ctypes.c_uint64),
        ("number", ctypes.c_uint64), ("arguments", ctypes.c_uint64 * 6),
    ]  # fmt: skip


LIBRARY = ctypes.CDLL(None, use_errno=True)
LIBRARY.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
LIBRARY.ptrace.restype = ctypes.c_long
MESSAGE = ctypes.c_ulong()
MESSAGE_PLACE = ctypes.addressof(MESSAGE)


def call(request, task, address=0, data=0):
    """Call ptrace(2); returns its result. Raises OSError."""
    result = LIBRARY.ptrace(request, task, address, data)
    if result == -1:
        number = ctypes.get_errno()
        if number:
            raise OSError(number, os.strerror(number))
    return result


def seize(task):
    """Become the tracer of a task, which goes on. Raises OSError."""
    call(SEIZE, task, 0, OPTIONS)


def resume(task, signal_number=0):
    """Let a stopped task go on, with a signal if there is one. Raises OSError."""
    call(CONT, task, 0, signal_number)


def resume_to_syscall(task, signal_number=0):
    """Let a stopped task go on to the begin or end of its next system call. Raises OSError."""
    call(SYSCALL, task, 0, signal_number)


def interrupt(task):
    """Stop a task that runs. Raises OSError."""
    call(INTERRUPT, task)


def listen(task):
    """Leave a task stopped, as its group is, until it is continued. Raises OSError."""
    call(LISTEN, task)


def detach(task, signal_number=0):
    """Let go of a stopped task. Raises OSError."""
    call(DETACH, task, 0, signal_number)


def event_message(task):
    """Return what the event of a stopped task says: the new task, or the exit status."""
    call(GETEVENTMSG, task, 0, MESSAGE_PLACE)
    return MESSAGE.value


def syscall_info(task):
    """Return the SyscallInfo of a task that is stopped at a system call. Raises OSError."""
    info = SyscallInfo()
    call(GET_SYSCALL_INFO, task, ctypes.sizeof(info), ctypes.addressof(info))
    return info


def is_subreaper():
    """Tell whether orphans among the descendants of this process become its children."""
    answer = ctypes.c_int(0)
    LIBRARY.prctl(GET_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return bool(answer.value)


def allow_tracer(process):
    """Let a process that is no ancestor trace this one, where Yama would refuse it."""
    LIBRARY.prctl(SET_PTRACER, ctypes.c_ulong(process), 0, 0, 0)
