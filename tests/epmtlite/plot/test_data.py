"""What a page is made of is what the database has."""

import datetime
import zoneinfo

import pytest

from epmtlite import selection
from epmtlite.jobs import Clock
from epmtlite.operations import covered
from epmtlite.plot import data, texts, totals
from tests.epmtlite.made_jobs import (
    epmt,
    made_job,
    metadata,
    random_records,
    record,
    sample,
    write_job,
)

IO_NAMES = ("usertime", "systemtime", "rssmax", "rchar", "wchar")
EVERYTHING = 10**6


def read(site, limit=EVERYTHING, name="100"):
    """Return the data of a job."""
    database = site.connect()
    try:
        (job,) = selection.named_jobs(database, [name])
        return data.job_data(database, job, limit)
    finally:
        database.close()


def stored(site, tmp_path, job):
    """Store a MadeJob in the database of a Site, and return that."""
    site.create()
    epmt(site, "submit", write_job(job, tmp_path / "job"))
    return site


def rows(found, title="program"):
    """Return {name: {column: value}} of a way to group."""
    (group,) = (one for one in found["groups"] if one["title"] == title)
    return {row[0]: dict(zip(totals.COLUMNS, row[1:])) for row in group["rows"]}


def test_sums_are_those_of_the_database(site, tmp_path):
    stored(site, tmp_path, made_job(random_records(200)))
    found = rows(read(site))
    expected = site.rows(
        "SELECT exename, COUNT(*), SUM(duration), SUM(cpu_time), MAX(peak_rss) FROM epmt_process"
        " GROUP BY exename"
    )
    assert len(found) == len(expected)
    for name, *values in expected:
        columns = ("processes", "wall", "cpu", "peak")
        assert [found[name][column] for column in columns] == [int(value) for value in values]


def test_elapsed_time_is_counted_once(site, tmp_path):
    records = random_records(100)
    found = rows(read(stored(site, tmp_path, made_job(records))))
    starts, ends = [one.start for one in records], [one.end for one in records]
    assert found["cp"]["elapsed"] == covered(starts, ends)


def test_tags_are_grouped_by_each_key(sqlite_site, tmp_path):
    records = [
        record(pid=10, start=0, lasts=100, tags="op:cp;n:1"),
        record(pid=11, start=50, lasts=100, tags="op:cp;n:2"),
        record(pid=12, start=60, lasts=10, tags=""),
    ]
    found = read(stored(sqlite_site, tmp_path, made_job(records)))
    assert [group["title"] for group in found["groups"]] == ["program", "n", "op", data.ALL_TAGS]
    by_op = rows(found, "op")
    assert (by_op["cp"]["processes"], by_op["cp"]["wall"], by_op["cp"]["elapsed"]) == (2, 200, 150)
    assert by_op[None]["wall"] == 10
    assert set(rows(found, data.ALL_TAGS)) == {"n:1;op:cp", "n:2;op:cp", None}


def test_input_and_output_are_added_up_over_threads(sqlite_site, tmp_path):
    threads = [(1, 2, 3, 1000, -1), (1, 2, 3, 24, -1)]
    records = [record(names=IO_NAMES, threads=threads)]
    found = read(stored(sqlite_site, tmp_path, made_job(records)))
    assert found["columns"]["read"] == [1024]
    assert found["columns"]["written"] == [-1]
    row = rows(found)["cp"]
    assert (row["read"], row["written"], row["disk_read"]) == (1024, None, None)


def test_processes_are_columns_in_the_order_of_their_starts(site, tmp_path):
    stored(site, tmp_path, made_job(random_records(150)))
    found = read(site)
    columns = found["columns"]
    order = sorted(
        site.rows("SELECT start, id, duration, pid, cpu_time, inclusive_cpu_time FROM epmt_process")
    )
    job_start = site.rows("SELECT start FROM epmt_job")[0][0]
    assert [
        (start + job_start, *rest)
        for start, *rest in zip(
            columns["start"], columns["duration"], columns["pid"], columns["cpu"],
            columns["inclusive_cpu"],
        )
    ] == [(start, *rest) for start, _id, *rest in order]  # fmt: skip
    assert {len(values) for values in columns.values()} == {150}


def test_the_shortest_are_left_out_and_counted(site, tmp_path):
    records = random_records(120)
    stored(site, tmp_path, made_job(records))
    whole, some = read(site), read(site, limit=50)
    durations = sorted((one.end - one.start for one in records), reverse=True)
    assert sorted(some["columns"]["duration"], reverse=True) == durations[:50]
    count, wall, cpu = some["left_out"]
    assert (count, wall) == (70, sum(durations[50:]))
    assert cpu + sum(some["columns"]["cpu"]) == sum(whole["columns"]["cpu"])
    assert whole["left_out"] == [0, 0, 0]
    assert some["groups"] == whole["groups"]


def test_children_of_what_is_left_out_have_its_parent(sqlite_site, tmp_path):
    records = [
        record(pid=10, ppid=1, start=0, lasts=9000),
        record(pid=11, ppid=10, start=10, lasts=1),
        record(pid=12, ppid=11, start=11, lasts=2),
        record(pid=13, ppid=12, start=12, lasts=500),
        record(pid=14, ppid=12, start=13, lasts=400),
    ]
    stored(sqlite_site, tmp_path, made_job(records))
    assert read(sqlite_site)["columns"]["parent"] == [-1, 0, 1, 2, 2]
    assert read(sqlite_site, limit=3)["columns"]["parent"] == [-1, 0, 0]
    assert read(sqlite_site, limit=0)["columns"]["parent"] == []


def test_clocks_that_are_changed_meanwhile_are_known():
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    start = datetime.datetime(2026, 3, 28, 12, tzinfo=zone)
    change = datetime.datetime(2026, 3, 29, 1, tzinfo=datetime.timezone.utc)
    microseconds = [int(moment.timestamp()) * 10**6 for moment in (start, change)]
    found = data.offsets(Clock("Europe/Berlin"), microseconds[0], microseconds[1] + 3600 * 10**6)
    assert found == [[0, 12 * 3600], [microseconds[1] - microseconds[0], 13 * 3600]]


def test_clock_of_a_job_that_no_clock_can_show():
    assert data.offsets(Clock("UTC"), 0, 2**62) == []


def test_facts_are_those_of_the_job(sqlite_site, tmp_path):
    records = [record(exitcode=3), record(pid=11, start=5)]
    job = made_job(records)._replace(metadata=metadata(annotations={"note": "a\x1bb", "n": 5}))
    facts = read(stored(sqlite_site, tmp_path, job))["facts"]
    assert facts["job"] == "100" and facts["user"] == "ann" and facts["hosts"] == ["n1"]
    assert facts["start"].startswith("2026-03-01 ")
    assert (facts["processes"], facts["failed"]) == (2, 1)
    assert facts["annotations"][1:] == [["n", "5"], ["note", "a\\x1bb"]]
    assert ["exp_name", "ocean"] in facts["tags"]
    assert facts["duration"] == 3600 * 10**6


@pytest.mark.parametrize("name", ["kern-6656-20190614-190245", "685000"])
def test_real_jobs_are_read_whole(sqlite_site, monkeypatch, name):
    monkeypatch.setenv("EPMT_TZ", "Asia/Kolkata" if name.startswith("kern") else "US/Eastern")
    path = sample(f"{name}.tgz")
    epmt(sqlite_site.create(), "submit", path)
    found = read(sqlite_site, name=name)
    assert len(found["columns"]["start"]) == found["facts"]["processes"]
    for group in found["groups"]:
        assert sum(row[4] for row in group["rows"]) == found["facts"]["cpu"]


def test_many_groups_are_one_row_at_the_end(monkeypatch):
    monkeypatch.setattr(totals, "MOST_GROUPS", 2)
    groups = {}
    for number in range(5):
        groups[f"p{number}"] = total = totals.Total()
        total.add(0, 10, number, (number, None, 1, 1), number)
    found = totals.rows_of(groups)
    assert [row[0] for row in found] == ["p4", "p3", 3]
    assert found[-1] == [3, 3, 30, None, 3, 3, None, 3, 3, 2]


def test_texts_are_short_and_harmless():
    assert texts.shown("a" * 500, 100) == "a" * 50 + texts.MARK + "a" * 49
    assert texts.shown("\u202egnp.exe\0\u2028") == "\\u202egnp.exe\\x00\\u2028"
