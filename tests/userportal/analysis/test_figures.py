"""Arithmetic with what is unknown, and the memory that is suggested."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.analysis import figures

GIB = 2**30


@pytest.mark.parametrize(
    ("used_gib", "suggested"),
    [(0, 1), (9, 11), (26, 35), (90, 110), (900, 1100), (2600, 3200), (0.1, 1), (25, 30), (5, 6)],
)
def test_the_suggested_memory_is_a_round_number_above_the_use(used_gib, suggested):
    assert figures.suggested_memory_gib(used_gib * GIB) == suggested


@given(st.floats(0, 1e6))
def test_the_suggested_memory_is_never_less_than_a_fifth_above_the_use(used_gib):
    assert figures.suggested_memory_gib(used_gib * GIB) >= 1.2 * used_gib - 1e-6


@pytest.mark.parametrize("value", [None, -1, math.nan, "9"])
def test_without_a_use_no_memory_is_suggested(value):
    assert figures.suggested_memory_gib(value) is None


@pytest.mark.parametrize(
    ("used", "total", "fault", "part"),
    [
        (1, 4, None, 0.25),
        (0, 4, None, 0),
        (4.04, 4, None, 1),
        (4.2, 4, figures.ABOVE, None),
        (1, 0, figures.ZERO, None),
        (0, 0, figures.ZERO, None),
        (None, 4, figures.MISSING, None),
        (1, None, figures.MISSING, None),
        (-1, 4, figures.MISSING, None),
        (math.nan, 4, figures.MISSING, None),
        (10**400, 4, figures.MISSING, None),
    ],
)
def test_a_part_is_known_or_it_is_known_why_not(used, total, fault, part):
    assert figures.fault(used, total) == fault
    assert figures.part(used, total) == part


def test_a_spread_is_how_far_the_lowest_stays_behind():
    assert figures.spread([4, 1, 2]) == 0.75
    assert figures.spread([0, 0]) == 0
    assert figures.spread([4]) is None
    assert figures.spread([4, None]) is None


def test_one_unknown_makes_a_sum_unknown():
    assert figures.total([1, 2]) == 3
    assert figures.total([1, None]) is None
    assert figures.total([]) is None
    assert figures.mean([1, 2]) == 1.5
    assert figures.product(None, 1) is None
    assert figures.quotient(1, 0) is None
