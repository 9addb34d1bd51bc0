"""Programs with privileges are let go of before they begin, on any processor.

A new process is stopped at its system calls until it starts a program, and that one is looked at.
A shell or launcher is watched on, for it may start another in its own place.
"""

import re

from epmtlite.collect.execve import target_of
from epmtlite.collect.keeper import Keeper
from epmtlite.collect.privileges import is_privileged
from epmtlite.collect.proc import Image

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
SIGHT = re.compile(r"/proc/\d+/(?:root|cwd/|fd/\d+/?)")  # see privileges.in_sight_of


class Watch(Keeper):
    """The tasks that may start a program with privileges."""

    def __init__(self):
        self._stops = {}  # task: how many it may make yet
        self._known = {}  # see is_privileged

    def __contains__(self, task):
        return task in self._stops

    def begin(self, task):
        self._stops[task] = MOST_STOPS

    def end(self, task):
        self._stops.pop(task, None)

    def has_begun(self, task, image):
        if image.name in LAUNCHERS:
            self.begin(task)
        else:
            self.end(task)
        return False

    def has_lost_child(self, task, image):
        if image.name in SHELLS and COMMANDS.match(image.arguments):
            self.begin(task)  # its last command may come now

    def at_call(self, task):
        left = self._stops.get(task, 0) - 1
        self._stops[task] = left
        if not left:
            self.end(task)
        path = target_of(task)
        if path and is_privileged(path, self._known):
            return True, Image(task, SIGHT.sub("", path))
        return None
