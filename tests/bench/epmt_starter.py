"""Run a command, wait for all that it leaves behind, and print what both used, in JSON.

    python epmt_starter.py UID:GID COMMAND...     # or "-" in place of the account, for this one

The collector of `epmt run` is no child of the command that it follows, so nobody who waits for the
command learns what the collector used. This process is a subreaper, prctl(2): such a process
becomes its child when its parent ends. Standard library alone: every Python of any account runs it.
"""

import ctypes
import json
import os
import sys
import time

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
NOT_STARTED = 127


def main(account, command):
    """Run a command as an account; return what is printed of it."""
    adopt_orphans()
    if account != "-":
        become(*map(int, account.split(":")))
    begin = time.perf_counter()
    child = os.fork()
    if not child:
        execute(command)
    found: dict = {}
    others: list = []
    while True:
        try:
            process, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return {**found, "others": others}
        if process == child:
            wall_seconds = time.perf_counter() - begin
            found = {"wall_seconds": wall_seconds, "wait_status": status, "command": used(usage)}
        else:
            others.append(used(usage))


def adopt_orphans():
    """Become the parent of processes that lose theirs."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


def become(user, group):
    """Be another account; only root can."""
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def execute(command):
    """Be the command, without its input and output; never returns."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
    finally:
        os._exit(NOT_STARTED)


def used(usage):
    """Return what a process and the children that it waited for used."""
    return {
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_kilobytes": usage.ru_maxrss,
        "waits": usage.ru_nvcsw,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2:])))
