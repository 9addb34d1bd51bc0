"""The monthly summary is what the daily rows add up to."""

import collections

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmodtrack import months, userset

use_rows = st.dictionaries(
    st.tuples(
        st.sampled_from([20260130, 20260131, 20260201, 20260228, 20270101]),  # day
        st.integers(1, 300), st.integers(1, 4), st.integers(1, 2),  # user, module, cluster
    ),
    st.tuples(st.integers(1, 99), st.integers(0, 9)),
    max_size=25,
)  # fmt: skip


def rows_of(use):
    """Return rows of lmod_use, sorted."""
    return [(*key, 0, 5, 6, *loads) for key, loads in sorted(use.items())]


def expected(*uses):
    """Return what lmod_month must hold after these were added one by one."""
    found = collections.defaultdict(lambda: [0, 0, set(), set()])
    for use in uses:
        for (day, user, module, cluster), (loads, user_loads) in use.items():
            row = found[day // 100, module, cluster]
            row[0] += loads
            row[1] += user_loads
            row[2].add(user)
            row[3].add(day)
    return {
        key: (min(days), max(days), loads, user_loads, sorted(users))
        for key, (loads, user_loads, users, days) in found.items()
    }


def stored(database):
    rows = database.rows(
        "SELECT month, module_id, cluster_id, first_day, last_day, loads, user_loads, users"
        " FROM lmod_month"
    )
    return {
        tuple(row[:3]): (
            *row[3:5], int(row[5]), int(row[6]), userset.members(userset.decode(bytes(row[7])))
        )
        for row in rows
    }  # fmt: skip


def add(database, use):
    summary = months.Summary()
    summary.add_use_rows(rows_of(use))
    with database.transaction():
        summary.store(database)


@given(st.lists(use_rows, max_size=3))
@settings(max_examples=15)
def test_what_is_added_in_parts_is_the_sum(database, uses):
    database.execute("DELETE FROM lmod_month")
    for use in uses:
        add(database, use)
    assert stored(database) == expected(*uses)


def test_a_month_made_anew_counts_the_daily_rows_that_are_left(database):
    kept = {(20260131, user, 1, 1): (2, 1) for user in range(1, 30)}
    add(database, {**kept, (20260105, 99, 1, 1): (7, 7), (20260105, 99, 2, 1): (7, 7)})
    add(database, {(20260201, 5, 1, 1): (1, 0)})
    columns = "day, user_id, module_id, cluster_id, utc_offset, first_time, last_time, loads"
    for row in rows_of(kept):
        database.execute(
            f"INSERT INTO lmod_use ({columns}, user_loads) VALUES (?,?,?,?,?,?,?,?,?)",  # noqa: S608
            row,
        )
    months.rebuild(database, 202601)
    assert stored(database) == {
        **expected(kept),
        **expected({(20260201, 5, 1, 1): (1, 0)}),
    }


def test_what_is_rolled_back_leaves_no_trace(database):
    add(database, {(20260131, 1, 1, 1): (2, 1)})
    before = stored(database)
    summary = months.Summary()
    summary.add_use_rows(rows_of({(20260131, 2, 1, 1): (2, 1), (20260101, 2, 7, 1): (2, 1)}))
    with pytest.raises(KeyError), database.transaction():
        summary.store(database)
        raise KeyError
    assert stored(database) == before
