"""What a user has: places and the latest jobs, on one page."""

from django.conf import settings
from django.shortcuts import redirect, render

from userportal.access.guards import for_owner, for_user
from userportal.access.memberships import allocations, people
from userportal.access.roles import person_of
from userportal.jobstats.found import user_id_of
from userportal.quotas.found import is_drawn, places_of_user
from userportal.slurm.model import JobFilter

LATEST_JOBS = 10


@for_user
def index(request):
    """Send a user to the own page."""
    return redirect("usersummary:user", username=person_of(request).username)


@for_owner
def user(request, username):
    """Show the summary of a user."""
    places, missing = places_of_user(username)
    jobs = []
    if settings.SOURCES.has("slurm"):
        with settings.SOURCES.slurm() as slurm:
            jobs = slurm.page(
                JobFilter(user_id=user_id_of(username)), "-submit", 0, LATEST_JOBS
            ).jobs
    context = {
        "username": username,
        "full_name": people().full_name_of(username) or "",
        "rows": [(place, is_drawn(place)) for place in places],
        "missing": missing,
        "amounts": allocations().compute_of_user(username),
        "jobs": jobs,
    }
    return render(request, "usersummary/user.html", context)
