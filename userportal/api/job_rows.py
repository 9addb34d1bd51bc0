"""Turn jobs of slurmdbd into what the API tells of them."""

import datetime
import time

from userportal.access.memberships import people
from userportal.access.owners import owners_of

MOST_NODES = 1000  # that are listed of one job
FIELDS = (
    "id_job", "job_name", "account", "time_submit", "time_start", "time_eligible", "time_end",
    "timelimit", "get_state_display", "nodes", "username", "elapsed_seconds",
)  # fmt: skip


def rows_of(slurm, jobs):
    """Return a dictionary with FIELDS for each Job of an open SlurmDatabase, in the same order.

    Each user's name is looked up once; one that nobody knows any more is the number. Raises what
    People raises.
    """
    owners, now = owners_of(slurm, people(), jobs), time.time()
    return [row_of(job, owners[job.db_index] or str(job.user_id), now) for job in jobs]


def row_of(job, username, now):
    """Return the dictionary of one Job, now being seconds since the epoch."""
    return {
        "id_job": job.job_id,
        "job_name": job.name,
        "account": job.account,
        "time_submit": utc_text(job.submit),
        "time_start": utc_text(job.start),
        "time_eligible": utc_text(job.eligible),
        "time_end": utc_text(job.end),
        "timelimit": job.time_limit_minutes,  # null: unlimited, or the partition's
        "get_state_display": job.state_label,
        "nodes": job.nodes[:MOST_NODES],
        "username": username,
        # Not the end less the start: a job may have been suspended between.
        "elapsed_seconds": job.elapsed_seconds(now) if job.start else None,
    }


def utc_text(seconds):
    """Return seconds since the epoch as ISO 8601 in UTC; None for None and 0, and for a moment
    beyond the calendar."""
    if not seconds:
        return None
    try:
        moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
