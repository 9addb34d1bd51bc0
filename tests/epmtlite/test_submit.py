"""epmt submit: every job whole and once, and what is said about it."""

import json
import os

import pytest

from epmtlite.reading import SLACK
from tests.conftest import drop_database, run_command
from tests.epmtlite.made_jobs import (
    BEGIN_MICROSECONDS,
    HOUR,
    archived,
    contents,
    epmt,
    made_job,
    random_records,
    record,
    url_of,
    write_job,
    write_v1,
)

IMPORTED = "Imported successfully - job: {} processes: {} rate: "


def job_row(site):
    """Return the values of contents() of the only job."""
    jobs, orphans = contents(site)
    (job,) = jobs.values()
    assert orphans == []
    return job


def test_a_job_is_stored_with_its_processes_sums_and_tree(site, tmp_path):
    site.create()
    records = [
        record(pid=11, ppid=10, start=2000, lasts=300, tags="op:cp;n:2", exitcode=4,
               threads=[(5, 6, 900, 1, 7, 30), (50, 60, 950, 1, 7, 30)]),
        record(pid=10, ppid=1, start=1000, lasts=5000, args='"x, y" \u00fc\\', exitcode=3),
    ]  # fmt: skip
    done = epmt(site, "submit", write_job(made_job(records), tmp_path / "100"))
    assert done.stdout.startswith(IMPORTED.format("100", 2)) and done.stderr == ""
    job = job_row(site)
    user, name, zone, day, start, end, start_local, duration, exitcode = job["values"][:9]
    assert (user, name, zone, day) == ("ann", "run", "+00:00", 20260301)
    assert (start, end, duration) == (BEGIN_MICROSECONDS, BEGIN_MICROSECONDS + HOUR, HOUR)
    assert start_local == "2026-03-01 08:00:00.250000"
    assert exitcode == 3  # of the process that began first
    assert job["values"][9:13] == [2, 3, 521, 2048]  # processes, threads, CPU time, peak
    assert job["values"][13] == {
        "num_procs": 2, "num_threads": 3, "usertime": 355, "systemtime": 166, "rssmax": 3898,
        "rdtsc_duration": 69,
    }  # fmt: skip
    assert job["values"][14] == {"exp_name": "ocean", "exp_component": "ice"}
    assert job["values"][15] == {"EPMT_JOB_TAGS": "exp_component:ice;exp_name:ocean"}
    start = BEGIN_MICROSECONDS
    names = ",".join(records[0].names)
    assert job["processes"] == [
        (1, {"op": "cp", "n": "2"}, names, "n1", 2, "cp", "/bin/cp", "-r a b", 11, 0, 10, 1, 1, 4,
         0, start + 2000, start + 2300, 300, 121, 121, 950, 1, 2, 0, 2,
         "5,6,900,1,7,30,50,60,950,1,7,30"),
        (2, {}, names, "n1", None, "cp", "/bin/cp", '"x, y" \u00fc\\', 10, 0, 1, 1, 1, 3, 0,
         start + 1000, start + 6000, 5000, 400, 521, 2048, 0, 1, 1, 1, "300,100,2048,0,0,9"),
    ]  # fmt: skip


def test_a_second_submission_changes_nothing(site, tmp_path):
    site.create()
    directory = write_job(made_job(random_records()), tmp_path / "100")
    epmt(site, "submit", directory)
    before = contents(site)
    for path in (directory, archived(directory)):
        done = epmt(site, "submit", path)
        assert done.stdout == "Assuming job 100 is already in database\n"
        assert contents(site) == before
    epmt(site, "submit", "-e", directory, status=3)
    runs = site.rows(
        "SELECT command, usage_run.stored, duplicates, exit_code FROM usage_run ORDER BY run_id"
    )
    assert runs == [("epmt submit", 1, 0, 0), *[("epmt submit", 0, 1, 0)] * 2,
                    ("epmt submit", 0, 1, 3)]  # fmt: skip


def test_a_directory_and_its_archive_make_the_same(site, tmp_path):
    site.create()
    directory = write_job(made_job(random_records()), tmp_path / "100")
    epmt(site, "submit", directory)
    stored = contents(site)
    epmt(site, "delete", "100")
    assert contents(site) == ({}, [])
    epmt(site, "submit", archived(directory))
    assert contents(site) == stored


def test_jobs_of_two_clusters_with_one_number_are_two(site, tmp_path):
    site.create()
    one = write_job(made_job(), tmp_path / "one" / "100")
    two = write_job(made_job([record(), record(pid=11)], job_pl_username="bob"), tmp_path / "100")
    epmt(site, "submit", "--cluster", "aurora", one)
    epmt(site, "submit", "--cluster", "polaris", two)
    assert set(contents(site)[0]) == {("aurora", "100"), ("polaris", "100")}
    listed = epmt(site, "list", "jobs").stdout
    assert listed == "['aurora/100', 'polaris/100']\n"
    refused = epmt(site, "delete", "100", status=2)
    assert "aurora/100, polaris/100" in refused.stderr
    epmt(site, "delete", "polaris/100")
    assert set(contents(site)[0]) == {("aurora", "100")}
    assert epmt(site, "list").stdout == "['100']\n"


def test_the_cluster_stands_in_the_configuration(sqlite_site, tmp_path):
    text = sqlite_site.conf_path.read_text()
    sqlite_site.conf_path.write_text(text + "\n[SITE]\nCLUSTER = aurora\n")
    epmt(sqlite_site, "submit", write_job(made_job(), tmp_path / "100"))
    assert set(contents(sqlite_site)[0]) == {("aurora", "100")}


def test_clocks_that_differ_a_little_are_no_reason_to_reject_a_job(sqlite_site, tmp_path):
    records = [record(start=-SLACK), record(pid=11, start=HOUR, lasts=SLACK)]
    epmt(sqlite_site, "submit", write_job(made_job(records), tmp_path / "100"))
    processes = job_row(sqlite_site)["processes"]
    assert [row[15] - BEGIN_MICROSECONDS for row in processes] == [-SLACK, HOUR]


def test_both_formats_of_one_job_make_the_same(sqlite_site, tmp_path):
    threads = [(1, 2, 3, 4, 5, 6)] * 2
    job = made_job([record(args="x", tags="op:a"), record(pid=11, args="y", threads=threads)])
    epmt(sqlite_site, "submit", write_job(job, tmp_path / "2" / "100"))
    stored = contents(sqlite_site)
    again = write_v1(job, tmp_path / "1" / "100")
    assert "already in database" in epmt(sqlite_site, "submit", again).stdout
    epmt(sqlite_site, "delete", "100")
    epmt(sqlite_site, "submit", again)
    assert contents(sqlite_site) == stored


def test_a_job_without_data_files_is_a_job(site, tmp_path):
    site.create()
    done = epmt(site, "submit", write_job(made_job([], job_el_exitcode=9), tmp_path / "100"))
    assert done.stdout.startswith(IMPORTED.format("100", 0)) and "no data files" in done.stderr
    job = job_row(site)
    assert job["processes"] == [] and job["values"][8:13] == [9, 0, 0, 0, 0]


def test_processes_that_papiex_could_not_measure_are_told(sqlite_site, tmp_path):
    records = [record(pid=30), record(pid=20, threads=[(1, 1, 1, 0, 0, -5)]),
               record(pid=10, threads=[(1, 1, 1, 0, 0, 0)])]  # fmt: skip
    epmt(sqlite_site, "submit", write_job(made_job(records), tmp_path / "100"))
    values = job_row(sqlite_site)["values"]
    assert values[13]["rdtsc_duration"] == -1
    assert values[15]["papiex-error-process-ids"] == [10, 20]
    assert values[15]["papiex-error"].endswith(
        "(rdtsc_duration < 0). 2 processes have potentially erroneous PAPI metric counts"
    )


def test_bad_tags_make_one_warning_with_their_job(sqlite_site, tmp_path):
    jobs = [
        made_job([record(pid=10 + n, tags=f"a:b:{n};good:1") for n in range(200)], jobid="1"),
        made_job([record(tags=":")], jobid="2", job_el_env={"EPMT_JOB_TAGS": "a:b:c;x:1"}),
        made_job(jobid="3"),
    ]
    paths = [write_job(job, tmp_path / job.metadata["job_pl_id"]) for job in jobs]
    done = epmt(sqlite_site, "submit", *paths)
    assert done.stderr.splitlines() == [
        f"Warning: job 1 in {paths[0]}: 200 tags are left out; the first: the tag a:b:0 is no"
        " key:value and is left out",
        f"Warning: job 2 in {paths[1]}: 2 tags are left out; the first: the tag a:b:c is no"
        " key:value and is left out",
    ]


def test_hosts_that_measure_different_things_make_one_job(site, tmp_path):
    site.create()
    records = [record(), record(pid=11, hostname="n2", names=("usertime", "cycles"),
                                threads=[(7, 8)])]  # fmt: skip
    epmt(site, "submit", write_job(made_job(records), tmp_path / "100"))
    job = job_row(site)
    assert job["values"][13]["usertime"] == 307 and job["values"][13]["cycles"] == 8
    assert [row[2:4] for row in job["processes"]] == [
        (",".join(records[0].names), "n1"), ("usertime,cycles", "n2"),
    ]  # fmt: skip
    assert job["values"][16]["metric_names"].endswith("rdtsc_duration,cycles")


def test_inputs_that_are_missing_or_no_jobs_are_told(sqlite_site, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.zip").write_text("no archive")
    (tmp_path / "link.tgz").symlink_to(archived(write_job(made_job(), tmp_path / "100")))
    for name, status in (("none.tgz", 66), ("empty", 65), ("file.zip", 65), ("link.tgz", 77)):
        done = epmt(sqlite_site, "submit", tmp_path / name, status=status)
        assert len(done.stderr.splitlines()) == 1 and name in done.stderr
    epmt(sqlite_site, "submit", tmp_path / "none.tgz", tmp_path / "empty", status=3)


def test_error_ends_at_the_first_failure(sqlite_site, tmp_path):
    bad = write_job(made_job(jobid="1", job_el_stop_ts=None), tmp_path / "1")
    good = write_job(made_job(jobid="2"), tmp_path / "2")
    epmt(sqlite_site, "submit", "-e", bad, good, status=65)
    assert contents(sqlite_site)[0] == {}


def test_the_current_job_is_submitted_by_default(sqlite_site, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "100")
    settings = tmp_path / "epmt.ini"
    settings.write_text(f"[EPMT]\nepmt_output_prefix = {tmp_path}/out/\n")
    monkeypatch.setenv("EPMT_SETTINGS", str(settings))
    epmt(sqlite_site, "submit", status=66)
    user = tmp_path / "out" / "root" if os.geteuid() == 0 else None
    if user is None:
        pytest.skip("the name of this account is not looked up here")
    write_job(made_job(), user / "100")
    assert epmt(sqlite_site, "submit").stdout.startswith(IMPORTED.format("100", 1))
    monkeypatch.delenv("SLURM_JOB_ID")
    epmt(sqlite_site, "submit", status=2)


@pytest.mark.parametrize("workers", ["2", "3"])
def test_jobs_that_are_read_at_once_are_stored_as_one_after_the_other(site, tmp_path, workers):
    site.create()
    made = [made_job(random_records(20, seed), jobid=str(seed)) for seed in range(6)]
    paths = [write_job(job, tmp_path / job.metadata["job_pl_id"]) for job in made]
    bad = write_job(made_job(jobid="bad", job_el_stop_ts=None), tmp_path / "bad")
    done = epmt(site, "submit", "-p", workers, *paths, bad, status=3)
    together = contents(site)
    assert len(done.stdout.splitlines()) == 6 and len(done.stderr.splitlines()) == 1
    assert site.rows("SELECT usage_run.stored, rejected, exit_code FROM usage_run") == [(6, 1, 3)]
    epmt(site, "delete", *(job.metadata["job_pl_id"] for job in made))
    epmt(site, "submit", *paths)
    assert contents(site) == together and len(together[0]) == 6


def test_a_database_that_is_away_is_told(sqlite_site, tmp_path, monkeypatch):
    directory = write_job(made_job(), tmp_path / "100")
    monkeypatch.setenv("EPMT_DB_URL", "mysql://ann:secret@127.0.0.1:1/EPMT")
    for options in ((), ("-p", "2", directory)):
        done = run_command("epmt", "submit", *options, directory)
        assert done.returncode == 75 and "secret" not in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_server_without_tables_says_what_to_do(site, tmp_path):
    if site.config.backend == "sqlite":
        pytest.skip("SQLite gets its tables by itself")
    directory = write_job(made_job(), tmp_path / "100")
    for options in ((), ("-n",), ("-p", "2", directory)):
        done = epmt(site, "submit", *options, directory, status=78)
        assert done.stderr.strip().endswith("tables of epmt are missing: run epmt migrate")


def test_what_is_said_to_make_the_tables_makes_them(site, tmp_path, monkeypatch):
    """Also where the database has its name from a variable, which createDB does not know."""
    if site.config.backend == "sqlite":
        pytest.skip("SQLite gets its tables by itself")
    monkeypatch.setenv("EPMT_DB_URL", url_of(site.config))
    directory = write_job(made_job(), tmp_path / "100")
    done = run_command("epmt", "submit", directory)
    advice = done.stderr.strip().rpartition(": run ")[2]
    assert run_command(*advice.split()).returncode == 0
    assert run_command("epmt", "submit", directory).returncode == 0
    other = site.config.replaced(database=site.config.database + "_other")
    monkeypatch.setenv("EPMT_DB_URL", url_of(other))
    done = run_command("epmt", "list")
    assert done.returncode == 78 and done.stderr.strip().endswith("run epmt migrate")
    try:
        assert run_command("epmt", "migrate").returncode == 0
        assert run_command("epmt", "list").stdout == "[]\n"
    finally:
        drop_database(other)


def test_the_url_of_the_environment_names_the_database(tmp_path, monkeypatch):
    monkeypatch.setenv("EPMT_DB_URL", f"sqlite:///{tmp_path}/url.db")
    done = run_command("epmt", "submit", write_job(made_job(), tmp_path / "100"))
    assert done.returncode == 0 and (tmp_path / "url.db").exists()
    assert run_command("epmt", "list").stdout == "['100']\n"
    monkeypatch.delenv("EPMT_DB_URL")
    (tmp_path / "epmt.ini").write_text(
        "[EPMT]\ndb_params = " + json.dumps({"url": f"sqlite:///{tmp_path}/url.db"}) + "\n"
    )
    monkeypatch.setenv("EPMT_SETTINGS", str(tmp_path / "epmt.ini"))
    assert run_command("epmt", "list").stdout == "['100']\n"
