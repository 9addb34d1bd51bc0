"""Find what a URL names: the user, and the jobs, which must be that user's."""

import time

from django.conf import settings
from django.http import Http404
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.memberships import people
from userportal.jobstats.job_context import JobContext
from userportal.slurm import jobset
from userportal.web.knowledge import gpu_models


def user_id_of(username):
    """Return the uid of a user. Raises Http404 for an unknown one."""
    user_id = people().uid_of(username)
    if user_id is None:
        raise Http404(gettext("No user has this name."))
    return user_id


def jobs_of_url(slurm, username, text):
    """Return the jobs of this user that a URL names, each with its newest row.

    Jobs of others among them, as in a range, are left out: numbers are used again after years, and
    a user's jobs do not stand side by side. Raises Http404 if none is left, or they are too many.
    """
    user_id = user_id_of(username)
    try:
        job_ids = jobset.parse(text)
    except errors.UsageDBError as error:
        raise Http404(str(error)) from error
    jobs = slurm.jobs(job_ids, user_id)
    if not jobs:
        raise Http404(gettext("This user has no such job."))
    return jobs


def context_of(jobs, username):
    """Return the JobContext for graphs of some jobs of a user."""
    return JobContext(tuple(jobs), settings.PORTAL, gpu_models(), username)


def time_of(jobs, now=None):
    """Return the (start, end) of all jobs together, epoch seconds; None if none has started."""
    now = time.time() if now is None else now
    starts = [job.start for job in jobs if job.start]
    if not starts:
        return None
    return min(starts), max(job.end or now for job in jobs if job.start)
