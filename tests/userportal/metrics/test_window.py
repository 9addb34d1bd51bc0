"""Windows follow the parameters of a request, and hostile ones change nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.metrics.window import Window, job_window, rate_window, window_from

NOW = 1_750_000_000
DAY = 86400


@pytest.mark.parametrize(
    ("parameters", "start", "end", "step"),
    [
        ({}, NOW - 7 * DAY, NOW, 1209),
        ({"delta": "3600"}, NOW - 3600, NOW, 60),
        ({"delta": "3600", "start": "1", "end": "2"}, NOW - 3600, NOW, 60),
        ({"delta": str(180 * DAY)}, NOW - 180 * DAY, NOW, 31104),
        ({"delta": str(180 * DAY + 1)}, NOW - 180 * DAY - 1, NOW, DAY),
        ({"delta": "999999999999"}, NOW - 3650 * DAY, NOW, DAY),
        ({"start": str(NOW - 600), "end": str(NOW - 300)}, NOW - 600, NOW - 300, 60),
        ({"start": f"{NOW - 600}.75", "end": str(NOW)}, NOW - 600, NOW, 60),
        ({"start": str(NOW - 600)}, NOW - 600, NOW, 60),
        ({"end": str(NOW - DAY)}, NOW - 8 * DAY, NOW - DAY, 1209),
        ({"start": str(NOW - 600), "end": str(NOW + 600)}, NOW - 600, NOW, 60),
        ({"start": str(NOW + 600), "end": str(NOW + 900)}, NOW - 7 * DAY, NOW, 1209),
        ({"start": str(NOW), "end": str(NOW - 600)}, NOW - 7 * DAY, NOW, 1209),
    ],
)
def test_a_window_is_this_one(parameters, start, end, step):
    assert window_from(parameters, 7 * DAY, now=NOW) == Window(start, end, step)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-5",
        "abc",
        "1e9",
        "inf",
        "nan",
        "1_000",
        "٣٣",
        "9" * 400,
        "1;2",
        " 60",
        "60\n",
        "0x1",
    ],
)
def test_a_hostile_value_means_the_default(text):
    default = Window(NOW - 3600, NOW, 60)
    assert window_from({"delta": text}, 3600, now=NOW) == default
    if text != "0":
        assert window_from({"start": text, "end": text}, 3600, now=NOW) == default
        assert job_window({"start": text}, NOW - 3600, None, now=NOW) == default


def test_a_step_is_not_below_the_sampling():
    assert window_from({}, 3600, minimum_step=180, now=NOW).step == 180
    assert window_from({}, 3600, minimum_step=30, now=NOW).step == 60


@given(
    st.dictionaries(st.sampled_from(["delta", "start", "end"]), st.text() | st.integers().map(str))
)
def test_every_request_has_a_window_that_ends_by_now(parameters):
    found = window_from(parameters, 3600, now=NOW)
    assert 0 <= found.start < found.end <= NOW
    assert found.step >= 60
    assert found.seconds / found.step <= 3650
    job = job_window(parameters, NOW - DAY, NOW - 3600, now=NOW)
    assert NOW - DAY <= job.start < job.end <= NOW - 3600


@pytest.mark.parametrize(
    ("parameters", "job", "start", "end"),
    [
        ({}, (NOW - 900, NOW - 300), NOW - 900, NOW - 300),
        ({}, (NOW - 900, None), NOW - 900, NOW),
        ({}, (NOW - 900, 0), NOW - 900, NOW),
        ({}, (NOW - 900, NOW + 50), NOW - 900, NOW),
        ({}, (NOW - 900, NOW - 900), NOW - 900, NOW - 899),
        ({"start": str(NOW - 800)}, (NOW - 900, NOW - 300), NOW - 800, NOW - 300),
        ({"end": str(NOW - 800)}, (NOW - 900, NOW - 300), NOW - 900, NOW - 800),
        ({"start": "5", "end": str(NOW)}, (NOW - 900, NOW - 300), NOW - 900, NOW - 300),
        ({"start": str(NOW - 5)}, (NOW - 900, NOW - 300), NOW - 900, NOW - 300),
        ({"delta": "60"}, (NOW - 900, NOW - 300), NOW - 900, NOW - 300),
    ],
)
def test_a_job_has_its_own_time_or_a_part_of_it(parameters, job, start, end):
    found = job_window(parameters, *job, now=NOW)
    assert (found.start, found.end) == (start, end)


@pytest.mark.parametrize("start", [None, 0, NOW + 60])
def test_a_job_that_waits_has_no_window(start):
    assert job_window({}, start, None, now=NOW) is None


@pytest.mark.parametrize(("sampling", "seconds"), [(15, 60), (30, 60), (60, 120), (300, 600)])
def test_rates_are_taken_over_two_samplings(sampling, seconds):
    assert rate_window(sampling) == seconds
