"""What rejects a job: it is told with file, line and reason, and the others are stored."""

import datetime
import json
import re
import subprocess
import sys

import pytest

from epmtlite.reading import SLACK
from tests.conftest import CHECKOUT
from tests.epmtlite.made_jobs import (
    BEGIN,
    BEGIN_MICROSECONDS,
    HOUR,
    aged,
    contents,
    epmt,
    made_job,
    random_records,
    record,
    write_job,
    write_v1,
)
from tests.mysql_server import is_mysql

BAD_ROWS = (
    ("{1,2}\tx\n", "fields"),
    ("{300,100,2048,0,0}\t\tn1\tcp\t/bin/cp\t0\t0\t9\t0\t1\t1\t1\t1\tSTART\tSTART\t\n", "metrics"),
    ("{300,100,2048,0,0,9}\t\tn1\tcp\t/bin/cp\t0\t0\tx\t0\t1\t1\t1\t1\tSTART\tSTART\t\n", "number"),
)


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_a_corrupted_row_rejects_its_job_with_file_line_and_reason(site, tmp_path, row, reason):
    site.create()
    bad = write_job(made_job(random_records(hosts=("n1",)), jobid="7"), tmp_path / "7")
    good = write_job(made_job(jobid="8"), tmp_path / "8")
    with (bad / "n1-papiex.tsv").open("a") as file:
        file.write(row.replace("START", str(BEGIN_MICROSECONDS)))
    done = epmt(site, "submit", bad, status=65)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: {bad}/n1-papiex.tsv, line 41: ") and reason in line
    assert contents(site) == ({}, []) and done.stdout == ""
    done = epmt(site, "submit", bad, good, status=3)
    assert set(contents(site)[0]) == {("", "8")} and bad.exists()
    assert site.rows("SELECT usage_run.stored, rejected FROM usage_run ORDER BY run_id") == [
        (0, 1),
        (1, 1),
    ]


IMPOSSIBLE = (
    ({"start": -SLACK - 1}, "ran from .* time zone"),
    ({"start": HOUR, "lasts": SLACK + 1}, "ran from .* time zone"),
    ({"start": 10**16, "lasts": 1 - 10**16}, "ran from .* it is corrupted$"),
    ({"start": (1 << 62) - BEGIN_MICROSECONDS}, "ran from"),
    ({"exitcode": 1 << 40}, "has the impossible exit code 1099511627776$"),
    ({"threads": [((1 << 63) - 1, 1, 1, 1, 1, 1)]}, "has an impossible CPU time of 9223372"),
)


@pytest.mark.parametrize(("changes", "reason"), IMPOSSIBLE)
@pytest.mark.parametrize("write", [write_job, write_v1])
def test_what_no_process_has_rejects_the_job_with_file_and_line(
    sqlite_site, tmp_path, changes, reason, write
):
    two_threads = record(threads=[(1, 2, 3, 4, 5, 6)] * 2, args="x")
    records = [record(args="x"), two_threads, record(pid=4711, args="x", **changes), record()]
    directory = write(made_job(records), tmp_path / "1")
    done = epmt(sqlite_site, "submit", directory, status=65)
    name, line = ("n1-papiex.tsv", 3) if write is write_job else ("n1-papiex-1-0.csv", 5)
    where = f"Error: {directory}/{name}, line {line}: process 4711 "
    assert re.fullmatch(re.escape(where) + f".*{reason}.*", done.stderr.strip()), done.stderr
    assert contents(sqlite_site) == ({}, [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"job_el_stop_ts": None}, "Could not find job_el_stop_ts in job metadata"),
        ({"job_pl_id": "../100"}, "job_pl_id"),
        ({"job_pl_env": "HOME=/"}, "job_pl_env"),
        ({"job_el_exitcode": 1 << 40}, "job_el_exitcode"),
        ({"job_pl_username": "x" * 300}, "job_pl_username"),
        ({"job_tags": ["a"], "checked": True}, "job_tags"),
        ({"annotations": {"EPMT_JOB_TAGS": "exp_name:other"}}, "EPMT_JOB_TAGS"),
        ({"annotations": "none"}, "annotations"),
        ({"job_pl_start_ts": "yesterday"}, "job_pl_start_ts"),
    ],
)  # fmt: skip
def test_metadata_that_cannot_be_reject_the_job(sqlite_site, tmp_path, changes, reason):
    directory = write_job(made_job(**changes), tmp_path / "100")
    done = epmt(sqlite_site, "submit", directory, status=65)
    (line,) = done.stderr.splitlines()
    assert reason in line and str(directory) in line
    assert contents(sqlite_site) == ({}, [])


def test_a_job_that_ends_before_it_begins_is_rejected(sqlite_site, tmp_path):
    early = BEGIN - datetime.timedelta(microseconds=1)
    job = made_job([], job_el_stop_ts=early)
    done = epmt(sqlite_site, "submit", write_job(job, tmp_path / "100"), status=65)
    assert "job_el_stop_ts in job metadata" in done.stderr and "before the start" in done.stderr


def test_a_job_that_is_too_large_for_the_server_does_not_stop_the_others(site, tmp_path):
    """MariaDB takes statements of 16 MB, and closes the connection for more."""
    site.create()
    text = "\u0416" * 100_000  # 6 bytes each in JSON, 7 in a statement of MariaDB
    large = made_job(jobid="1", job_pl_env={f"A{number}": text for number in range(25)})
    paths = [write_job(large, tmp_path / "1"), write_job(made_job(jobid="2"), tmp_path / "2")]
    (paths[0] / "job_metadata").write_text(json.dumps(
        json.loads((paths[0] / "job_metadata").read_text()), ensure_ascii=False))  # fmt: skip
    is_refused = site.config.backend == "mysql" and not is_mysql()  # which takes 64 MB
    done = epmt(site, "submit", *paths, status=3 if is_refused else 0)
    assert ("max_allowed_packet" in done.stderr) == is_refused
    jobs = {jobid for _cluster, jobid in contents(site)[0]}
    assert jobs == ({"2"} if is_refused else {"1", "2"})


# epmt that lets any number through to the database.
UNCHECKED = f"""
import sys
sys.path.insert(0, {str(CHECKOUT)!r})
from epmtlite import command, facts, load, parts, reading
facts.LARGEST = reading.LARGEST = 1 << 80
parts.ROWS_PER_PART, load.MOST_PARTS_AT_ONCE, load.PARTS_PER_STEP = 3, 2, 1
command.main()
"""


@pytest.mark.parametrize("options", [(), ("-p", "2")])
def test_what_the_database_cannot_hold_is_the_failure_of_that_job(
    site, tmp_path, monkeypatch, options
):
    site.create()
    (tmp_path / "failed").mkdir()
    settings = tmp_path / "epmt.ini"
    settings.write_text(f"[EPMT]\ningest_failed_dir = {tmp_path}/failed\n")
    monkeypatch.setenv("EPMT_SETTINGS", str(settings))
    # SQLite has no integers of 32 bits alone, and so holds the second one.
    wrong = ["1"] if site.config.backend == "sqlite" else ["1", "2"]
    large = [record(pid=number) for number in range(10, 30)]
    jobs = [
        made_job([], jobid="1", job_el_exitcode=1 << 70),
        made_job([*large, record(exitsignal=1 << 40)], jobid="2"),
        made_job(jobid="3"),
        made_job(large, jobid="4"),
    ]
    paths = aged(*(write_job(job, tmp_path / job.metadata["job_pl_id"]) for job in jobs))
    done = subprocess.run(
        [sys.executable, "-c", UNCHECKED, "submit", "-m", *options, "--confFn", site.conf_path,
         *paths],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    for text in ("Error: ", "the database cannot hold a value of it", "was moved to"):
        assert done.stderr.count(text) == len(wrong), done.stderr
    jobs, orphans = contents(site)
    assert {jobid for _cluster, jobid in jobs} == {"1", "2", "3", "4"}.difference(wrong)
    assert orphans == []
    assert sorted(path.name for path in (tmp_path / "failed").iterdir()) == wrong
