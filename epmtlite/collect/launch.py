"""Start the collector of this process, which is about to become a command."""

import contextlib
import os
import signal
import struct
from typing import Any, NamedTuple

from epmtlite.collect import ptrace
from epmtlite.collect.perf import Counters
from epmtlite.collect.recorder import Recorder
from epmtlite.collect.tracer import Tracer

GO = b"g"
ANSWER = "!i"  # 0, or the number of an error


class Work(NamedTuple):
    """What a collector is to do, see follow."""

    root: int
    directory: str
    events: tuple
    no_trace: tuple
    at_end: Any
    has_begun: bool


def follow(directory, events=(), no_trace=(), at_end=None):
    """Let a new process follow this one into the program that it is to become; raises OSError if
    that cannot be.

    It is no child of this process, which the program might wait for. events are names of
    perf.EVENTS, no_trace patterns of programs to let go of; at_end(status, recorder) is called
    there when this process is about to end.
    """
    work = Work(os.getpid(), directory, events, no_trace, at_end, has_begun=False)
    with started(work) as (ready, go):
        ptrace.allow_tracer(receive(ready))
        go.write(GO)
        number = receive(ready)
    if number:
        raise OSError(number, os.strerror(number))


def attach(process, directory, events=(), no_trace=(), at_end=None):
    """Let a new process follow one that runs, and whatever that starts from now on; return the
    number of the follower, which ends on SIGTERM. Raises OSError if that cannot be."""
    work = Work(process, directory, events, no_trace, at_end, has_begun=True)
    with started(work) as (ready, go):
        follower = receive(ready)
        go.write(GO)
        number = receive(ready)
    if number:
        raise OSError(number, os.strerror(number))
    return follower


@contextlib.contextmanager
def started(work):
    """Start a collector; give the files by which it answers, and by which it is told to begin."""
    ready_reading, ready_writing = os.pipe()
    go_reading, go_writing = os.pipe()
    child = os.fork()
    if not child:
        if os.fork():
            os._exit(0)
        os.close(ready_reading)
        os.close(go_writing)
        collect(work, go_reading, ready_writing)
    os.close(ready_writing)
    os.close(go_reading)
    os.waitpid(child, 0)
    with open(ready_reading, "rb", buffering=0) as ready, open(go_writing, "wb", buffering=0) as go:
        yield ready, go


def receive(file):
    """Return a number that the collector sends; an error number if it has ended."""
    text = file.read(struct.calcsize(ANSWER))
    return struct.unpack(ANSWER, text)[0] if text else 5  # EIO


def collect(work, go, ready):
    """Be the collector; never returns."""
    status = 1
    try:
        os.setsid()  # what the terminal sends is meant for the command
        os.write(ready, struct.pack(ANSWER, os.getpid()))
        os.read(go, 1)
        try:
            counters = Counters(work.events)
            recorder = Recorder(work.directory, counters.names)
            ptrace.seize(work.root)
        except OSError as error:
            os.write(ready, struct.pack(ANSWER, error.errno))
            return
        tracer = Tracer(work.root, recorder, counters, work.no_trace, work.has_begun)
        signal.signal(signal.SIGTERM, tracer.end if work.has_begun else signal.SIG_DFL)
        os.write(ready, struct.pack(ANSWER, 0))
        os.close(ready)
        os.close(go)
        let_go_of_files()
        end = tracer.run()
        tracer.record_running()
        recorder.close()
        if work.at_end:
            work.at_end(end, recorder)
        status = 0
    finally:
        os._exit(status)


def let_go_of_files():
    """Hold no pipe of the command: who reads it waits for its end."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
