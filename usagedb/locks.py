"""One loader per command and database: an advisory lock that saves work."""

import contextlib
import time

from usagedb import errors

POLL_SECONDS = 0.2


@contextlib.contextmanager
def only_one(database, name, wait_seconds=0.0):
    """Hold the lock `name` of this database during the block.

    Raises UnavailableError when another run still holds it after wait_seconds.
    """
    deadline = time.monotonic() + wait_seconds
    while not database.dialect.lock(database, name):
        if time.monotonic() >= deadline:
            raise errors.UnavailableError(
                f"another {name} is running on {database.config.describe()}:"
                " try again later, or wait with --wait SECONDS"
            )
        time.sleep(POLL_SECONDS)
    database.held_locks.append(name)
    try:
        yield
    finally:
        database.held_locks.remove(name)
        with contextlib.suppress(errors.UsageDBError):  # a lost session has lost its lock too
            database.dialect.unlock(database, name)
