"""Submit jobs: read each one, store it, and say what became of it."""

import logging
import time
from typing import NamedTuple, Optional

from epmtlite import dispose, load
from epmtlite.collect import errors
from epmtlite.job_source import read_job
from usagedb.errors import PARTLY

logger = logging.getLogger(__name__)

STORED, PRESENT, FAILED, READ = "stored", "present", "failed", "read"


class Options(NamedTuple):
    """How to submit."""

    cluster: str = ""
    stop_at_error: bool = False  # a job that is there already is an error too
    remove: bool = False  # what was stored
    move_away: bool = False  # what could not be
    wait_seconds: float = 0.0


class Outcome(NamedTuple):
    """What became of a directory or archive."""

    path: str
    kind: str  # STORED, PRESENT, FAILED or READ
    jobid: str = ""
    processes: int = 0
    seconds: float = 0.0
    exit_code: int = 0
    message: str = ""  # why it failed

    def line(self):
        """Return the line that is printed about it, '' for one that failed."""
        if self.kind == STORED:
            rate = self.processes / self.seconds
            return (
                f"Imported successfully - job: {self.jobid} processes: {self.processes}"
                f" rate: {rate:.1f}"
            )
        if self.kind == PRESENT:
            return f"Assuming job {self.jobid} is already in database"
        if self.kind == READ:
            return f"Would import - job: {self.jobid} processes: {self.processes}"
        return ""


class Submitter:
    """Submits to one database, or, without one, only reads."""

    def __init__(self, database, settings, options):
        self.database, self.settings, self.options = database, settings, options
        self.store = load.Store(database, options.wait_seconds) if database else None

    def submit(self, path) -> Outcome:
        """Store the job of a directory or archive, and return its Outcome.

        Commits. Raises UsageDBError if the database fails; what is wrong with the job is told.
        """
        started, state = time.monotonic(), dispose.state_of(path)
        try:
            outcome = self._submit(path)._replace(
                seconds=max(1e-6, time.monotonic() - started), path=path
            )
            if self.options.remove and outcome.kind in (STORED, PRESENT):
                dispose.remove(path, state)
        except errors.CollectError as error:
            outcome = Outcome(path, FAILED, exit_code=error.exit_code, message=str(error))
        if outcome.kind == FAILED and self.options.move_away:
            outcome = self._moved_away(outcome)
        return outcome

    def _moved_away(self, outcome):
        try:
            dispose.move_away(outcome.path, self.settings.ingest_failed_dir)
        except errors.WriteError as error:
            return outcome._replace(message=f"{outcome.message}; {error}")
        return outcome

    def _submit(self, path):
        jobids = []

        def is_new(facts):
            jobids.append(facts.jobid)
            return not self._is_there(facts)

        job = read_job(path, self.settings, self.options.cluster, is_new)
        if job is None:
            return Outcome(path, PRESENT, jobids[0])
        try:
            count = len(job.processes)
            if not self.store:
                return Outcome(path, READ, job.facts.jobid, count)
            if self.store.write(job):
                return Outcome(path, STORED, job.facts.jobid, count)
            self._is_there(job.facts)
            return Outcome(path, PRESENT, job.facts.jobid)
        finally:
            job.processes.close()

    def _is_there(self, facts):
        return bool(self.database) and is_there(self.database, self.options.cluster, facts)


def is_there(database, cluster, facts):
    """Tell whether a database has a job. Read-only.

    Raises MalformedError if it has another one of the same number.
    """
    known = load.find(database, cluster, facts.jobid)
    if known and (known.start, known.end) != (facts.start, facts.end):
        raise errors.MalformedError(
            f"the database has another job {facts.jobid}, of other times: delete that, or name the"
            " cluster of this one with --cluster"
        )
    return bool(known)


class Totals:
    """What became of all jobs of a run."""

    def __init__(self, stop_at_error=False):
        self.stop_at_error = stop_at_error
        self.jobs = self.processes = self.present = 0
        self.failures: list = []  # exit codes

    def add(self, outcome):
        """Count an Outcome; tell whether the run should go on."""
        if outcome.kind == FAILED:
            self.failures.append(outcome.exit_code)
        elif outcome.kind == PRESENT:
            self.present += 1
        else:
            self.jobs += 1
            self.processes += outcome.processes
        is_error = outcome.kind == FAILED or (outcome.kind == PRESENT and self.stop_at_error)
        return not (is_error and self.stop_at_error)

    def status(self):
        """Return the exit status: that of the failures if all failed alike, else PARTLY."""
        if self.present and self.stop_at_error:
            return PARTLY
        if not self.failures:
            return 0
        is_alike = len(set(self.failures)) == 1 and not self.jobs and not self.present
        return self.failures[0] if is_alike else PARTLY

    def describe(self, seconds, workers=1):
        """Return one line for a person."""
        rate = self.processes / max(seconds, 1e-6)
        text = (
            f"Imported {self.jobs} jobs ({self.processes} processes) in {seconds:.2f} sec at"
            f" {rate:.1f} procs/sec, {workers} workers"
        )
        if self.present:
            text += f", {self.present} were there already"
        if self.failures:
            text += f", {len(self.failures)} failed"
        return text


def submit_all(paths, submitter):
    """Yield the Outcome of each path, as they come."""
    for path in paths:
        yield submitter.submit(path)


def default_path(settings) -> Optional[str]:
    """Return the directory of the current job.

    Raises UsageError outside of a job, MissingError or RefusedError.
    """
    from epmtlite.collect import job

    return job.existing_directory(settings, job.job_id(settings))
