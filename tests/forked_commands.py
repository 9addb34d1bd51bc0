"""Commands in forks of a process that has imported the suite: a start takes a sixth of the time.

What a command finds is what a start of its own would give it: arguments, environment, directory,
umask, streams, and the end of the interpreter. Whatever cannot be given so is left to subprocess:
see can_fork.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from usagedb.errors import UsageDBError

CHECKOUT = Path(__file__).parent.parent
PACKAGES = ("usagedb", "usagedb.dialects", "lmodtrack", "xaltload", "afcollect", "epmtlite")
OPTIONS = {"cwd", "env", "stdin", "text"}  # of subprocess.run
SERVERS: dict = {}  # (socket, process) that were started
# Which of them are ignored a process has from the one that starts it.
SIGNALS = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGALRM, signal.SIGTSTP,
)  # fmt: skip
# What the interpreter reads as it starts.
AT_START = ("PYTHON", "LC_", "LANG", "LD_")


def can_fork(options):
    """Tell whether a command with these options of subprocess.run ends the same in a fork."""
    return (
        set(options) <= OPTIONS
        and options.get("stdin") in (None, subprocess.DEVNULL)
        and at_start(environment_of(options)) == at_start(os.environ)
    )


def environment_of(options):
    """Return the environment of a command with these options."""
    found = options.get("env")
    return os.environ if found is None else found


def at_start(environment):
    """Return the variables that the interpreter reads as it starts."""
    return {name: text for name, text in environment.items() if name.startswith(AT_START)}


def run(words, options):
    """Run a Python program; return a CompletedProcess, as subprocess.run does with capture_output.

    words begin with the program; options satisfy can_fork.
    """
    job = {
        "words": list(map(os.fspath, words)), "cwd": os.fspath(options.get("cwd") or Path.cwd()),
        "environment": dict(environment_of(options)), "umask": umask(), "ignored": ignored(),
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        told = stack.enter_context(os.fdopen(os.memfd_create("job"), "wb"))
        told.write(json.dumps(job).encode())
        told.flush()
        answer, answering = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stack.enter_context(answer)
        pipes = [os.pipe() for _stream in range(2)]
        streams = [stack.enter_context(os.fdopen(end, "rb", buffering=0)) for end, _ in pipes]
        with answering:
            descriptors = [answering.fileno(), told.fileno(), *(end for _, end in pipes)]
            socket.send_fds(server(), [b"job"], descriptors)
        for _, end in pipes:
            os.close(end)
        found = read(streams)
        status = int(answer.recv(100))
    if options.get("text"):
        found = [content.decode().replace("\r\n", "\n").replace("\r", "\n") for content in found]
    return subprocess.CompletedProcess([sys.executable, *job["words"]], status, *found)


def read(streams):
    """Return what comes from each of some pipes until all are closed."""
    found = dict.fromkeys(streams, b"")
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            for key, _events in selector.select():
                content = key.fileobj.read(1 << 16)
                found[key.fileobj] += content
                if not content:
                    selector.unregister(key.fileobj)
    return list(found.values())


def umask():
    """Return the mask of this process; asking with os.umask would change it for other threads."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1], 8) for line in lines if line.startswith("Umask:"))


def ignored():
    """Return the signals that this process ignores, as then those do that it starts."""
    return [one for one in signal.valid_signals() if signal.getsignal(one) == signal.SIG_IGN]


def server():
    """Return a socket to the process that forks; start it if there is none yet.

    There is one for each set of what an interpreter reads as it starts. It ends with this process.
    """
    key = frozenset(at_start(os.environ).items())
    if key not in SERVERS:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            SERVERS[key] = ours, subprocess.Popen(
                [sys.executable, "-m", "tests.forked_commands"], cwd=CHECKOUT, stdin=its,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
    return SERVERS[key][0]


# In the process that forks.


def serve():
    """Fork for each job that comes; return in the fork that runs it, with the path of the program.

    Ends this process when nobody can send a job any more.
    """
    for package in PACKAGES:
        import_all(package)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for who waits for a command
    with socket.socket(fileno=os.dup(0)) as listener:
        while True:
            content, descriptors, _flags, _sender = socket.recv_fds(listener, 100, 4)
            if not content:
                sys.exit()
            if os.fork() == 0:
                break
            for descriptor in descriptors:
                os.close(descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    answering, *streams = descriptors
    pid = os.fork()
    if pid == 0:
        os.close(answering)
        return arranged(*streams)
    _pid, status = os.waitpid(pid, 0)
    os.write(answering, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def import_all(package):
    """Import the modules of a package that can be imported here."""
    found = importlib.import_module(package)
    for module in pkgutil.iter_modules(found.__path__, package + "."):
        if not module.ispkg and not module.name.endswith("__main__"):
            # Some tell in their own words that a library is missing.
            with contextlib.suppress(ImportError, UsageDBError):
                importlib.import_module(module.name)


def arranged(told, output, messages):
    """Give this process what a job says, which one of its files tells; return the path of its
    program."""
    with os.fdopen(told, "rb") as file:
        file.seek(0)
        job = json.load(file)
    empty = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate([empty, output, messages]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    # Those that the interpreter made know what they once were: whether one can seek there, say.
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        old = getattr(sys, name)
        stream = os.fdopen(
            number, mode, 1 if name == "stderr" else -1, old.encoding, old.errors, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    for number in SIGNALS:
        default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in job["ignored"] else default)
    os.umask(job["umask"])
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    time.tzset()
    sys.argv = job["words"]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    return sys.argv[0]


def perform(path):
    """Run a program and end this process as the interpreter does, but for taking all modules apart,
    which takes as long as a short command."""
    status = 0
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as ended:
        status = status_of(ended.code)
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stderr.flush()
    try:
        sys.stdout.flush()
    except OSError:
        status = 120
    os._exit(status)


def status_of(code):
    """Return the status for what sys.exit was given; print what is no number."""
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    perform(serve())
