"""The pages of virtual machines, and their graphs as JSON."""

import logging
import time

from django.conf import settings
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.guards import for_helper, for_project, for_user
from userportal.access.memberships import pi_of_project, projects_of
from userportal.access.roles import person_of
from userportal.cloudstats import graphs
from userportal.graphs.drawing import draw
from userportal.jobstats.graph_views import not_here
from userportal.jobstats.registry import kind_named
from userportal.metrics.window import window_from
from userportal.web.graphs import graph_response

logger = logging.getLogger(__name__)


def source():
    """Return the metrics of virtual machines, None if there are none here."""
    if not settings.PORTAL.has_exporter(graphs.EXPORTER):
        return None
    return settings.SOURCES.cloud_metrics


def missing_text():
    """Return what is told where there are no metrics of virtual machines, else ""."""
    if source() is not None:
        return ""
    return gettext("Virtual machines are not measured here (libvirtd_exporter).")


@for_user
def index(request):
    """Show the own projects; helpers see all of them."""
    person = person_of(request)
    cores, missing = all_projects() if person.is_helper else ({}, missing_text())
    names = sorted({*projects_of(person.username), *cores})
    is_drawn = source() is not None and person.is_helper
    projects = [(name, pi_of_project(name), cores.get(name)) for name in names]
    context = {
        "projects": projects,
        "has_pis": any(pi for _name, pi, _cores in projects),
        "missing": missing,
        "is_helper": person.is_helper,
        "all_graphs": [("cpu", gettext("Cores")), ("mem", gettext("Memory"))] if is_drawn else [],
    }
    return render(request, "cloudstats/index.html", context)


def all_projects():
    """Return ({project: virtual cores} of all that run, a plain statement of what is missing)."""
    asked = source()
    if asked is None:
        return {}, missing_text()
    try:
        return graphs.cores_by_project(asked, time.time()), ""
    except errors.UsageDBError as error:
        logger.warning("projects: %s", error)
        return {}, gettext("The metrics do not answer now: only your own projects are shown.")


@for_helper
def all_graph(request, graph):
    """Answer with a graph of all projects."""
    if graph not in graphs.ALL_GRAPHS:
        raise Http404(gettext("There is no such graph."))
    asked = source()
    if asked is None:
        return not_here(False)
    drawn = graphs.ALL_GRAPHS[graph](settings.PORTAL)
    return graph_response(draw(asked, drawn, window_from(request.GET, graphs.DAY)))


@for_project
def project(request, project):
    """Show the machines of a project and their graphs."""
    asked = source()
    machines = graphs.machines_of(asked, project, time.time()) if asked else []
    context = {
        "project": project, "pi": pi_of_project(project), "machines": machines,
        "missing": missing_text(),
        "graphs": graphs.GRAPHS if machines else [],
    }  # fmt: skip
    return render(request, "cloudstats/project.html", context)


def machine_of(asked, project, uuid):
    """Return one Machine of a project. Raises Http404 if it has no such machine."""
    machines = graphs.machines_of(asked, project, time.time()) if asked else []
    found = next((one for one in machines if one.uuid == str(uuid)), None)
    if found is None:
        raise Http404(gettext("There is no such machine."))
    return found


@for_project
def instance(request, project, uuid):
    """Show one machine and its graphs."""
    machine = machine_of(source(), project, uuid)
    context = {"project": project, "machine": machine, "graphs": graphs.GRAPHS}
    return render(request, "cloudstats/instance.html", context)


def kind_of(graph):
    """Return the Kind of a graph of machines. Raises Http404 for a name that no graph has."""
    kind = kind_named(graphs.GRAPHS, graph)
    if kind is None:
        raise Http404(gettext("There is no such graph."))
    return kind


@for_project
def project_graph(request, project, graph):
    """Answer with a graph of all machines of a project."""
    kind, asked = kind_of(graph), source()
    if asked is None:
        return not_here(False)
    shown = window_from(request.GET, kind.seconds)
    doubled = graphs.doubled_names(asked, project, shown)
    context = graphs.MachinesContext(project, settings.PORTAL, doubled=doubled)
    return graph_response(draw(asked, kind.draw(context), shown))


@for_project
def instance_graph(request, project, uuid, graph):
    """Answer with a graph of one machine, by its cores or devices."""
    kind, asked = kind_of(graph), source()
    if asked is None:
        return not_here(False)
    context = graphs.MachinesContext(project, settings.PORTAL, uuid=str(uuid))
    return graph_response(draw(asked, kind.draw(context), window_from(request.GET, kind.seconds)))
