"""Counters of the kernel and of the processor, see perf_event_open(2)."""

import ctypes
import os
import resource
import struct
import sys

SOFTWARE, HARDWARE = 1, 0
# By the names of the kernel, <linux/perf_event.h>, and those of PAPI for the same.
EVENTS = {
    "PERF_COUNT_SW_CPU_CLOCK": (SOFTWARE, 0), "PERF_COUNT_SW_TASK_CLOCK": (SOFTWARE, 1),
    "PERF_COUNT_SW_PAGE_FAULTS": (SOFTWARE, 2), "PERF_COUNT_SW_CONTEXT_SWITCHES": (SOFTWARE, 3),
    "PERF_COUNT_SW_CPU_MIGRATIONS": (SOFTWARE, 4), "PERF_COUNT_SW_PAGE_FAULTS_MIN": (SOFTWARE, 5),
    "PERF_COUNT_SW_PAGE_FAULTS_MAJ": (SOFTWARE, 6),
    "PERF_COUNT_HW_CPU_CYCLES": (HARDWARE, 0), "PERF_COUNT_HW_INSTRUCTIONS": (HARDWARE, 1),
    "PERF_COUNT_HW_CACHE_REFERENCES": (HARDWARE, 2), "PERF_COUNT_HW_CACHE_MISSES": (HARDWARE, 3),
    "PERF_COUNT_HW_BRANCH_INSTRUCTIONS": (HARDWARE, 4),
    "PERF_COUNT_HW_BRANCH_MISSES": (HARDWARE, 5), "PERF_COUNT_HW_BUS_CYCLES": (HARDWARE, 6),
    "PERF_COUNT_HW_STALLED_CYCLES_FRONTEND": (HARDWARE, 7),
    "PERF_COUNT_HW_STALLED_CYCLES_BACKEND": (HARDWARE, 8),
    "PERF_COUNT_HW_REF_CPU_CYCLES": (HARDWARE, 9),
    "PAPI_TOT_CYC": (HARDWARE, 0), "PAPI_TOT_INS": (HARDWARE, 1), "PAPI_BR_INS": (HARDWARE, 4),
    "PAPI_BR_MSP": (HARDWARE, 5), "PAPI_REF_CYC": (HARDWARE, 9),
}  # fmt: skip
SYSCALL = {
    "x86_64": 298, "i686": 336, "aarch64": 241, "riscv64": 241, "ppc64le": 319, "ppc64": 319,
    "s390x": 331,
}  # fmt: skip
# struct perf_event_attr up to the flags, in its first form.
ATTRIBUTES = "=IIQQQQQ16x"
ATTRIBUTES_BYTES = 64
WITHOUT_KERNEL = 1 << 5 | 1 << 6  # exclude_kernel, exclude_hv: all that paranoid 2 allows
CLOSE_ON_EXEC = 8
RESERVED_FILES = 64
LIBRARY = ctypes.CDLL(None, use_errno=True)


class Counters:
    """The events that are counted for each task."""

    def __init__(self, names=()):
        """names are those of EVENTS; those that this machine does not count are left out."""
        self._flags = 0
        self.names = [name for name in names if name in EVENTS and self._is_counted(name)]
        self._open: dict = {}  # task: a descriptor for each name, None if it could not be opened
        self._most = allow_many_files() - RESERVED_FILES if self.names else 0

    def _is_counted(self, name):
        """Tell whether an event can be counted, in the kernel too if that is allowed."""
        for flags in (self._flags, WITHOUT_KERNEL):
            try:
                os.close(open_counter(name, 0, flags))
            except OSError:
                continue
            self._flags = flags
            return True
        return False

    def begin(self, task):
        """Count for a task from now on."""
        if self.names:
            self._open[task] = [self._descriptor(name, task) for name in self.names]

    def _descriptor(self, name, task):
        if len(self._open) * len(self.names) > self._most:
            return None  # files of /proc must be opened, too
        try:
            return open_counter(name, task, self._flags)
        except OSError:
            return None

    def read(self, task):
        """Return {name: value} of a task, as far as it was counted."""
        opened = zip(self.names, self._open.get(task, ()))
        return {
            name: struct.unpack("=Q", os.read(descriptor, 8))[0]
            for name, descriptor in opened
            if descriptor is not None
        }

    def rename(self, task, name):
        """A task, which was counted, has the number of another one, which has ended."""
        self.end(name)
        if task in self._open:
            self._open[name] = self._open.pop(task)

    def end(self, task):
        """Count for a task no longer."""
        for descriptor in self._open.pop(task, ()):
            if descriptor is not None:
                os.close(descriptor)


def open_counter(name, task, flags):
    """Return a descriptor that counts an event of a task, 0 for this one. Raises OSError."""
    kind, event = EVENTS[name]
    attributes = struct.pack(ATTRIBUTES, kind, ATTRIBUTES_BYTES, event, 0, 0, 0, flags)
    number = SYSCALL.get(os.uname().machine, -1)
    found = LIBRARY.syscall(
        ctypes.c_long(number), attributes, ctypes.c_int(task), ctypes.c_int(-1), ctypes.c_int(-1),
        ctypes.c_ulong(CLOSE_ON_EXEC),
    )  # fmt: skip
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


def allow_many_files():
    """Let this process open as many files as it may: one for each task and event; return that."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize
