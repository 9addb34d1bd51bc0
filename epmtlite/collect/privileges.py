"""Which programs would lose privileges if their start were traced, see ptrace(2) and execve(2)."""

import os
import stat

from epmtlite.collect.proc import read

CAP_SYS_PTRACE = 19
CAPABILITIES = "security.capability"  # the attribute that holds those of a file
LONGEST_PATH = 4096
MOST_INTERPRETERS = 5  # of scripts whose interpreter is a script
ST_NOSUID = 2


def is_needed():
    """Tell whether programs that this process traces lose their privileges."""
    with open("/proc/self/status", encoding="ascii") as file:
        effective = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    return not int(effective, 16) >> CAP_SYS_PTRACE & 1


def is_privileged(path, known=None):
    """Tell whether a program gets privileges when it is started: it, or what interprets it, has
    the bits or capabilities. False if nobody can tell.

    known is a dictionary that remembers files as they are.
    """
    known = {} if known is None else known
    for _script in range(MOST_INTERPRETERS):
        try:
            status = os.stat(path)
        except OSError:
            return False
        key = (status.st_dev, status.st_ino, status.st_ctime_ns)
        if key not in known:
            known[key] = has_privileges(path, status.st_mode), interpreter_of(path)
        has, interpreter = known[key]
        if has or not interpreter:
            return has
        path = interpreter
    return False


def gains_privileges(task, known):
    """Tell whether the program that a task has begun to run should give it privileges.

    known is a dictionary that remembers files as they are. Raises OSError; a PermissionError if
    nobody may read the program.
    """
    path = f"/proc/{task}/exe"
    status = os.stat(path)
    key = (status.st_dev, status.st_ino, status.st_ctime_ns)
    if key not in known:
        known[key] = has_privileges(path, status.st_mode)
    return known[key]


def may_gain_privileges(task):
    """Tell whether a task has not given up all privileges to come, see prctl(2), as one has to do
    whose system calls are filtered."""
    return b"\nNoNewPrivs:\t1" not in read(f"/proc/{task}/status")


def has_privileges(path, mode):
    """Tell whether a file has bits or capabilities that its mount allows."""
    is_group = mode & stat.S_ISGID and mode & stat.S_IXGRP
    if not (mode & stat.S_ISUID or is_group or has_capabilities(path)):
        return False
    try:
        return not os.statvfs(path).f_flag & ST_NOSUID
    except OSError:
        return True


def has_capabilities(path):
    """Tell whether a file has capabilities."""
    try:
        return bool(os.getxattr(path, CAPABILITIES))
    except OSError:  # it has none, or its file system knows none
        return False


def interpreter_of(path):
    """Return the interpreter that a script names, '' for what is no script."""
    try:
        with open(path, "rb") as file:
            line = file.readline(256)
    except OSError:
        return ""
    words = line[2:].split() if line.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else ""


def in_sight_of(process, path, directory=None):
    """Return the path by which we reach what a process calls `path`, in its root and its working
    directory (or another, which it has opened as a number)."""
    if path.startswith("/"):
        return f"/proc/{process}/root{path}"
    if directory is not None:
        return (
            f"/proc/{process}/fd/{directory}/{path}" if path else f"/proc/{process}/fd/{directory}"
        )
    return f"/proc/{process}/cwd/{path}"
