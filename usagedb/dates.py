"""Dates as options name them and as tables store them: YYYY-MM-DD and YYYYMMDD."""

import datetime

from usagedb import errors


def parse_date(text):
    """Return the date of YYYY-MM-DD. Raises UsageError for anything else."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise errors.UsageError(f"{text} is no date: write YYYY-MM-DD") from error


def day_number(date):
    """Return a date as YYYYMMDD."""
    return date.year * 10000 + date.month * 100 + date.day


def date_of(number):
    """Return the date of a day number."""
    return datetime.date(number // 10000, number // 100 % 100, number % 100)


def shown_day(number):
    """Return a day number as YYYY-MM-DD."""
    return f"{number // 10000:04d}-{number // 100 % 100:02d}-{number % 100:02d}"
