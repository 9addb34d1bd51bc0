"""Watch what tasks are about to start: what must not be traced is let go of before it begins.

Tracing by an ordinary user takes the privileges from a program that has them. So a new process is
stopped at its system calls until it starts a program, and that one is looked at. A shell or
launcher is watched on, for it may start another in its own place.
"""

import re

from epmtlite.collect.execve import target_of
from epmtlite.collect.privileges import is_needed, is_privileged, matches

# Stops at system calls until a task is no longer watched: two each. Python's subprocess makes some
# 70 calls before it starts a program, bash -c some 180.
MOST_STOPS = 600
SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh", "mksh", "tcsh", "csh", "busybox"))
LAUNCHERS = SHELLS | frozenset((
    "env", "nice", "nohup", "timeout", "time", "setsid", "stdbuf", "taskset", "ionice", "chrt",
    "numactl", "flock",
))  # fmt: skip
# A shell that is given commands by -c starts the last of them in its own place.
COMMANDS = re.compile(r"-[A-Za-z]*c( |$)")
# What traces others itself: a task has one tracer only.
TRACERS = ("gdb", "gdbserver", "strace", "ltrace", "lldb", "lldb-server", "rr", "*-gdb", "reptyr")
SIGHT = re.compile(r"/proc/\d+/(?:root|cwd/|fd/\d+/?)")  # see privileges.in_sight_of
NUMBERS = re.compile(r"(?:^|[ =]|-p)(\d+)(?= |$)")


class Watch:
    """The tasks that may start a program which must not be traced."""

    def __init__(self, no_trace=()):
        """no_trace are patterns of programs, besides the TRACERS."""
        self._patterns = (*TRACERS, *no_trace)
        self._is_needed = is_needed()
        self._stops: dict = {}  # task: how many it may make yet
        self._known: dict = {}  # see is_privileged

    def __contains__(self, task):
        return task in self._stops

    def begin(self, task):
        """Watch a task that may start a program."""
        if self._is_needed:
            self._stops[task] = MOST_STOPS

    def end(self, task):
        """Forget a task."""
        self._stops.pop(task, None)

    def has_begun(self, task, image):
        """Watch a task on, or no longer, according to the program that it runs now."""
        if image.name in LAUNCHERS:
            self.begin(task)
        else:
            self.end(task)

    def has_lost_child(self, task, image):
        """Watch a shell on whose child has ended: its last command may come now."""
        if image.name in SHELLS and COMMANDS.match(image.arguments):
            self.begin(task)

    def privileged_program(self, task):
        """Return the path of the program with privileges that a task, stopped at a system call, is
        about to start; None if it is not."""
        left = self._stops.get(task, 0) - 1
        self._stops[task] = left
        if not left:
            self.end(task)
        try:
            path = target_of(task)
        except OSError:
            return None
        return SIGHT.sub("", path) if path and is_privileged(path, self._known) else None

    def is_untraced(self, image):
        """Tell whether a program is to be let go of."""
        return matches(image.path, self._patterns)


def processes_in(arguments):
    """Return the numbers in the arguments of a debugger that may be those of processes."""
    return {int(number) for number in NUMBERS.findall(arguments)}
