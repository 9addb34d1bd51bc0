"""Scripts of jobs that were sent to the portal, where Slurm itself stores none."""

import functools
import logging
import os

from usagedb import errors
from userportal.configuration import state_directory
from userportal.own_errors import own_config, told_own_errors
from userportal.secret_key import FILE_NAME as KEY_NAME

logger = logging.getLogger(__name__)


def sent_scripts(configuration):
    """Return a function that returns the script which the portal has of a job's number, or None.

    None, too, where this account may not read the portal's own database, or there is none: the
    jobs of Slurm are told without it. One that does not answer is told once and asked no more: each
    job would wait for it. Makes nothing.
    """
    failures: list = []

    def script_of(job_id):
        if failures:
            return None
        try:
            return asked(configuration, job_id) if is_readable(configuration) else None
        except errors.UsageDBError as error:
            failures.append(error)
            logger.warning("scripts that were sent to the portal are not shown: %s", error)
            return None

    return script_of


def is_readable(configuration):
    """Tell whether this account has the portal's key, and the database is no file to be made.

    Raises ConfigurationError or RefusedError if what [database] names cannot be read.
    """
    if not os.access(state_directory(configuration) / KEY_NAME, os.R_OK):
        logger.debug("scripts that were sent to the portal are not for this account")
        return False
    config = own_config(configuration)
    # No error where this account may not even look.
    return config.backend != "sqlite" or os.path.isfile(config.database)  # noqa: PTH113


def asked(configuration, job_id):
    """Return the script of a job, or None. Raises UsageDBError."""
    set_up_django_alone()
    from userportal.web import knowledge

    with told_own_errors(configuration):
        return knowledge.sent_script(job_id)


@functools.lru_cache(maxsize=1)
def set_up_django_alone():
    """Make Django ready, once; what is logged, and how, stays as the command's options say, and
    times stay those of this machine."""
    from userportal.django_commands import own_time_zone, set_up_django

    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    try:
        with own_time_zone():
            set_up_django()
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
