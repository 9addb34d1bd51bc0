"""What becomes of an archive that was submitted: nothing that is not stored is removed."""

import datetime
import os
import re
import sqlite3
from pathlib import Path

import pytest

from tests.conftest import run_command
from tests.epmtlite.made_jobs import (
    BEGIN,
    aged,
    archived,
    contents,
    epmt,
    made_job,
    record,
    write_job,
)


def test_another_job_of_the_same_number_is_not_taken_for_the_stored_one(sqlite_site, tmp_path):
    epmt(sqlite_site, "submit", write_job(made_job(), tmp_path / "100"))
    later = made_job([], job_el_stop_ts=BEGIN + datetime.timedelta(hours=2))
    other = write_job(later, tmp_path / "other" / "100")
    done = epmt(sqlite_site, "submit", "-r", other, status=65)
    assert "another job 100" in done.stderr and "--cluster" in done.stderr
    assert other.exists()


HOSTS = ("n1", "n2")


def parts_of_a_job(directory):
    """Write an archive of each host of one job, one of all, and a directory of all."""
    records = {host: [record(hostname=host, pid=n) for n in (10, 11)] for host in HOSTS}
    parts = [
        archived(write_job(made_job(some, jobid="100"), directory / host / "100"))
        for host, some in records.items()
    ]
    both = write_job(made_job(sum(records.values(), [])), directory / "both" / "100")
    return (*parts, archived(both), both)


@pytest.mark.parametrize("options", [(), ("-p", "2")])
def test_another_part_of_a_job_is_not_taken_for_the_whole(site, tmp_path, options):
    site.create()
    first, second, packed, directory = parts_of_a_job(tmp_path)
    epmt(site, "submit", first)
    stored = contents(site)
    for path in (second, packed, directory):
        done = epmt(site, "submit", "-r", *options, path, path, status=65)
        assert done.stdout == "" and path.exists() and contents(site) == stored
        assert done.stderr.count("the database has it without n2: it has 2 processes") == 2
        assert f"{path}: another part of job 100" in done.stderr
    epmt(site, "delete", "100")
    epmt(site, "submit", directory)
    stored = contents(site)
    done = epmt(site, "submit", "-r", *options, first, first, status=65)
    assert "this has nothing of n2" in done.stderr and first.exists()
    done = epmt(site, "submit", "-r", packed, directory)
    assert done.stdout == "Assuming job 100 is already in database\n" * 2
    assert contents(site) == stored and not packed.exists() and not directory.exists()


def test_a_job_with_other_processes_is_not_taken_for_the_stored_one(sqlite_site, tmp_path):
    epmt(sqlite_site, "submit", write_job(made_job(), tmp_path / "100"))
    for number, records in enumerate(
        ([], [record(), record(pid=11)], [record(threads=[(301, 100, 2048, 0, 0, 9)])])
    ):
        other = write_job(made_job(records), tmp_path / str(number) / "100")
        epmt(sqlite_site, "submit", "-r", other, status=65)
        assert other.exists()
    other = made_job([record(pid=11, ppid=10, hostname="n2")], job_pl_username="bob")
    other = write_job(other, tmp_path / "bob" / "100")
    done = epmt(sqlite_site, "submit", "-r", other, status=65)
    assert "another job 100, of other times or of another user" in done.stderr


def test_a_job_in_a_wrong_zone_is_told_to_be_so(sqlite_site, tmp_path):
    """Its metadata, without a zone, was read with another EPMT_TZ than the first time."""
    moments = ("job_pl_submit_ts", "job_pl_start_ts", "job_el_stop_ts")
    job = made_job([])
    naive = {key: job.metadata[key].replace(tzinfo=None) for key in moments}
    directory = write_job(made_job([], **naive), tmp_path / "100")
    epmt(sqlite_site, "submit", directory, env={**os.environ, "EPMT_TZ": "Asia/Kolkata"})
    done = epmt(sqlite_site, "submit", directory, status=65, env={**os.environ, "EPMT_TZ": "UTC"})
    assert "in a time zone that differs by 5.5 hours: set EPMT_TZ" in done.stderr


def test_only_what_was_read_is_removed(sqlite_site, tmp_path):
    directory = write_job(made_job(), tmp_path / "100")
    (directory / "n2-papiex.tsv.gz").write_bytes(b"of another host")
    (directory / "n3-papiex-header.tsv").write_text("{usertime}\ttags\n")
    (directory / "sub").mkdir()
    (directory / "sub" / "thesis.txt").write_text("years of work")
    packed = archived(directory)
    left = {"n2-papiex.tsv.gz", "sub"}
    done = epmt(sqlite_site, "submit", "-r", packed, directory)
    assert packed.exists() and {path.name for path in directory.iterdir()} == left
    assert (directory / "sub" / "thesis.txt").read_text() == "years of work"
    warnings = done.stderr.splitlines()
    assert warnings == [
        f"Warning: {packed} stays: it has files that were not read: n2-papiex.tsv.gz,"
        " sub/thesis.txt",
        f"Warning: {directory} stays, with what was not read: n2-papiex.tsv.gz, sub",
    ]


@pytest.mark.parametrize("options", [(), ("-p", "2")])
def test_what_is_stored_but_cannot_be_removed_is_told_as_that(
    sqlite_site, tmp_path, nobody, monkeypatch, options
):
    """The directories that the jobs are in are those of another account."""
    sources, failed = tmp_path / "sources", tmp_path / "failed"
    paths = [write_job(made_job(jobid="1"), sources / "1")]
    paths += [archived(write_job(made_job(jobid="2"), sources / "2"))]
    for path in (failed, tmp_path / "own"):
        path.mkdir()
        os.chown(path, nobody["user"], nobody["group"])
    settings = tmp_path / "epmt.ini"
    settings.write_text(f"[EPMT]\ningest_failed_dir = {failed}\n")
    monkeypatch.setenv("EPMT_SETTINGS", str(settings))
    monkeypatch.setenv("EPMT_DB_URL", f"sqlite:///{tmp_path}/own/epmt.db")
    for path in tmp_path.rglob("*"):
        path.chmod(path.stat().st_mode | 0o055)
    done = run_command("epmt", "submit", "-r", "-m", *options, *paths, **nobody)
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("Imported successfully") == 2
    assert done.stderr.count("Warning: ") == done.stderr.count("is stored, but cannot remove") == 2
    assert all(path.exists() for path in paths) and list(failed.iterdir()) == []
    run_command("epmt", "submit", "-r", "-m", *paths, **nobody)
    assert list(failed.iterdir()) == []


def test_removing_and_moving_away(sqlite_site, tmp_path, monkeypatch):
    (tmp_path / "failed").mkdir()
    settings = tmp_path / "epmt.ini"
    settings.write_text(f"[EPMT]\ningest_failed_dir = {tmp_path / 'failed'}\n")
    monkeypatch.setenv("EPMT_SETTINGS", str(settings))
    stored = write_job(made_job(jobid="1"), tmp_path / "1")
    packed = archived(write_job(made_job(jobid="2"), tmp_path / "2"))
    known = archived(write_job(made_job(jobid="1"), tmp_path / "again" / "1"))
    bad = write_job(made_job(jobid="3", job_el_stop_ts=None), tmp_path / "3")
    aged(bad)
    done = epmt(sqlite_site, "submit", "-r", "-m", stored, packed, known, bad, status=3)
    assert not (stored.exists() or packed.exists() or known.exists() or bad.exists())
    assert (tmp_path / "failed" / "3" / "job_metadata").exists()
    assert "was moved to" in done.stderr


def test_what_could_not_be_stored_is_never_removed(sqlite_site, tmp_path):
    bad = write_job(made_job(job_el_stop_ts=None), tmp_path / "3")
    epmt(sqlite_site, "submit", "-r", bad, status=65)
    assert bad.exists()
    epmt(sqlite_site, "submit", "-r", "-n", write_job(made_job(), tmp_path / "4"))
    assert (tmp_path / "4").exists()


def test_a_dry_run_reads_all_and_stores_nothing(sqlite_site, tmp_path):
    done = epmt(sqlite_site, "submit", "-n", write_job(made_job(), tmp_path / "100"))
    assert done.stdout == "Would import - job: 100 processes: 1\n"
    assert not Path(sqlite_site.config.database).exists()
    bad = write_job(made_job(job_el_stop_ts=None), tmp_path / "3")
    epmt(sqlite_site, "submit", "-n", bad, status=65)
    epmt(sqlite_site, "submit", "-n", "--drop", bad, status=2)


def test_a_dry_run_says_what_a_run_would(site, tmp_path):
    site.create()
    first, second, packed, directory = parts_of_a_job(tmp_path)
    infinite = write_job(made_job([], jobid="3"), tmp_path / "3")
    path = infinite / "job_metadata"
    path.write_text(path.read_text().replace('"none"', '"none", "annotations": {"x": 1e400}'))
    known = write_job(made_job(jobid="4"), tmp_path / "4")
    epmt(site, "submit", known)
    before = contents(site)
    words = (first, second, first, packed, infinite, known)
    tried = epmt(site, "submit", "-n", *words, status=3)
    assert contents(site) == before
    done = epmt(site, "submit", *words, status=3)
    assert tried.stderr == done.stderr and len(done.stderr.splitlines()) == 4
    imported = re.sub(" rate: .*", "", done.stdout).replace("Imported successfully", "Would import")
    assert tried.stdout == imported and len(imported.splitlines()) == 3
    tried = epmt(site, "submit", "-n", *words, status=3)
    assert tried.stdout.count("is already in database") == 3 == len(tried.stdout.splitlines())


def test_a_dry_run_changes_no_database_file(sqlite_site, tmp_path):
    directory = write_job(made_job(), tmp_path / "100")
    path = Path(sqlite_site.config.database)
    for mode in ("DELETE", "WAL"):
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute(f"CREATE TABLE of_others_{mode} (a INTEGER)")
        connection.close()
        before = path.read_bytes()
        done = epmt(sqlite_site, "submit", "-n", directory)
        assert done.stdout == "Would import - job: 100 processes: 1\n"
        assert path.read_bytes() == before
        assert sorted(tmp_path.glob("usage.db*")) == [path]
