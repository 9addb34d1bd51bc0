"""Scripts of jobs that were sent to the portal, where Slurm itself stores none."""

import logging
import os

from usagedb import errors
from userportal.configuration import state_directory
from userportal.own_errors import told_own_errors
from userportal.secret_key import FILE_NAME as KEY_NAME

logger = logging.getLogger(__name__)


def sent_script(configuration, job_id):
    """Return the script that the portal has of a job, or None.

    None, too, where this account may not read the portal's own database, or there is none: the
    jobs of Slurm are told without it. Makes nothing.
    """
    if not os.access(state_directory(configuration) / KEY_NAME, os.R_OK):
        logger.debug("scripts that were sent to the portal are not for this account")
        return None
    from userportal.django_commands import set_up_django

    try:
        set_up_django()
        from userportal.web import knowledge

        with told_own_errors(configuration):
            return knowledge.sent_script(job_id)
    except errors.UsageDBError as error:
        logger.info("scripts that were sent to the portal: %s", error)
        return None
