"""What is read of a job is what its clocks, its tags and its files meant."""

import datetime

import pytest

from tests.conftest import Site, run_command
from tests.epmtlite.made_jobs import (
    contents,
    epmt,
    made_job,
    record,
    url_of,
    write_job,
    write_v1,
)
from tests.epmtlite.old_site import OldSite
from usagedb.config import DatabaseConfig

MINUTE = 60_000_000
BEGIN = 1_762_041_600_000_000  # 2025-11-02 00:00 UTC; at 06:00 New York sets its clocks back
# Start and stop as clocks there showed them, when processes ran, and what it was, in minutes.
TWICE = (
    ("00:30", "01:30", (271, 389), (270, 390)),
    ("00:30", "01:30", (271, 329), (270, 330)),
    ("01:50", "01:10", (351, 369), (350, 370)),
    ("01:10", "03:00", (371, 470), (370, 480)),
)


def naive_job(start, stop, ran, jobid="100"):
    """Return the MadeJob of an old collector, which noted no zone."""
    begin, end = (datetime.datetime.fromisoformat(f"2025-11-02 {one}") for one in (start, stop))
    first, last = (BEGIN + one * MINUTE for one in ran)
    return made_job(
        [record(start=0, pid=10 + n)._replace(start=first, end=last) for n in range(2)], jobid,
        job_pl_start_ts=begin, job_pl_submit_ts=begin, job_el_stop_ts=end,
        job_pl_env={"TZ": "America/New_York"},
    )  # fmt: skip


@pytest.mark.parametrize(("start", "stop", "ran", "expected"), TWICE)
def test_a_job_of_the_hour_that_clocks_show_twice_is_stored_with_its_true_times(
    sqlite_site, tmp_path, start, stop, ran, expected
):
    directory = write_job(naive_job(start, stop, ran), tmp_path / "100")
    for text in ("Imported successfully", "is already in database"):
        assert text in epmt(sqlite_site, "submit", directory).stdout
    (found,) = sqlite_site.rows('SELECT start, "end", submit FROM epmt_job')
    begin, end = (BEGIN + one * MINUTE for one in expected)
    assert found == (begin, end, begin)


@pytest.mark.parametrize(("start", "stop", "ran", "expected"), TWICE)
def test_so_it_is_where_it_comes_from_a_database_of_epmt(
    sqlite_site, tmp_path, start, stop, ran, expected
):
    filled = OldSite(sqlite_site)
    filled.add(naive_job(start, stop, ran), "America/New_York", has_thread_times=True)
    shown = {"start": start, "end": stop, "submit": start}
    for column, text in shown.items():
        filled.database.execute(
            f'UPDATE jobs SET "{column}" = ?',
            (f"2025-11-02 {text}:00.000000",),  # noqa: S608
        )
    filled.database.close()
    (tmp_path / "ours").mkdir()
    config = DatabaseConfig("sqlite", str(tmp_path / "ours" / "usage.db"), "test")
    ours = Site(config, tmp_path / "ours")
    for text in ("Imported successfully", "is already in database"):
        assert text in epmt(ours, "migrate", "--from", url_of(sqlite_site.config)).stdout
    (found,) = ours.rows('SELECT start, "end", submit FROM epmt_job')
    begin, end = (BEGIN + one * MINUTE for one in expected)
    assert found == (begin, end, begin)


def test_tags_that_only_an_annotation_says_are_those_of_the_job(sqlite_site, tmp_path):
    """As they are where it is annotated in the database."""
    job = made_job(annotations={"EPMT_JOB_TAGS": "exp:two;x", "a": 1}, job_el_env={"HOME": "/"})
    epmt(sqlite_site, "submit", write_job(job, tmp_path / "100"))
    (values,) = (job["values"] for job in contents(sqlite_site)[0].values())
    assert (values[14], values[15]) == (
        {"exp": "two", "x": "1"}, {"EPMT_JOB_TAGS": "exp:two;x", "a": 1}
    )  # fmt: skip


def test_a_job_that_was_annotated_with_other_tags_is_stored_with_these(sqlite_site, tmp_path):
    directory = write_job(made_job(), tmp_path / "100")
    assert run_command("epmt", "annotate", directory, "EPMT_JOB_TAGS=exp:two").returncode == 0
    epmt(sqlite_site, "submit", directory)
    (values,) = (job["values"] for job in contents(sqlite_site)[0].values())
    assert (values[14], values[15]) == ({"exp": "two"}, {"EPMT_JOB_TAGS": "exp:two"})


def test_what_to_do_about_tags_that_contradict_each_other_is_told_and_does_it(
    sqlite_site, tmp_path
):
    job = made_job(annotations={"EPMT_JOB_TAGS": "exp:two"})
    directory = write_job(job, tmp_path / "100")
    done = epmt(sqlite_site, "submit", directory, status=65)
    assert "`epmt annotate PATH EPMT_JOB_TAGS=key:value` sets both" in done.stderr
    assert run_command("epmt", "annotate", directory, "EPMT_JOB_TAGS=exp:three").returncode == 0
    epmt(sqlite_site, "submit", directory)


@pytest.mark.parametrize("write", [write_job, write_v1])
def test_a_file_that_was_cut_off_within_its_last_line_rejects_the_job(sqlite_site, tmp_path, write):
    directory = write(made_job([record(args="x"), record(args="echo")]), tmp_path / "100")
    (path,) = (one for one in directory.iterdir() if one.name.startswith("n1-papiex") and
               "header" not in one.name)  # fmt: skip
    whole = path.read_bytes()
    line = whole.count(b"\n")
    for cut in (1, 2):
        path.write_bytes(whole[:-cut])
        done = epmt(sqlite_site, "submit", directory, status=65)
        assert done.stderr.startswith(f"Error: {path}, line {line}: the file ends within this line")
        assert contents(sqlite_site) == ({}, []) and directory.exists()
    with path.open("wb") as file:  # as the message says
        file.write(whole[:-1] + b"\n")
    epmt(sqlite_site, "submit", directory)
