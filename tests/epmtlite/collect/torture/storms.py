"""Parts of the torture job: many things that end in the middle of others."""

import ctypes
import os
import select
import signal
import threading

from . import ledger
from .begin import (
    LIBRARY,
    Gate,
    be_child,
    child,
    end_of,
    ends_of,
    execute,
    nothing,
    wait_for_signals,
)

STORMS = 12
THREADS, GROUP = 6, 5  # that begin others without end
PIDFD_OPEN = 434  # Linux 5.3; the same number everywhere
CHILDREN = 200


def threads_in_a_storm(_place):
    """Let threads begin threads; in the middle of that end the process, or begin another program
    in its place."""
    name, ends = ledger.name_of("sh"), []
    for _storm in range(STORMS):
        ends.append(child(storm, os._exit, 31, status=31, threads=ledger.ANY))
        ends.append(child(storm, execute, 32, status=32, name=name, threads=ledger.ANY))
    yield ends_of(ends)


def threads_killed_in_a_storm(_place):
    """Kill processes whose threads begin threads."""
    number, noted = int(signal.SIGKILL), {"threads": ledger.ANY, "state": ledger.SEEN_OR_LOST}
    ends = []
    for _storm in range(8 * STORMS):
        begun = Gate()
        pid = child(storm, wait_after, begun, signal=number, **noted)
        begun.wait()
        begun.close()
        os.kill(pid, number)
        ends.append(end_of(pid))
    yield ", ".join(sorted(set(ends)))


def storm(work, *arguments):
    """Let threads begin threads; work when there have been some."""
    begun = Gate()
    for _number in range(THREADS):
        threading.Thread(target=begin_threads, args=(begun,), daemon=True).start()
    begun.wait(THREADS * 10)
    work(*arguments)


def begin_threads(begun):
    """Begin threads without end."""
    while True:
        try:
            threading.Thread(target=begun.open).start()
        except RuntimeError:  # there are too many
            pass


def wait_after(begun):
    """Open a gate, and wait."""
    begun.open()
    wait_for_signals()


def groups_in_a_storm(_place):
    """Let groups of processes start others, and kill them in the middle of that."""
    number = int(signal.SIGKILL)
    for _storm in range(STORMS):
        begun = Gate()
        pid = child(lead, begun, signal=number, state=ledger.SEEN_OR_LOST)
        begun.wait(2 * GROUP)
        os.killpg(pid, number)
        os.close(begun.writing)
        yield end_of(pid)
        while os.read(begun.reading, 1000):  # until the last of them is gone
            pass
        os.close(begun.reading)


def lead(begun):
    """Lead a group, which is a session of its own, of processes that start others."""
    ledger.write(ledger.STORM, os.getpid())
    os.setsid()
    for _number in range(GROUP):
        fork_to(start_without_end, begun)
    wait_for_signals()


def start_without_end(begun):
    """Start processes that start others, and programs; never returns."""
    while True:
        children = [fork_to(leave_an_orphan), fork_to(execute, 34)]
        for pid in children:
            os.waitpid(pid, 0)
        begun.open()


def fork_to(work, *arguments):
    """Fork a process that does some work only; return its number."""
    pid = os.fork()
    if not pid:
        be_child(work, arguments, 0, nothing)
    return pid


def leave_an_orphan():
    """Start a process, and end before it."""
    fork_to(execute, 35)


def ends_that_a_file_tells_of(_place):
    """Learn of the end of a child by a file (a pidfd): then it is there to be waited for."""
    too_early = 0
    for _number in range(CHILDREN):
        pid = child(nothing, status=33)
        file = LIBRARY.syscall(*map(ctypes.c_long, (PIDFD_OPEN, pid, 0)))
        if file < 0:
            os.waitpid(pid, 0)
            raise ledger.Missing("the kernel has no pidfd_open")
        select.select([file], [], [])
        os.close(file)
        if os.waitpid(pid, os.WNOHANG) == (0, 0):
            too_early += 1
            os.waitpid(pid, 0)
    yield f"{too_early} were not there"


PARTS = (
    ends_that_a_file_tells_of, threads_in_a_storm, threads_killed_in_a_storm, groups_in_a_storm,
)  # fmt: skip
