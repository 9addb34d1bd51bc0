"""Dates of options and of tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb import errors
from usagedb.dates import date_of, day_number, parse_date, shown_day


@given(st.dates())
def test_a_day_number_is_its_date(date):
    assert date_of(day_number(date)) == date
    assert parse_date(shown_day(day_number(date))) == date


@pytest.mark.parametrize("text", ["2015-13-99", "2015-02-29", "today", "", "2015-1", "20150101"])
def test_what_is_no_date_is_an_error(text):
    with pytest.raises(errors.UsageError, match="write YYYY-MM-DD"):
        parse_date(text)
