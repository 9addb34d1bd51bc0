"""Find what a URL names: the user, and the jobs, which must be that user's."""

import dataclasses
import time

from django.conf import settings
from django.http import Http404
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.memberships import people
from userportal.access.owners import names_in_slurm
from userportal.jobstats.job_context import JobContext
from userportal.slurm import jobset
from userportal.web.knowledge import gpu_models


def user_id_of(username):
    """Return the uid of a user. Raises Http404 for an unknown one."""
    user_id = people().uid_of(username)
    if user_id is None:
        raise Http404(gettext("No user has this name."))
    return user_id


@dataclasses.dataclass(frozen=True)
class AskedJobs:
    """The jobs of a user that a URL names, and the numbers in it that are left out."""

    jobs: tuple  # of userportal.slurm.model.Job, each with its newest row
    # Numbers as told: the user has no such jobs. Whether others have them, nobody learns.
    not_found: str
    over_limit: str  # the same of those that were not looked for


def user_id_in_slurm(slurm, person, username):
    """Return the uid of a user; for a helper also of one who left, by the newest job.

    Raises Http404 for an unknown one.
    """
    is_former = person.is_helper and people().uid_of(username) is None
    user_id = slurm.user_id(username) if is_former else None
    return user_id_of(username) if user_id is None else user_id


def jobs_of(slurm, person, username, job_ids):
    """Return the jobs of a user that have these numbers, for a Person who may see that user.

    Helpers also see those that Slurm has by that name: of who left, or had another uid then.
    Raises Http404 for an unknown user.
    """
    user_id = user_id_in_slurm(slurm, person, username)
    names = names_in_slurm(slurm, people(), username, user_id)
    own = {job.job_id: job for job in slurm.without_others(slurm.jobs(job_ids, user_id), names)}
    left = [number for number in job_ids if number not in own]
    if person.is_helper and left:
        own |= {job.job_id: job for job in slurm.jobs_of_name(left, username)}
    return [own[number] for number in job_ids if number in own]


def asked_jobs(slurm, person, username, text):
    """Return the AskedJobs of a URL for a Person: at most as many as are shown at once.

    Jobs of others among them, as in a range, are left out: numbers are used again after years, and
    a user's jobs do not stand side by side. Raises Http404 if none is left.
    """
    try:
        job_ids, over_limit = jobset.first_of(text)
    except errors.UsageDBError as error:
        raise Http404(str(error)) from error
    jobs = jobs_of(slurm, person, username, job_ids)
    if not jobs:
        raise Http404(gettext("This user has no such job."))
    not_found = jobset.fold(set(job_ids) - {job.job_id for job in jobs})
    return AskedJobs(tuple(jobs), told(not_found), told(over_limit))


def told(numbers):
    """Return a set of numbers as a text whose lines can break."""
    return numbers.replace(",", ", ")


def jobs_of_url(slurm, person, username, text):
    """Return the jobs of asked_jobs alone. Raises Http404 as it does."""
    return list(asked_jobs(slurm, person, username, text).jobs)


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
