"""Sets of users come back as they were, whatever their size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmodtrack import userset

user_ids = st.sets(st.one_of(st.integers(0, 70), st.integers(0, 300_000)), max_size=400)


@given(user_ids)
def test_what_is_stored_comes_back(ids):
    users = userset.decode(userset.encode(userset.of(ids)))
    assert userset.members(users) == sorted(ids)
    assert userset.count(users) == len(ids)


@given(user_ids, user_ids)
def test_union_and_difference_are_those_of_sets(one, other):
    first, second = userset.of(one), userset.of(other)
    assert userset.members(first | second) == sorted(one | other)
    assert userset.members(first & ~second) == sorted(one - other)


def test_a_large_set_is_packed_and_a_small_one_is_not():
    sparse = userset.encode(userset.of([1_000_000]))
    assert sparse[:1] == userset.PACKED and len(sparse) < 1000
    assert userset.encode(userset.of([3])) == b"\0\x08"
    assert userset.encode(0) == b"\0"


@pytest.mark.parametrize("stored", [b"", b"\2abc"])
def test_what_is_no_set_is_an_error(stored):
    with pytest.raises(ValueError, match="unknown form"):
        userset.decode(stored)
