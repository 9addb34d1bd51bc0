"""For the drivers of tests: a process that ends like kill -9, or stands still, at one of its
commits.

Where a kill at a moment needs luck, for all may be done before it, this one always hits.
"""

import os
import signal
import sys

from usagedb.database import Database

BEFORE, AFTER = "before", "after"
KILL, STAND_STILL = "kill", "stand still"  # the latter until a line comes on standard input


def arrange(action, when, number):
    """Let this process do an action at its number-th commit, from 1 on: before it is sent, or
    after."""
    execute = Database._execute
    left = int(number)

    def counted(database, sql, parameters):
        nonlocal left
        left -= sql == "COMMIT"
        is_chosen = sql == "COMMIT" and left == 0
        if is_chosen and when == BEFORE:
            do(action)
        done = execute(database, sql, parameters)
        if is_chosen and when == AFTER:
            do(action)
        return done

    Database._execute = counted


def do(action):
    """End this process, or wait."""
    if action == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.readline()
