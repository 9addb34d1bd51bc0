"""Parts of the torture job: threads that end early or late, fork, and begin other programs."""

import os
import signal
import subprocess
import sys
import threading
import time

from . import ledger
from .begin import LIBRARY, Gate, child, end_of, execute, shell, wait_for_signals

THREADS = 200
SHORT_THREADS = 500
OTHERS = 50  # that wait while one does something
FORKING, PROGRAMS = 8, 25  # threads, and what each starts


def many_threads(_place):
    """Have many threads at once, then many that end at once, one after the other."""
    yield end_of(child(have_threads, THREADS, status=21, threads=THREADS + 1))
    yield end_of(child(begin_short_threads, status=22, threads=SHORT_THREADS + 1))


def have_threads(count):
    """Have threads that all live at the same time."""
    meeting = threading.Barrier(count)
    threads = [threading.Thread(target=meeting.wait) for _number in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    wait_for_tasks(1)


def begin_short_threads():
    """Begin threads that end at once."""
    for _number in range(SHORT_THREADS):
        one = threading.Thread(target=len, args=("",))
        one.start()
        one.join()
    wait_for_tasks(1)


def wait_for_tasks(count):
    """Wait until this process has so many tasks: a thread that was joined is still at its end."""
    while len(os.listdir("/proc/self/task")) != count:
        time.sleep(0.001)


def threads_that_outlive_the_first(_place):
    """End the first thread; another one ends the process, or begins a program in its place."""
    yield end_of(child(outlive, os._exit, 23, status=23, threads=2))
    name = ledger.name_of("sh")
    yield end_of(child(outlive, execute, 24, status=24, name=name, threads=ledger.ANY))


def outlive(work, status):
    """End the first thread of this process, after which another one works."""
    threading.Thread(target=after_the_first, args=(work, status)).start()
    LIBRARY.pthread_exit(None)


def after_the_first(work, status):
    """Work when the first thread has ended."""
    while state_of_first() != "Z":
        time.sleep(0.001)
    work(status)


def state_of_first():
    """Return the state of the first thread of this process, as /proc says it."""
    pid = os.getpid()
    with open(f"/proc/self/task/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def threads_that_begin_programs(_place):
    """Begin a program in place of all threads, from one that is not the first; in a copy of this
    program, and in one of its own."""
    name = ledger.name_of("sh")
    yield end_of(child(beside_others, execute, 25, status=25, name=name, threads=ledger.ANY))
    text = "from torture import begin, threads; threads.beside_others(begin.execute, 26)"
    pid = child(os.execv, sys.executable, [sys.executable, "-c", text], threads=OTHERS + 2)
    ledger.note(1, name, 26, identity=ledger.identity_of(pid))
    yield end_of(pid)


def beside_others(work, *arguments):
    """Work in a thread, while others wait, and the first one too."""
    for _number in range(OTHERS):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    threading.Thread(target=work, args=arguments).start()
    wait_for_signals()


def threads_that_end_the_process(_place):
    """End a process from a thread, while others wait; and kill one that has threads."""
    yield end_of(child(beside_others, os._exit, 27, status=27, threads=OTHERS + 2))
    number, begun = int(signal.SIGKILL), Gate()
    pid = child(beside_others, begun_and_waits, begun, signal=number, threads=OTHERS + 2)
    begun.wait()
    os.kill(pid, number)
    yield end_of(pid)


def begun_and_waits(begun):
    """Say that all threads have begun, and wait to be killed."""
    begun.open()
    threading.Event().wait()


def threads_that_start_programs(_place):
    """Start programs from many threads at the same time."""
    command = shell("note 0 $1 5 0; exit 5", ledger.name_of("sh"))
    seen = []

    def work():
        for _number in range(PROGRAMS):
            seen.append(subprocess.call(command))

    def begin():
        threads = [threading.Thread(target=work) for _number in range(FORKING)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        if seen != [5] * FORKING * PROGRAMS:
            raise AssertionError(seen)
        wait_for_tasks(1)

    yield end_of(child(begin, status=28, threads=FORKING + 1))


PARTS = (
    many_threads, threads_that_outlive_the_first, threads_that_begin_programs,
    threads_that_end_the_process, threads_that_start_programs,
)  # fmt: skip
