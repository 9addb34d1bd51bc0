"""What a user has: places and the latest jobs, on one page."""

import logging

from django.conf import settings
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.guards import for_owner, for_user
from userportal.access.memberships import allocations, people
from userportal.access.owners import names_in_slurm
from userportal.access.roles import person_of
from userportal.jobstats.found import user_id_of
from userportal.quotas.found import graphs_of, places_of_user
from userportal.slurm.model import JobFilter

logger = logging.getLogger(__name__)

LATEST_JOBS = 10


@for_user
def index(request):
    """Send a user to the own page."""
    return redirect("usersummary:user", username=person_of(request).username)


@for_owner
def user(request, username):
    """Show the summary of a user."""
    places, missing = places_of_user(username)
    jobs, missing_jobs = latest_jobs(username)
    rows = [(place, graphs_of(username, place), None) for place in places]
    context = {
        "username": username,
        "full_name": people().full_name_of(username) or "",
        "rows": rows,
        "has_graphs": any(graphs for _place, graphs, _use in rows),
        "missing": missing,
        "amounts": allocations().compute_of_user(username),
        "jobs": jobs,
        "missing_jobs": missing_jobs,
    }
    return render(request, "usersummary/user.html", context)


def latest_jobs(username):
    """Return (the latest jobs of a user, a plain statement of what is missing or "")."""
    if not settings.SOURCES.has("slurm"):
        return [], gettext("No database of Slurm is set up here.")
    user_id = user_id_of(username)
    try:
        with settings.SOURCES.slurm() as slurm:
            names = names_in_slurm(slurm, people(), username, user_id)
            wanted = JobFilter(user_id=user_id, usernames=names)
            return slurm.page(wanted, "-submit", 0, LATEST_JOBS).jobs, ""
    except errors.UsageDBError as error:
        logger.warning("jobs of %s: %s", username, error)
        return [], gettext("The database of Slurm does not answer now.")
