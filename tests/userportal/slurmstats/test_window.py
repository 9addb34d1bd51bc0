"""Which days a request means."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.metrics.window import LONGEST_WINDOW_SECONDS
from userportal.slurmstats.window import DAY_SECONDS, asked_days

NOW = 1_700_000_000  # 2023-11-14 22:13:20
USUAL = (NOW - 14 * DAY_SECONDS, NOW - 7 * DAY_SECONDS)


def at(text):
    """Return the start of a day, epoch seconds."""
    moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp()


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        ("", "", USUAL),
        ("2023-11-01", "2023-11-03", (at("2023-11-01"), at("2023-11-04") - 1)),
        ("2023-11-01", "2023-11-01", (at("2023-11-01"), at("2023-11-02") - 1)),
        ("2023-11-01", "", (at("2023-11-01"), at("2023-11-08") - 1)),
        ("", "2023-11-08", (at("2023-11-02"), at("2023-11-09") - 1)),
        ("2023-11-13", "", (at("2023-11-13"), NOW)),
        ("2023-11-13", "2024-11-13", (at("2023-11-13"), NOW)),
        ("2023-11-03", "2023-11-01", USUAL),
        ("2024-01-01", "2024-01-02", USUAL),
        ("2001-01-01", "2023-01-02", USUAL),
        ("yesterday", "2023-13-01", USUAL),
        ("0001-01-01", "", USUAL),
        ("", "0001-01-01", USUAL),
        ("9999-12-31", "9999-12-31", USUAL),
    ],
)
def test_days_are_whole_and_what_cannot_be_is_the_week_before_the_last(start, end, window):
    assert asked_days({"start": start, "end": end}, NOW) == window


@given(st.text(max_size=12) | st.dates().map(str), st.text(max_size=12) | st.dates().map(str))
def test_whatever_is_asked_for_is_a_window_of_the_past(start, end):
    first, last = asked_days({"start": start, "end": end}, NOW)
    assert 0 <= first < last <= NOW
    assert last - first <= LONGEST_WINDOW_SECONDS
    assert datetime.datetime.fromtimestamp(first, datetime.timezone.utc).year >= 1970
