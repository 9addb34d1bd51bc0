"""Lanes: what ran at the same time is never in one, and everything is in some."""

from hypothesis import given
from hypothesis import strategies as st

from epmtlite.plot.lanes import packed, packed_by_host

SPANS = st.lists(
    st.tuples(st.integers(-50, 1000), st.integers(0, 300)).map(lambda one: (one[0], sum(one)))
).map(sorted)


@given(SPANS)
def test_no_lane_has_two_at_once(spans):
    lanes = packed(spans)
    assert len(lanes) == len(spans)
    for lane in set(lanes):
        members = [span for span, its_lane in zip(spans, lanes) if its_lane == lane]
        for (start, end), (next_start, _next_end) in zip(members, members[1:]):
            assert next_start >= max(end, start + 1)


@given(SPANS)
def test_no_more_lanes_than_ran_at_once(spans):
    lanes = packed(spans)
    ends = [max(end, start + 1) for start, end in spans]
    most = max(
        (sum(start <= moment < end for (start, _), end in zip(spans, ends)) for moment, _ in spans),
        default=0,
    )
    assert sorted(set(lanes)) == list(range(most))


@given(SPANS, st.data())
def test_hosts_do_not_share_lanes(spans, data):
    count = len(spans)
    hosts = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    lanes = packed_by_host(hosts, spans)
    for host in set(hosts):
        own = [place for place in range(count) if hosts[place] == host]
        assert [lanes[place] for place in own] == packed([spans[place] for place in own])


def test_a_lane_is_used_again():
    assert packed([(0, 10), (5, 6), (6, 20), (10, 11), (10, 12)]) == [0, 1, 1, 0, 2]


def test_two_of_one_moment_are_beside_each_other():
    assert packed([(3, 3), (3, 3)]) == [0, 1]
