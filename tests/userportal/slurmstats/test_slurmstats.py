"""The pages about the scheduler: windows of days, accounts, the same numbers as JSON."""

import datetime
import html
import re
from zoneinfo import ZoneInfo

import pytest

from tests.userportal.pages.tiny_portal import (
    DAY,
    HOUR,
    MINUTE,
    NO_METRICS,
    NOW,
    tiny_portal,
    write_conf_of_nowhere,
)
from tests.userportal.quotas.test_quotas import plain, rows
from tests.userportal.slurm.made import job_row
from userportal.slurmstats import graphs

ROOT = "/secure/slurm/"
COMPLETED, TIMEOUT, FAILED = 3, 6, 5
TEN_DAYS_AGO = NOW - 10 * DAY
PAGES = ("", "account_priority/", "account_priority.json", "job_length/length.json",
         "job_length/timeout.json", "account_list.json", "graph/run.json", "graph/wait.json",
         "graph/limit.json")  # fmt: skip


def job(number, state, minutes, start=TEN_DAYS_AGO, **values):
    """Return the row of a job with a limit of 100 minutes."""
    return job_row(
        number, state=state, time_start=start, time_end=start + minutes * MINUTE, timelimit=100,
        **values,
    )  # fmt: skip


JOBS = [
    job(1, COMPLETED, 50), job(2, COMPLETED, 100), job(3, TIMEOUT, 101), job(4, FAILED, 10),
    job(5, COMPLETED, 20, partition="gpu", account="def-bob", id_assoc=5),
    job(6, COMPLETED, 20, start=NOW - 20 * DAY),
]  # fmt: skip


def record(recorder):
    """Write the levels of two accounts."""
    for account, level in (("def-ann", 0.5), ("def-bob", 2)):
        recorder.gauge("slurm_account_levelfs", level, since=TEN_DAYS_AGO - HOUR, account=account)


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal with some jobs of ten days ago."""
    with tiny_portal(tmp_path_factory.mktemp("slurmstats"), record, jobs=JOBS) as found:
        yield found


def day(at):
    """Return a day as the form sends it."""
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).date().isoformat()


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_are_for_helpers(portal, path):
    assert portal.get(ROOT + path, "ann").status_code == 403
    assert portal.get(ROOT + path).status_code == 302
    assert {portal.get(ROOT + path, one).status_code for one in ("hal", "sue")} == {200}


def test_partitions_are_shown_with_parts_of_their_limits(portal):
    assert rows(portal.text(ROOT, "hal"))[1:] == ["cpu 2 1 33 % 75 %", "gpu 1 0 0 % 20 %"]


def test_lengths_and_timeouts_are_the_same_as_json(portal):
    lengths = portal.get(ROOT + "job_length/length.json", "hal").json()
    assert {name: (one["mean"], one["count"]) for name, one in lengths.items()} == {
        "cpu": (0.75, 2), "gpu": (0.2, 1),
    }  # fmt: skip
    assert sum(lengths["cpu"]["histogram"]) == 2
    assert portal.get(ROOT + "job_length/timeout.json", "hal").json() == {
        "cpu": {"completed": 2, "timeout": 1, "ratio": 1 / 3},
        "gpu": {"completed": 1, "timeout": 0, "ratio": 0},
    }
    accounts = portal.get(ROOT + "account_list.json", "hal").json()["accounts"]
    assert accounts == ["def-ann", "def-bob", "root"]


def counts_of(figure):
    """Return {partition: {what is below a bar: jobs}} of a figure, without empty bars."""
    return {
        trace["name"]: {at: many for at, many in zip(trace["x"], trace["y"]) if many}
        for trace in figure["data"]
    }


def test_bars_tell_how_many_jobs_ran_how_long(portal):
    figure = portal.get(ROOT + "graph/run.json", "hal").json()
    assert {trace["type"] for trace in figure["data"]} == {"bar"}
    assert figure["layout"]["barmode"] == "stack"
    assert counts_of(figure) == {
        "cpu": {"5–15 min": 1, "15–60 min": 1, "1–3 h": 2}, "gpu": {"15–60 min": 1},
    }  # fmt: skip
    assert counts_of(portal.get(ROOT + "graph/limit.json", "hal").json()) == {
        "cpu": {"50–55\xa0%": 1, "all of it": 1}, "gpu": {"20–25\xa0%": 1},
    }  # fmt: skip


def test_bars_are_those_of_the_days_and_the_account_of_the_page(portal):
    page = portal.text(ROOT, "hal", start=day(NOW - 21 * DAY), end=day(NOW), account="def-ann")
    found = re.findall(r'data-graph="([^"]*)"', page)
    assert [path.split("?")[0] for path in found] == [
        f"{ROOT}graph/{name}.json" for name in ("run", "wait", "limit")
    ]
    figure = portal.client("hal").get(html.unescape(found[0])).json()
    assert counts_of(figure) == {"cpu": {"5–15 min": 1, "15–60 min": 2, "1–3 h": 2}}
    assert portal.get(ROOT + "graph/run.json", "hal", account="nobody").json()["data"] == []
    assert portal.get(ROOT + "graph/other.json", "hal").status_code == 404


def test_very_many_partitions_stand_together():
    names = ["short", "long"]
    figure = graphs.bars(names, [(f"p{number:02}", [number, 1]) for number in range(30)])
    assert [trace["name"] for trace in figure["data"]] == [
        *(f"p{number:02}" for number in range(29, 18, -1)), "All others",
    ]  # fmt: skip
    assert figure["data"][-1]["y"] == [sum(range(19)), 19]
    assert sum(sum(trace["y"]) for trace in figure["data"]) == sum(range(30)) + 30
    assert graphs.bars(names, [("<b>", [1, 0]), ("none", [0, 0])])["data"][0]["name"] == "&lt;b&gt;"


def test_levels_at_the_starts_of_jobs_are_told_by_partition(portal):
    assert portal.get(ROOT + "account_priority.json", "hal").json() == {
        "cpu": {"mean": 0.5, "median": 0.5, "max": 0.5, "min": 0.5, "count": 4},
        "gpu": {"mean": 2, "median": 2, "max": 2, "min": 2, "count": 1},
    }
    assert rows(portal.text(ROOT + "account_priority/", "hal"))[1:] == [
        "cpu 4 0.50 0.50 0.50 0.50", "gpu 1 2 2 2 2",
    ]  # fmt: skip


def test_the_days_and_the_account_that_are_asked_for_count(portal):
    first = day(NOW - 21 * DAY)
    found = portal.get(ROOT + "job_length/timeout.json", "hal", start=first, end=day(NOW)).json()
    assert found["cpu"]["completed"] == 3
    found = portal.get(ROOT + "job_length/timeout.json", "hal", account="def-bob").json()
    assert list(found) == ["gpu"]
    page = portal.text(ROOT, "hal", start=first, end=day(NOW), account="def-bob")
    assert f'name="start" value="{first}"' in page and f'name="end" value="{day(NOW)}"' in page
    assert f"?start={first}&amp;end={day(NOW)}&amp;account=def-bob" in page
    assert '<option value="def-ann">' in page


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Toronto"])
def test_a_day_is_that_of_the_reader_and_its_last_job_counts(tmp_path, zone):
    local = datetime.datetime.fromtimestamp(NOW - 5 * DAY, ZoneInfo(zone))
    midnight, next_midnight = (
        int(datetime.datetime.combine(day, datetime.time(), ZoneInfo(zone)).timestamp())
        for day in (local.date(), local.date() + datetime.timedelta(days=1))
    )
    jobs = [job(1, COMPLETED, 30, start=midnight), job(2, COMPLETED, 30, start=midnight - HOUR),
            job(3, COMPLETED, 30, start=next_midnight - 30 * MINUTE - 1),
            job(4, COMPLETED, 30, start=next_midnight - 10 * MINUTE)]  # fmt: skip
    day_text = local.date().isoformat()
    with tiny_portal(tmp_path, jobs=jobs) as portal:
        client = portal.client("hal")
        client.cookies["portal_zone"] = zone
        answer = client.get(ROOT, {"start": day_text, "end": day_text})
        assert rows(answer.content.decode())[1:] == ["cpu 2 0 0 % 30 %"]
        assert f'name="end" value="{day_text}"' in answer.content.decode()


@pytest.mark.parametrize("account", ["nobody", "x y", "<b>", "def-ann' OR 1=1 --", "%", "DEF-ANN"])
def test_an_account_that_is_none_has_no_jobs_instead_of_all(portal, account):
    for path in ("job_length/timeout.json", "account_priority.json"):
        assert portal.get(ROOT + path, "hal", account=account).json() == {}
    page = portal.text(ROOT, "hal", account=account)
    assert "No job began and ended in these days." in page and "<b>" not in page


def test_levels_that_are_not_measured_are_told(tmp_path):
    with tiny_portal(tmp_path, jobs=JOBS, metrics=NO_METRICS) as portal:
        told = plain(portal.text(ROOT + "account_priority/", "hal"))
        assert "Fair-share levels are not measured here (slurm-exporter)." in told
        assert portal.get(ROOT + "account_priority.json", "hal").json() == {}
        assert rows(portal.text(ROOT, "hal"))[1:] == ["cpu 2 1 33 % 75 %", "gpu 1 0 0 % 20 %"]


@pytest.mark.parametrize("missing", ["not named", "away"])
def test_without_slurm_that_is_told(tmp_path, missing):
    with tiny_portal(tmp_path, jobs=None if missing == "not named" else ()) as portal:
        if missing == "away":
            write_conf_of_nowhere(portal.directory / "slurm_db.conf")
        text = {"not named": "is not set up here", "away": "cannot be reached now"}[missing]
        for path in PAGES:
            answer = portal.get(ROOT + path, "hal")
            assert answer.status_code == 503 and text in answer.content.decode()
