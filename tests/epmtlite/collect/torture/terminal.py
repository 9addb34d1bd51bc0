"""Part of the torture job: job control on a terminal."""

import os
import pty
import signal
import termios

from . import ledger
from .begin import Gate, be_child, child, described, end_of, wait_for_signals

KEYS = {"interrupt": b"\x03", "quit": b"\x1c", "stop": b"\x1a"}
TERMINAL = 0  # the file


def job_control_on_a_terminal(_place):
    """Type what stops and ends programs in the foreground; let others use the terminal from the
    background; hang up."""
    reading, writing = os.pipe()
    pid, keyboard = pty.fork()
    if not pid:
        be_child(
            lead, [lambda text: os.write(writing, (text + "\n").encode())], 0,
            lambda: ledger.note(signal=int(signal.SIGHUP)),
        )  # fmt: skip
    os.close(writing)
    with open(reading) as lines:
        for line in map(str.strip, lines):
            if line in KEYS:
                os.write(keyboard, KEYS[line])
            elif line == "hang up":
                os.close(keyboard)
            else:
                yield line
    yield end_of(pid)


def lead(tell):
    """Lead the session of a terminal until it is hung up."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # it may choose the foreground from behind
    stop_in_the_foreground(tell)
    for key, number in (("interrupt", signal.SIGINT), ("quit", signal.SIGQUIT)):
        pid = in_the_foreground(wait_for_signals, number)
        tell(key)
        tell(f"{key}: {end_of(pid)}")
    use_in_the_background(tell)
    in_the_foreground(wait_for_signals, signal.SIGHUP)
    tell("hang up")  # which ends this one, and its end the other one
    wait_for_signals()


def in_the_foreground(work, number):
    """Begin a child that owns the terminal and ends by a signal; return its number."""
    begun = Gate()

    def begin():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.setpgid(0, 0)
        begun.open()
        work()

    pid = child(begin, signal=int(number))
    begun.wait()
    os.tcsetpgrp(TERMINAL, pid)
    return pid


def stop_in_the_foreground(tell):
    """Stop a child by a key, and continue it, until it is ended by a signal."""
    pid = in_the_foreground(wait_for_signals, signal.SIGTERM)
    for _round in range(3):
        tell("stop")
        seen = [described(os.waitpid(pid, os.WUNTRACED)[1])]
        os.kill(pid, signal.SIGCONT)
        seen.append(described(os.waitpid(pid, os.WCONTINUED)[1]))
        tell(", ".join(seen))
    os.kill(pid, signal.SIGTERM)
    tell(end_of(pid))


def use_in_the_background(tell):
    """Let children read and write from the background, which stops them."""
    settings = termios.tcgetattr(TERMINAL)
    settings[3] |= termios.TOSTOP
    termios.tcsetattr(TERMINAL, termios.TCSANOW, settings)
    os.tcsetpgrp(TERMINAL, os.getpid())
    for work in (lambda: os.read(TERMINAL, 1), lambda: os.write(TERMINAL, b"x")):
        pid = in_the_background(work)
        seen = [described(os.waitpid(pid, os.WUNTRACED)[1])]
        os.kill(pid, signal.SIGCONT)  # it tries again
        seen.append(described(os.waitpid(pid, os.WUNTRACED)[1]))
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
        tell(", ".join([*seen, end_of(pid)]))


def in_the_background(work):
    """Begin a child that does not own the terminal; return its number."""

    def begin():
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.setpgid(0, 0)
        work()

    return child(begin, signal=int(signal.SIGTERM))


PARTS = (job_control_on_a_terminal,)
