"""Answers are kept for their time, within bounded memory, and asked once."""

import sys
import threading

import pytest

from tests.services import wait_until
from usagedb.errors import UnavailableError
from userportal.metrics.cache import SERIES_COST, AnswerCache
from userportal.metrics.series import Series


def answer(points, name="x"):
    return [Series({"name": name}, [float(n) for n in range(points)], [0.0] * points)]


def never():
    raise AssertionError("asked again")


def test_an_answer_is_kept_for_its_time_alone():
    now = [100.0]
    cache = AnswerCache(clock=lambda: now[0])
    cache.answer("q", lambda: answer(1), 30)
    now[0] = 129.9
    assert cache.answer("q", never, 30) == answer(1)
    now[0] = 130.0
    assert cache.answer("q", lambda: answer(2), 30) == answer(2)


def test_the_answers_used_longest_ago_make_room():
    cost = 100 + 2 * SERIES_COST
    cache = AnswerCache(most_points=5 * cost)
    for number in range(5):
        cache.answer(number, lambda: answer(100), 30)
    cache.answer(0, never, 30)
    cache.answer(5, lambda: answer(100), 30)
    for number in (0, 2, 3, 4, 5):
        cache.answer(number, never, 30)
    with pytest.raises(AssertionError, match="asked again"):
        cache.answer(1, never, 30)


def test_a_very_large_answer_is_not_kept():
    cache = AnswerCache(most_points=1000)
    cache.answer("small", lambda: answer(10), 30)
    cache.answer("large", lambda: answer(900), 30)
    cache.answer("small", never, 30)
    assert cache.answer("large", lambda: answer(1), 30) == answer(1)


def waits(thread):
    """Tell whether a thread waits for the answer of another."""
    frame = sys._current_frames().get(thread.ident)
    while frame is not None:
        if frame.f_code.co_name == "result":
            return True
        frame = frame.f_back
    return False


@pytest.mark.parametrize("fails", [False, True])
def test_equal_questions_at_once_are_asked_once(fails):
    cache, found = AnswerCache(), []

    def ask_again():
        try:
            found.append(cache.answer("q", never, 0))
        except UnavailableError as error:
            found.append(error)

    threads = [threading.Thread(target=ask_again) for _number in range(5)]

    def ask():
        for thread in threads:
            thread.start()
        wait_until(lambda: all(map(waits, threads)), "the others to wait")
        if fails:
            raise UnavailableError("away")
        return answer(3)

    if fails:
        with pytest.raises(UnavailableError):
            cache.answer("q", ask, 0)
    else:
        assert cache.answer("q", ask, 0) == answer(3)
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert all(isinstance(each, UnavailableError) if fails else each == answer(3) for each in found)


def test_a_thread_that_is_cut_short_leaves_no_one_waiting():
    cache = AnswerCache()

    def ask():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.answer("q", ask, 30)
    assert cache.answer("q", lambda: answer(1), 30) == answer(1)
