"""Delete jobs, with all that is theirs and nothing else."""

import logging
import time

from epmtlite import moments, partial, refmodels
from usagedb.database import with_conflict_retries

logger = logging.getLogger(__name__)

# A job with more processes is deleted in steps; it is out of sight after the first.
MOST_PROCESSES_AT_ONCE = 50_000
MICROSECONDS_PER_DAY = 86_400_000_000
# With a number as retire_jobs_per_delete_max that is no number of jobs.
JOBS_PER_CHUNK = 2000


def delete_jobs(database, jobs, report=lambda job: None):
    """Delete some selection.Jobs; return how many were there. Commits job by job.

    One that a model was made of stays: see without_models. A stop in between leaves every job whole
    or out of sight. report(job) is told of each one.
    """
    count = 0
    for job in jobs:
        if delete_job(database, job):
            report(job)
            count += 1
    return count


def without_models(database, jobs, remove_models=False, is_told=False, going=()):
    """Return those of some selection.Jobs that no model was made of, with a warning about others
    unless is_told.

    With remove_models all, and such models are deleted: commits. going are the numbers of models
    that would be deleted before: they keep no job.
    """
    models = refmodels.numbers_by_job(database, jobs, going)
    if not models:
        return jobs
    if remove_models:
        numbers = sorted({one for some in models.values() for one in some})
        refmodels.delete(database, numbers)
        logger.warning("deleted the models %s", ", ".join(map(str, numbers)))
        return jobs
    kept = [job for job in jobs if job.number in models]
    if not is_told:
        logger.warning(
            "%d jobs stay, since models were made of them; the first: %s of model %s (epmt list"
            " refmodels)", len(kept), kept[0].full_name(), models[kept[0].number][0],
        )  # fmt: skip
    return [job for job in jobs if job.number not in models]


def delete_job(database, job):
    """Delete a selection.Job; tell whether it was there. Commits."""
    in_steps = job.num_procs > MOST_PROCESSES_AT_ONCE
    if not with_conflict_retries(lambda: take_away(database, job.number, in_steps)):
        return False
    if in_steps:
        partial.remove(database, job.number)
    return True


def take_away(database, number, in_steps):
    """Delete a job but, with in_steps, its processes; tell whether it was there. Commits."""
    with database.transaction():
        sql = (
            "DELETE FROM epmt_job WHERE id = ? AND NOT EXISTS"
            " (SELECT 1 FROM epmt_refmodel_job m WHERE m.job_id = epmt_job.id)"
        )
        if database.execute(sql, (number,)) != 1:
            return False
        partial.delete_small(database, number)
        if in_steps:
            partial.note(database, number)
        else:
            database.execute("DELETE FROM epmt_process WHERE job_id = ?", (number,))
    return True


def older_than(days, now=time.time):
    """Return the moment some days ago, in microseconds since the epoch: of very many days the
    first one that databases can compare, before which no job was."""
    return max(round(now() * 1e6) - days * MICROSECONDS_PER_DAY, -moments.MOST_MICROSECONDS)


def chunks(jobs, size):
    """Yield the jobs in lists of at most size; without a positive size, of JOBS_PER_CHUNK."""
    size = size if size > 0 else JOBS_PER_CHUNK
    for begin in range(0, len(jobs), size):
        yield jobs[begin : begin + size]
