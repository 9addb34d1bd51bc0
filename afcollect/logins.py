"""Who is logged in on this machine, and who was during the last five minutes."""

import datetime
import logging
import re

from afcollect.commands import output_of
from afcollect.failures import PartFailed

logger = logging.getLogger(__name__)

HISTORY_SECONDS = 300
TIMEOUT_SECONDS = 20.0
# Lines of last(1) that are no logins.
NO_USERS = {"reboot", "shutdown", "runlevel", "wtmp", "btmp", "boot"}
# The first time of a line of `last --time-format iso`: the login.
LOGIN_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[+-]\d\d:?\d\d)?")


def present(ask=output_of):
    """Return the names of all who are logged in now, sorted; ask runs a program as output_of does.

    Raises PartFailed.
    """
    try:
        import psutil

        names = {session.name for session in psutil.users()}
    except (ImportError, OSError, RuntimeError) as error:
        logger.info("psutil cannot tell who is logged in: %s", error)
        names = set()
    # Without utmp, as on the newest systems, only who(1) knows, which asks logind.
    return sorted(filter(None, names or names_in(ask(["who"], TIMEOUT_SECONDS))))


def names_in(text):
    """Return the first word of each line."""
    return {line.split()[0] for line in text.splitlines() if line.strip()}


def recent(now, ask=output_of):
    """Return the names of all who logged in within the five minutes before `now` (seconds since the
    epoch), sorted. Raises PartFailed."""
    since = datetime.datetime.fromtimestamp(now - HISTORY_SECONDS)
    command = [
        "last", "--fullnames", "--time-format", "iso", "--since", f"{since:%Y-%m-%d %H:%M:%S}",
    ]  # fmt: skip
    names = set()
    for line in ask(command, TIMEOUT_SECONDS).splitlines():
        words = line.split()
        found = LOGIN_TIME.search(line)
        if found and words[0] not in NO_USERS and login_second(found[0]) >= now - HISTORY_SECONDS:
            names.add(words[0])
    return sorted(names)


def login_second(text):
    """Return a time of last(1) as seconds since the epoch."""
    text = re.sub(r"([+-]\d\d):?(\d\d)$", r"\1:\2", text)
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise PartFailed(f"last: {text} is no time") from None
