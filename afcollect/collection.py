"""What a run collects, on its way into the outbox."""

import logging
import time

from afcollect.collect import Collector
from afcollect.no_outbox import NoOutbox
from afcollect.waiting import noted_if_possible
from usagedb import errors

logger = logging.getLogger(__name__)

# Kinds of documents that say what was since the last run: without a note of this run the next one
# would say the same again, and more.
SINCE_LAST_RUN = ("NETWORK",)


class Collection:
    """One collecting: each piece is stored as soon as it is there."""

    def __init__(self, settings, known, outbox, run_number=0):
        """known is the outbox of earlier runs, which may be full: then documents go to another."""
        self.known, self.outbox, self.run_number = known, outbox, run_number
        self.held = NoOutbox()  # what the outbox could not take
        self.started = time.monotonic()
        self.newest_before = outbox.last_number()
        self.stored = self.dropped = 0
        self.collector = Collector(settings, time.time(), known.state(), known.reported)

    def run(self):
        """Collect, and store each piece as soon as it is there; return the exit status."""
        status = 0
        for piece in self.collector.pieces():
            status = tell(piece.failures) or status
            status = self._store(piece) or status
        return status

    def drop_oldest(self, most_documents):
        """Drop what is too much, after all was sent that could be; return the exit status."""
        with noted_if_possible():
            self.dropped = self.outbox.drop_oldest(most_documents)
        if not self.dropped:
            return 0
        logger.warning("the outbox is full: the %d oldest documents were dropped", self.dropped)
        return errors.PARTLY

    def _store(self, piece):
        documents, now = [document for _part, document in piece.documents], time.time()
        if piece.found_jobs and not self.outbox.remembers(self.known):
            logger.warning("finished jobs are left to a run that can note them")
            return errors.PARTLY
        if not self.outbox.remembers(self.known):
            documents = without_counts(documents)
        try:
            self.outbox.add(documents, now, piece.state, piece.found_jobs, self.run_number)
        except errors.WriteError as error:
            logger.warning("not in the outbox, what is not sent now is lost: %s", error)
            if not piece.found_jobs:  # else a later run finds them again
                self.held.add(without_counts(documents), now, piece.state)
            return errors.PARTLY
        self.stored += len(documents)
        return 0


def without_counts(documents):
    """Return the documents that can be sent by a run of which nothing is noted."""
    left = [one for one in documents if one["kind"] not in SINCE_LAST_RUN]
    if len(left) < len(documents):
        logger.info("network: the next run that can be noted says what this one does not")
    return left


def tell(failures):
    """Say what failed, a line each; return the exit status."""
    for failure in failures:
        logger.warning("%s", failure)
    return errors.PARTLY if failures else 0
