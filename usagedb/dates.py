"""Days as options and tables name them, YYYY-MM-DD and YYYYMMDD, and moments in ISO 8601."""

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


def iso_time(seconds, timespec="auto"):
    """Return seconds since the epoch as ISO 8601 in UTC, None for none.

    timespec is that of datetime.isoformat: "seconds" leaves the fraction out.
    """
    if seconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def iso_microseconds(microseconds):
    """Return microseconds since the epoch as ISO 8601 in UTC, None for none."""
    if microseconds is None:
        return None
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    moment = epoch + datetime.timedelta(microseconds=microseconds)
    return moment.isoformat().replace("+00:00", "Z")
