"""Rates, slopes and lookback over the samples of a window, by hand."""

from array import array

import pytest

from userportal.metrics import over_time

MINUTE = 60_000


def times(*seconds):
    return array("q", [at * 1000 for at in seconds])


@pytest.mark.parametrize(
    ("moment", "value"), [(0, None), (10, 1.0), (309, 1.0), (310, None), (311, None)]
)
def test_a_sample_holds_for_five_minutes(moment, value):
    found = over_time.latest(times(10), array("d", [1]), [moment * 1000], 300_000)
    assert found == [value]


def test_samples_five_minutes_apart_leave_no_gap():
    at = times(*range(0, 3001, 300))
    moments = list(range(0, 3_000_001, 50_000))
    assert None not in over_time.latest(at, array("d", range(11)), moments, 300_000)


def test_a_rate_goes_on_to_the_edges_of_its_window():
    at, values = times(10, 40, 70, 100), array("d", [1000, 1030, 1060, 1090])
    assert over_time.rate(at, values, [110_000], 110_000) == [pytest.approx(1.0)]


def test_a_rate_of_a_counter_does_not_reach_below_zero():
    at, values = times(30, 60), array("d", [0, 30])
    assert over_time.rate(at, values, [60_000], MINUTE) == [pytest.approx(0.5)]


def test_a_rate_does_not_go_far_beyond_its_samples():
    at, values = times(500, 510), array("d", [1000, 1010])
    assert over_time.rate(at, values, [600_000], 600_000) == [pytest.approx(20 / 600)]


@pytest.mark.parametrize(("values", "rate"), [([10, 20, 5, 15], 25), ([5, 5, 0, 0], 0)])
def test_a_counter_that_falls_began_anew(values, rate):
    at = times(0, 20, 40, 60)
    found = over_time.rate(at, array("d", values), [60_000], 61_000)
    assert found == [pytest.approx(rate * 61 / 60 / 61, rel=1e-9)]
    (last,) = over_time.irate(at[:3], array("d", values[:3]), [60_000], MINUTE)
    assert last == pytest.approx(values[2] / 20)


@pytest.mark.parametrize("function", [over_time.rate, over_time.irate, over_time.deriv])
def test_one_sample_has_no_rate(function):
    assert function(times(10), array("d", [3]), [10_000, 20_000], MINUTE) == [None, None]
    assert function(times(), array("d"), [10_000], MINUTE) == [None]


@pytest.mark.parametrize("function", over_time.FUNCTIONS.values())
def test_a_window_leaves_out_its_start(function):
    at, values = times(0, 60, 120), array("d", [0, 60, 1000])
    inside = function(at[1:], values[1:], [120_000], 120_000)
    assert function(at, values, [120_000], 120_000) == inside


def test_a_slope_is_that_of_the_line_of_least_squares():
    at = times(0, 10, 20, 30)
    assert over_time.deriv(at, array("d", [1, 3, 2, 5]), [30_000], MINUTE) == [pytest.approx(0.11)]
    assert over_time.deriv(at, array("d", [7] * 4), [30_000], MINUTE) == [0]


def test_each_moment_has_its_own_window():
    at, values = times(*range(0, 601, 60)), array("d", [number**2 for number in range(11)])
    found = over_time.irate(at, values, [0, 150_000, 600_000], 120_000)
    assert found == [None, (4 - 1) / 60, (100 - 81) / 60]
