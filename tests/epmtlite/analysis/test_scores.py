"""Scores are those of EPMT to the digit, those of numpy, and what their definitions promise."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from epmtlite.analysis import scores, univariate
from epmtlite.analysis.errors import BadArgument, BadValues

TENS = [*range(1, 11), 1000]
INTEGERS = st.integers(-(10**15), 10**15)
FLOATS = st.floats(-1e12, 1e12, allow_subnormal=False)
LISTS = st.one_of(st.lists(INTEGERS, min_size=1), st.lists(FLOATS, min_size=1))
METHODS = pytest.mark.parametrize("method", sorted(univariate.SCORERS))
ANY = st.floats(allow_nan=False, allow_infinity=False)
DIGITS = 0.00011  # of a number with four decimals: one step more or less


def close(one, other, factor=1e-9):
    """Tell whether two numbers differ in their last digits only."""
    return one == other or abs(one - other) <= DIGITS + factor * max(abs(one), abs(other))


def found_by_all(values):
    """Return for each of some numbers how many of the methods say that it is an outlier."""
    masks = [univariate.mask(values, method) for method in univariate.SCORERS]
    return [sum(found) for found in zip(*masks)]


def test_the_documented_values_of_iqr():
    found = scores.iqr([1, 2, 3, 4, 3, 2, 1, 10])
    assert found == ([0] * 7 + [1], 0, 4.375, 6.625)
    assert univariate.mask([100, 100, 100, 45, 100], "iqr") == [0, 0, 0, 1, 0]


def test_the_documented_values_of_z_score():
    found = scores.z_score(TENS)
    assert found.scores == [
        0.332, 0.3285, 0.325, 0.3215, 0.318, 0.3145, 0.311, 0.3075, 0.304, 0.3005, 3.1621,
    ]  # fmt: skip
    assert found[1:] == (3.1621, 95.9091, 285.9118)
    assert found.params == (3.1621, 95.9091, 285.9118)


def test_the_documented_values_of_all_methods_together():
    assert found_by_all([1, 2, 1, 1, 1, 1, 2, 1, 0, 2, 100, 100]) == [0] * 10 + [2, 2]
    assert found_by_all([1, 2, 1, 1, 1, 1, 2, 1, 0, 2, 1, 100])[-1] == 3


def test_modified_z_scores_by_hand():
    found = scores.modified_z_score([1, 2, 3, 4, 100])
    assert found == ([1.349, 0.6745, 0.0, 0.6745, 65.4265], 65.4265, 3.0, 1.0)
    mean = scores.modified_z_score([5, 5, 5, 5, 10])  # of the distances, for their median is 0
    assert (mean.first, mean.second, mean.scores[-1]) == (5.0, 1.0, 3.3725)
    assert scores.modified_z_score([5, 6], (0.0, 5.0, 0.0)).scores == [0.0, math.inf]


@given(st.lists(INTEGERS, min_size=1) | st.lists(FLOATS, min_size=1))
def test_z_scores_are_those_of_numpy(values):
    numpy = pytest.importorskip("numpy", reason="numpy is of the extra analysis")
    array = numpy.array(values, dtype=float)
    found = scores.z_score(values)
    assert close(found.first, round(float(numpy.mean(array)), 4))
    assert close(found.second, round(float(numpy.std(array)), 4), 1e-6)
    assert (round(found.first, 4), round(found.second, 4)) == found[2:]
    spread = max(values) - min(values)
    assume(found.second > 1 and spread > 1e-6 * max(map(abs, values)))
    wanted = numpy.round(numpy.abs(array - found.first) / found.second, 4)
    assert all(close(one, float(other)) for one, other in zip(found.scores, wanted))


@given(LISTS, st.fractions(0, 1))
def test_quantiles_are_those_of_numpy(values, part):
    numpy = pytest.importorskip("numpy", reason="numpy is of the extra analysis")
    found = scores.quantile(values, float(part))
    wanted = float(numpy.percentile(numpy.array(values, dtype=float), 100 * float(part)))
    assert math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9 * max(1, *map(abs, values)))
    assert min(values) <= found <= max(values)


@given(LISTS)
def test_iqr_and_median_are_those_of_numpy(values):
    numpy = pytest.importorskip("numpy", reason="numpy is of the extra analysis")
    array = numpy.array(values, dtype=float)
    assert scores.median(values) == pytest.approx(float(numpy.median(array)))
    low, high = numpy.percentile(array, (25, 75))
    reach = 1.5 * (high - low)
    near = 1e-9 * max(1.0, *map(abs, values))  # where rounding decides, either may be right
    for value, is_one in zip(values, scores.iqr(values).scores):
        distance = max(low - reach - value, value - high - reach)
        assert abs(distance) <= near or is_one == (distance > 0)


@given(st.lists(INTEGERS, min_size=1))
def test_the_modified_z_score_is_what_its_definition_says(values):
    middle = exact_median(values)
    distances = [abs(value - middle) for value in values]
    deviation = exact_median(distances) or sum(distances) / len(distances)
    found = scores.modified_z_score(values)
    assert found.first == pytest.approx(float(middle))
    assert found.second == pytest.approx(float(deviation))
    for value, distance in zip(found.scores, distances):
        assert close(value, 0.6745 * float(distance / deviation) if deviation else 0.0)


def exact_median(values):
    ordered = sorted(values)
    return Fraction(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


@METHODS
@given(st.data())
def test_the_order_of_the_numbers_does_not_matter(method, data):
    values = data.draw(LISTS)
    places = data.draw(st.permutations(range(len(values))))
    scorer = univariate.scorer(method)
    found, mixed = scorer(values), scorer([values[place] for place in places])
    assert mixed.params == found.params
    assert mixed.scores == [found.scores[place] for place in places]


@METHODS
@given(ANY.filter(lambda value: abs(value) <= scores.LARGEST) | st.integers(), st.integers(1, 50))
def test_equal_numbers_are_no_outliers(method, value, count):
    found = univariate.scorer(method)([value] * count)
    assert found.scores == [0] * count and found.highest == 0
    assert univariate.mask([value] * count, method) == [0] * count


@METHODS
@given(st.lists(ANY, min_size=1))
def test_scores_are_numbers_from_zero_whatever_is_scored(method, values):
    assume(all(abs(value) <= scores.LARGEST for value in values))
    found = univariate.scorer(method)(values)
    assert len(found.scores) == len(values)
    assert all(score >= 0 for score in found.scores)
    assert not any(math.isnan(number) for number in (*found.scores, *found.params))
    assert method == "iqr" or found.highest == max(found.scores)


@METHODS
@given(st.lists(ANY, min_size=1) | LISTS)
def test_nothing_that_a_model_was_made_of_is_an_outlier_by_it(method, values):
    assume(all(abs(value) <= scores.LARGEST for value in values))
    params = univariate.scorer(method)(values).params
    assert univariate.mask(values, method, params=params) == [0] * len(values)
    for value in values:
        assert univariate.mask([value], method, params=params) == [0]


@METHODS
@given(st.lists(st.integers(-(10**9), 10**9), min_size=3))
def test_what_lies_far_beyond_a_model_is_an_outlier_by_it(method, values):
    params = univariate.scorer(method)(values).params
    reach = 100 * (max(values) - min(values)) + 1
    far = [min(values) - reach, max(values) + reach]
    assert univariate.mask(far, method, params=params) == [1, 1]


@METHODS
@pytest.mark.parametrize("values", [[], (), iter(())])
def test_no_numbers_are_refused(method, values):
    with pytest.raises(BadArgument, match="no numbers"):
        univariate.scorer(method)(values)


@METHODS
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, None, "1", True, 10**400, 1e200, [1], 1j]
)
def test_what_is_no_finite_number_is_refused(method, value):
    for values in ([value], [1, 2, value, 3]):
        with pytest.raises(BadValues, match="no finite number") as caught:
            univariate.scorer(method)(values)
    assert isinstance(caught.value, ValueError)


def test_numbers_of_other_kinds_are_scored():
    assert scores.z_score(iter((1, Fraction(3, 2), 2.0))).first == 1.5
    numpy = pytest.importorskip("numpy", reason="numpy is of the extra analysis")
    assert found_by_all(numpy.array([1, 1, 2, 1, 1, 100]))[-1] == 2
    assert found_by_all(numpy.array([1.5] * 5)) == [0] * 5
    with pytest.raises(BadValues):
        scores.iqr(numpy.array([1.0, numpy.nan]))


def test_a_deviation_that_the_decimals_do_not_show_makes_no_outlier():
    assert scores.z_score([1.23456] * 9).scores == [0.0] * 9
    assert scores.z_score([0.000001, 0.000002]).scores == [0.0, 0.0]
    assert scores.z_score([5, 6], (0.0, 5.0, 0.0)).scores == [0.0, math.inf]


def test_masks_have_thresholds():
    assert univariate.mask(TENS, "z_score") == [0] * 10 + [1]
    assert univariate.mask(TENS, "z_score", 3.1621) == [0] * 11  # not above
    assert univariate.mask(TENS, "z_score", 0.33) == [1, *[0] * 9, 1]
    assert univariate.mask(TENS, "modified_z_score") == [0] * 10 + [1]
    assert univariate.mask(TENS, "modified_z_score", 1e9) == [0] * 11
    assert univariate.mask(TENS, scores.iqr) == univariate.mask(TENS, "iqr")


@pytest.mark.parametrize("method", ["zscore", "", None, 5, print, "iqr "])
def test_other_methods_are_refused(method):
    with pytest.raises(BadArgument, match="no method; there are iqr, modified_z_score, z_score"):
        univariate.mask([1], method)
