"""Records of processes: one line each, as papiex writes them (version 2)."""

from epmtlite.collect.metrics import UNKNOWN

# The fields of a line; the first holds the metrics of all threads, one after the other.
FIELDS = (
    "tags", "hostname", "exename", "path", "exitcode", "exitsignal", "pid", "generation", "ppid",
    "pgid", "sid", "numtids", "start", "end", "args",
)  # fmt: skip


def header(names):
    """Return the line of the header file."""
    return "\t".join(("{" + ",".join(names) + "}", *FIELDS)) + "\n"


def line(names, threads, fields):
    """Return the line of a process: names of metrics, {name: value} of each thread, and the values
    of FIELDS, which have no tab and no newline."""
    numbers = ",".join(str(one.get(name, UNKNOWN)) for one in threads for name in names)
    return "\t".join(("{" + numbers + "}", *map(str, fields))) + "\n"
