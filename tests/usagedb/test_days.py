"""A moment belongs to the day that the clocks of its time zone show."""

import datetime
import time
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb.dates import day_number
from usagedb.days import Calendar

# Summer time of an hour and of half an hour, a quarter of an hour, a day that never was.
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Pacific/Apia", "America/Sao_Paulo",
)  # fmt: skip


def local(moment, zone):
    return datetime.datetime.fromtimestamp(moment, zone)


@given(st.sampled_from(ZONES), st.integers(946684800 * 4, 4102444800 * 4 - 1))
def test_a_moment_is_in_its_local_day(name, quarter_seconds):
    zone, moment = zoneinfo.ZoneInfo(name), quarter_seconds / 4
    day = Calendar(zone).day_of(moment)
    assert day.number == day_number(local(moment, zone).date())
    assert day.start <= moment < day.end
    for inside in (day.start, day.end - 0.5):
        assert day_number(local(inside, zone).date()) == day.number
    offset = local(moment, zone).utcoffset() / datetime.timedelta(minutes=1)
    assert day.utc_offset in (offset, None)
    assert Calendar(zone).utc_offset(moment) == offset


@pytest.mark.parametrize(
    "name, day, hours",
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("UTC", "2026-03-29", 24),
    ],
)
def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is(name, day, hours):
    zone = zoneinfo.ZoneInfo(name)
    noon = datetime.datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=zone).timestamp()
    found = Calendar(zone).day_of(noon)
    assert (found.end - found.start) / 3600 == hours
    assert (found.utc_offset is None) == (hours != 24)


def test_the_day_that_samoa_left_out_has_no_moments():
    calendar = Calendar(zoneinfo.ZoneInfo("Pacific/Apia"))
    before = calendar.day_of(
        datetime.datetime(2011, 12, 30, 9, 59, tzinfo=datetime.timezone.utc).timestamp()
    )
    after = calendar.day_of(before.end)
    assert (before.number, after.number) == (20111229, 20111231)


def test_without_a_zone_the_clocks_are_those_of_the_machine(monkeypatch):
    moment = datetime.datetime(2026, 7, 1, 23, 30, tzinfo=datetime.timezone.utc).timestamp()
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        day = Calendar().day_of(moment)
    finally:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
    assert (day.number, day.utc_offset) == (20260702, 120)
