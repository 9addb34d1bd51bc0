"""Start the collector of this process, which is about to become a command."""

import contextlib
import errno
import logging
import os
import resource
import signal
import struct
from typing import Any, NamedTuple

from epmtlite.collect import again, errors, ptrace
from epmtlite.collect.again import Again
from epmtlite.collect.keeper import Keeper
from epmtlite.collect.perf import Counters
from epmtlite.collect.privileges import is_needed
from epmtlite.collect.recorder import Recorder
from epmtlite.collect.tracer import Tracer
from epmtlite.collect.watch import Watch

GO = b"g"
END_SECONDS = 0.5  # that the end of a command may wait for others who are at work in its directory
ANSWER = "!i"  # 0, or the number of an error
WITHSTOOD = (
    signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU, signal.SIGXFSZ,
    signal.SIGPIPE, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
)  # fmt: skip


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
    perf.EVENTS, no_trace patterns of programs to let go of; at_end(status, recorder, wait_seconds)
    is called there when this process is about to end; once more, when that is over, if it raises
    UnavailableError.
    """
    if is_foster_parent():
        raise OSError(errno.ECHILD, "it is the first process of a container, or a subreaper")
    directory = os.path.abspath(directory)
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
    work = Work(process, os.path.abspath(directory), events, no_trace, at_end, has_begun=True)
    with started(work) as (ready, go):
        follower = receive(ready)
        go.write(GO)
        number = receive(ready)
    if number:
        raise OSError(number, os.strerror(number))
    return follower


def is_foster_parent():
    """Tell whether processes without a parent become children of this one: the collector would,
    and a command that waits for all its children would wait for it."""
    return os.getpid() == 1 or ptrace.is_subreaper()


@contextlib.contextmanager
def started(work):
    """Start a collector; give the files by which it answers, and by which it is told to begin."""
    ready_reading, ready_writing = os.pipe()
    go_reading, go_writing = os.pipe()
    with waiting_for_children():
        child = os.fork()
        if not child:
            try:
                if not os.fork():
                    collect(work, go_reading, ready_writing)
            finally:
                os._exit(0)
        os.close(ready_writing)
        os.close(go_reading)
        os.waitpid(child, 0)
    with open(ready_reading, "rb", buffering=0) as ready, open(go_writing, "wb", buffering=0) as go:
        yield ready, go


@contextlib.contextmanager
def waiting_for_children():
    """Let the block wait for a child, whatever the caller wants to know of its own."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    is_blocked = signal.SIGCHLD in signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    try:
        yield
    finally:
        signal.sigtimedwait([signal.SIGCHLD], 0)
        signal.signal(signal.SIGCHLD, before)
        if not is_blocked:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def receive(file):
    """Return a number that the collector sends. Raises OSError if it has ended."""
    text = file.read(struct.calcsize(ANSWER))
    if not text:
        raise OSError(errno.EAGAIN, "no collector could be started")
    return struct.unpack(ANSWER, text)[0]


def collect(work, go, ready):
    """Be the collector; SIGCHLD is blocked."""
    withstand_signals()
    os.setsid()  # what the terminal sends is meant for the command
    hold_nothing((go, ready))
    os.write(ready, struct.pack(ANSWER, os.getpid()))
    if os.read(go, 1) != GO:
        return
    try:
        counters = Counters(work.events)
        recorder = Recorder(work.directory, counters.names)
        ptrace.seize(work.root)
    except OSError as error:
        os.write(ready, struct.pack(ANSWER, error.errno))
        return
    tracer = Tracer(work.root, recorder, counters, keeper_here(), work.no_trace, work.has_begun)
    if work.has_begun:
        signal.signal(signal.SIGTERM, tracer.end)
    os.write(ready, struct.pack(ANSWER, 0))
    os.close(ready)
    os.close(go)
    end = tracer.run()
    recorder.close()
    if work.at_end:
        try:
            work.at_end(end, recorder, END_SECONDS)
        except errors.UnavailableError:  # the command must not wait for others
            tracer.let_root_end()
            work.at_end(end, recorder, None)


def keeper_here():
    """Return the Keeper that this account needs on this processor."""
    if not is_needed():
        return Keeper()
    return Again() if again.is_possible() else Watch()


def withstand_signals():
    """Outlive what is sent to all processes of a job that is to end, and the limits of one: the
    collector ends when the command has ended."""
    for number in WITHSTOOD:
        signal.signal(number, signal.SIG_IGN)
    for limit in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
        _soft, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (hard, hard))


def hold_nothing(kept):
    """Hold no file of the command, and no directory: others wait for their end."""
    handlers = logging.getLogger("epmtlite").handlers
    logs = [one.stream.fileno() for one in handlers if isinstance(one, logging.StreamHandler)]
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in (*kept, *logs):
            with contextlib.suppress(OSError):
                os.close(int(name))
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.chdir("/")
