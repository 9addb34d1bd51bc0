"""Try again what the database undid in favour of another connection, such as in a deadlock."""

import functools
import time

from django.db import OperationalError, connection

TRIES = 6
PAUSE_SECONDS = 0.05


def with_retries(function):
    """Return a function that is tried again after an OperationalError, a few times.

    For what may be done twice. Inside a transaction the first error is raised: all of that
    transaction would have to be tried again.
    """

    @functools.wraps(function)
    def retried(*arguments, **named):
        for attempt in range(1, TRIES + 1):
            try:
                return function(*arguments, **named)
            except OperationalError:
                if attempt == TRIES or connection.in_atomic_block:
                    raise
                connection.close_if_unusable_or_obsolete()  # then the next try connects anew
                time.sleep(PAUSE_SECONDS * attempt)
        raise AssertionError("unreachable")

    return retried
