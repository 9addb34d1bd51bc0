"""Send what waits in an outbox, in order, and remove what was taken."""

import json
import logging
import random
import time

from afcollect.endpoint import NO_STATUS, Away, Stale
from afcollect.waiting import noted_if_possible
from usagedb import errors
from usagedb.dates import iso_time

logger = logging.getLogger(__name__)

TRIES = 3  # in one run
POISON_TRIES = 60  # in many runs: a document the endpoint cannot bear must not hold up all others
POISON_STATUS = (NO_STATUS, 500)  # a server that is down says so by others, or takes nothing
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 3600.0  # that an endpoint may ask for, of the runs that follow
RUN_SECONDS = 240.0  # below the five minutes until the next run, collecting included
LEAST_SECONDS = 40.0  # of sending, however long collecting took
LATE_SECONDS = 60.0  # after its collection a document says when that was
BATCH_DOCUMENTS = 500
BATCH_BYTES = 1 << 20
ENDPOINT_WAITS = "endpoint_waits"  # the state {endpoint: until when nothing is to be sent to it}
PLAIN_TYPE, LINES_TYPE = "application/json", "application/x-ndjson"


class Delivery:
    """One sending of all that waits."""

    def __init__(self, outbox, endpoint, token, newest_before=0, batch_format=None, started=None):
        """newest_before is the number of the last document that this run did not collect, started
        when it began, by time.monotonic."""
        self.outbox, self.endpoint, self.token = outbox, endpoint, token
        self.newest_before, self.batch_format = newest_before, batch_format
        self.sent = self.aside = 0
        self._suspects: list = []  # (document, reason), passed over in this run
        now = time.monotonic()
        self._deadline = max((started or now) + RUN_SECONDS, now + LEAST_SECONDS)

    def run(self):
        """Send until nothing waits.

        Raises UnavailableError, RefusedError or ConfigurationError when the endpoint takes no more:
        what it has not taken stays in the outbox.
        """
        self.endpoint.open()
        with self.outbox.sending():
            for group in self._groups():
                self._deliver(group)
            if self._suspects:  # none behind them has shown that they are at fault
                raise errors.UnavailableError(self._away(self._suspects[0][1]))

    def _groups(self):
        """Yield lists of documents that are sent in one post."""
        group: list = []
        size = 0
        for one in self.outbox.waiting():
            is_full = len(group) >= BATCH_DOCUMENTS or size + one.size > BATCH_BYTES
            if group and (not self.batch_format or is_full or one.kind != group[0].kind):
                yield group
                group, size = [], 0
            group.append(one)
            size += one.size
        if group:
            yield group

    def _deliver(self, group, is_single=False):
        """Send one group, alone or, if it is refused as a whole, one by one, each as itself."""
        if time.monotonic() > self._deadline:
            raise errors.UnavailableError(self._away("it is too slow for this run"))
        answer = self._post_until_answered(group, is_single)
        if answer.is_taken:
            self._remove(group)
            self._look_at_suspects()
        elif not (answer.is_hopeless or is_poison(group, answer)):
            self._not_now(answer)
        elif len(group) > 1:
            logger.info("%s: %d documents are sent one by one", answer, len(group))
            for one in group:
                self._deliver([one], is_single=True)
        elif self.batch_format and not is_single:
            self._deliver(group, is_single=True)
        elif answer.is_hopeless:
            self._set_aside(group[0], str(answer))
        else:
            self._suspects.append((group[0], str(answer)))

    def _remove(self, group):
        self.outbox.remove(group)
        self.sent += len(group)

    def _post_until_answered(self, group, is_single):
        """Post a group, again after pauses while the endpoint is busy or away; return the Answer.

        Raises UnavailableError when there is no connection.
        """
        is_again, tries = False, 0
        while True:
            asked_seconds, is_certain = 0.0, False
            try:
                answer = self.endpoint.post(*self._message(group, is_again, is_single))
            except Stale:
                is_again = True
                continue
            except Away as error:
                answer, problem, is_certain = None, str(error), error.is_certain
            else:
                if not answer.is_for_later:
                    return answer
                is_again, asked_seconds = True, answer.retry_after
                with noted_if_possible():
                    self.outbox.count_try(group)
            tries += 1
            if tries == TRIES or is_certain or asked_seconds > LONGEST_PAUSE_SECONDS:
                break
            self._pause(tries, asked_seconds)
        if not answer:
            raise errors.UnavailableError(self._away(problem))
        if asked_seconds > LONGEST_PAUSE_SECONDS:
            until = time.time() + min(asked_seconds, LONGEST_WAIT_SECONDS)
            with noted_if_possible():
                keep_wait(self.outbox, self.endpoint.shown, until)
        return answer

    def _pause(self, tries, asked_seconds):
        """Wait before the next try: longer each time, and never as long as other machines."""
        seconds = FIRST_PAUSE_SECONDS * 2 ** (tries - 1) * random.uniform(0.5, 1.5)  # noqa: S311
        seconds = min(max(seconds, asked_seconds), LONGEST_PAUSE_SECONDS)
        if time.monotonic() + seconds > self._deadline:
            raise errors.UnavailableError(self._away("it is too slow for this run"))
        time.sleep(seconds)

    def _away(self, why):
        return f"{self.endpoint.shown} takes nothing now: {why}: documents wait for the next run"

    def _look_at_suspects(self):
        """Send once more what was passed over, for the endpoint has taken another document since;
        set aside what it fails over all the same."""
        suspects, self._suspects = self._suspects, []
        for document, _reason in suspects:
            answer = self._post_until_answered([document], is_single=True)
            if answer.is_taken:
                self._remove([document])
            elif answer.is_hopeless or answer.status in POISON_STATUS:
                self._set_aside(document, str(answer))
            else:
                self._not_now(answer)

    def _set_aside(self, document, reason):
        logger.warning("a document of kind %s is set aside: %s", document.kind, reason)
        self.outbox.set_aside(document, reason)
        self.aside += 1

    def _not_now(self, answer):
        """Raise what an answer means that is neither yes nor no: all that waits goes on waiting."""
        if answer.is_for_later:
            raise errors.UnavailableError(self._away(str(answer)))
        if answer.status in (401, 403):
            raise errors.RefusedError(
                f"{self.endpoint.shown} refuses the token: {answer}: documents wait"
            )
        raise errors.ConfigurationError(
            f"{self.endpoint.shown} answers {answer}: check --url: documents wait"
        )

    def _message(self, group, is_again, is_single):
        """Return (body, content type) of a post."""
        documents = [self._document(one, is_again) for one in group]
        if is_single or not self.batch_format:
            return json.dumps(documents[0]).encode(), PLAIN_TYPE
        if self.batch_format == "ndjson":
            return "".join(json.dumps(one) + "\n" for one in documents).encode(), LINES_TYPE
        return json.dumps(documents).encode(), PLAIN_TYPE

    def _document(self, waiting, is_again):
        """Return a document as it is sent: one that is late, or sent again, says so."""
        document = {"token": self.token, **waiting.body}
        is_late = waiting.number <= self.newest_before or (
            time.time() - waiting.collected_at > LATE_SECONDS
        )
        if is_again or is_late or waiting.tries:
            document["collected_at"] = iso_time(waiting.collected_at, "seconds")
            document["document_id"] = waiting.document_id
        return document


def waits_until(state, shown, now):
    """Return until when an endpoint asked to be left alone, 0.0 if it did not; another one that was
    sent to before may have."""
    until = waits_of(state).get(shown, 0.0)
    return until if now < until <= now + LONGEST_WAIT_SECONDS else 0.0


def waits_of(state):
    """Return {endpoint: until when it asked to be left alone}; of one number, as an older release
    kept it, nobody knows which endpoint said it."""
    found = state.get(ENDPOINT_WAITS)
    return found if isinstance(found, dict) else {}


def keep_wait(outbox, shown, until):
    """Note until when an endpoint is to be left alone, 0.0 if no longer. Commits."""
    now = time.time()
    waits = {name: one for name, one in waits_of(outbox.state()).items() if one > now}
    waits[shown] = until
    outbox.keep_state(ENDPOINT_WAITS, {name: one for name, one in waits.items() if one})


def is_poison(group, answer):
    """Tell whether the endpoint failed over the same documents so often that they may be at
    fault."""
    return answer.status in POISON_STATUS and max(one.tries for one in group) >= POISON_TRIES
