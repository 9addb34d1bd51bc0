"""The parts of a page that come from the other tools' databases; one that fails costs no other."""

import dataclasses
import datetime
import logging
from typing import Any

from django.conf import settings
from django.utils.translation import gettext, gettext_lazy

from usagedb import errors
from userportal.suite import availability, modules, processes, programs

logger = logging.getLogger(__name__)

DAYS_OF_USER = 90
MOST_OF_USER = 15
TITLES = {
    "lmod": gettext_lazy("Modules"),
    "xalt": gettext_lazy("Programs and libraries"),
    "epmt": gettext_lazy("Processes"),
}


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of a page: what was found, or a plain statement why there is nothing."""

    name: str  # lmod, xalt, epmt
    found: Any = None
    missing: str = ""

    @property
    def title(self):
        """Return the heading."""
        return TITLES[self.name]


def asked(name, question):
    """Return the Part that question(open database) answers; None if it is not set up here."""
    if not settings.SOURCES.has(name):
        return None
    try:
        with settings.SOURCES.database(name) as database:
            return Part(name, question(database))
    except errors.ConfigurationError as error:
        logger.warning("[%s]: %s", name, error)
        return Part(name, missing=gettext("Its database is not set up as it should be."))
    except errors.UsageDBError as error:
        logger.warning("[%s]: %s", name, error)
        return Part(name, missing=gettext("Its database cannot be reached now."))


def present(parts):
    """Return the parts that are set up."""
    return [part for part in parts if part is not None]


def parts_of_job(username, job):
    """Return the parts of a job's page."""
    cluster = settings.PORTAL.portal.cluster
    of_job = (cluster, job.job_id, username, job.start, job.end)
    return present(
        [
            asked("lmod", lambda database: modules.modules_of_job(database, *of_job)),
            asked("xalt", lambda database: programs.programs_of_job(database, *of_job)),
            asked("epmt", lambda database: processes.processes_of_job(database, *of_job)),
        ]
    )


def parts_of_user(username):
    """Return the parts of a user's page: what one uses most."""
    cluster = settings.PORTAL.portal.cluster
    since = datetime.date.today() - datetime.timedelta(days=DAYS_OF_USER)
    return present(
        [
            asked(
                "lmod",
                lambda database: modules.most_used_modules(
                    database, cluster, username, since, most=MOST_OF_USER
                ),
            ),
            asked(
                "xalt",
                lambda database: programs.most_used_programs(
                    database, cluster, username, since, most=MOST_OF_USER
                ),
            ),
        ]
    )


def availabilities():
    """Return what staff are told of all parts."""
    return availability.parts_available(settings.PORTAL)
