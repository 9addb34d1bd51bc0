"""epmt delete, drop, retire, dbsize, dbcare, schema and migrate; delete_old_records."""

import contextlib
import datetime
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from epmtlite import connection
from tests.conftest import CHECKOUT, run_command
from tests.epmtlite.made_jobs import (
    BEGIN,
    archived,
    contents,
    epmt,
    made_job,
    random_records,
    record,
    write_job,
)

CHECKED = "epmt run functionality\tPass"
TABLES = ("epmt_job", "epmt_process", "epmt_job_host", "epmt_process_tags", "epmt_metric_names")


@pytest.fixture
def filled(site, tmp_path):
    """A Site with the jobs 1 to 4, each of some processes."""
    site.create()
    for number in range(1, 5):
        job = made_job(random_records(10, number), jobid=str(number))
        write_job(job, tmp_path / str(number))
    epmt(site, "submit", *(tmp_path / str(number) for number in range(1, 5)))
    return site


def ids(site):
    """Return the ids of all jobs that are stored."""
    return sorted(jobid for _cluster, jobid in contents(site)[0])


def test_a_deletion_deletes_what_it_should_and_nothing_else(filled):
    before = contents(filled)[0]
    done = epmt(filled, "delete", "-n", "2")
    assert done.stdout == "would delete job 2: 10 processes\n"
    assert contents(filled)[0] == before
    assert epmt(filled, "delete", "2", "4").stdout == ""
    left, orphans = contents(filled)
    assert left == {key: before[key] for key in (("", "1"), ("", "3"))} and orphans == []
    done = epmt(filled, "delete", "2", "3", status=66)
    assert "no job 2" in done.stderr and ids(filled) == ["1"]
    (message,) = filled.rows("SELECT message FROM usage_run WHERE command = 'epmt delete'")[:1]
    assert message == ("deleted 2 jobs",)


def test_a_job_that_was_deleted_can_be_submitted_again(filled, tmp_path):
    before = contents(filled)
    epmt(filled, "delete", "3")
    epmt(filled, "submit", archived(tmp_path / "3"))
    assert contents(filled) == before


def test_delete_old_records_deletes_jobs_by_their_local_day(site, tmp_path):
    site.create()
    zone = datetime.timezone(datetime.timedelta(hours=9))
    for jobid, cluster, day in (("1", "a", 0), ("2", "b", 0), ("3", "a", 1)):
        start = BEGIN.replace(hour=20, tzinfo=zone) + datetime.timedelta(days=day)
        end = start + datetime.timedelta(hours=5)
        job = made_job([], jobid=jobid, job_pl_start_ts=start, job_pl_submit_ts=start,
                       job_el_stop_ts=end)  # fmt: skip
        epmt(site, "submit", "--cluster", cluster, write_job(job, tmp_path / jobid))
    words = ("--schema", "epmt", "--end", "2026-03-02", "--yes")
    done = site.run("delete_old_records", *words, "--dry-run")
    assert "would delete records up to 2026-03-01: 2 rows of epmt_job" in done.stdout
    assert site.run("delete_old_records", *words, "--syshost", "c").returncode == 2
    assert site.run("delete_old_records", *words, "--syshost", "b").returncode == 0
    assert ids(site) == ["1", "3"]
    assert site.run("delete_old_records", *words).returncode == 0
    assert ids(site) == ["3"]


def test_jobs_are_retired_by_their_age(filled, monkeypatch, tmp_path):
    def retire(days, *options):
        settings = tmp_path / "epmt.ini"
        settings.write_text(f"[EPMT]\nretire_jobs_ndays = {days}\nretire_jobs_per_delete_max = 3\n")
        monkeypatch.setenv("EPMT_SETTINGS", str(settings))
        return epmt(filled, *options).stdout

    now = datetime.datetime.now(datetime.timezone.utc)
    start = now - datetime.timedelta(hours=3)
    young = made_job([], jobid="9", job_pl_start_ts=start, job_pl_submit_ts=start,
                     job_el_stop_ts=now)  # fmt: skip
    epmt(filled, "submit", write_job(young, tmp_path / "9"))
    assert retire(0, "retire") == "" and len(ids(filled)) == 5
    for days in (100_000, 999_999_999):
        assert retire(days, "retire", "-n") == retire(days, "retire") == ""
        assert len(ids(filled)) == 5
    days = (now - BEGIN).days - 1
    if days < 1:
        pytest.skip("the clock of this machine is before the jobs")
    assert len(retire(days, "retire", "-n", "-u").splitlines()) == 4
    assert len(ids(filled)) == 5
    assert retire(days, "dbcare", "--retire-jobs", "--vacuum-tables", "-p") == ""
    assert ids(filled) == ["9"] and contents(filled)[1] == []


def change(site, sql, *values):
    """Change what is stored."""
    database = connection.open_database(site.config)
    with contextlib.closing(database), database.transaction():
        database.execute(sql, values)


@pytest.fixture
def old_after_a_day(monkeypatch, tmp_path):
    """Settings by which jobs and models are old after one day."""
    settings = tmp_path / "epmt.ini"
    settings.write_text("[EPMT]\nretire_jobs_ndays = 1\nretire_models_ndays = 1\n")
    monkeypatch.setenv("EPMT_SETTINGS", str(settings))


@pytest.mark.usefixtures("old_after_a_day")
def test_a_dry_run_of_retire_names_what_a_run_deletes(filled):
    """Jobs of a model that goes, too, go with it; those of a model that stays, stay."""
    environment = {**os.environ, "HPCUSAGE_CONF": str(filled.conf_path)}
    for name, jobs in (("old", "1,2,3"), ("young", "2,3,4")):
        done = run_command("epmt", "refmodel", "create", name, "--jobs", jobs, env=environment)
        assert done.returncode == 0, done.stderr
    change(filled, "UPDATE epmt_refmodel SET created_at = ? WHERE name = 'old'", 1.7e9)
    told = epmt(filled, "retire", "-n")
    assert [line.split(":")[0] for line in told.stdout.splitlines()] == [
        "would retire model old", "would retire job 1",
    ]  # fmt: skip
    assert "3 jobs stay" in told.stderr and ids(filled) == ["1", "2", "3", "4"]
    done = epmt(filled, "retire")
    assert ids(filled) == ["2", "3", "4"] and "3 jobs stay" in done.stderr
    told = epmt(filled, "retire", "-n")
    assert told.stdout == "" and "3 jobs stay" in told.stderr


@pytest.mark.usefixtures("old_after_a_day")
def test_a_job_that_says_it_ends_in_a_distant_year_is_retired_by_when_it_was_stored(site, tmp_path):
    site.create()
    distant = datetime.datetime(2999, 1, 1, tzinfo=datetime.timezone.utc)
    for jobid in "12":
        job = made_job(jobid=jobid, job_el_stop_ts=distant)
        epmt(site, "submit", write_job(job, tmp_path / jobid))
    change(site, "UPDATE epmt_job SET created_at = created_at - 86500 WHERE jobid = '1'")
    assert epmt(site, "retire", "-n").stdout == "would retire job 1: 1 processes\n"
    epmt(site, "retire")
    assert ids(site) == ["2"]


@pytest.mark.usefixtures("old_after_a_day")
def test_a_wrong_clock_when_it_was_stored_makes_no_job_old(site, tmp_path):
    site.create()
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = now - datetime.timedelta(hours=3), now - datetime.timedelta(hours=1)
    job = made_job([], job_pl_start_ts=start, job_pl_submit_ts=start, job_el_stop_ts=end)
    epmt(site, "submit", write_job(job, tmp_path / "100"))
    change(site, "UPDATE epmt_job SET created_at = 946684800")
    assert epmt(site, "retire", "-n").stdout == epmt(site, "retire").stdout == ""
    assert ids(site) == ["100"]


def test_dropping_needs_to_be_agreed_to(filled):
    done = epmt(filled, "drop", status=2)
    assert done.stderr == "Error: drop needs --yes (or -f) without a terminal\n"
    assert len(ids(filled)) == 4
    assert answer(filled, "no") == 0 and len(ids(filled)) == 4
    assert answer(filled, "") == 0 and len(ids(filled)) == 4
    assert answer(filled, "YES") == 0
    assert no_tables(filled)
    assert filled.rows("SELECT COUNT(*) FROM usage_run")[0][0] > 0
    epmt(filled, "migrate")
    assert ids(filled) == []
    epmt(filled, "drop", "-f")
    assert no_tables(filled)


def no_tables(site):
    """Tell whether the database has no table of EPMT."""
    database = site.connect()
    found = [name for name in TABLES if database.dialect.has_table(database, name)]
    database.close()
    return not found


def answer(site, text):
    """Run epmt drop at a terminal, give an answer, and return its status."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, CHECKOUT / "bin" / "epmt", "drop", "--confFn", site.conf_path],
        stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.write(master, f"{text}\n".encode())
    _output, messages = process.communicate()
    os.close(slave)
    os.close(master)
    assert b"Are you sure (yes/NO): " in messages
    return process.returncode


def test_submit_can_drop_everything_first(sqlite_site, tmp_path):
    one, two = (write_job(made_job(jobid=name), tmp_path / name) for name in ("1", "2"))
    epmt(sqlite_site, "submit", one)
    epmt(sqlite_site, "submit", "--drop", two, status=2)
    assert ids(sqlite_site) == ["1"]
    epmt(sqlite_site, "submit", "--drop", "-f", two)
    assert ids(sqlite_site) == ["2"]


def test_migrating_says_each_step_and_then_nothing_is_left(site):
    done = epmt(site, "migrate", "-n")
    assert "would: epmt 1: CREATE TABLE epmt_job" in done.stdout
    done = epmt(site, "migrate")
    assert "epmt 1: CREATE TABLE epmt_process" in done.stdout
    assert "up to date" in epmt(site, "migrate").stdout
    assert epmt(site, "list").stdout == "[]\n"


def test_the_schema_is_printed_in_the_words_of_the_database(site):
    text = epmt(site, "schema").stdout
    assert text.count("CREATE TABLE") == 10 and "SERIAL" not in text and "CHARS(" not in text


def test_sizes_are_told_for_every_database(filled):
    found = json.loads(epmt(filled, "dbsize", "all").stdout)
    assert set(found) == {"database", "table", "index", "tablespace", "timestamp", "settings"}
    assert found["table"]["epmt_process"][1] == 40 and found["table"]["epmt_process"][0] > 0
    assert list(found["database"].values())[0] > 0 and found["index"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", found["timestamp"])
    assert set(json.loads(epmt(filled, "dbsize").stdout)) == {"database", "timestamp", "settings"}
    epmt(filled, "dbsize", "disk", status=2)


def test_care_removes_what_a_stopped_run_has_left(filled):
    database = filled.connect()
    (number,) = database.rows("SELECT MAX(id) FROM epmt_job")[0]
    database.execute("DELETE FROM epmt_job WHERE id = ?", (number,))
    database.execute("INSERT INTO epmt_partial (job_id, begun_at) VALUES (?, 1)", (number,))
    database.close()
    assert contents(filled)[1] != []
    epmt(filled, "dbcare")
    assert contents(filled)[1] == [] and len(ids(filled)) == 3


def test_every_command_has_a_help():
    overview = run_command("epmt", "help").stdout
    for command in ("submit", "list", "delete", "drop", "retire", "dbsize", "dbcare", "schema",
                    "migrate"):  # fmt: skip
        done = run_command("epmt", command, "-h")
        assert done.returncode == 0 and f"epmt {command} [-h]" in done.stdout
        assert f"    {command} " in overview


def test_a_report_account_can_list_but_not_submit(sqlite_site, tmp_path, nobody):
    directory = write_job(made_job([record()]), tmp_path / "100")
    epmt(sqlite_site, "submit", directory)
    Path(sqlite_site.config.database).chmod(0o644)
    sqlite_site.conf_path.chmod(0o644)
    assert epmt(sqlite_site, "list", **nobody).stdout == "['100']\n"
    epmt(sqlite_site, "delete", "100", status=77, **nobody)


def test_check_tells_whether_the_database_can_be_used(site, tmp_path):
    settings = tmp_path / "epmt.ini"
    settings.write_text(
        f"[EPMT]\nepmt_output_prefix = {tmp_path}/jobs/\nstage_command_dest = {tmp_path}\n"
    )
    variables = {"HPCUSAGE_CONF": str(site.conf_path), "EPMT_SETTINGS": str(settings)}
    if site.config.backend != "sqlite":  # a server gets its tables by a command
        done = run_command("epmt", "check", env=variables)
        assert (
            done.returncode == 78 and "run epmt migrate" in done.stdout and CHECKED in done.stdout
        )
    site.create()
    done = run_command("epmt", "check", env=variables)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("settings.db_params = {}\tPass  (") and CHECKED in done.stdout
