"""The pages of storage, and their graphs as JSON."""

from django.conf import settings
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.translation import gettext

from userportal.access.guards import for_helper, for_owner, for_user
from userportal.access.roles import person_of
from userportal.graphs.drawing import draw
from userportal.jobstats.graph_views import not_here
from userportal.metrics.figure import empty
from userportal.metrics.window import window_from
from userportal.pages.pies import pie
from userportal.quotas import members
from userportal.quotas.found import graphs_of, is_drawn, place_named, places_of_user
from userportal.quotas.history import HISTORY_SECONDS, history
from userportal.storage.places import UNITS, is_of_group
from userportal.units import GIBIBYTE
from userportal.web.graphs import graph_response


@for_user
def index(request):
    """Send a user to the own page."""
    return redirect("quotas:user", username=person_of(request).username)


@for_owner
def user(request, username):
    """Show the places of a user: used, allowed, and who of a group has stored what."""
    places, missing = places_of_user(username)
    groups = [(one.kind, one.name) for one in places if is_of_group(one.settings)]
    uses = members.uses_of_groups(groups)
    rows = []
    for place in places:
        use = uses.get((place.kind, place.name))
        rows.append((members.filled(place, use), graphs_of(username, place), use))
    context = {
        "username": username,
        "missing": missing,
        "is_helper": person_of(request).is_helper,
        "rows": rows,
        "has_graphs": any(graphs for _place, graphs, _use in rows),
    }
    return render(request, "quotas/user.html", context)


@for_owner
def graph(request, username, kind, name, unit):
    """Answer with the history of one place."""
    if unit not in UNITS:
        raise Http404(gettext("There is no such graph."))
    place = place_named(username, kind, name)
    if not is_drawn(place):
        return not_here(False)
    shown = window_from(request.GET, HISTORY_SECONDS)
    figure = draw(settings.SOURCES.metrics, history(place, unit), shown).as_dict()
    figure["layout"]["showlegend"] = False  # it would hide the times of a small graph
    return graph_response(figure)


@for_helper
def project(request, project):
    """Show who of a group has stored what, in all places of groups."""
    kinds = members.group_kinds()
    uses = members.uses_of_groups((kind, project) for kind in kinds)
    parts = []
    for kind in kinds:
        use = uses.get((kind, project))
        by_user = use is None and members.is_measured_by_user(kind)
        if use is not None or by_user:
            several = members.members_of_several(kind, project) if by_user else []
            parts.append((kind, use or {}, several))
    return render(request, "quotas/project.html", {"project": project, "parts": parts})


@for_helper
def project_graph(request, project, kind, unit):
    """Answer with the pie of what the members of a group have stored."""
    one = members.group_kinds().get(kind)
    if unit not in UNITS or one is None:
        raise Http404(gettext("There is no such graph."))
    if one.robinhood is not None:
        rows = members.stored_members(kind, project, unit)
        nothing = gettext("Nothing is stored there.")
    elif members.is_measured_by_user(kind):
        rows = members.measured_members(kind, project, unit)
        nothing = gettext("Nothing of its members is measured there.")
    else:
        return not_here(False)
    if not rows:
        return graph_response(empty(nothing))
    if unit == "bytes":
        return graph_response(
            pie([(name, size / GIBIBYTE) for name, size in rows], " " + gettext("GiB"))
        )
    return graph_response(pie(rows, ""))
