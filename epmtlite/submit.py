"""Submit jobs: read each one, store it, and say what became of it."""

import logging
import os
import time
from typing import NamedTuple, Optional

from epmtlite import dispose, job_rows, known, late_notes, load
from epmtlite.collect import errors, tarball
from epmtlite.collect.files import status_at
from epmtlite.job_rows import ReadJob
from epmtlite.job_source import read_job
from usagedb.database import with_reconnects
from usagedb.errors import PARTLY

logger = logging.getLogger(__name__)

STORED, PRESENT, FAILED, READ, TAKEN, RESUMED = (
    "stored", "present", "failed", "read", "taken", "resumed",
)  # fmt: skip
# Exit codes of what is wrong with this machine, not with a job: it may be stored another time.
NOT_ITS_FAULT = (
    errors.WriteError.exit_code, errors.UnavailableError.exit_code,
    errors.ConfigurationError.exit_code,
)  # fmt: skip
# Another run that works on the same archives began not longer ago.
LATELY_SECONDS = 3600.0


class Options(NamedTuple):
    """How to submit."""

    cluster: str = ""
    stop_at_error: bool = False  # a job that is there already is an error too
    remove: bool = False  # what was stored
    move_away: bool = False  # what could not be
    wait_seconds: float = 0.0
    dry_run: bool = False  # only read and check
    found: frozenset = frozenset()  # paths that were there when the run began


class Outcome(NamedTuple):
    """What became of a directory or archive."""

    path: str
    kind: str  # STORED, PRESENT, FAILED, READ, TAKEN or RESUMED
    jobid: str = ""
    processes: int = 0
    seconds: float = 0.0
    exit_code: int = 0
    message: str = ""  # why it failed
    unread: tuple = ()  # names of what was not read of it
    remains: str = ""  # why it is still there, though it should have been removed

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
        if self.kind == TAKEN:
            return f"Nothing to do: another run took {self.path}"
        if self.kind == RESUMED and self.remains:
            return f"Could not remove {self.path}, which a run had left whose job is stored"
        if self.kind == RESUMED:
            return f"Removed {self.path}, which a run had left whose job is stored"
        return ""


class Submitter:
    """Submits to one database, or with dry_run only reads and compares; then it may have none."""

    def __init__(self, database, settings, options):
        self.database, self.settings, self.options = database, settings, options
        self.store = None if options.dry_run else load.Store(database, options.wait_seconds)
        self._seen: dict = {}  # with dry_run: {job id: Known} of the jobs of this run

    def submit(self, path) -> Outcome:
        """Store the job of a directory or archive, and return its Outcome.

        Commits. Raises UsageDBError if the database fails; what is wrong with the job is told.
        """
        started, state = time.monotonic(), None
        try:
            state = dispose.state_of(path)
            if self.options.remove and dispose.is_remainder(path, state):
                return self._resumed(path, state)
            outcome = self._submit(path)._replace(
                seconds=max(1e-6, time.monotonic() - started), path=path
            )
        except errors.CollectError as error:
            outcome = Outcome(path, FAILED, exit_code=error.exit_code, message=str(error))
        if outcome.kind == FAILED and self._was_taken(outcome, state):
            return Outcome(path, TAKEN)
        is_bad = outcome.kind == FAILED and outcome.exit_code not in NOT_ITS_FAULT
        if is_bad and self.options.move_away and state:
            return self._moved_away(outcome, state)
        if outcome.kind in (STORED, PRESENT) and self.options.remove:
            return self._removed(outcome, state)
        return outcome

    def _was_taken(self, outcome, state):
        """Tell whether another run that removes what it stores has removed this, or does so now:
        it was there, or its job was stored lately."""
        path = str(outcome.path)
        try:
            if state:
                return dispose.is_vanishing(path, state)
            if status_at(path) is not None:
                return False
        except errors.CollectError:  # nobody knows: it may be there
            return False
        return path in self.options.found or (self.options.remove and self._was_stored(path))

    def _was_stored(self, path):
        """Tell whether a job of the name of an archive was stored lately."""
        jobid = tarball.without_suffix(os.path.basename(path))  # noqa: PTH119
        since = time.time() - LATELY_SECONDS
        return with_reconnects(
            self.database,
            lambda: known.was_stored_since(self.database, self.options.cluster, jobid, since),
        )

    def _moved_away(self, outcome, state):
        try:
            dispose.move_away(outcome.path, self.settings.ingest_failed_dir, state)
        except errors.CollectError as error:
            return outcome._replace(message=f"{outcome.message}; {error}")
        return outcome

    def _removed(self, outcome, state):
        try:
            stays = dispose.remove(outcome.path, state, outcome.unread)
        except errors.CollectError as error:
            return outcome._replace(remains=f"job {outcome.jobid} is stored, but {error}")
        if stays:
            logger.warning("%s", stays)
        return outcome

    def _resumed(self, path, state):
        """Return the Outcome of the remainder of a stored job, of which removes what may go."""
        try:
            unread = dispose.not_stored(path, self.settings.input_pattern)
            stays = dispose.remove(path, state, unread)
        except FileNotFoundError:
            stays = ""  # another run has removed it
        except OSError as error:
            stays = f"cannot read {path}: {error.strerror}"
        except errors.CollectError as error:
            stays = str(error)
        return Outcome(path, RESUMED, remains=stays and f"its job is stored, but {stays}")

    def _submit(self, path):
        found = read_job(path, self.settings, self._known)
        try:
            jobid, count = found.facts.jobid, len(found.processes)
            if found.known:
                return self._present(path, found)
            job = ReadJob(
                self.options.cluster, found.facts, found.processes, found.processes.build_tree()
            )
            if not self.store:
                job_rows.check(job)
                self._seen[jobid] = known.known_of(found.facts, found.processes)
                return Outcome(path, READ, jobid, count)
            if self.store.write(job):
                return Outcome(path, STORED, jobid, count, unread=found.unread)
            other = self._known(found.facts)
            if other:
                known.check_same(other, found.facts, found.processes)
            return self._present(path, found)
        finally:
            found.processes.close()

    def _present(self, path, found):
        """Return the Outcome of a job that is there already. Raises MalformedError where removing
        its files would lose annotations; a warning tells of them else."""
        jobid, (keys, outdated) = found.facts.jobid, self._late_notes(path, found.facts)
        if keys and self.options.remove:
            raise errors.MalformedError(late_notes.describe(jobid, keys))
        if keys:
            logger.warning("%s: %s", path, late_notes.describe(jobid, keys))
        if outdated:
            logger.warning("%s: %s", path, late_notes.describe_outdated(jobid, outdated))
        return Outcome(path, PRESENT, jobid, unread=found.unread)

    def _late_notes(self, path, facts):
        if not self.database:  # a dry run that met the job twice
            return late_notes.Notes([], [])
        cluster, changed_at = self.options.cluster, late_notes.changed_at(path)
        return with_reconnects(
            self.database, lambda: late_notes.compare(self.database, cluster, facts, changed_at)
        )

    def _known(self, facts):
        """Return the Known job of that number, None if there is none."""
        if not self.database:
            return self._seen.get(facts.jobid)
        there = with_reconnects(
            self.database,
            lambda: known.find(self.database, self.options.cluster, facts.jobid),
        )
        return there or self._seen.get(facts.jobid)


class Totals:
    """What became of all jobs of a run."""

    def __init__(self, stop_at_error=False):
        self.stop_at_error = stop_at_error
        self.jobs = self.processes = self.present = 0
        self.failures: list = []  # exit codes
        self.remaining = 0  # of what should have been removed

    def add(self, outcome):
        """Count an Outcome; tell whether the run should go on."""
        if outcome.kind == FAILED:
            self.failures.append(outcome.exit_code)
        elif outcome.kind == PRESENT:
            self.present += 1
        elif outcome.kind not in (TAKEN, RESUMED):
            self.jobs += 1
            self.processes += outcome.processes
        self.remaining += bool(outcome.remains)
        is_error = outcome.kind == FAILED or (outcome.kind == PRESENT and self.stop_at_error)
        return not (is_error and self.stop_at_error)

    def status(self):
        """Return the exit status: that of the failures if all failed alike, else PARTLY, also where
        something that is stored could not be removed."""
        if self.present and self.stop_at_error:
            return PARTLY
        if not self.failures:
            return PARTLY if self.remaining else 0
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
        if self.remaining:
            text += f", {self.remaining} could not be removed"
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
