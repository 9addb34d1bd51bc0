"""Warn of a server that takes the user of its environment for everybody who asks it."""

import os
import sys

from usagedb.terminal import visible

LONGEST_NAME = 320
OF_RELOADER = "RUN_MAIN"  # set in the process that runserver starts anew at each change


def warn_of_environment(name):
    """Write a warning to standard error if the Django command `name` logs everybody in.

    runserver takes REMOTE_USER of its environment for the user of all requests of this machine, as
    userportal.access.identity says, and cannot tell whose programs they come from.
    """
    user = os.environ.get("REMOTE_USER")
    if name != "runserver" or not user or os.environ.get(OF_RELOADER):
        return
    sys.stderr.write(
        "Warning: REMOTE_USER is set: every account of this machine that connects to this server"
        f" is {visible(user[:LONGEST_NAME])} on its pages, with that user's roles."
        " Use it only where nobody else is logged in.\n"
    )
