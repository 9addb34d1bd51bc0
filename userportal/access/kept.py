"""Keep answers of a slow source for some time."""

import threading
import time

from usagedb import errors

MOST_KEPT = 10_000
RETRY_SECONDS = 10.0  # a source that was away is not asked again for a kept answer before


class Kept:
    """Answers by key; used by many threads at once. An answer of None is kept as well."""

    def __init__(self, seconds, away_seconds=0.0, most=MOST_KEPT, clock=time.monotonic):
        """Keep for `seconds`; for `away_seconds` in place of an UnavailableError."""
        self.seconds, self.away_seconds, self.most, self.clock = seconds, away_seconds, most, clock
        self._answers = {}  # key -> (answer, when it was given, when to ask again)
        self._lock = threading.Lock()

    def get(self, key, ask):
        """Return the kept answer for a key, else that of ask(), which may raise anything."""
        now = self.clock()
        with self._lock:
            kept = self._answers.get(key)
        if kept and now < kept[2]:
            return kept[0]
        try:
            answer = ask()
        except errors.UnavailableError:
            if not kept or now >= kept[1] + self.away_seconds:
                raise
            self._keep(key, (kept[0], kept[1], now + RETRY_SECONDS))
            return kept[0]
        self._keep(key, (answer, now, now + self.seconds))
        return answer

    def forget(self):
        """Forget all answers."""
        with self._lock:
            self._answers.clear()

    def _keep(self, key, kept):
        with self._lock:
            self._answers.pop(key, None)
            while len(self._answers) >= self.most:
                del self._answers[next(iter(self._answers))]  # the oldest
            self._answers[key] = kept
