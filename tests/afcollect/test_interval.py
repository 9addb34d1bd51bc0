"""Finished jobs are asked for since a time before which all are known, whatever clocks did."""

from hypothesis import given
from hypothesis import strategies as st

from afcollect import interval as module
from afcollect.interval import LONGEST_REACH_SECONDS, OVERLAP_SECONDS, boot_clock, interval

NOW = 1_769_000_000.0


def since(last, now, boot, seconds):
    """Return how far before `now` a run asks, besides the overlap, and what it leaves."""
    found, state = interval(last, now, (boot, seconds))
    return now - found - OVERLAP_SECONDS, state


def first(boot="a", seconds=100.0, at=NOW):
    """Return what a first run leaves."""
    return interval(None, at, (boot, seconds))[1]


def test_the_first_run_asks_for_the_last_minutes():
    found, state = interval(None, NOW, ("a", 5.0))
    assert found == NOW - module.FIRST_SECONDS
    assert state == {"at": NOW, "boot": "a", "seconds": 5.0, "ahead": 0.0, "first": 5.0}


def test_a_late_run_asks_since_the_last_one_in_the_same_boot_and_in_another():
    assert since(first(), NOW + 5000, "a", 5100.0)[0] == 5000
    assert since(first(), NOW + 5000, "b", 7.0)[0] == 5000


def test_a_clock_that_is_a_little_slow_was_not_set():
    back, state = since(first(), NOW + 320, "a", 400.0)
    assert (back, state["ahead"]) == (300, 0.0)


def test_behind_a_clock_that_was_set_forward_it_goes_back_as_far_until_it_is_set_back():
    back, ahead = since(first(), NOW + 300 + 86400, "a", 400.0)
    assert (back, ahead["ahead"]) == (300 + 86400, 86400)
    back, ahead = since(ahead, NOW + 600 + 86400, "a", 700.0)
    assert (back, ahead["ahead"]) == (300 + 86400, 86400)
    back, right = since(ahead, NOW + 900, "a", 1000.0)
    assert (back, right["ahead"]) == (300, 0.0)


def test_one_that_was_ahead_since_the_boot_goes_back_to_that_when_it_is_set_back():
    _back, booted = since(first(), NOW + 3600, "b", 10.0)
    _back, later = since(booted, NOW + 3900, "b", 310.0)
    back, right = since(later, NOW + 600, "b", 610.0)
    assert back == 300 + 600 and right["ahead"] == -3600
    assert since(right, NOW + 900, "b", 910.0)[0] == 300


def test_a_boot_forgets_that_a_clock_was_ahead_and_its_first_run_does_not():
    _back, ahead = since(first(), NOW + 300 + 86400, "a", 400.0)
    back, booted = since(ahead, NOW + 900, "b", 10.0)
    assert (back, booted["ahead"]) == (86400, 0.0)


@given(st.lists(st.tuples(st.floats(1, 1e4), st.floats(-1e9, 1e9), st.booleans()), max_size=8))
def test_no_clock_makes_it_ask_for_more_than_it_must(steps):
    state, at, seconds, boot = first(), NOW, 100.0, 0
    for elapsed, was_set, is_boot in steps:
        at, seconds, boot = at + elapsed + was_set, seconds + elapsed, boot + is_boot
        begin = min(at, state["at"]) if is_boot else at - elapsed
        found, state = interval(state, at, (str(boot) if boot else "a", seconds))
        assert begin - LONGEST_REACH_SECONDS - OVERLAP_SECONDS - 1 <= found
        assert found <= begin - OVERLAP_SECONDS + 1


def test_the_clock_of_this_machine_goes_on():
    (boot, before), (again, after) = boot_clock(), boot_clock()
    assert boot == again and 0 < before <= after
