"""The metrics of a task: their names and units are those of papiex, their values the kernel's."""

import os

from epmtlite.collect.proc import read_or_none

BLOCK_BYTES = 512
TICK_MICROSECONDS = 1_000_000 // os.sysconf("SC_CLK_TCK")
UNKNOWN = -1

# In the order of rows; those of a file that this kernel does not have are left out.
NAMES = (
    "usertime", "systemtime",  # microseconds
    "rssmax",  # kilobytes, of the whole process
    "minflt", "majflt",
    "inblock", "outblock",  # of 512 bytes
    "vol_ctxsw", "invol_ctxsw",
    "cminflt", "cmajflt", "cutime", "cstime",  # of children that were waited for; microseconds
    "num_threads", "starttime", "processor",  # starttime: clock ticks since the boot
    "delayacct_blkio_time", "guest_time",  # clock ticks
    "rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "cancelled_write_bytes",
    "time_oncpu", "time_waiting",  # nanoseconds
    "timeslices",
)  # fmt: skip
# Fields of stat, proc(5).
OF_STAT = {
    "minflt": 10, "cminflt": 11, "majflt": 12, "cmajflt": 13, "num_threads": 20, "starttime": 22,
    "processor": 39, "delayacct_blkio_time": 42, "guest_time": 43,
}  # fmt: skip
TICKS_OF_STAT = {"usertime": 14, "systemtime": 15, "cutime": 16, "cstime": 17}
OF_STATUS = {
    "rssmax": b"VmHWM",
    "vol_ctxsw": b"voluntary_ctxt_switches",
    "invol_ctxsw": b"nonvoluntary_ctxt_switches",
}
OF_IO = ("rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "cancelled_write_bytes")
BLOCKS_OF_IO = {"inblock": "read_bytes", "outblock": "write_bytes"}
OF_CHILDREN = ("cminflt", "cmajflt", "cutime", "cstime")
OF_SCHED = ("time_oncpu", "time_waiting", "timeslices")
# What does not grow from the begin of the task on.
NO_COUNTERS = frozenset(("rssmax", "num_threads", "starttime", "processor"))


def names_here():
    """Return the NAMES that this kernel knows."""
    missing: set = set()
    if read_or_none("/proc/self/io") is None:
        missing.update(OF_IO, BLOCKS_OF_IO)
    if read_or_none("/proc/self/schedstat") is None:
        missing.update(OF_SCHED)
    return [name for name in NAMES if name not in missing]


def metrics_of(reading):
    """Return {name: value} of a Reading; usertime and systemtime in the ticks of the clock.

    A name is missing where the value is.
    """
    stat = reading.stat
    found = {name: int(stat[field - 3]) for name, field in OF_STAT.items()}
    for name, field in TICKS_OF_STAT.items():
        found[name] = int(stat[field - 3]) * TICK_MICROSECONDS
    for name, label in OF_STATUS.items():
        value = reading.of_status(label)
        if value is not None:
            found[name] = value
    if reading.io:
        found.update(zip(OF_IO, map(int, reading.io[1::2])))
        for name, source in BLOCKS_OF_IO.items():
            found[name] = found[source] // BLOCK_BYTES
    if reading.sched:
        found.update(zip(OF_SCHED, map(int, reading.sched)))
    return found


def added(one, other):
    """Return metrics of two tasks as those of one: the sums of what they count."""
    found = {
        name: max(value, one.get(name, value)) if name in NO_COUNTERS else value + one.get(name, 0)
        for name, value in other.items()
    }
    return {**one, **found}


def difference(later, earlier):
    """Return metrics of a task since an earlier moment."""
    return {
        name: value if name in NO_COUNTERS else value - earlier.get(name, 0)
        for name, value in later.items()
    }
