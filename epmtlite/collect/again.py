"""Programs that have lost their privileges, for they were traced, are begun again without that.

A program is looked at when it has been loaded, before its first instruction. One that should have
had privileges runs up to its first system call, which nobody sees; in place of that it executes
itself once more, with the same arguments and the same environment, and is let go of. So only the
programs with privileges cost more than others, and none is missed.
"""

import os
import struct
import sys
from itertools import repeat

from epmtlite.collect import registers
from epmtlite.collect.execve import text_at
from epmtlite.collect.keeper import Keeper
from epmtlite.collect.privileges import gains_privileges, in_sight_of, may_gain_privileges
from epmtlite.collect.proc import Image, read_all
from epmtlite.collect.registers import Registers

SET_DUMPABLE = 4  # of prctl(2): whether others may read its memory
PATH_ENTRY = 31  # AT_EXECFN, getauxval(3): the path by which it was executed
ITSELF = "/proc/self/exe"
NOT_LED = repeat(None)
UNUSED_BYTES = 8192  # below the end of the stack, so far that nothing of it is used


def is_possible():
    """Tell whether this is known of the processor."""
    return bool(registers.LAYOUTS)


class Again(Keeper):
    """The tasks that are about to execute their program once more."""

    def __init__(self):
        self._steps = {}  # task: what it goes through, see steps_of
        self._known = {}  # see gains_privileges

    def __contains__(self, task):
        return task in self._steps

    must_keep = __contains__

    def end(self, task):
        self._steps.pop(task, None)

    def has_begun(self, task, image):
        try:
            if not gains_privileges(task, self._known):
                return False
            is_open = True
        except PermissionError:  # a program that nobody may read; who knows
            is_open = False
        if not may_gain_privileges(task):
            return False
        steps = steps_of(task, image, is_open, self._known)
        next(steps)
        self._steps[task] = steps
        return True

    def at_call(self, task):
        try:
            next(self._steps.get(task, NOT_LED))
        except StopIteration as end:
            self.end(task)
            return end.value
        return None


def steps_of(task, image, is_open, known):
    """Lead a task that has just executed a program to its next execution; each step ends when it
    is stopped at the next begin or end of a system call.

    Returns (True, its Image) when it will execute itself as soon as it is let go of. A program
    that nobody may read (is_open is False) is opened for that; if it has no privileges then, it
    goes on as it would have done: (False, its Image).
    """
    stack = Registers(task).stack
    yield  # the end of the execution
    yield  # the begin of the first call
    first = Registers(task)
    call = first.call()
    first.cancel_call()
    yield  # the end of it
    try:
        if not is_open:
            yield from set_readable(task, 1)
            image = Image(task)
        if is_open or gains_privileges(task, known):
            execute_itself(task, stack)
            return True, image
        yield from set_readable(task, 0)
    except OSError:
        pass  # it cannot be helped, as where its system calls are filtered
    Registers(task).make_call(*call)
    return False, image


def set_readable(task, value):
    """Let a task say whether it may be looked at."""
    now = Registers(task)
    now.make_call(now.layout.prctl, (SET_DUMPABLE, value))
    yield  # the begin of it
    yield  # the end of it


def execute_itself(task, stack):
    """Let a task execute its program, with what stands at the end of its stack: the number of the
    arguments, the arguments, an empty one, the environment."""
    now = Registers(task)
    word = now.word_bytes
    with open(f"/proc/{task}/mem", "r+b", buffering=0) as memory:
        memory.seek(stack)
        count = int.from_bytes(memory.read(word), sys.byteorder)
        path = address_of_path(task, now.layout.word)
        if path is None:
            path = now.stack - UNUSED_BYTES
            os.lstat(f"/proc/{task}/root{ITSELF}")  # there may be no /proc in its root
            memory.seek(path)
            memory.write(os.fsencode(ITSELF) + b"\0")
    now.make_call(now.layout.execve, (path, stack + word, stack + word * (count + 2)))


def address_of_path(task, word):
    """Return where the path stands by which a task was executed; None if that leads to another
    program, as that of a script does, or nowhere."""
    data = read_all(f"/proc/{task}/auxv")
    pairs = struct.iter_unpack(f"={word}{word}", data)
    address = dict(pairs).get(PATH_ENTRY, 0)
    try:
        path = in_sight_of(task, text_at(task, address))
        return address if os.path.samefile(path, f"/proc/{task}/exe") else None
    except OSError:
        return None
