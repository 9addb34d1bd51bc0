"""What the site's files say, read once: rules and GPU models; and who collects facts of jobs."""

import functools
import time

from django.conf import settings

from userportal.access.memberships import people
from userportal.access.owners import owners_of
from userportal.analysis import gpus, rules
from userportal.jobfacts.collect import Collector

CLOCKS_SECONDS = 3600  # by which the portal's clock may differ from Slurm's


@functools.lru_cache(maxsize=1)
def gpu_models():
    """Return what is known of GPU models. Raises ConfigurationError."""
    return gpus.read(settings.PORTAL.files.gpus)


@functools.lru_cache(maxsize=1)
def analysis_rules():
    """Return the rules of the analysis: ours and the site's. Raises ConfigurationError."""
    return rules.read(settings.PORTAL.files.rules)


def collector():
    """Return the Collector of facts of this portal's jobs."""
    return Collector(settings.SOURCES, gpu_models(), sent_script)


def sent_script(job_id):
    """Return the script that the collector of scripts has sent for a job, or None.

    Numbers are used again after years, and a script has only the number: that of a number which
    several users had, also one after the other with one uid, or which came before any job that is
    known, could be somebody else's.
    """
    from userportal.records.models import JobScript

    sent = JobScript.objects.filter(id_job=job_id).first()
    if sent is None:
        return None
    with settings.SOURCES.slurm() as slurm:
        rows = slurm.job_rows(job_id)
        owners = owners_of(slurm, people(), rows)
    if len({(owners[row.db_index], row.user_id) for row in rows}) != 1:
        return None
    return None if is_older(sent, rows) else sent.submit_script


def is_outdated(sent):
    """Tell whether a sent script is that of an earlier job of the same number.

    It is if it came before any job that Slurm knows; or long ago, if Slurm knows none: the earlier
    one is deleted there, and the new one comes later than its script. Asks Slurm's database about
    scripts that are not new.
    """
    if not is_before(sent, time.time()):
        return False
    with settings.SOURCES.slurm() as slurm:
        rows = slurm.job_rows(sent.id_job)
    return not rows or is_older(sent, rows)


def is_older(sent, rows):
    """Tell whether a sent script came before any of some rows of its job."""
    return is_before(sent, min(row.submit or 0 for row in rows))


def is_before(sent, moment):
    """Tell whether a script was sent before a moment, as far as the clocks can tell."""
    return sent.last_modified.timestamp() < moment - CLOCKS_SECONDS
