"""The fair-share level of a job's account at the job's start, or now while it waits."""

import logging

from django.conf import settings

from usagedb import errors
from userportal.metrics.expression import metric

logger = logging.getLogger(__name__)

SEARCH_SECONDS = 15 * 60  # the exporter may have been late
STEP_SECONDS = 60


def priority_of(job, now):
    """Return the level (above 1: the account used less than its share), None if not known."""
    source = settings.SOURCES.metrics
    if source is None or not settings.PORTAL.has_exporter("slurm_exporter"):
        return None
    if job.start is None and not job.is_pending:  # cancelled before it began
        return None
    level = metric("slurm_account_levelfs", account=job.account)
    try:
        if job.start is None:
            found = source.instant(level, now)
        else:
            found = source.range(level, job.start, job.start + SEARCH_SECONDS, STEP_SECONDS)
    except errors.UsageDBError as error:
        logger.info("priority of account %s: %s", job.account, error)
        return None
    return found[0].first() if found else None
