"""The pages of storage, and the history of quotas as JSON."""

import logging

from django.conf import settings
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.guards import for_helper, for_owner, for_user
from userportal.access.roles import person_of
from userportal.graphs.drawing import GIBIBYTE, Graph, Layer, draw
from userportal.jobstats.graph_views import not_here
from userportal.metrics.window import window_from
from userportal.quotas.found import is_drawn, place_named, places_of_user
from userportal.storage import robinhood
from userportal.storage.places import UNITS, is_of_group, used_expression
from userportal.web.graphs import graph_response

logger = logging.getLogger(__name__)

HISTORY_SECONDS = 90 * 86400


@for_user
def index(request):
    """Send a user to the own page."""
    return redirect("quotas:user", username=person_of(request).username)


@for_owner
def user(request, username):
    """Show the places of a user: used, allowed, and who of a group has stored what."""
    places, missing = places_of_user(username)
    context = {
        "username": username,
        "missing": missing,
        "rows": [(place, is_drawn(place), group_use(place)) for place in places],
    }
    return render(request, "quotas/user.html", context)


def group_use(place):
    """Return what the tables of Robinhood say of a place of a group; None if it has none."""
    path = place.settings.robinhood
    if path is None or not is_of_group(place.settings):
        return None
    try:
        with settings.SOURCES.opened(path) as database:
            if place.kind == "nearline":
                return {"tape": robinhood.tape_of_group(database, place.name)}
            return {
                "users": robinhood.users_of_group(database, place.name),
                "total": robinhood.total_of_group(database, place.name),
            }
    except errors.UsageDBError as error:
        logger.warning("Robinhood of %s: %s", place.kind, error)
        return {"missing": gettext("Who has stored it is not known now.")}


@for_owner
def graph(request, username, kind, name, unit):
    """Answer with the history of one place."""
    if unit not in UNITS:
        raise Http404(gettext("There is no such graph."))
    place = place_named(username, kind, name)
    if not is_drawn(place):
        return not_here(False)
    return graph_response(draw(settings.SOURCES.metrics, history(place, unit),
                               window_from(request.GET, HISTORY_SECONDS)))  # fmt: skip


def history(place, unit):
    """Return the Graph of what a place had, up to what it may have."""
    is_bytes = unit == "bytes"
    divisor = GIBIBYTE if is_bytes else 1
    quota = place.quota_bytes if is_bytes else place.quota_files
    layer = Layer(used_expression(place, unit), gettext("Used"), divisor=divisor)
    lines = ((gettext("Quota"), quota / divisor),) if quota else ()
    title = gettext("Size") if is_bytes else gettext("Files")
    return Graph(title, (layer,), "GiB" if is_bytes else "", lines=lines)


@for_helper
def project(request, project):
    """Show who of a group has stored what, in all places with tables of Robinhood."""
    parts = []
    for kind, one in settings.PORTAL.storage.items():
        if one.robinhood is None or not is_of_group(one):
            continue
        with settings.SOURCES.opened(one.robinhood) as database:
            parts.append(
                (kind, robinhood.users_of_group(database, project),
                 robinhood.tape_of_group(database, project))
            )  # fmt: skip
    return render(request, "quotas/project.html", {"project": project, "parts": parts})
