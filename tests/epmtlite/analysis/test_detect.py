"""Outliers in tables, models of rows, and causes: what the scores of each column say together."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epmtlite.analysis import causes, detect, scores, univariate
from epmtlite.analysis.errors import BadArgument, BadValues

METHODS = ["iqr", "modified_z_score", "z_score"]
ROWS = [{"a": value, "b": 5, "name": "x"} for value in (1, 2, 1, 1, 1, 1, 2, 1, 0, 2, 100, 100)]
KEYS = list("abcdefghijkl")
TABLES = st.lists(
    st.fixed_dictionaries({"a": st.integers(-9, 99), "b": st.floats(-9, 99)}), min_size=1
)


def test_counts_are_those_of_the_methods_together():
    found = detect.detect(ROWS, KEYS, ["a", "b"], METHODS)
    assert found.counts == {"a": [0] * 10 + [2, 2], "b": [0] * 12}
    assert found.features == ["a", "b"] and found.total_counts() == [0] * 10 + [2, 2]
    assert found.outliers() == ["k", "l"]
    assert found.parts() == {"a": (set("abcdefghij"), {"k", "l"}), "b": (set(KEYS), set())}
    assert found.records("id")[10:] == [{"id": "k", "a": 2, "b": 0}, {"id": "l", "a": 2, "b": 0}]
    high = scores.modified_z_score([row["a"] for row in ROWS]).scores[-1]
    assert found.excess == {"a": round(2 * (high - 3.5) + 2, 3), "b": 0.0}


@given(TABLES)
def test_each_count_is_how_many_scores_are_above_their_thresholds(rows):
    found = detect.detect(rows, range(len(rows)), ["a", "b"], METHODS, {"z_score": 1.0})
    for feature in "ab":
        values = [row[feature] for row in rows]
        limits = {"iqr": 0, "modified_z_score": 3.5, "z_score": 1.0}
        masks = [univariate.mask(values, method, limits[method]) for method in METHODS]
        assert found.counts[feature] == [sum(some) for some in zip(*masks)]


@given(TABLES, st.permutations(range(20)))
def test_the_order_of_rows_does_not_matter(rows, places):
    places = [place for place in places if place < len(rows)]
    mixed = [rows[place] for place in places] + rows[20:]
    keys = [*places, *range(20, len(rows))]
    found = detect.detect(rows, range(len(rows)), ["a", "b"], METHODS)
    assert detect.detect(mixed, keys, ["b", "a"], METHODS).parts() == found.parts()


@given(TABLES)
def test_no_row_of_a_model_is_an_outlier_by_it(rows):
    keys = range(len(rows))
    model = detect.model_of(rows, keys, ["a", "b"], METHODS)
    found = detect.detect(rows, keys, ["a", "b"], METHODS, model=model)
    assert found.outliers() == [] and set(found.excess.values()) == {0.0}


def test_a_model_judges_other_rows():
    model = detect.model_of(ROWS[:10], KEYS, ["a", "b"], METHODS)
    assert set(model) == set(METHODS) and model["iqr"]["a"] == (0, 0.75, 1.25)
    found = detect.detect(ROWS[9:], KEYS[9:], ["a", "b"], METHODS, model=model)
    assert found.counts == {"a": [0, 3, 3], "b": [0, 0, 0]}
    alone = detect.detect(ROWS[10:11], ["k"], ["a", "b"], ["iqr"], model=model)
    assert alone.counts == {"a": [1], "b": [0]}
    less = {"iqr": {"a": model["iqr"]["a"]}}
    found = detect.detect(ROWS[9:], KEYS[9:], ["a", "b"], METHODS, model=less)
    assert found.counts == {"a": [0, 1, 1]}  # what it has not got is passed over
    for features, methods in ((["b"], METHODS), (["a"], ["z_score"]), (["a"], []), ([], ["iqr"])):
        with pytest.raises(BadArgument, match="no method and feature is left"):
            detect.detect(ROWS, KEYS, features, methods, model=less)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "5", True, [1], 10**400])
def test_what_is_no_finite_number_is_told_with_its_key(value):
    rows = [{"a": 1}, {"a": value}, {"a": 2}]
    for call in (
        lambda: detect.detect(rows, "xyz", ["a"], METHODS),
        lambda: detect.model_of(rows, "xyz", ["a"], METHODS),
        lambda: causes.causes(rows, {"a": 1}, ["a"]),
        lambda: causes.causes([{"a": 1}] * 3, {"a": value}, ["a"]),
    ):
        with pytest.raises(BadValues, match="a of (y|1|the input) is .*: outliers cannot be found"):
            call()
    with pytest.raises(BadValues, match="c of x is None"):
        detect.detect(rows, "xyz", ["c"], METHODS)


def test_features_are_chosen():
    rows = [
        {"a": 1, "b": 2.5, "c": "x", "d": True, "e": 1, "f": math.nan},
        {"a": 2, "b": 0, "f": 1},
    ]
    chosen = detect.chosen_features
    assert detect.common_numbers(rows) == ["a", "b"] and detect.common_numbers([]) == []
    assert chosen(rows, None, ["b", "none", "a"]) == ["a", "b"]
    assert chosen(rows, "*", []) == chosen(rows, [], []) == ["a", "b"]
    assert chosen(rows, [], [], excluded=["a"]) == ["b"]
    assert chosen(rows, ["b", "a", "b"], []) == chosen(rows, "b, a", []) == ["a", "b"]
    assert chosen(rows, ["b", "a"], [], active={"a", "z"}) == ["a"]
    assert chosen(rows, ["e"], []) == ["e"]  # not of all rows: its values are refused later
    with pytest.raises(BadArgument, match="z: no feature; there are a, b"):
        chosen(rows, ["a", "z"], [])
    for arguments in ((None, ["z"]), (["a"], [], (), {"b"})):
        with pytest.raises(BadArgument, match="no feature is left"):
            chosen(rows, *arguments)


def test_causes_by_hand():
    references = [{"a": value, "b": 5, "c": value * 2} for value in (1, 2, 3, 4, 5)]
    found = causes.causes(references, {"a": 30, "b": 6, "c": 6}, ["a", "b", "c"])
    assert found.features == ["a", "b", "c"]
    values = [1, 2, 3, 4, 5]
    assert [found.rows[name][0] for name in causes.DESCRIBED] == [
        5, 3, statistics.stdev(values), 1, 2, 3, 4, 5,
    ]  # fmt: skip
    assert found.rows["input"] == [30, 6, 6]
    assert found.rows["ref_max_modified_z_score"] == [1.349, 0.0, 1.349]
    assert found.rows["modified_z_score"] == [18.2115, math.inf, 0.0]
    assert found.rows["modified_z_score_ratio"] == [18.2115 / 1.349, math.inf, 0.0]
    assert found.ranked == [("b", math.inf), ("a", 18.2115 / 1.349), ("c", 0.0)]


def test_causes_by_several_methods():
    references = [{"a": value} for value in (1, 2, 3, 4, 5)]
    found = causes.causes(references, {"a": 30}, ["a"], ["modified_z_score", "z_score"])
    ratios = [found.rows[f"{name}_ratio"][0] for name in ("modified_z_score", "z_score")]
    assert found.ranked == [("a", sum(ratios))]
    assert list(found.rows)[9:] == [
        "ref_max_modified_z_score", "modified_z_score", "modified_z_score_ratio",
        "ref_max_z_score", "z_score", "z_score_ratio",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("score", "highest", "ratio"),
    [(0, 0, 0), (0, 5, 0), (5, 0, math.inf), (6, 3, 2), (math.inf, math.inf, 1), (2, math.inf, 0)],
)
def test_ratios_are_numbers_that_can_be_ranked(score, highest, ratio):
    assert causes.ratio_of(score, highest) == ratio


def test_the_description_of_one_value():
    assert causes.description([5])[:2] == [1, 5] and math.isnan(causes.description([5])[2])
