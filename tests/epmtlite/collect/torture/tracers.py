"""Parts of the torture job: programs that trace others by themselves."""

import os
import re
import shutil
import signal
import sys
import threading

from . import ledger
from .begin import Gate, child, end_of, note_ended, run, start

UNTRACED = "untraced"
THREADS = 3
YAMA = "/proc/sys/kernel/yama/ptrace_scope"
# A debugger of a name that nobody knows: its child lets itself be traced, stops and goes on.
DEBUGGER_NAME = "torture-debugger"
DEBUGGER = """
import ctypes, os, signal
library = ctypes.CDLL(None)
library.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
child = os.fork()
if not child:
    traced = library.ptrace(0, 0, None, None)  # PTRACE_TRACEME
    os.kill(os.getpid(), signal.SIGUSR1)
    os._exit(7 if traced == 0 else 8)
status = os.waitpid(child, os.WUNTRACED)[1]
print("stopped by", os.WSTOPSIG(status) if os.WIFSTOPPED(status) else None)
library.ptrace(7, child, None, None)  # PTRACE_CONT, without the signal
print("ended by", os.WEXITSTATUS(os.waitpid(child, 0)[1]))
"""


def gdb_starts_a_program(_place):
    """Debug a program from its begin to its end."""
    yield debug("run", "print 40 + 2", "print $_exitcode", target=ledger.path_of("false"))


def gdb_attaches(_place):
    """Debug processes that run: one that is stopped, and one that has threads."""
    check_attaching()
    for more_threads, is_stopped in ((0, False), (THREADS, False), (0, True)):
        pid = begin_server(more_threads, is_stopped, threads=more_threads + 1, state=UNTRACED)
        yield debug("print 40 + 2", target=f"--pid={pid}")
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
        yield end_of(pid)


def debug(*commands, target):
    """Let gdb do something; return what it printed, and how it ended."""
    gdb = binary("gdb")
    words = [word for one in commands for word in ("-ex", one)]
    end, output = run([gdb, "-nx", "-q", "-batch", *words, target], images=untraced("gdb"))
    values = re.findall(r"^\$\d+ = (.*)$", output, re.MULTILINE)
    return f"{', '.join(values)} ({end})"


def strace_starts_a_program(place):
    """Trace a shell and what it starts."""
    path = os.path.join(place.directory, "strace-starts")
    command = [binary("strace"), "-f", "-o", path, "sh", "-c", "(exit 5); exit 6"]
    end, output = run(command, images=untraced("strace"))
    with open(path) as file:
        ends = sorted(re.findall(r"\+\+\+ exited with (\d+) \+\+\+", file.read()))
    yield f"{end} {ends} {output}"


def strace_attaches(place):
    """Trace a process that runs."""
    check_attaching()
    path = os.path.join(place.directory, "strace-attaches")
    pid = begin_server(0, False, state=UNTRACED)
    process, messages = start([binary("strace"), "-o", path, "-p", str(pid)])
    yield "attached" in messages.readline()
    os.kill(pid, signal.SIGTERM)
    yield end_of(pid)
    yield note_ended(process, untraced("strace"))
    messages.close()
    with open(path) as file:
        yield "+++ exited with 41 +++" in file.read()


def a_debugger_that_nobody_knows(place):
    """Trace by a program that the collector is told of (--no-trace)."""
    path = os.path.join(place.directory, DEBUGGER_NAME)
    shutil.copy(os.path.realpath(sys.executable), path)
    images = untraced(path)
    end, output = run([path, "-c", ""], images=images)
    if end != "exit 0":
        raise ledger.Missing(f"a copy of {sys.executable} does not run: {output}")
    end, output = run([path, "-c", DEBUGGER], images=images)
    yield f"{output.strip()} ({end})".replace("\n", ", ")


def begin_server(more_threads, is_stopped, **noted):
    """Begin a process that waits for SIGTERM, and ends with 41 then; return its number."""
    ready = Gate()
    pid = child(serve, ready, more_threads, is_stopped, **noted)
    ready.wait()
    ready.close()
    if is_stopped:
        os.waitpid(pid, os.WUNTRACED)
    return pid


def serve(ready, more_threads, is_stopped):
    """Be the process of begin_server."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    for _number in range(more_threads):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    ready.open()
    if is_stopped:
        os.kill(os.getpid(), signal.SIGSTOP)
    signal.sigwait([signal.SIGTERM])
    os._exit(41)


def untraced(program):
    """Return what is noted of a program that is let go of."""
    return [{"name": os.path.basename(program), "state": UNTRACED}]


def binary(program):
    """Return the path of a program that is no script. Raises Missing."""
    path = ledger.path_of(program)
    with open(path, "rb") as file:
        if file.read(2) == b"#!":
            raise ledger.Missing(f"{program} is a script here")
    return path


def check_attaching():
    """Raises Missing if the kernel lets nobody trace a process that runs."""
    try:
        with open(YAMA) as file:
            scope = int(file.read())
    except OSError:
        return
    if scope:
        raise ledger.Missing(f"kernel.yama.ptrace_scope is {scope}")


PARTS = (
    gdb_starts_a_program, gdb_attaches, strace_starts_a_program, strace_attaches,
    a_debugger_that_nobody_knows,
)  # fmt: skip
