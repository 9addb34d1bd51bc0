"""Answers are read as they were meant, whatever their labels are."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from userportal.metrics.answers import data_of, flattened, series_of

TEXTS = st.text() | st.text(alphabet='"],[ 0:\\')
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
RESULTS = st.lists(
    st.tuples(TEXTS, st.lists(st.tuples(st.integers(0, 2**40), NUMBERS), min_size=1)), max_size=4
)


@given(RESULTS, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
@example([("],[", [(1, 2.0), (3, 4.0)])], (",", ":"), False)
@example([('0"],[', [(1, 2.0), (3, 4.0)])], (",", ":"), False)
def test_every_label_and_point_is_read(results, separators, ascii_alone):
    result = [
        {"metric": {"n": str(number), "x": label}, "values": [[at, repr(of)] for at, of in points]}
        for number, (label, points) in enumerate(results)
    ]
    answer = {"warnings": ["],[", "a"], "data": {"result": result}}
    text = json.dumps(answer, separators=separators, ensure_ascii=ascii_alone).encode()
    found = [
        (series.labels["x"], list(zip(series.times, series.values)))
        for series in sorted(series_of(data_of(text), 9), key=lambda each: each.labels["n"])
    ]
    assert found == results


def test_points_stand_in_one_list_before_they_are_read():
    assert flattened(b'[[1,"2"],[3,"4"]]') == b'[[1,"2",3,"4"]]'
    assert flattened(b'["],[x"]') == b'["],[x"]'
