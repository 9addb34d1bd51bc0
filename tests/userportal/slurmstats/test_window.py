"""Which days a request means."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.metrics.window import LONGEST_WINDOW_SECONDS
from userportal.slurmstats.window import asked_days

NOW = 1_700_000_000  # 2023-11-14 22:13:20
HOUR, DAY = 3600, 86400
UTC = datetime.timezone.utc


def at(text, zone=UTC):
    """Return a moment, epoch seconds; of a day, its start."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


USUAL = (at("2023-10-31"), at("2023-11-08") - 1)


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
    assert asked_days({"start": start, "end": end}, NOW, UTC) == window


# Noon here is in the day before, of the same day, and of the day after in UTC.
ZONES = ("America/Toronto", "Europe/Zurich", "UTC", "Asia/Tokyo", "Pacific/Kiritimati",
         "America/St_Johns", "Australia/Lord_Howe", "Asia/Beirut", "America/Havana")  # fmt: skip


@pytest.mark.parametrize("name", ZONES)
def test_both_days_are_whole_in_the_zone_of_the_reader(name):
    zone = ZoneInfo(name)
    start, end = asked_days({"start": "2023-06-05", "end": "2023-06-06"}, NOW, zone)
    first, last = (datetime.datetime.fromtimestamp(one, zone) for one in (start, end))
    assert first.isoformat()[:19] == "2023-06-05T00:00:00"
    assert last.isoformat()[:19] == "2023-06-06T23:59:59"
    assert end - start == 2 * DAY - 1


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Zurich", "2023-03-26", 23), ("Europe/Zurich", "2022-10-30", 25),
        ("America/Toronto", "2023-03-12", 23), ("America/Toronto", "2023-11-05", 25),
        ("Australia/Lord_Howe", "2023-04-02", 24.5), ("UTC", "2023-03-26", 24),
        # The clocks leap over midnight, or come to it twice.
        ("Asia/Beirut", "2022-03-27", 23), ("America/Havana", "2022-11-06", 25),
        ("America/Havana", "2023-03-12", 23),
    ],
)  # fmt: skip
def test_a_day_of_a_clock_change_is_whole(name, day, hours):
    zone = ZoneInfo(name)
    start, end = asked_days({"start": day, "end": day}, NOW, zone)
    assert end + 1 - start == hours * HOUR
    shown = {datetime.datetime.fromtimestamp(one, zone).date().isoformat() for one in (start, end)}
    assert shown == {day}
    before = datetime.datetime.fromtimestamp(start - 1, zone).date().isoformat()
    after = datetime.datetime.fromtimestamp(end + 1, zone).date().isoformat()
    assert before < day < after


def test_the_last_day_ends_now_if_it_is_today():
    zone = ZoneInfo("Asia/Tokyo")  # there it is the 15th
    assert asked_days({"end": "2023-11-15"}, NOW, zone) == (at("2023-11-09", zone), NOW)
    assert asked_days({"start": "2023-11-15"}, NOW, zone) == (at("2023-11-15", zone), NOW)
    assert asked_days({"start": "2023-11-15"}, NOW, UTC) == USUAL


@given(
    st.text(max_size=12) | st.dates().map(str),
    st.text(max_size=12) | st.dates().map(str),
    st.sampled_from(ZONES),
)
def test_whatever_is_asked_for_is_a_window_of_the_past(start, end, name):
    zone = ZoneInfo(name)
    first, last = asked_days({"start": start, "end": end}, NOW, zone)
    assert 0 <= first < last <= NOW
    assert last - first <= LONGEST_WINDOW_SECONDS
    days = [datetime.datetime.fromtimestamp(one, zone).date() for one in (first - 1, first)]
    assert days[0] < days[1]
