"""Files that this machine cannot read now: nothing is wrong with the job, which is stored later."""

import os

import pytest

from epmtlite import submit
from epmtlite.collect import files
from tests.epmtlite.daemon.runs import DaemonSite
from tests.epmtlite.made_jobs import aged, made_job, random_records, write_job
from tests.epmtlite.test_two_runs import submitter


@pytest.fixture
def place(sqlite_site, tmp_path):
    """A DaemonSite on SQLite."""
    return DaemonSite(sqlite_site.create(), tmp_path)


def broken(suffix, first_byte):
    """Return a files.Source that fails from a byte on, in files of some names: read(2) gives EIO,
    as it does for this process's memory at 0."""

    class Broken(files.Source):
        def readinto(self, buffer):
            if self.shown.endswith(suffix) and self.tell() >= first_byte:
                memory = os.open("/proc/self/mem", os.O_RDONLY)
                os.dup2(memory, self.fileno())
                os.close(memory)
            return super().readinto(buffer)

    return Broken


def check_later(place, path, monkeypatch, suffix, first_byte=0):
    """Check that a job that cannot be read stays for a later run, and is stored by that."""
    aged(path)
    with monkeypatch.context() as patches:
        patches.setattr(files, "Source", broken(suffix, first_byte))
        outcome = submitter(place, move_away=True, remove=True).submit(str(path))
    assert (outcome.kind, outcome.exit_code) == (submit.FAILED, 75), outcome
    assert outcome.message.startswith("cannot read ") and outcome.message.endswith(
        "now: Input/output error"
    )
    assert path.exists() and place.failed_names() == []
    assert submitter(place, remove=True).submit(str(path)).kind == submit.STORED
    assert not path.exists()


@pytest.mark.parametrize("first_byte", [0, 1, 200_000])
def test_an_archive_that_cannot_be_read_to_its_end_is_not_damaged(place, monkeypatch, first_byte):
    path = place.put("1", count=10_000)
    assert path.stat().st_size > 300_000
    check_later(place, path, monkeypatch, ".tgz", first_byte)


@pytest.mark.parametrize("suffix", ["job_metadata", "n1-papiex-header.tsv", "n1-papiex.tsv"])
def test_so_is_no_file_of_a_directory(place, monkeypatch, suffix):
    path = write_job(made_job(random_records()), place.directory / "100")
    check_later(place, path, monkeypatch, suffix)


def test_a_directory_that_cannot_be_listed_is_tried_later(place, monkeypatch):
    path = write_job(made_job(), place.directory / "100")
    with monkeypatch.context() as patches:
        patches.setattr(os, "listdir", fails)
        outcome = submitter(place, move_away=True).submit(str(path))
    assert (outcome.exit_code, path.exists()) == (75, True)
    assert outcome.message == f"cannot read {path} now: Stale file handle"


def fails(_directory):
    """Fail as a file server does that has forgotten a directory."""
    raise OSError(116, "Stale file handle")
