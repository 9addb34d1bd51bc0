"""The days that --start and --end name."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmodtrack.window import Window, window_of
from usagedb import errors
from usagedb.dates import day_number

dates = st.dates(datetime.date(1971, 1, 1), datetime.date(2100, 1, 1))


@given(dates, dates)
def test_the_window_holds_the_days_from_start_to_before_the_end(one, other):
    start, end = min(one, other), max(one, other) + datetime.timedelta(days=1)
    window = window_of(start, end)
    for day in (start, end - datetime.timedelta(days=1)):
        assert window.first <= day_number(day) <= window.last
    for day in (start - datetime.timedelta(days=1), end):
        assert not window.first <= day_number(day) <= window.last


@given(dates, dates)
def test_its_months_are_those_of_its_days(one, other):
    start, end = min(one, other), max(one, other)
    if (end - start).days > 3000:
        end = start + datetime.timedelta(days=3000)
    window = Window(day_number(start), day_number(end))
    days = [start + datetime.timedelta(days=number) for number in range((end - start).days + 1)]
    expected = sorted({day_number(day) // 100 for day in days})
    assert window.months() == expected
    for month in expected:
        first, last = window.part_in(month)
        assert first // 100 == last // 100 == month and first <= last


def test_without_dates_all_days_are_meant():
    assert window_of(None, None) == Window()
    assert Window().months((202511, 202602)) == [202511, 202512, 202601, 202602]


def test_an_end_before_which_there_is_no_day_is_an_error(sqlite_site):
    with pytest.raises(errors.UsageError, match="no day is before it"):
        window_of(None, datetime.date.min)
    done = sqlite_site.create("lmod").run("analyzeLmodDB", "counts", "--end", "0001-01-01")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: --end 0001-01-01") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("period", ["day", "week", "month"])
@pytest.mark.parametrize("report", ["counts", "usernames", "trend"])
def test_the_first_and_the_last_day_that_there_is_are_no_error(sqlite_site, report, period):
    site = sqlite_site.create("lmod")
    words = ("--period", period) if report == "trend" else ()
    for dates in (("--start", "0001-01-01"), ("--end", "0001-01-02"), ("--end", "9999-12-31")):
        done = site.run("analyzeLmodDB", report, *words, *dates)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_empty_window_is_an_error():
    day = datetime.date(2026, 1, 1)
    with pytest.raises(errors.UsageError, match="the end is exclusive"):
        window_of(day, day)
