"""Blocks of lines are counted as the same lines one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmodtrack import logtally, tally
from lmodtrack.logtally import LogTally
from tests.lmodtrack.logs import START, log_of, make_loads
from tests.lmodtrack.test_record import counts_of, rules

LINE = (
    "Jan  1 00:00:00 h ModuleUsageTracking: user={user} module={module} path=/m/{module}.lua"
    " host={host} time={time:.6f}{extra}\n"
)


def line(user="ann", module="gcc/1", host="a.b.c", time=START, extra=""):
    return LINE.format(user=user, module=module, host=host, time=time, extra=extra).encode()


def both(block, **changes):
    """Return two tallies of a block, the second made line by line."""
    fast, slow = LogTally(rules(**changes)), LogTally(rules(**changes))
    fast.add_block(block, 1)
    for number, one in enumerate(block.split(b"\n")[:-1], 1):
        slow.add_line(one, number)
    slow.totals.lines = fast.totals.lines
    return fast, slow


def assert_same(block, **changes):
    fast, slow = both(block, **changes)
    assert counts_of(fast) == counts_of(slow)
    assert fast.totals == slow.totals
    assert sorted(named(fast)) == sorted(named(slow))
    return fast


def named(counted):
    """Return the single loads of a tally with their names in place of keys."""
    for number, item, time, key, *rest in counted.single_loads:
        spot, user, module = tally.split_key(key)
        day, cluster = counted.spots.values[spot]
        names = counted.users.values[user], counted.modules.values[module]
        yield (number, item, time, day.number, counted.clusters.values[cluster][0], *names, *rest)


@pytest.mark.parametrize(
    "odd",
    [
        line(user='"ann"'), line(user="a" * 300), line(module="m" * 300), line(host="'a.b'"),
        line(time=10), line(time=9_999_999_999), line(extra=" userload=maybe"),
        line(extra=" userload=yesterday"), line(extra=" jobid=1[2]"), line(extra=" other=1"),
        line(extra=" jobid=" + "7" * 65), line().replace(b"path=", b"way="), b"\n", b"nonsense\n",
        b"x message repeated 3 times: [" + line(extra=" jobid=17").rstrip() + b"]\n",
        b"x message repeated 3 times: [" + line().rstrip() + b"]\n",
    ],
)  # fmt: skip
def test_an_odd_line_among_usual_ones_counts_as_by_itself(odd):
    usual = line(extra=" userload=yes jobid=4711") + line(user="bob", extra=" userload=no")
    counted = assert_same(usual + odd + line(), keep_loads=True)
    assert counted.totals.lines == 4 and counted.totals.loads >= 3


def test_the_loads_of_a_repeated_message_are_never_taken_for_one():
    header, tag, message = line(extra=" jobid=17").rstrip().partition(b"ModuleUsageTracking:")
    repeated = header + tag + b" message repeated 3 times: [" + message + b"]\n"
    assert assert_same(repeated).totals.loads == 3


@given(
    st.lists(
        st.builds(
            line,
            user=st.sampled_from(["ann", "bob"]),
            module=st.sampled_from(["gcc/1", "cmake/3", "settarg"]),
            host=st.sampled_from(["a.b.c", "d", "e.f"]),
            time=st.integers(-40 * 4, 90 * 4).map(lambda quarter: START + quarter * 21600.0),
            extra=st.sampled_from(["", " userload=yes", " userload=no jobid=1", " jobid=2"]),
        ),
        max_size=60,
    ),
    st.booleans(),
)
@settings(max_examples=60)
def test_any_order_of_days_hosts_and_users_counts_the_same(lines, user_loads_only):
    import re

    assert_same(
        b"".join(lines), keep_loads=True, user_loads_only=user_loads_only,
        ignore=(re.compile("settarg"),),
    )  # fmt: skip


def test_what_was_taken_is_kept_while_counting_goes_on():
    counting = LogTally(rules())
    loads = make_loads(200)
    counting.add_block(log_of(loads[:100]), 1)
    first = counting.take()
    counting.add_block(log_of(loads[100:]), 101)
    second = counting.take()
    assert first.totals.loads == second.totals.loads == 100
    assert sum(count[2] for count in first.counts.values()) == 100
    assert counting.counts == {} and counting.totals.lines == 0


@pytest.mark.parametrize("size_bytes", [65535, 65536, 65537, 98304, 131072])
def test_a_line_is_too_long_wherever_it_stands(size_bytes):
    usual = line()
    long = usual.rjust(size_bytes + 1, b"x")
    for before in (b"", usual * 3, usual * 700):
        counted = assert_same(before + long + usual)
        assert counted.totals.rejected == (size_bytes > 65536)


def test_names_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(logtally, "MAX_REMEMBERED", 10)
    monkeypatch.setattr(tally, "MAX_REMEMBERED", 10)
    counting = LogTally(rules())
    for part in range(5):
        block = b"".join(line(user=f"user{part}-{number}") for number in range(20))
        counting.add_block(block, 1)
        taken = counting.take()
        assert len(taken.counts) == 20 and len(taken.users) == 20
    assert counting.users.values == []


@pytest.mark.parametrize("name", ["user", "module", "host"])
def test_names_of_any_kind_are_forgotten_when_there_are_too_many(monkeypatch, name):
    monkeypatch.setattr(logtally, "MAX_REMEMBERED", 10)
    monkeypatch.setattr(tally, "MAX_REMEMBERED", 10)
    counting = LogTally(rules())
    for part in range(5):
        counting.add_block(b"".join(line(**{name: f"n{part}-{n}"}) for n in range(20)), 1)
        assert counting.has_many_names()
        assert len(counting.take().counts) == 20
    kinds = (counting.users, counting.modules, counting.clusters)
    assert [kind.values for kind in kinds] == [[], [], []]
    assert counting._user_parts == counting._module_parts == counting._spot_parts == {}
