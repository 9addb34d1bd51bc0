"""Where the outbox is: where it was, else the first place that this account can write."""

import contextlib
import logging
import os
import time
from pathlib import Path

from afcollect.no_outbox import NoOutbox
from afcollect.waiting import FILE_NAME
from usagedb import errors

logger = logging.getLogger(__name__)

SYSTEM_DIRECTORY = Path("/var/lib/afmetrics")
LOG_DIRECTORY = Path("/var/log/afmetrics")
NOT_HERE = (errors.RefusedError, errors.WriteError, errors.ConfigurationError)


def places(named=None):
    """Return the directories to try: the one that was named, else the usual ones."""
    if named:
        return [Path(named)]
    if os.geteuid() == 0:
        return [SYSTEM_DIRECTORY]
    base = os.environ.get("XDG_STATE_HOME", "")
    own = [Path(base) / "afmetrics"] if os.path.isabs(base) else []  # noqa: PTH117
    return [SYSTEM_DIRECTORY, *own, LOG_DIRECTORY]


def open_outbox(named=None):
    """Return the Outbox that this account has already, else one in the first place that it can
    write, else a NoOutbox.

    One that is there and cannot be used now is no reason to begin another: what waits would wait in
    two places. Why a place could not be used is logged.
    """
    from afcollect.outbox import Outbox

    found = places(named)
    own = [place for place in found if owner_of(place / FILE_NAME) == os.geteuid()]
    why: list = []
    for place in own[:1] or found:
        try:
            try:
                outbox = Outbox(place)
            except errors.DamagedError as error:
                put_away(place, error)
                outbox = Outbox(place)
        except NOT_HERE as error:
            why.append(str(error))
        else:
            logger.info("outbox: %s", outbox.path)
            return outbox
    logger.warning("there is no outbox, what is not sent now is lost: %s", "; ".join(why))
    return NoOutbox(is_instead=bool(own))


def put_away(place, error):
    """Give a damaged outbox another name, so that a new one can begin. Raises WriteError."""
    path = place / FILE_NAME
    kept = path.with_name(f"{FILE_NAME}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
    try:
        path.replace(kept)
        for end in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + end).replace(kept.with_name(kept.name + end))
    except OSError as failure:
        raise errors.WriteError(f"cannot rename {path}: {failure.strerror}") from None
    logger.warning("the outbox is damaged, and kept as %s: %s", kept, error)


def owner_of(path):
    """Return the account that a file belongs to, None if there is none that we can see."""
    try:
        return path.lstat().st_uid
    except OSError:
        return None


def existing_outbox(named=None):
    """Return the Outbox that is there already, or None.

    Raises RefusedError if this account may not use the only one that there is.
    """
    refused = None
    for place in places(named):
        try:
            if (place / FILE_NAME).exists():
                from afcollect.outbox import Outbox

                return Outbox(place)
        except (PermissionError, errors.RefusedError) as error:
            refused = refused or errors.RefusedError(str(error))
    if refused:
        raise refused
    return None
