"""What waits, wherever it is held."""

import contextlib
import logging
from typing import NamedTuple

from usagedb import errors

logger = logging.getLogger(__name__)

FILE_NAME = "outbox.db"


class Waiting(NamedTuple):
    """A document that waits."""

    number: int
    document_id: str
    kind: str
    collected_at: float  # seconds since the epoch
    body: dict
    size: int  # of the body, bytes
    tries: int


@contextlib.contextmanager
def noted_if_possible():
    """Note in the block what can be done without, where a disk is full."""
    try:
        yield
    except errors.WriteError as error:
        logger.info("not noted: %s", error)
