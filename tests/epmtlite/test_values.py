"""Metrics of threads as text, and their sums."""

from hypothesis import given
from hypothesis import strategies as st

from epmtlite import values

NUMBER = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.integers(0, 5).flatmap(lambda n: st.lists(st.tuples(*[NUMBER] * n), min_size=1)))
def test_what_is_written_is_read(threads):
    text = values.text_of(threads)
    count = len(threads[0])
    assert values.threads_of(text, count) == (threads if count else [])


def test_sums_leave_out_what_is_no_quantity():
    names = ("usertime", "num_threads", "starttime", "rssmax")
    assert values.sums_of(names, [(1, 1, 5, 10), (2, 1, 6, 20)]) == {"usertime": 3, "rssmax": 30}


def test_cycles_that_cannot_be_are_minus_one_in_sums_and_threads():
    names = ("usertime", "rdtsc_duration")
    assert values.sums_of(names, [(1, 5), (2, -7)])["rdtsc_duration"] == -1
    assert values.sums_of(names, [(1, 0)])["rdtsc_duration"] == -1
    assert [one["rdtsc_duration"] for one in values.thread_dicts(names, [(1, 5), (2, -7)])] == [
        -1, -1,
    ]  # fmt: skip
    assert values.thread_dicts(names, [(1, 5)]) == [{"usertime": 1, "rdtsc_duration": 5}]


def test_what_nobody_knows_is_not_added_up():
    assert values.known_sum((3, -1, 4)) == 7
    assert values.known_sum((-1, -1)) == -1
    assert values.sums_of(("syscr", "rssmax"), [(-1, 10), (-1, -1)]) == {"syscr": -1, "rssmax": 10}
    totals = {"syscr": 5}
    values.add_known(totals, [("syscr", -1), ("rssmax", -1), ("majflt", 0)])
    assert totals == {"syscr": 5, "majflt": 0}
