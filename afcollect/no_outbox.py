"""Where no place is writable: documents are held in memory, and one run at a time."""

import contextlib
import errno
import json
import logging
import os
import socket
import struct
import time
import uuid

from afcollect.waiting import Waiting
from usagedb import errors

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
ATTEMPTS = 5
MOST_ASKING = 4096  # nobody answers them, but the kernel tells them who holds the name
CREDENTIALS = "3i"  # of struct ucred, socket(7): process, user, group


class NoOutbox:
    """Holds the documents of one run; what an Outbox does, as far as memory can."""

    def __init__(self, is_instead=False):
        """is_instead: there is an outbox, which cannot be used now."""
        self._is_instead = is_instead
        self._documents: dict = {}
        self._last_number = self._aside = 0

    def add(self, documents, now, _state, _found_jobs=(), _run_number=0):
        """Hold documents as long as this process lives."""
        for one in documents:
            self._last_number += 1
            self._documents[self._last_number] = Waiting(
                self._last_number, str(uuid.uuid4()), one["kind"], now, one, len(json.dumps(one)), 0
            )

    def state(self):
        """Return what is known of earlier runs: nothing."""
        return {}

    def remembers(self, known):
        """Tell whether finished jobs may be sent: no outbox knows of earlier ones, nor will."""
        return known is self and not self._is_instead

    def reported(self, _batch_system, _ends):
        """Return which of some finished jobs were reported, as far as anybody knows: none."""
        return set()

    def last_number(self):
        """Return the number of the newest document of earlier runs: there is none."""
        return 0

    def drop_oldest(self, _most_documents):
        """Drop nothing: a run has no old documents. Returns 0."""
        return 0

    def waiting(self):
        """Yield all documents."""
        yield from list(self._documents.values())

    @contextlib.contextmanager
    def sending(self):
        """Do nothing."""
        yield

    def remove(self, documents):
        """Forget documents."""
        for one in documents:
            del self._documents[one.number]

    def count_try(self, documents):
        """Do nothing: there is no later run that could know."""

    def keep_state(self, name, value):
        """Do nothing: there is no later run that could know."""

    def set_aside(self, document, _reason):
        """Forget a document, which no later run could send either."""
        del self._documents[document.number]
        self._aside += 1

    def counts(self):
        """Return (documents that were not sent, documents that never would have been taken)."""
        return len(self._documents), self._aside

    def close(self):
        """Do nothing."""


@contextlib.contextmanager
def only_process(name, wait_seconds=0.0):
    """Let one process of this account at a time into the block, without a file: it holds a name of
    the kernel's (unix(7), abstract sockets).

    Raises UnavailableError when another still holds it after wait_seconds. That another account
    holds it is no reason not to run.
    """
    address = f"\0hpcusage-{name}-{os.geteuid()}"
    deadline = time.monotonic() + wait_seconds
    with socket.socket(socket.AF_UNIX) as holder:
        if is_stranger(holder, address):
            logger.warning("another account holds the lock of %s: it is not heeded", name)
        else:
            while not is_bound(holder, address):
                if time.monotonic() >= deadline:
                    raise errors.UnavailableError(
                        f"another {name} is running: try again later, or wait with --wait SECONDS"
                    )
                time.sleep(POLL_SECONDS)
        yield


def is_bound(holder, address):
    """Take a name if it is free, and tell whether this process has it."""
    try:
        holder.bind(address)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EINVAL):
            raise
        return error.errno == errno.EINVAL  # bound before
    holder.listen(MOST_ASKING)
    return True


def is_stranger(holder, address):
    """Take a name if it is free; tell whether it is no process of this account that holds it."""
    for _attempt in range(ATTEMPTS):  # a holder may be about to listen, or to end
        if is_bound(holder, address):
            return False
        owner = owner_of(address)
        if owner is not None:
            return owner != os.geteuid()
        time.sleep(POLL_SECONDS)
    return True


def owner_of(address):
    """Return the account whose process holds a name; None if nobody answers there."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(POLL_SECONDS)
        try:
            asking.connect(address)
            size = struct.calcsize(CREDENTIALS)
            found = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        except OSError:
            return None
    return struct.unpack(CREDENTIALS, found)[1]
