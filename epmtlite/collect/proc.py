"""What the kernel tells of one task in /proc; see proc(5)."""

import os

MOST_BYTES = 4096  # of the small files
PART_BYTES = 1 << 16
COMMAND_LINE_BYTES = 1 << 17  # what is kept of one
DELETED = b" (deleted)"
TAGS_VARIABLE = b"PAPIEX_TAGS="


def read(path, most_bytes=MOST_BYTES):
    """Return the bytes of a file, at most so many. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, most_bytes)
    finally:
        os.close(descriptor)


class Reading:
    """The counters of one task at one moment; lists of bytes, in the order of proc(5)."""

    __slots__ = ("io", "sched", "stat", "status")

    def __init__(self, process, task):
        """Raises OSError if the task is gone."""
        base = f"/proc/{process}/task/{task}/"
        # The name, in brackets, may hold anything: what follows it begins with field 3.
        self.stat = read(base + "stat").rpartition(b")")[2].split()
        self.status = read(base + "status")
        self.io = read_or_none(base + "io")
        self.sched = read_or_none(base + "schedstat")

    def field(self, number):
        """Return a number of stat."""
        return int(self.stat[number - 3])

    def of_status(self, name):
        """Return a number of status, None if it is not there."""
        begin = self.status.find(b"\n" + name + b":")
        if begin < 0:
            return None
        return int(self.status[begin + len(name) + 2 :].split(None, 1)[0])


def read_or_none(path):
    """Return the words of a file that not every kernel has, nor shows to everybody."""
    try:
        return read(path).split()
    except OSError:
        return None


class Image:
    """The program that a process runs; all texts as they are written into records."""

    __slots__ = ("arguments", "name", "path", "tags")

    def __init__(self, process, path=None):
        """Read it; what cannot be read is empty.

        path is that of a program which it is only about to run.
        """
        base = f"/proc/{process}/"
        try:
            own_path = os.readlink(os.fsencode(base + "exe"))
        except OSError:
            own_path = b""
        if own_path.endswith(DELETED):  # while it runs, or it is a memfd
            own_path = own_path[: -len(DELETED)]
        self.path = text_of(own_path) if path is None else path
        self.name = self.path.rpartition("/")[2]
        words = read_all(base + "cmdline", COMMAND_LINE_BYTES).rstrip(b"\0").split(b"\0")
        self.arguments = text_of(b" ".join(words[1:])) if path is None else ""
        self.tags = text_of(variable(read_all(base + "environ"), TAGS_VARIABLE))


def read_all(path, most_bytes=None):
    """Return all of a file, or so many bytes; nothing if it cannot be read."""
    parts, size = [], 0
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        while most_bytes is None or size < most_bytes:
            part = os.read(descriptor, PART_BYTES)
            parts.append(part)
            size += len(part)
            if len(part) < PART_BYTES:  # the kernel gives all that there is
                break
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return b"".join(parts)[:most_bytes]


def variable(environment, name):
    """Return the value of a variable, NAME=, in an environment whose variables end with NUL."""
    if environment.startswith(name):
        begin = len(name)
    else:
        begin = environment.find(b"\0" + name) + len(name) + 1
        if begin == len(name):
            return b""
    end = environment.find(b"\0", begin)
    return environment[begin : end if end >= 0 else None]


def text_of(raw):
    """Return bytes as text of one line and one field: what would end one is written as it is in C,
    and so is what is not UTF-8."""
    text = raw.decode("utf-8", "backslashreplace")
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r").replace("\0", "\\0")


def group_of(task):
    """Return (process, parent) of a task: the numbers of the process it belongs to, and of the
    parent of that. Raises OSError if it is gone."""
    words = read(f"/proc/{task}/status").split()
    return int(words[words.index(b"Tgid:") + 1]), int(words[words.index(b"PPid:") + 1])


def tasks_of(process):
    """Return the numbers of the threads of a process, [] if it is gone."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{process}/task")]
    except OSError:
        return []


def start_of(process):
    """Return when a process began, in clock ticks since the boot; None if it has ended."""
    try:
        words = read(f"/proc/{process}/stat").rpartition(b")")[2].split()
    except OSError:
        return None
    return None if words[0] in (b"Z", b"X") else int(words[19])
