"""epmt, killed and refused at every step: a job is there whole or not at all, and never lost."""

import os
import tarfile

import pytest

from tests.conftest import Site, new_site
from tests.epmtlite.made_jobs import aged, archived, contents, made_job, random_records, write_job
from tests.fault_points import (
    REFUSALS,
    Place,
    fail_at_every_step,
    kill_at_every_commit,
    kill_at_every_step,
)
from usagedb.config import DatabaseConfig

FAULT_PACKAGES = (
    "usagedb", "usagedb.dialects", "epmtlite", "epmtlite.collect", "epmtlite.daemon",
)  # fmt: skip
JOBS = {number: made_job(random_records(8, seed=number), jobid=str(number)) for number in (1, 2)}
STAGED = 74  # of a job whose archive is whole at its destination, though its directory is left
# One of many processes is stored in steps.
SMALL = {
    "epmtlite.parts.ROWS_PER_PART": 3, "epmtlite.load.MOST_PARTS_AT_ONCE": 2,
    "epmtlite.load.PARTS_PER_STEP": 2, "epmtlite.partial.PROCESSES_PER_STEP": 3,
}  # fmt: skip


class Jobs:
    """A database on SQLite, two jobs, and settings."""

    def __init__(self, directory, faults, site=None):
        self.faults = faults
        self.directory = directory / "place"
        self.directory.mkdir()
        config = DatabaseConfig("sqlite", str(self.directory / "usage.db"), "test")
        self.site = site or Site(config, self.directory).create()
        self.inbox, self.failed = self.directory / "inbox", self.directory / "failed"
        for path in (self.inbox, self.failed):
            path.mkdir()
        self.settings_path = self.directory / "epmt.ini"
        self.settings_path.write_text(
            f"[EPMT]\nepmt_output_prefix = {self.directory}/out/\n"
            f"stage_command_dest = {self.inbox}\ningest_failed_dir = {self.failed}\n"
        )

    def epmt(self, *words, fault=None):
        """Run epmt."""
        temporary = self.directory / "temporary"
        temporary.mkdir(exist_ok=True)
        return self.faults.run(
            "epmt", *words, fault=fault, settings=SMALL, EPMT_SETTINGS=str(self.settings_path),
            TMPDIR=str(temporary),
        )  # fmt: skip

    def submit(self, *words, fault=None):
        """Run epmt submit."""
        return self.epmt("submit", "--confFn", self.site.conf_path, *words, fault=fault)

    def wanted(self):
        """Return what the database holds of both jobs; it is empty again."""
        source = self.directory / "source"
        for number, job in JOBS.items():
            write_job(job, source / str(number))
        assert self.submit(source / "1", source / "2").returncode == 0
        stored = contents(self.site)
        done = self.epmt("delete", "--confFn", self.site.conf_path, "1", "2")
        assert done.returncode == 0 and contents(self.site) == ({}, [])
        return stored


class Submission(Jobs):
    """The directory of a job, the archive of another, and an archive that is none."""

    def __init__(self, directory, faults):
        super().__init__(directory, faults)
        self.stored = self.wanted()
        work = self.directory / "work"
        write_job(JOBS[1], work / "1")
        archived(write_job(JOBS[2], self.directory / "pack" / "2")).rename(work / "2.tgz")
        (work / "bad.tgz").write_bytes(b"no archive")
        aged(*work.iterdir())
        self.work = work
        self.place = Place(self.directory)

    def run(self, fault):
        """Submit all that is there, and have what was stored removed."""
        paths = sorted(self.work.iterdir())
        return self.submit("--remove", "--move-away", *(paths or [self.work / "1"]), fault=fault)

    def check(self, _at):
        """Make sure that both jobs are there, and the bad archive was moved away."""
        assert contents(self.site) == self.stored
        assert [path.name for path in self.failed.iterdir() if "bad" in path.name] == ["bad.tgz"]
        assert list(self.work.iterdir()) == []


class Staging(Jobs):
    """The directory of a job that is packed."""

    def __init__(self, directory, faults):
        super().__init__(directory, faults)
        self.stored = self.wanted()
        self.job = write_job(JOBS[1], self.directory / "work" / "1")
        self.files = {path.name for path in self.job.iterdir()}
        self.place = Place(self.directory)

    def run(self, fault):
        """Stage the job; what is staged already is told with the name of the archive."""
        done = self.epmt("stage", self.job, fault=fault)
        if not fault.at and done.returncode == STAGED:
            assert f"{self.inbox / self.job.name}.tgz is there already" in done.stderr
        return done

    def check(self, _at):
        """Make sure that the archive is whole, and what is left of the directory is no job."""
        (path,) = [path for path in self.inbox.iterdir() if not path.name.startswith(".")]
        with tarfile.open(path) as archive:
            assert {os.path.basename(name) for name in archive.getnames()} == self.files  # noqa: PTH119
        if self.job.exists() and "job_metadata" in os.listdir(self.job):  # noqa: PTH208
            assert set(os.listdir(self.job)) == self.files  # noqa: PTH208
        self.submit(path)
        found, orphans = contents(self.site)
        assert found["", "1"] == self.stored[0]["", "1"] and orphans == []


@pytest.fixture
def submission(tmp_path, faults):
    """A Submission."""
    return Submission(tmp_path, faults)


@pytest.fixture
def staging(tmp_path, faults):
    """A Staging."""
    return Staging(tmp_path, faults)


def test_kill_9_at_every_step_of_a_submission_loses_nothing(submission):
    kill_at_every_step(submission.place, submission.run, submission.check, statuses=(0, 3, 65, 66))


@REFUSALS
def test_a_file_system_that_refuses_any_step_of_a_submission_is_told(submission, error, which):
    place, run, check = submission.place, submission.run, submission.check
    fail_at_every_step(place, run, check, error, which, also=(0, 3, 65, 66))


def test_kill_9_at_every_step_of_staging_loses_nothing(staging):
    place, run, check = staging.place, staging.run, staging.check
    kill_at_every_step(place, run, check, statuses=(0,), again=(STAGED,))


@REFUSALS
def test_a_file_system_that_refuses_any_step_of_staging_is_told(staging, error, which):
    place, run, check = staging.place, staging.run, staging.check
    fail_at_every_step(place, run, check, error, which, also=(0,), again=(STAGED,))


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_kill_9_at_every_commit_on_a_server_leaves_whole_jobs(
    request, backend, tmp_path, faults
):  # fmt: skip
    jobs = Jobs(tmp_path, faults, new_site(request, backend, tmp_path).create())
    names = set()

    def load(number, fault):
        directory = jobs.directory / "jobs" / f"{number + 1}"
        if not directory.exists():
            write_job(made_job(random_records(8, seed=9), jobid=directory.name), directory)
            names.add(directory.name)
        return jobs.submit("-q", directory, fault=fault)

    kill_at_every_commit(load)
    found, orphans = contents(jobs.site)
    assert {jobid for _cluster, jobid in found} == names and orphans == []
    processes = [job["processes"] for job in found.values()]
    assert processes.count(processes[0]) == len(names)
