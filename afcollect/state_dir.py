"""Where the outbox is: the first place that this account can write."""

import logging
import os
from pathlib import Path

from afcollect.outbox import FILE_NAME, NoOutbox, Outbox
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
    """Return the Outbox of the first place that can be written, or a NoOutbox.

    Why a place could not be used is logged.
    """
    why: list = []
    for place in places(named):
        try:
            outbox = Outbox(place)
        except NOT_HERE as error:
            why.append(str(error))
        else:
            logger.info("outbox: %s", outbox.path)
            return outbox
    logger.warning("there is no outbox, what is not sent now is lost: %s", "; ".join(why))
    return NoOutbox()


def existing_outbox(named=None):
    """Return the Outbox that is there already, or None.

    Raises RefusedError if this account may not use the only one that there is.
    """
    refused = None
    for place in places(named):
        try:
            if (place / FILE_NAME).exists():
                return Outbox(place)
        except (PermissionError, errors.RefusedError) as error:
            refused = refused or errors.RefusedError(str(error))
    if refused:
        raise refused
    return None
