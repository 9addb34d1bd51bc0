"""Days of a report that cannot be are told in one line."""

import datetime

import pytest

from usagedb import errors
from xaltload.selection import selection_of

TODAY = datetime.date(2026, 11, 22)
REPORTS = ("xalt_usage_report", "xalt_library_usage", "xalt_scalar_bins_usage_report")


@pytest.mark.parametrize("day", [1, 15, 90])
def test_an_end_without_the_days_before_it_is_a_usage_error(day):
    end = datetime.date(1, 1, 1) + datetime.timedelta(days=day - 1)
    with pytest.raises(errors.UsageError, match="--start"):
        selection_of(None, end, "%", "%", TODAY)


def test_the_first_end_that_has_them_is_taken():
    end = datetime.date(1, 1, 1) + datetime.timedelta(days=90)
    assert selection_of(None, end, "%", "%", TODAY).start == datetime.date.min


@pytest.mark.parametrize("command", REPORTS)
def test_the_commands_say_so(sqlite_site, command):
    done = sqlite_site.create("xalt").run(command, "--end", "0001-01-15")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: --end 0001-01-15: ") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", REPORTS)
def test_the_first_and_the_last_day_can_be_named(site, command):
    options = ("--start", "0001-01-01", "--end", "9999-12-31")
    done = site.create("xalt").run(command, *options)
    assert (done.returncode, done.stderr) == (0, "")
