"""Parts of the torture job: signals, stops, timers and terminals."""

import os
import resource
import signal
import time

from .begin import (
    Gate,
    child,
    child_killed_at_once,
    described,
    die_of,
    end_of,
    ends_of,
    in_session,
    wait_for_signals,
)

ROUNDS = 5
STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
DEADLY = (
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL",
    "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGXCPU", "SIGXFSZ",
    "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGSYS", "SIGRTMIN", "SIGRTMAX",
)  # fmt: skip
HARMLESS = ("SIGCHLD", "SIGURG", "SIGWINCH", "SIGCONT")
GROUP = 10  # processes that are killed together
LONG_SECONDS, SHORT_SECONDS = 60, 0.02


def stops_and_continues(_place):
    """Stop a child again and again; what its parent sees of it, and in which order."""
    yield from in_session(watch_stops)


def watch_stops(tell):
    """Wait for a child that stops itself; continue it whenever it has."""
    go = Gate()

    def stop():
        os.setpgid(0, 0)
        for number in STOPS * ROUNDS:
            os.kill(os.getpid(), number)
            go.wait()

    pid, last = child(stop, status=4), ""
    while not last.startswith("exit"):
        last = described(os.waitpid(pid, os.WUNTRACED | os.WCONTINUED)[1])
        tell(last)
        if last.startswith("stopped"):
            os.kill(pid, signal.SIGCONT)
        elif last == "continued":
            go.open()


def what_sigchld_says(_place):
    """Receive the signals that tell of a child: its stop, its going on, its end."""
    yield from in_session(receive_sigchld)


def receive_sigchld(tell):
    """Block SIGCHLD, and take each one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    pid = child(wait_for_signals, signal=int(signal.SIGKILL))
    for number in (signal.SIGSTOP, signal.SIGCONT, signal.SIGSTOP, signal.SIGKILL):
        os.kill(pid, number)
        found = signal.sigwaitinfo([signal.SIGCHLD])
        tell(f"{number:d}: {found.si_code} {found.si_status} {found.si_pid == pid}")
    tell(f"{signal.SIGCHLD in signal.sigpending()}, {end_of(pid)}")
    pid = child(wait_for_signals, signal=int(signal.SIGTERM))
    os.kill(pid, signal.SIGTERM)
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    tell(f"{ended} {signal.SIGCHLD in signal.sigpending()}".replace(str(pid), "its number"))
    tell(end_of(pid))


def killed_while_stopped(_place):
    """Kill children that are stopped."""
    number = int(signal.SIGKILL)
    for _round in range(ROUNDS):
        pid = child(wait_for_signals, signal=number)
        os.kill(pid, signal.SIGSTOP)
        yield described(os.waitpid(pid, os.WUNTRACED)[1])
        os.kill(pid, signal.SIGTERM)  # waits until it is continued
        os.kill(pid, number)
        yield end_of(pid)


def killed_at_once(_place):
    """Kill children that have just begun, or not yet: once, and several times."""
    number = int(signal.SIGKILL)
    for times in (1, 5):
        children = [child_killed_at_once(number, times) for _number in range(GROUP * ROUNDS)]
        yield ends_of(children)


def ends_by_signals(_place):
    """End children by every signal that ends one, and not by others."""
    for name in (*DEADLY, *HARMLESS):
        number = int(getattr(signal, name))
        is_deadly = name in DEADLY
        pid = child(die_of, number, signal=number if is_deadly else 0, status=0)
        yield f"{name}: {end_of(pid)}"


def a_signal_of_a_limit(place):
    """Write a file that is too long."""

    def write():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with open(os.path.join(place.directory, "long"), "wb", buffering=0) as file:
            for _number in range(3):
                file.write(bytes(500))

    yield end_of(child(write, signal=int(signal.SIGXFSZ)))


def a_group_that_is_killed(_place):
    """Kill a group of processes, some of which are stopped."""
    number, begun = int(signal.SIGKILL), Gate()

    def wait(leader, is_stopped):
        os.setpgid(0, leader)
        begun.open()
        if is_stopped:
            os.kill(os.getpid(), signal.SIGSTOP)
        wait_for_signals()

    leader = child(wait, 0, False, signal=number)
    begun.wait()
    others = [child(wait, leader, one % 3 == 0, signal=number) for one in range(GROUP)]
    begun.wait(GROUP)
    os.killpg(leader, number)
    yield ends_of([leader, *others])


def handlers(_place):
    """Receive signals: one at a time, many that are queued, and those that were blocked."""
    seen = []
    kept = signal.signal(signal.SIGUSR1, lambda *_arguments: seen.append(1))
    for _number in range(50):
        os.kill(os.getpid(), signal.SIGUSR1)
    yield f"{len(seen)} handled"
    signal.signal(signal.SIGUSR1, kept)
    queued = range(signal.SIGRTMIN + 1, signal.SIGRTMIN + 5)
    signal.pthread_sigmask(signal.SIG_BLOCK, queued)
    for number in reversed(queued):
        for _number in range(3):
            os.kill(os.getpid(), number)
    taken = [signal.sigwaitinfo(queued) for _number in range(12)]
    yield " ".join(str(one.si_signo - signal.SIGRTMIN) for one in taken)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, queued)


def alarms(_place):
    """Let a timer interrupt sleeps: those that it should, and no others."""

    class Alarm(Exception):
        pass

    def ring(*_arguments):
        raise Alarm

    kept, seen = signal.signal(signal.SIGALRM, ring), []
    for sleep_seconds, timer_seconds in [(LONG_SECONDS, SHORT_SECONDS),
                                         (SHORT_SECONDS, LONG_SECONDS)] * ROUNDS:  # fmt: skip
        signal.setitimer(signal.ITIMER_REAL, timer_seconds)
        try:
            time.sleep(sleep_seconds)
            seen.append("slept")
        except Alarm:
            seen.append("rung")
        signal.setitimer(signal.ITIMER_REAL, 0)
    yield " ".join(seen)
    signal.signal(signal.SIGALRM, kept)
    yield end_of(child(work_until_rung, signal=int(signal.SIGVTALRM)))


def work_until_rung():
    """Work until a timer of CPU time has rung three times, which ends this process then."""
    seen = []
    signal.signal(signal.SIGVTALRM, lambda *_arguments: seen.append(1))
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.01, 0.01)
    while len(seen) < 3:
        pass
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    while True:
        pass


def sleeps_that_nothing_cuts_short(_place):
    """Stop and continue a child that sleeps: it sleeps as long as it meant to."""
    begun = Gate()

    def sleep():
        before = time.monotonic()
        begun.open()
        time.sleep(10 * SHORT_SECONDS)
        if time.monotonic() - before < 10 * SHORT_SECONDS:
            raise AssertionError("the sleep was cut short")

    pid = child(sleep, status=3)
    begun.wait()
    for _round in range(ROUNDS):
        os.kill(pid, signal.SIGSTOP)
        os.waitpid(pid, os.WUNTRACED)
        os.kill(pid, signal.SIGCONT)
        os.waitpid(pid, os.WCONTINUED)
    yield end_of(pid)


PARTS = (
    stops_and_continues, what_sigchld_says, killed_while_stopped, killed_at_once,
    ends_by_signals,
    a_signal_of_a_limit, a_group_that_is_killed, handlers, alarms, sleeps_that_nothing_cuts_short,
)  # fmt: skip
