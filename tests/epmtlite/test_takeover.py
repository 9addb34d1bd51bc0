"""epmt migrate --from: the jobs of a database that EPMT filled are taken over whole, once."""

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epmtlite import deletion, selection, takeover, values
from epmtlite.old_epmt import OldDatabase
from epmtlite.submit import STORED
from tests.conftest import Site
from tests.epmtlite.made_jobs import (
    contents,
    epmt,
    made_job,
    random_records,
    record,
    url_of,
    write_job,
)
from tests.epmtlite.old_site import OldSite
from usagedb.config import DatabaseConfig

JOBS = {
    "1": made_job(random_records(30, 1), jobid="1"),
    "2": made_job(random_records(30, 2), jobid="2"),
    "3": made_job(random_records(30, 3), jobid="3"),
    "4": made_job([], jobid="4", job_el_exitcode=7),
}


@pytest.fixture
def old(site):
    """A Site whose database EPMT has filled with JOBS."""
    filled = OldSite(site)
    filled.add(JOBS["1"])
    filled.add(JOBS["2"], has_thread_times=True)
    filled.add(JOBS["3"], is_staged=True)
    filled.add(JOBS["4"], zone_name="UTC-04:00")
    filled.database.close()
    return site


@pytest.fixture
def ours(tmp_path):
    """An empty Site on SQLite."""
    (tmp_path / "ours").mkdir()
    return Site(DatabaseConfig("sqlite", str(tmp_path / "ours" / "usage.db"), "test"),
                tmp_path / "ours")  # fmt: skip


def comparable(jobs):
    """Return contents without what the two ways to store a job do differently: the zone and the
    local times, how info_dict tells about them, and the order of metrics."""
    for job in jobs.values():
        found = job["values"]
        del found[2], found[2], found[4], found[13]
        job["processes"] = [
            (*row[:2], *row[3:-1], threads_of(row[2], row[-1])) for row in job["processes"]
        ]
    return jobs


def threads_of(names, text):
    """Return {metric: value} of each thread of a process."""
    names = names.split(",")
    return values.thread_dicts(names, values.threads_of(text, len(names)))


def test_jobs_are_taken_over_as_if_they_were_submitted(old, ours, tmp_path):
    done = epmt(ours, "migrate", "--from", url_of(old.config), "-n")
    assert len(done.stdout.splitlines()) == 4
    done = epmt(ours, "migrate", "--from", url_of(old.config))
    assert done.stdout.count("Imported successfully - job: ") == 4
    found, orphans = contents(ours)
    assert found["", "1"]["values"][2] == "US/Eastern" and found["", "4"]["values"][2] == "-04:00"
    assert orphans == []
    ((analyses,),) = ours.rows("SELECT DISTINCT analyses FROM epmt_job")
    assert analyses == '{"outlier_detection": [1]}'
    epmt(ours, "delete", *JOBS)
    epmt(ours, "submit", *(write_job(job, tmp_path / name) for name, job in JOBS.items()))
    wanted = contents(ours)[0]
    assert comparable(found) == comparable(wanted)


def test_a_second_time_changes_nothing(old, ours):
    epmt(ours, "migrate", "--from", url_of(old.config))
    before = contents(ours)
    done = epmt(ours, "migrate", "--from", url_of(old.config))
    assert done.stdout.count("is already in database") == 4
    assert contents(ours) == before


def test_jobs_whose_user_was_renamed_are_known_by_their_processes(old, ours):
    """But not those that have none: job 4."""
    epmt(ours, "migrate", "--from", url_of(old.config))
    users = ours.rows("SELECT name FROM epmt_user")
    for (name,) in users:
        words = ("--schema", "epmt", "--as", f"x{name}", "--yes")
        done = ours.run("usage_person", "pseudonymise", name, *words)
        assert done.returncode == 0, done.stderr
    before = contents(ours)
    done = epmt(ours, "migrate", "--from", url_of(old.config), status=3)
    assert done.stdout.count("is already in database") == 3
    assert done.stderr.count("another job 4, of other times or of another user") == 1
    assert contents(ours) == before


def test_the_tables_of_both_may_be_in_one_database(old):
    old.create()
    epmt(old, "migrate", "--from", url_of(old.config), "--cluster", "old")
    assert set(contents(old)[0]) == {("old", name) for name in JOBS}
    assert old.rows("SELECT COUNT(*) FROM jobs") == [(4,)]


def test_a_job_that_cannot_be_is_told_and_the_others_are_taken_over(old, ours):
    database = old.connect()
    database.execute("UPDATE jobs SET jobid = 'a/b' WHERE jobid = '1'")
    database.close()
    done = epmt(ours, "migrate", "--from", url_of(old.config), status=3)
    assert "a/b" in done.stderr and len(contents(ours)[0]) == 3


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_file_of_epmt_is_not_changed(sqlite_site, ours, mode):
    filled = OldSite(sqlite_site)
    filled.add(JOBS["1"])
    filled.database.close()
    path = Path(sqlite_site.config.database)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.close()
    before = path.read_bytes()
    for options in (("-n",), (), ("-n",)):
        epmt(ours, "migrate", "--from", url_of(sqlite_site.config), *options)
        assert path.read_bytes() == before and list(path.parent.glob("usage.db?*")) == []
    done = epmt(sqlite_site, "migrate", "--from", url_of(sqlite_site.config), "-n")
    assert done.stdout.startswith("Would import") and path.read_bytes() == before


def test_a_file_of_epmt_can_be_written_meanwhile(sqlite_site, ours):
    filled = OldSite(sqlite_site)
    filled.add(JOBS["1"])
    filled.database.close()
    writer = sqlite3.connect(sqlite_site.config.database, isolation_level=None)
    writer.execute("PRAGMA journal_mode = DELETE")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM jobs")
    epmt(ours, "migrate", "--from", url_of(sqlite_site.config))
    writer.execute("COMMIT")
    writer.close()
    assert set(contents(ours)[0]) == {("", "1")}


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.text(max_size=3)
    | st.sampled_from(["usertime", "start", "end", "a,b"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["usertime", "start", "end", "a,b", "x"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
ODD_COLUMNS = [
    *[("jobs", column) for column in ("info_dict", "tags", "annotations", "analyses", "env_dict",
                                      "env_changes_dict", "start", "end", "submit", "exitcode",
                                      "user_id", "jobname")],
    *[("processes", column) for column in ("threads_df", "tags", "pid", "start", "end", "host_id",
                                           "exename", "exitcode", "gen")],
]  # fmt: skip


@given(st.sampled_from(ODD_COLUMNS), ODD)
@settings(max_examples=150)
def test_whatever_a_job_of_epmt_holds_the_others_are_taken_over(odd_site, place, value):
    """By the function behind the command: a hundred commands would take minutes."""
    old, ours = odd_site
    table, column = place
    sql = f"SELECT rowid, {quoted(column)} FROM {table} WHERE jobid = '1' ORDER BY rowid LIMIT 1"
    number, before = old.rows(sql)[0]
    update = f"UPDATE {table} SET {quoted(column)} = ? WHERE rowid = ?"
    plain = isinstance(value, (str, int)) and not isinstance(value, bool) and abs_is_small(value)
    try:
        old.execute(update, (value if plain else json.dumps(value), number))
        source = OldDatabase(old.config)
        found = list(takeover.outcomes(source, ours, ""))
        source.close()
    finally:
        old.execute(update, (before, number))
    assert sorted(one.path for one in found) == ["job 1", "job 2"]
    kinds = {one.path: one.kind for one in found}
    assert kinds["job 2"] == STORED
    deletion.delete_jobs(ours, selection.select_jobs(ours))


def quoted(column):
    """Return the name of a column as SQLite wants it."""
    return f'"{column}"'


def abs_is_small(value):
    """Tell whether SQLite can hold a value as it is."""
    return not isinstance(value, int) or abs(value) < 1 << 63


@pytest.fixture
def odd_site(sqlite_site, ours):
    """(an SQLite file of EPMT with the jobs 1 and 2, a database of ours), both open."""
    filled = OldSite(sqlite_site)
    for number in ("1", "2"):
        filled.add(made_job([record(), record(pid=11)], jobid=number))
    opened = ours.create("epmt").connect()
    yield filled.database, opened
    opened.close()
    filled.database.close()


def test_a_process_with_odd_threads_is_told_and_the_others_are_taken_over(old, ours):
    database = old.connect()
    database.execute("UPDATE processes SET threads_df = ? WHERE jobid = '1'", ('{"a": 1}',))
    database.execute("UPDATE jobs SET info_dict = ? WHERE jobid = '2'", ("[1]",))
    database.close()
    for options in (("-n",), ()):
        done = epmt(ours, "migrate", "--from", url_of(old.config), *options, status=3)
        assert "threads_df is no list of threads" in done.stderr
        assert "info_dict is no object" in done.stderr and len(done.stderr.splitlines()) == 2
    assert set(contents(ours)[0]) == {("", "3"), ("", "4")}


def test_a_short_form_of_a_zone_needs_the_zone_of_the_site(sqlite_site, ours, monkeypatch):
    filled = OldSite(sqlite_site)
    filled.add(JOBS["1"])
    sql = "UPDATE jobs SET info_dict = replace(info_dict, 'US/Eastern', ?)"
    for short, zone, stored in (
        ("EST", None, "EST"), ("EDT", None, None), ("IST", "Asia/Kolkata", "Asia/Kolkata"),
        ("IST", "UTC", None),
    ):  # fmt: skip
        filled.database.execute(sql, (short,))
        if zone:
            monkeypatch.setenv("EPMT_TZ", zone)
        status = 0 if stored else 78
        done = epmt(ours, "migrate", "--from", url_of(sqlite_site.config), status=status)
        filled.database.execute(sql.replace("US/Eastern", short), ("US/Eastern",))
        if stored:
            assert ours.rows("SELECT zone FROM epmt_job") == [(stored,)]
            epmt(ours, "delete", "1")
        else:
            assert f"the time zone {short} has no full name: say EPMT_TZ" in done.stderr
    filled.database.close()


def test_what_is_no_database_of_epmt_is_told(sqlite_site, ours, tmp_path):
    for url in (f"sqlite:///{tmp_path}/none.db", "nonsense"):
        done = epmt(ours, "migrate", "--from", url, status=78)
        assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "none.db").exists()
    sqlite_site.create()
    done = epmt(ours, "migrate", "--from", url_of(sqlite_site.config), status=78)
    assert "no table users of EPMT" in done.stderr


def test_tags_that_are_no_texts_become_texts(old, ours):
    database = old.connect()
    database.execute("UPDATE jobs SET tags = ? WHERE jobid = '1'", ('{"a": 5, "b": ["x"]}',))
    database.close()
    epmt(ours, "migrate", "--from", url_of(old.config))
    ((text,),) = ours.rows("SELECT tags FROM epmt_job WHERE jobid = '1'")
    assert json.loads(text) == {"a": "5", "b": '["x"]'}


def test_a_metric_of_epmt_cannot_have_the_name_of_a_key(old, ours):
    database = old.connect()
    threads = '[{"usertime": 1, "duration": 5}]'
    database.execute("UPDATE processes SET threads_df = ? WHERE jobid = '1'", (threads,))
    database.close()
    done = epmt(ours, "migrate", "--from", url_of(old.config), status=3)
    assert "no metric can have the name duration" in done.stderr
    assert ("", "1") not in contents(ours)[0] and len(contents(ours)[0]) == 3
