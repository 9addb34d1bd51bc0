"""What a job asked for and got is read from TRES texts; no GPU is counted twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.slurm import tres

NAMES = {1001: "gres/gpu", 1002: "gres/gpu:a100", 1003: "gres/gpu:h100", 1004: "license/gpu"}
MAPS = st.dictionaries(st.integers(1, 9999), st.integers(0, 2**40), max_size=20)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (None, {}),
        ("", {}),
        (",", {}),
        ("1=8,2=32000", {1: 8, 2: 32000}),
        (",1=8,,4=1,", {1: 8, 4: 1}),
        ("1=8,3=18446744073709551614,4=1", {1: 8, 4: 1}),
        ("1=x,=2,3,cpu=4,2=-5,4=1", {4: 1}),
        ("11001=5,1001=2", {11001: 5, 1001: 2}),
    ],
)
def test_a_text_is_read(text, counts):
    assert tres.parse(text) == counts


@given(MAPS)
def test_what_slurm_writes_is_read_back(counts):
    assert tres.parse(",".join(f"{key}={count}" for key, count in counts.items())) == counts


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text):
    assert all(isinstance(count, int) for count in tres.parse(text).values())


def test_changing_what_was_read_does_not_change_the_next_reading():
    tres.parse("1=8")[1] = 9
    assert tres.parse("1=8") == {1: 8}


@pytest.mark.parametrize(
    ("counts", "gpus"),
    [
        ({}, {}),
        ({1: 4}, {}),
        ({1001: 2}, {"gpu": 2}),
        ({1001: 2, 1002: 2}, {"a100": 2}),
        ({1002: 2}, {"a100": 2}),
        ({1001: 3, 1002: 2, 1003: 1}, {"a100": 2, "h100": 1}),
        ({1001: 4, 1002: 2}, {"a100": 2, "gpu": 2}),
        ({1001: 0}, {}),
        ({1004: 7, 1009: 3}, {}),
    ],
)
def test_gpus_are_counted_once(counts, gpus):
    assert tres.gpus(counts, NAMES) == gpus


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8))
def test_there_are_as_many_gpus_as_the_larger_of_both_counts(untyped, first, second):
    counts = {1001: untyped, 1002: first, 1003: second}
    assert sum(tres.gpus(counts, NAMES).values()) == max(untyped, first + second)


def test_memory_is_in_bytes():
    assert tres.memory_bytes({2: 3}) == 3 * 1024 * 1024
    assert tres.memory_bytes({1: 3}) is None
