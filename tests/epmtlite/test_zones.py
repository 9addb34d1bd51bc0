"""Which time zone a job has, and its moments there."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epmtlite import zones
from epmtlite.collect import errors

NAIVE = datetime.datetime(2019, 6, 14, 19, 2, 45, 509395)
INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))


def test_an_aware_start_says_its_zone_itself():
    zone = zones.zone_of(NAIVE.replace(tzinfo=INDIA), {"TZ": "UTC"}, {"EPMT_TZ": "UTC"})
    assert zone.name == "+05:30"
    assert zone.microseconds(NAIVE) == 1_560_519_165_509_395


@pytest.mark.parametrize(
    ("job", "site", "name"),
    [
        ({"TZ": "Asia/Kolkata", "TIMEZONE": "UTC"}, {"EPMT_TZ": "UTC"}, "Asia/Kolkata"),
        ({"TZ": ":Asia/Kolkata"}, {}, "Asia/Kolkata"),
        ({"TIMEZONE": "Asia/Kolkata"}, {"EPMT_TZ": "UTC"}, "Asia/Kolkata"),
        ({"TZ": "no such zone", "TIMEZONE": ["a list"]}, {"EPMT_TZ": "UTC"}, "UTC"),
        ({"TZ": "../../../etc/passwd"}, {"EPMT_TZ": "UTC"}, "UTC"),
    ],
)
def test_a_naive_start_has_the_zone_of_the_job_or_the_site(job, site, name):
    assert zones.zone_of(NAIVE, job, site).name == name


def test_without_any_hint_it_is_that_of_epmt():
    zone = zones.zone_of(NAIVE, {}, {})
    assert zone.microseconds(NAIVE) == 1_560_553_365_509_395


def test_an_unknown_zone_of_the_site_is_told():
    with pytest.raises(errors.ConfigurationError, match="EPMT_TZ"):
        zones.zone_of(NAIVE, {}, {"EPMT_TZ": "Mars/Olympus"})


def test_moments_are_shown_as_the_clocks_did():
    zone = zones.zone_of(NAIVE, {"TZ": "US/Eastern"}, {})
    assert zone.local_text(1_560_565_324_073_965) == "2019-06-14 22:22:04.073965"


@given(st.integers(-62_000_000_000_000_000, 253_000_000_000_000_000), st.sampled_from(
    ["UTC", "Asia/Kolkata", "+05:30", "-03:30", "+00:19:32"]
))  # fmt: skip
def test_a_stored_zone_shows_the_same_moment(microseconds, name):
    zone = zones.stored_zone(name)
    assert zone.name == name
    if name != "UTC":
        assert zone.microseconds(
            zone.local(microseconds).replace(tzinfo=zone.tzinfo)
        ) == pytest.approx(microseconds, abs=7200_000_000)


EASTERN = zones.named_zone("America/New_York")


def clock(text, day="2025-11-02"):
    return datetime.datetime.fromisoformat(f"{day} {text}")


def minute(minutes):
    """Return a moment of 2025-11-02 in minutes of UTC, in microseconds."""
    begin = datetime.datetime(2025, 11, 2, tzinfo=datetime.timezone.utc)
    return (int(begin.timestamp()) + 60 * minutes) * 1_000_000


@pytest.mark.parametrize(
    ("start", "stop", "ran", "expected"),
    [
        ("00:30", "01:30", (271, 389), (270, 390)),  # two hours
        ("00:30", "01:30", (271, 329), (270, 330)),  # one
        ("00:30", "01:30", (None, None), (270, 330)),
        ("01:50", "01:10", (351, 369), (350, 370)),
        ("01:50", "01:10", (None, None), (350, 370)),
        ("01:10", "01:50", (311, 349), (310, 350)),
        ("01:10", "01:50", (371, 409), (370, 410)),
        ("01:10", "01:50", (311, 409), (310, 410)),
        ("01:10", "03:00", (371, 470), (370, 480)),
        ("01:10", "03:00", (311, 470), (310, 480)),
        ("03:00", "04:00", None, (480, 540)),
    ],
)
def test_of_an_hour_that_clocks_show_twice_processes_tell_which_it_was(start, stop, ran, expected):
    assert ran or start == "03:00"  # else nobody asks for them
    found = EASTERN.span(
        clock(start), clock(stop), lambda: tuple(one if one is None else minute(one) for one in ran)
    )
    assert found == tuple(map(minute, expected))


def test_an_hour_that_clocks_leave_out_means_one_moment():
    left_out = clock("02:30", "2025-03-09")
    assert EASTERN.meanings(left_out) == [EASTERN.microseconds(left_out)]
    aware = clock("01:30").replace(tzinfo=INDIA)
    assert EASTERN.meanings(aware) == [EASTERN.microseconds(aware)]


def test_moments_that_no_clock_shows_are_malformed():
    zone = zones.stored_zone("+05:30")
    with pytest.raises(errors.MalformedError):
        zone.local(10**18)
