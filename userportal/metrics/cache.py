"""Answers kept for a while in bounded memory; of equal questions asked at once, one is asked."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass

from usagedb.errors import UnavailableError
from userportal.metrics.series import Series

MOST_POINTS = 1_000_000  # kept altogether: about 60 MB
SERIES_COST = 40  # points whose memory is about that of one series' labels
LARGEST_SHARE = 4  # an answer of more than this part of the memory is not kept

Answer = list[Series]


@dataclass(frozen=True)
class Kept:
    """An answer, its cost in points, and until when it is good."""

    answer: Answer
    cost: int
    until: float


class AnswerCache:
    """Answers by question; safe to use from several threads."""

    def __init__(
        self, most_points: int = MOST_POINTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start empty; the clock counts seconds."""
        self._most_points = most_points
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._points = 0
        self._under_way: dict[Hashable, Future[Answer]] = {}

    def answer(self, question: Hashable, ask: Callable[[], Answer], keep_seconds: float) -> Answer:
        """Return the answer that is kept, or that another thread waits for, or that of `ask()`.

        What `ask` raises is not kept; every thread that waited for it raises it.
        """
        with self._lock:
            kept = self._fresh(question)
            if kept is not None:
                return kept.answer
            future = self._under_way.get(question)
            if future is None:
                mine: Future[Answer] = Future()
                self._under_way[question] = mine
        if future is not None:
            return future.result()
        return self._ask(question, ask, keep_seconds, mine)

    def _ask(
        self,
        question: Hashable,
        ask: Callable[[], Answer],
        keep_seconds: float,
        future: Future[Answer],
    ) -> Answer:
        """Ask, keep the answer, and wake the threads that wait for the same."""
        try:
            answer = ask()
        except BaseException as error:
            self._forget(question)
            expected = isinstance(error, Exception)
            future.set_exception(error if expected else UnavailableError("a query was cut short"))
            raise
        self._keep(question, answer, keep_seconds)
        future.set_result(answer)
        return answer

    def _fresh(self, question: Hashable) -> Kept | None:
        """Return what is kept and still good, now the most recently used; the lock is held."""
        kept = self._kept.get(question)
        if kept is None:
            return None
        if kept.until <= self._clock():
            self._remove(question)
            return None
        self._kept.move_to_end(question)
        return kept

    def _keep(self, question: Hashable, answer: Answer, keep_seconds: float) -> None:
        """Keep an answer, in the place of those that were used the longest time ago."""
        points = sum(len(series.values) for series in answer)
        cost = points + SERIES_COST * (len(answer) + 1)
        with self._lock:
            del self._under_way[question]
            if keep_seconds <= 0 or cost * LARGEST_SHARE > self._most_points:
                return
            if question in self._kept:
                self._remove(question)
            self._kept[question] = Kept(answer, cost, self._clock() + keep_seconds)
            self._points += cost
            while self._points > self._most_points:
                self._remove(next(iter(self._kept)))

    def _remove(self, question: Hashable) -> None:
        self._points -= self._kept.pop(question).cost

    def _forget(self, question: Hashable) -> None:
        with self._lock:
            del self._under_way[question]
