"""The days of --since and --until: which they are, and which jobs are those of some days."""

import datetime
import json
import sqlite3
import time

import pytest

from usagedb import errors
from userportal.commands.listing import span

HOUR = 3600


@pytest.fixture
def in_zone(monkeypatch):
    """A function that sets the clock of this process to a time zone."""

    def chosen(zone):
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield chosen
    monkeypatch.undo()
    time.tzset()


def shown(moments):
    """Return moments as the clock of this process has them."""
    return [datetime.datetime.fromtimestamp(at).isoformat(" ", "minutes") for at in moments]


@pytest.mark.parametrize(
    ("zone", "days", "expected", "hours"),
    [
        ("UTC", ("2024-10-27", "2024-10-27"), ("2024-10-27", "2024-10-28"), 24),
        ("Europe/Berlin", ("2024-10-27", "2024-10-27"), ("2024-10-27", "2024-10-28"), 25),
        ("Europe/Berlin", ("2024-03-31", "2024-03-31"), ("2024-03-31", "2024-04-01"), 23),
        ("Europe/Berlin", ("2024-10-20", "2024-11-10"), ("2024-10-20", "2024-11-11"), 22 * 24 + 1),
        ("Europe/Berlin", (None, "2024-11-01"), ("2024-10-26", "2024-11-02"), 7 * 24 + 1),
        ("Europe/Berlin", (None, "2024-04-01"), ("2024-03-26", "2024-04-02"), 7 * 24 - 1),
        ("America/New_York", (None, "2024-03-10"), ("2024-03-04", "2024-03-11"), 7 * 24 - 1),
    ],
)
def test_days_are_whole_where_the_clocks_change(in_zone, zone, days, expected, hours):
    in_zone(zone)
    start, end = span(*days)
    assert shown((start, end)) == [f"{day} 00:00" for day in expected]
    assert end - start == hours * HOUR


def test_where_the_clocks_leap_over_midnight_a_day_begins_at_the_leap(in_zone):
    in_zone("Asia/Beirut")
    start, end = span("2024-03-31", "2024-03-31")
    assert shown((start, end)) == ["2024-03-31 01:00", "2024-04-01 00:00"]


def test_the_window_ends_now_and_begins_a_week_before():
    before = time.time()
    for until in (None, datetime.date.today().isoformat(), "2999-01-01"):
        start, end = span(None, until)
        assert before <= end <= time.time() + 1
        assert end - start == 7 * 24 * HOUR


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (("2024-01-02", "2024-01-01"), "after --until 2024-01-01"),
        (("2999-01-01", None), "in the future"),
        (("0001-01-01", "9999-12-31"), "too far away"),
        (("today", None), "write YYYY-MM-DD"),
    ],
)
def test_days_that_cannot_be_are_told(days, told):
    with pytest.raises(errors.UsageError, match=told):
        span(*days)


def rows(done):
    """Return the rows that a command has written as JSON."""
    return json.loads(done.stdout)


@pytest.fixture
def over_midnight(made_demo):
    """The (number, user id, account, second day) of a job that ran over a midnight, and began
    and was submitted before it."""
    with sqlite3.connect(made_demo.directory / "slurm.db") as connection:
        found = connection.execute(
            "SELECT id_job, id_user, account, time_submit, time_start, time_end"
            " FROM demo_job_table WHERE time_start > 0 AND time_end > 0 AND id_array_job = 0"
            " ORDER BY time_end DESC"
        ).fetchall()
    for number, user, account, *moments in found:
        days = [datetime.date.fromtimestamp(at) for at in moments]
        if days[0] <= days[1] < days[2]:
            return number, user, account, days[2].isoformat()
    raise AssertionError("no job of the demo ran over a midnight")


def test_the_jobs_of_an_account_are_those_that_its_numbers_count(userportal, over_midnight):
    number, _user, account, day = over_midnight
    words = ("account", account, "--since", day, "--until", day, "--format", "json")
    counted = {row["user"]: row["jobs"] for row in rows(userportal(*words))}
    listed = rows(userportal(*words, "--jobs", "--limit", "1000"))
    assert str(number) in {row["job_id"] for row in listed}
    assert sum(counted.values()) == len(listed) > 0
    for user, many in counted.items():
        assert many == sum(row["user"] == user for row in listed)


def test_a_user_s_jobs_are_those_that_were_there_in_the_window(
    userportal, made_demo, over_midnight
):
    number, user, _account, day = over_midnight
    name = next(
        line.split(":")[0]
        for line in (made_demo.directory / "passwd").read_text().splitlines()
        if line.split(":")[2] == str(user)
    )
    words = ("user", name, "--since", day, "--until", day, "--format", "json", "--limit", "1000")
    start, end = span(day, day)
    with sqlite3.connect(made_demo.directory / "slurm.db") as connection:
        ((many,),) = connection.execute(
            "SELECT count(*) FROM demo_job_table WHERE id_user = ? AND time_submit < ?"
            " AND (time_end = 0 OR time_end > ?)", (user, end, start),
        ).fetchall()  # fmt: skip
        ((submitted,),) = connection.execute(
            "SELECT count(*) FROM demo_job_table WHERE id_user = ? AND time_submit >= ?"
            " AND time_submit < ?", (user, start, end),
        ).fetchall()  # fmt: skip
    listed = rows(userportal(*words))
    assert str(number) in {row["job_id"] for row in listed}
    assert len(listed) == many > submitted
