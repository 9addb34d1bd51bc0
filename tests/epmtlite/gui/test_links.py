"""A link leads to the jobs with a tag, or there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epmtlite.gui import links
from epmtlite.selection import wanted_tags
from usagedb.errors import UsageError

PARTS = st.text(alphabet="ab:; \t%é", max_size=5) | st.text(max_size=9)


@given(PARTS, PARTS)
def test_a_condition_is_that_of_the_tag_or_there_is_none(key, value):
    condition = links.tag_condition(key, value)
    if condition is not None:
        assert wanted_tags(condition) == {key: value}
        return
    try:
        assert wanted_tags(f"{key}:{value}") != {key: value}
    except UsageError:
        return


@pytest.mark.parametrize(
    ("key", "value", "condition"),
    [
        ("exp_name", "ocean", "exp_name:ocean"), ("part", 2, "part:2"), ("a", "", "a:"),
        ("a", "b c", "a:b c"), ("a", " b", None), ("a ", "b", None), ("", "b", None),
        ("a", "b:c", None), ("a", "b;c:d", None), ("a;b", "c", None),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_no_condition(key, value, condition):
    assert links.tag_condition(key, value) == condition
