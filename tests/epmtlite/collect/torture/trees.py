"""Parts of the torture job: families of processes, deep, wide and orphaned."""

import ctypes
import os
import signal

from . import ledger
from .begin import (
    LIBRARY,
    Gate,
    child,
    described,
    end_of,
    ends_of,
    nothing,
    run,
    shell,
    wait_for_signals,
)

DEPTH = 200
FORKED_DEPTH = 100  # without programs: the kernel needs more and more time for each
WIDTH = 300
ZOMBIES = 30
SET_DEATH_SIGNAL, SET_SUBREAPER = 1, 36  # <linux/prctl.h>
CLONE_PARENT = 0x8000
CLONE_NUMBERS = {"x86_64": 56, "aarch64": 220, "riscv64": 220, "ppc64le": 120}
WAIT_ALL = 0x40000000  # __WALL
# Each of the nested shells ends with the status of the innermost.
NESTED = f"""
echo "${ledger.PART} $$ $PPID - 0 $2 7 0 seen 1 {ledger.MARK}nested-$1" >>"${ledger.FILE}"
[ $1 != 0 ] || exit 7
sh -c "$TORTURE_NESTED" {ledger.MARK}nested $(($1 - 1)) $2 {ledger.MARK}nested-$(($1 - 1))
exit $?
"""
NAMESPACE = """
note 0 $1 4 0; echo my number is $$
(note 0 $2 0 0; exec true); (note 0 $1 9 0; exit 9); exit 4
"""


def shells_nested(_place):
    """Start a shell in a shell in a shell."""
    os.environ["TORTURE_NESTED"] = NESTED
    words = [str(DEPTH - 1), ledger.name_of("sh"), f"{ledger.MARK}nested-{DEPTH - 1}"]
    yield end_of(os.spawnvp(os.P_NOWAIT, "sh", ["sh", "-c", NESTED, "sh", *words]))
    del os.environ["TORTURE_NESTED"]


def forks_nested(_place):
    """Fork a child of a child of a child; all end with the status of the innermost."""
    yield end_of(child(nest, FORKED_DEPTH - 1, status=7))


def nest(depth):
    """Have so many descendants, each the child of the one before."""
    if depth and end_of(child(nest, depth - 1, status=7)) != "exit 7":
        raise AssertionError(depth)


def many_children(_place):
    """Have many children at once, which end at the same moment."""
    begun, go = Gate(), Gate()

    def work():
        begun.open()
        os.close(go.writing)
        os.read(go.reading, 1)

    children = [child(work, status=8) for _number in range(WIDTH)]
    begun.wait(WIDTH)
    go.close()
    begun.close()
    yield ends_of(children)


def children_not_waited_for(_place):
    """Leave zombies to whoever takes them."""

    def leave():
        for pid in [child(nothing, status=5) for _number in range(ZOMBIES)]:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    yield end_of(child(leave, status=6))


def children_that_nobody_wants(_place):
    """Ignore SIGCHLD: children vanish, and to wait for them fails."""

    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for _number in range(ZOMBIES):
            child(nothing, status=5)
        try:
            os.wait()
        except ChildProcessError:
            return
        raise AssertionError("there was a child to wait for")

    yield end_of(child(ignore))


def orphans(_place):
    """End parents before their children; the job waits for those, as their subreaper."""
    LIBRARY.prctl(SET_SUBREAPER, 1, 0, 0, 0)
    try:
        yield from orphans_taken()
    finally:
        LIBRARY.prctl(SET_SUBREAPER, 0, 0, 0, 0)


def orphans_taken():
    """Fork parents that end while each has a child."""
    noted, go = Gate(), Gate()

    def live_on(parent):
        noted.open()
        go.wait()
        if os.getppid() == parent:
            raise AssertionError("the parent lives")

    def leave():
        child(live_on, os.getpid(), status=11)
        noted.wait()

    yield ends_of([child(leave, status=10) for _number in range(10)])
    for _number in range(10):
        go.open()
    yield ends_of([-1] * 10)


def a_process_in_the_background(_place):
    """Fork twice, in a session of its own, and end after all others have: as daemons begin."""
    reading, writing = os.pipe()

    def work():
        os.close(reading)
        os.write(writing, b"at work" if os.getsid(0) != os.getpid() else b"leads the session")

    def begin():
        os.setsid()
        child(work, status=13)

    yield end_of(child(begin))
    os.close(writing)
    with open(reading) as file:
        yield file.read()


def a_child_that_dies_with_its_parent(_place):
    """Let the kernel end a child when its parent ends."""
    reading, writing = os.pipe()

    def depend(begun):
        LIBRARY.prctl(SET_DEATH_SIGNAL, int(signal.SIGTERM), 0, 0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        begun.open()
        wait_for_signals()

    def begin():
        begun = Gate()
        child(depend, begun, signal=int(signal.SIGTERM))
        begun.wait()

    yield end_of(child(begin, status=1))
    os.close(writing)
    yield f"then it holds no file: {os.read(reading, 1) == b''}"
    os.close(reading)


def children_of_another_kind(_place):
    """Make children that tell of their end by another signal or by none, and siblings."""
    number = CLONE_NUMBERS.get(os.uname().machine)
    if number is None:
        raise ledger.Missing(f"the number of clone on {os.uname().machine} is not known here")
    for flags in (int(signal.SIGUSR1), 0):
        before = signal.signal(signal.SIGUSR1, lambda *_arguments: None)
        pid = clone(number, flags, 14)
        yield f"{flags}: {described(os.waitpid(pid, WAIT_ALL)[1])}"
        signal.signal(signal.SIGUSR1, before)
    yield end_of(child(have_a_sibling, number, status=15))


def have_a_sibling(number):
    """Fork a parent that begins a sibling in place of a child."""
    reading, writing = os.pipe()

    def begin():
        os.write(writing, str(clone(number, CLONE_PARENT | int(signal.SIGCHLD), 16)).encode())

    end = end_of(child(begin, status=17))
    sibling = int(os.read(reading, 20))
    if (end, end_of(sibling)) != ("exit 17", "exit 16"):
        raise AssertionError(end)


def clone(number, flags, status):
    """Fork with flags of clone(2) a process that ends at once; return its number."""
    pid = LIBRARY.syscall(*map(ctypes.c_long, (number, flags, 0, 0, 0, 0)))
    if pid == 0:
        ledger.note(status=status)
        os._exit(status)
    return pid


def processes_with_numbers_of_their_own(_place):
    """Let processes have other numbers than we see (a namespace), as in containers."""
    command = [ledger.path_of("unshare"), "--pid", "--fork"]
    if os.geteuid():
        command.append("--user")
    end, output = run([*command, *shell(NAMESPACE, ledger.name_of("sh"), ledger.name_of("true"))])
    if end == "exit 1":
        raise ledger.Missing(output.strip())
    yield f"{output.strip()}, {end}"


PARTS = (
    shells_nested, forks_nested, many_children, children_not_waited_for,
    children_that_nobody_wants, orphans, a_process_in_the_background,
    a_child_that_dies_with_its_parent, children_of_another_kind,
    processes_with_numbers_of_their_own,
)  # fmt: skip
