"""What the site's files say, read once: rules and GPU models; and who collects facts of jobs."""

import functools

from django.conf import settings

from userportal.access.memberships import people
from userportal.analysis import gpus, rules
from userportal.jobfacts.collect import Collector


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
    return Collector(settings.SOURCES, gpu_models(), people().username_of, sent_script)


def sent_script(job_id):
    """Return the script that the collector of scripts has sent for a job, or None."""
    from userportal.records.models import JobScript

    found = JobScript.objects.filter(id_job=job_id).values_list("submit_script", flat=True)
    return found.first()
