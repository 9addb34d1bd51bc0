"""The pages of nodes, and their graphs as JSON."""

import logging
import time

from django.conf import settings
from django.shortcuts import render
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.guards import for_helper
from userportal.graphs.drawing import draw
from userportal.jobstats.graph_views import asked_kind, not_here
from userportal.metrics.window import window_from
from userportal.nodes import gantt
from userportal.nodes.asking import NodesSource
from userportal.nodes.graphs import NODE_GRAPHS, NodeContext
from userportal.web.graphs import graph_response

logger = logging.getLogger(__name__)

DAY_SECONDS = 86400
PER_PAGE = 100
EVENT_DAYS = 2


def nodes_source():
    """Return the NodesSource, or None without metrics."""
    source = settings.SOURCES.metrics
    return NodesSource(source, settings.PORTAL) if source is not None else None


def shows_states():
    """Tell whether the nodes are known."""
    return settings.SOURCES.metrics is not None and settings.PORTAL.has_exporter("slurm_exporter")


@for_helper
def index(request):
    """Show a hundred nodes with their states and the course of the last hour."""
    rows: list = []
    total = first = 0
    if shows_states():
        now, source = time.time(), nodes_source()
        states = source.states(now)
        total = len(states)
        first = asked_first(request.GET.get("start"), total)
        chosen = dict(list(states.items())[first : first + PER_PAGE])
        rows = source.uses(chosen, now) if chosen else []
    context = {
        "rows": rows, "total": total, "is_measured": shows_states(), "first": first + 1,
        "last": first + len(rows), "previous": first - PER_PAGE if first else None,
        "next": first + PER_PAGE if first + PER_PAGE < total else None,
    }  # fmt: skip
    return render(request, "nodes/index.html", context)


def asked_first(text, total):
    """Return the place of the first node of a page: a multiple of PER_PAGE, below the total."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) < 7
    asked = int(text) if is_number else 0
    return min(asked, max(total - 1, 0)) // PER_PAGE * PER_PAGE


@for_helper
def node(request, node):
    """Show one node: its events, its jobs, its graphs."""
    events, missing_events = events_of(node, int(time.time()))
    has_metrics = settings.SOURCES.metrics is not None
    context = {
        "node": node,
        "events": events,
        "missing_events": missing_events,
        "graphs": offered() if has_metrics else [],
        "has_jobs": has_metrics and settings.PORTAL.has_exporter("slurm_job_exporter"),
        "missing_metrics": "" if has_metrics else gettext("No metrics are set up here."),
    }
    return render(request, "nodes/node.html", context)


def events_of(node, now):
    """Return (the events of a node in the last days, what is missing or ""), the newest first."""
    if not settings.SOURCES.has("slurm"):
        return [], gettext("No database of Slurm is set up here.")
    try:
        with settings.SOURCES.slurm() as slurm:
            return slurm.events([node], now - EVENT_DAYS * DAY_SECONDS, now)[::-1], ""
    except errors.UsageDBError as error:
        logger.warning("events of %s: %s", node, error)
        return [], gettext("The database of Slurm does not answer now.")


def offered():
    """Return the Kinds of graphs of a node on this site."""
    return [kind for kind in NODE_GRAPHS if settings.PORTAL.has_exporter(kind.exporter)]


@for_helper
def graph(request, node, graph):
    """Answer with a graph of a node."""
    kind = asked_kind(NODE_GRAPHS, offered(), graph)
    if kind is None:
        return not_here(False)
    shown = window_from(
        request.GET, kind.seconds, minimum_step=settings.PORTAL.sampling_seconds(kind.exporter)
    )
    drawn = kind.draw(NodeContext(node, settings.PORTAL, shown.step))
    return graph_response(draw(settings.SOURCES.metrics, drawn, shown))


@for_helper
def jobs_graph(request, node, unit):
    """Answer with the bars of the jobs on a node, by cores or by GPUs."""
    source = nodes_source()
    if source is None or not settings.PORTAL.has_exporter("slurm_job_exporter"):
        return not_here(False)
    step = settings.PORTAL.sampling_seconds("slurm_job_exporter")
    shown = window_from(request.GET, EVENT_DAYS * DAY_SECONDS, minimum_step=step)
    jobs = source.gpus_on(node, shown) if unit == "gpus" else source.jobs_on(node, shown)
    states = source.bad_states(node, shown)
    whole = source.size_of(node, unit, shown)
    whole = whole or max((one.maximum() or 0 for one in jobs), default=0)
    word = "GPU" if unit == "gpus" else gettext("cores")
    return graph_response(gantt.figure(jobs, states, shown, whole, word))
