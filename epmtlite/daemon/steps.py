"""What a round of the daemon did, and its steps on jobs that are stored: analyze and retire.

A step stands for itself. Its has_work(database) tells whether there is something to do, and its
do(database, tally) does it: it commits piece by piece, and ends between two pieces when is_asked()
says so.
"""

import contextlib
import dataclasses
import json
import logging
import time

from epmtlite import care, selection
from usagedb import errors as database_errors
from usagedb.database import in_parts
from usagedb.errors import PARTLY

logger = logging.getLogger(__name__)

JOBS_PER_ANALYSIS = 200
# What comes without this daemon, or once could not be analyzed, is found then; so are old jobs.
LONG_LOOK_SECONDS = 3600.0
OF_THE_DATABASE = (
    database_errors.UnavailableError, database_errors.WriteError, database_errors.RefusedError,
    database_errors.ConfigurationError,
)  # fmt: skip


@dataclasses.dataclass
class Tally:
    """What a round, or several, did."""

    stored: int = 0
    processes: int = 0
    present: int = 0  # they were there already
    rejected: int = 0
    moved: int = 0  # away
    analyzed: int = 0
    retired: int = 0
    models: int = 0  # that were retired

    def add(self, other):
        """Add another one."""
        for name, count in dataclasses.asdict(other).items():
            setattr(self, name, getattr(self, name) + count)

    def describe(self):
        """Return it as one line."""
        counts = (
            (self.stored, f"stored ({self.processes} processes)"),
            (self.present, "there already"), (self.rejected, "rejected"),
            (self.moved, "moved away"), (self.analyzed, "analyzed"), (self.retired, "retired"),
            (self.models, "models retired"),
        )  # fmt: skip
        return ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing"

    def write_to(self, run):
        """Write it into the row of usage_run."""
        run.stored, run.duplicates, run.rejected = self.stored, self.present, self.rejected
        run.message = self.describe()
        run.exit_code = run.exit_code or (PARTLY if self.rejected else 0)


class Analyze:
    """Analyzes the jobs that are not analyzed."""

    name = "analyze"

    def __init__(self, settings, is_asked):
        self.settings, self.is_asked = settings, is_asked
        self._begin()

    def _begin(self):
        self.floor = 0  # epmt_job.id: up to there all jobs were looked at
        self.long_look_at = time.monotonic() + LONG_LOOK_SECONDS

    def has_work(self, database):
        """Tell whether there are new jobs; now and then, whether there are any."""
        if time.monotonic() >= self.long_look_at:
            self._begin()
        return bool(self._pending(database, 1))

    def _pending(self, database, most):
        """Return some jobs above the floor; where there is none the floor rises, for else all jobs
        would be looked at in each round."""
        newest = database.rows("SELECT MAX(id) FROM epmt_job")[0][0] or 0
        jobs = pending_jobs(database, self.floor, most)
        if not jobs:
            self.floor = max(self.floor, newest)
        return jobs

    def do(self, database, tally):
        """Analyze them. Raises UsageDBError."""
        while not self.is_asked():
            jobs = self._pending(database, JOBS_PER_ANALYSIS)
            if not jobs:
                return
            count = self._analyze(database, jobs)
            self.floor = jobs[-1].number
            tally.analyzed += count
            logger.info("analyzed %d jobs", count)

    def _analyze(self, database, jobs):
        """Analyze some jobs together, or where that fails kind by kind; return how many it were.

        Those that cannot be are told, and tried again at the next long look. Raises UsageDBError if
        the database fails.
        """
        from epmtlite.analysis.errors import MissingLibrary
        from epmtlite.query import analyses, session

        try:
            with session.using(database, self.settings):
                return sum(map(len, analyses.analyze_jobs(jobs)))
        except MissingLibrary as error:
            logger.warning("%d jobs are not analyzed: %s", len(jobs), error)
            return 0
        except OF_THE_DATABASE:
            raise
        except Exception as error:
            kinds = jobs_by_kind(database, jobs)
            if kinds in ([], [jobs]):
                is_told = isinstance(error, database_errors.UsageDBError)
                text = str(error) if is_told else "a fault of epmt"
                logger.warning(
                    "%d jobs are not analyzed: %s", len(jobs), text, exc_info=not is_told
                )
                return 0
            return sum(self._analyze(database, some) for some in kinds)


def pending_jobs(database, floor, most):
    """Return at most so many selection.Jobs with a larger id that are not analyzed, in the order of
    their ids. Read-only."""
    sql = database.dialect.in_quotes(selection.JOB_SQL)
    sql += f" WHERE id > ? AND analyses = '{{}}' ORDER BY id LIMIT {int(most)}"
    return [selection.Job(*row) for row in database.rows(sql, (floor,))]


def jobs_by_kind(database, jobs):
    """Return lists of those of some selection.Jobs that are still there and are compared with each
    other. Read-only."""
    from epmtlite.query.jobs import COMPARED

    sql = "SELECT id, tags FROM epmt_job WHERE id IN ({})"
    texts = dict(in_parts(database, sql, [job.number for job in jobs]))
    kinds: dict = {}
    for job in jobs:
        if job.number in texts:
            tags = json.loads(texts[job.number])
            kind = [tags.get(key) for key in COMPARED] if isinstance(tags, dict) else tags
            kinds.setdefault(json.dumps(kind), []).append(job)
    return list(kinds.values())


class Asked(Exception):
    """A signal came between two jobs that are deleted."""


class Retire:
    """Deletes old jobs and models, of which it looks once an hour."""

    name = "retire"

    def __init__(self, settings, is_asked):
        self.settings, self.is_asked = settings, is_asked
        self.next_at = 0.0

    def has_work(self, database):
        """Tell whether there are old ones, once an hour."""
        if time.monotonic() < self.next_at:
            return False
        if self._models(database, dry_run=True) or self._jobs(database, dry_run=True):
            return True
        self._put_off()
        return False

    def do(self, database, tally):
        """Delete them. Raises UsageDBError."""

        def note_model(_model):
            tally.models += 1

        def note_job(job):
            tally.retired += 1
            logger.info("retired job %s", job.full_name())
            if self.is_asked():
                raise Asked

        with contextlib.suppress(Asked):
            self._models(database, report=note_model)
            self._jobs(database, report=note_job)
            self._put_off()

    def _put_off(self):
        self.next_at = time.monotonic() + LONG_LOOK_SECONDS

    def _models(self, database, **how):
        return care.retire_models(database, self.settings.retire_models_ndays, **how)

    def _jobs(self, database, **how):
        settings = self.settings
        return care.retire(
            database, settings.retire_jobs_ndays, settings.retire_jobs_per_delete_max, **how
        )
