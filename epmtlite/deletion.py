"""Delete jobs, with all that is theirs and nothing else."""

import logging
import time

from epmtlite import partial
from usagedb.database import with_conflict_retries

logger = logging.getLogger(__name__)

# A job with more processes is deleted in steps; it is out of sight after the first.
MOST_PROCESSES_AT_ONCE = 50_000
MICROSECONDS_PER_DAY = 86_400_000_000
# With a number as retire_jobs_per_delete_max that is no number of jobs.
JOBS_PER_CHUNK = 2000


def delete_jobs(database, jobs, report=lambda job: None):
    """Delete some selection.Jobs; return how many were there. Commits job by job.

    A stop in between leaves every job whole or out of sight. report(job) is told of each one.
    """
    count = 0
    for job in jobs:
        if delete_job(database, job):
            report(job)
            count += 1
    return count


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
        if database.execute("DELETE FROM epmt_job WHERE id = ?", (number,)) != 1:
            return False
        partial.delete_small(database, number)
        if in_steps:
            partial.note(database, number)
        else:
            database.execute("DELETE FROM epmt_process WHERE job_id = ?", (number,))
    return True


def older_than(days, now=time.time):
    """Return the moment some days ago, in microseconds since the epoch."""
    return round(now() * 1e6) - days * MICROSECONDS_PER_DAY


def chunks(jobs, size):
    """Yield the jobs in lists of at most size; without a positive size, of JOBS_PER_CHUNK."""
    size = size if size > 0 else JOBS_PER_CHUNK
    for begin in range(0, len(jobs), size):
        yield jobs[begin : begin + size]
