"""How results are printed: each as it comes, and the same as all at once."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epmtlite import forms
from usagedb.output import write_rows

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(st.lists(st.tuples(VALUE, VALUE), max_size=4))
def test_json_is_written_piece_by_piece_as_json_is_written_whole(rows):
    stream = io.StringIO()
    write_rows(["A b", "C"], iter(rows), "json", stream=stream)
    whole = [dict(zip(("a_b", "c"), row)) for row in rows]
    assert stream.getvalue() == json.dumps(whole, indent=1) + "\n"


@given(st.lists(VALUE, max_size=4))
def test_a_list_of_python_is_written_piece_by_piece_as_it_is_whole(values):
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        forms.write_python(iter(values))
    assert stream.getvalue() == repr(values) + "\n"


def test_what_is_known_before_is_what_is_found_later(capsys):
    records = [{"a": 1}, {"b": [1], "a": 2}]
    for form in ("csv", "json", "table", "markdown"):
        forms.write_dicts(records, form)
        found = capsys.readouterr().out
        forms.write_dicts(iter(records), form, ["a", "b"])
        assert capsys.readouterr().out == found
