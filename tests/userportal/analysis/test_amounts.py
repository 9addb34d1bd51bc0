"""Figures as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.analysis import amounts, names


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (4, names.COUNT, "4"), (4.0, names.COUNT, "4"), (4.26, names.COUNT, "4.3"),
        (0.0423, names.COUNT, "0.042"), (3.96, names.COUNT, "4"),
        (0.254, names.RATIO, "25%"), (1, names.RATIO, "100%"), (0, names.RATIO, "0%"),
        (0.0042, names.RATIO, "0.42%"),
        (0, names.BYTES, "0 B"), (1023, names.BYTES, "1023 B"), (1024, names.BYTES, "1 KiB"),
        (1.55 * 2**30, names.BYTES, "1.6 GiB"), (2**20 - 1, names.BYTES, "1 MiB"),
        (2**70, names.BYTES, "1048576 PiB"),
        (0, names.SECONDS, "00:00:00"), (86399.9, names.SECONDS, "23:59:59"),
        (90061, names.SECONDS, "1-01:01:01"),
        ("ann", names.TEXT, "ann"), (None, names.TEXT, "?"), (None, names.BYTES, "?"),
    ],
)  # fmt: skip
def test_a_figure_is_shown_by_its_kind(value, kind, text):
    assert amounts.shown(value, kind) == text


@given(st.floats(0, 1e300), st.sampled_from([*names.NUMBERS]))
def test_no_figure_is_too_odd(value, kind):
    assert amounts.shown(value, kind)
