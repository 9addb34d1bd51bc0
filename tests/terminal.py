"""A person at a pseudo-terminal, who answers the questions of a command."""

import os
import pty
import sys

from tests.conftest import CHECKOUT


def at_a_terminal(words, answers, directory="."):
    """Run a command of bin/ with its arguments in a directory; return its status and the screen.

    answers are pairs (part of a question, what is typed then), both bytes.
    """
    program = str(CHECKOUT / "bin" / words[0])
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execv(sys.executable, [sys.executable, program, *map(str, words[1:])])
    screen = b""
    for question, answer in answers:
        while question not in screen:
            screen += os.read(terminal, 1000)
        os.write(terminal, answer + b"\n")
    try:
        while True:
            screen += os.read(terminal, 1000)
    except OSError:  # how Linux tells the end of a pseudo-terminal
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), screen.decode()
