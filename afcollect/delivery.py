"""Send what waits in an outbox, in order, and remove what was taken."""

import datetime
import json
import logging
import random
import time

from afcollect.endpoint import Away
from usagedb import errors

logger = logging.getLogger(__name__)

TRIES = 3  # in one run
POISON_TRIES = 60  # in many runs: a document the endpoint cannot bear must not hold up all others
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
RUN_SECONDS = 240.0  # below the five minutes until the next run, collecting included
LEAST_SECONDS = 40.0  # of sending, however long collecting took
BATCH_DOCUMENTS = 500
BATCH_BYTES = 1 << 20
CONTENT_TYPES = {"array": "application/json", "ndjson": "application/x-ndjson"}


class Delivery:
    """One sending of all that waits."""

    def __init__(self, outbox, endpoint, token, newest_before=0, batch_format=None, started=None):
        """newest_before is the number of the last document that this run did not collect, started
        when it began, by time.monotonic."""
        self.outbox, self.endpoint, self.token = outbox, endpoint, token
        self.newest_before, self.batch_format = newest_before, batch_format
        self.sent = self.aside = 0
        now = time.monotonic()
        self._deadline = max((started or now) + RUN_SECONDS, now + LEAST_SECONDS)

    def run(self):
        """Send until nothing waits.

        Raises UnavailableError, RefusedError or ConfigurationError when the endpoint takes no more:
        what it has not taken stays in the outbox.
        """
        with self.outbox.sending():
            for group in self._groups():
                self._deliver(group)

    def _groups(self):
        """Yield lists of documents that are sent in one post."""
        group: list = []
        size = 0
        for one in self.outbox.waiting():
            length = len(json.dumps(one.body))
            is_full = len(group) >= BATCH_DOCUMENTS or size + length > BATCH_BYTES
            if group and (not self.batch_format or is_full or one.kind != group[0].kind):
                yield group
                group, size = [], 0
            group.append(one)
            size += length
        if group:
            yield group

    def _deliver(self, group):
        """Send one group, alone or, if it is refused as a whole, one by one."""
        if time.monotonic() > self._deadline:
            raise errors.UnavailableError(self._away("it is too slow for this run"))
        answer = self._post_until_answered(group)
        if answer.is_taken:
            self.outbox.remove(group)
            self.sent += len(group)
        elif not (answer.is_hopeless or is_poison(group, answer)):
            self._not_now(answer)
        elif len(group) > 1:
            logger.info("%s: %d documents are sent one by one", answer, len(group))
            for one in group:
                self._deliver([one])
        else:
            self._set_aside(group[0], str(answer))

    def _post_until_answered(self, group):
        """Post a group, again after pauses while the endpoint is busy or away; return the Answer.

        Raises UnavailableError when no answer comes.
        """
        for attempt in range(1, TRIES + 1):
            answer, problem, is_certain = None, "", False
            try:
                answer = self.endpoint.post(self._body(group, attempt), self._content_type(group))
            except Away as error:
                problem, is_certain = str(error), error.is_certain
            if answer and not answer.is_for_later:
                return answer
            self.outbox.count_try(group)
            asked = answer.retry_after if answer else 0.0
            if attempt == TRIES or is_certain or asked > LONGEST_PAUSE_SECONDS:
                break
            self._pause(attempt, asked)
        if answer and answer.status >= 500:
            return answer
        raise errors.UnavailableError(self._away(str(answer) if answer else problem))

    def _pause(self, attempt, asked_seconds):
        """Wait before the next try: longer each time, and never as long as other machines."""
        seconds = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311
        seconds = min(max(seconds, asked_seconds), LONGEST_PAUSE_SECONDS)
        if time.monotonic() + seconds > self._deadline:
            raise errors.UnavailableError(self._away("it is too slow for this run"))
        time.sleep(seconds)

    def _away(self, why):
        return f"{self.endpoint.shown} takes nothing now: {why}: documents wait for the next run"

    def _set_aside(self, document, reason):
        logger.warning("a document of kind %s is set aside: %s", document.kind, reason)
        self.outbox.set_aside(document, reason)
        self.aside += 1

    def _not_now(self, answer):
        """Raise what an answer means that is neither yes nor no: all that waits goes on waiting."""
        if answer.status >= 500:
            raise errors.UnavailableError(self._away(str(answer)))
        if answer.status in (401, 403):
            raise errors.RefusedError(
                f"{self.endpoint.shown} refuses the token: {answer}: documents wait"
            )
        raise errors.ConfigurationError(
            f"{self.endpoint.shown} answers {answer}: check --url: documents wait"
        )

    def _content_type(self, group):
        return CONTENT_TYPES[self.batch_format] if self.batch_format else CONTENT_TYPES["array"]

    def _body(self, group, attempt):
        documents = [self._document(one, attempt) for one in group]
        if self.batch_format == "ndjson":
            return "".join(json.dumps(one) + "\n" for one in documents).encode()
        return json.dumps(documents if self.batch_format else documents[0]).encode()

    def _document(self, waiting, attempt):
        """Return a document as it is sent: one that is late, or sent again, says so."""
        document = {"token": self.token, **waiting.body}
        if attempt > 1 or waiting.tries or waiting.number <= self.newest_before:
            document["collected_at"] = iso_time(waiting.collected_at)
            document["document_id"] = waiting.document_id
        return document


def is_poison(group, answer):
    """Tell whether the endpoint failed over the same documents so often that they may be at fault.

    A server that is down says so by other numbers, or by none.
    """
    return answer.status == 500 and max(one.tries for one in group) >= POISON_TRIES


def iso_time(seconds):
    """Return seconds since the epoch as ISO 8601, UTC."""
    found = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")
