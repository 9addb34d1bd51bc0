"""The graphs of jobs and users as JSON, and what a job's energy cost."""

import dataclasses
import time

from django.conf import settings
from django.http import Http404, JsonResponse
from django.utils.translation import gettext

from userportal.access.guards import for_owner
from userportal.access.roles import person_of
from userportal.analysis import costs
from userportal.graphs.drawing import draw
from userportal.jobfacts.assemble import facts_of_row
from userportal.jobfacts.collect import energy_kwh
from userportal.jobstats import found, node_graphs
from userportal.jobstats.registry import (
    JOB_GRAPHS,
    USER_GRAPHS,
    job_graphs_of,
    kind_named,
    user_graphs_of,
)
from userportal.jobstats.user_graphs import UserContext
from userportal.metrics.figure import empty
from userportal.metrics.window import job_window, rate_window, window_from
from userportal.web.graphs import graph_response
from userportal.web.knowledge import gpu_models


def asked_kind(kinds, offered, name):
    """Return the Kind that a URL names; None if there is one that cannot be drawn here.

    Raises Http404 for a name that no graph has.
    """
    kind = kind_named(kinds, name)
    if kind is None:
        raise Http404(gettext("There is no such graph."))
    return kind if kind in offered and settings.SOURCES.metrics is not None else None


def not_here(is_of_job):
    """Return the answer for a graph whose source this site has not."""
    return graph_response(empty(gettext("This is not measured here."), job=is_of_job))


@for_owner
def user_graph(request, username, graph):
    """Answer with a graph of all jobs of a user."""
    kind = asked_kind(USER_GRAPHS, user_graphs_of(settings.PORTAL), graph)
    if kind is None:
        return not_here(False)
    shown = window_from(request.GET, kind.seconds, minimum_step=least_step(kind))
    context = UserContext(username, settings.PORTAL, gpu_models())
    return graph_response(draw(settings.SOURCES.metrics, kind.draw(context), shown))


@for_owner
def job_graph(request, username, job_id, graph):
    """Answer with a graph of one job or several."""
    with settings.SOURCES.slurm() as slurm:
        jobs = found.jobs_of_url(slurm, person_of(request), username, job_id)
    context = found.context_of(jobs, username)
    kind = asked_kind(JOB_GRAPHS, job_graphs_of(settings.PORTAL, context), graph)
    if kind is None:
        return not_here(True)
    start, end = found.time_of(jobs) or (None, None)
    shown = job_window(request.GET, start, end, minimum_step=least_step(kind))
    if shown is None:
        return graph_response(empty(gettext("The job has not started."), job=True))
    source = settings.SOURCES.metrics
    context = dataclasses.replace(context, step_seconds=shown.step)
    if kind.needs_cores and node_graphs.has_core_series(context):
        cores = node_graphs.own_cores(context, source, shown)
        context = dataclasses.replace(context, own_cores=cores)
    return graph_response(draw(source, kind.draw(context), shown))


def least_step(kind):
    """Return the least seconds between two points of a graph: two samples of its exporter."""
    return rate_window(settings.PORTAL.sampling_seconds(kind.exporter))


@for_owner
def cost(request, username, job_id):
    """Answer with the energy of one job and what it cost: {} before it starts."""
    now, cluster = time.time(), settings.PORTAL.portal.cluster
    with settings.SOURCES.slurm() as slurm:
        jobs = found.jobs_of_url(slurm, person_of(request), username, job_id)
        if len(jobs) != 1 or jobs[0].start is None:
            return JsonResponse({})
        kwh = energy_kwh(settings.SOURCES, slurm, jobs[0], now, username)
    facts = facts_of_row(jobs[0], now, username, cluster)
    facts = dataclasses.replace(facts, energy_kwh=kwh)
    return JsonResponse(costs.energy_json(facts, settings.PORTAL.costs))
