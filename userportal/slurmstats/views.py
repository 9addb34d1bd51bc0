"""How long jobs run and how many time out, and how their accounts stood, by partition; as JSON."""

import datetime
import time

from django.conf import settings
from django.http import Http404, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext

from userportal.access.guards import for_helper
from userportal.slurmstats import graphs
from userportal.slurmstats.priority import levels_at_starts
from userportal.slurmstats.window import asked_days
from userportal.web.graphs import graph_response

LONGEST_NAME = 100


def asked(request):
    """Return (start, end, account or None) of a request."""
    start, end = asked_days(request.GET, time.time(), timezone.get_current_timezone())
    account = request.GET.get("account", "").strip()[:LONGEST_NAME]
    return start, end, account or None


def page_context(request, slurm):
    """Return what all of these pages show: the window, the account, and which there are."""
    start, end, account = asked(request)
    first, last = (
        datetime.datetime.fromtimestamp(at, timezone.get_current_timezone()).date()
        for at in (start, end)
    )
    return {
        "first": first.isoformat(), "last": last.isoformat(), "account": account or "",
        "accounts": slurm.accounts(),
    }  # fmt: skip


@for_helper
def index(request):
    """Show, by partition, how long jobs wait and run, and how much of their limit they use."""
    start, end, account = asked(request)
    with settings.SOURCES.slurm() as slurm:
        rows = slurm.partition_statistics(start, end, account)
        context = page_context(request, slurm)
    shown = [(one, percent(one.timeout_ratio), percent(one.mean_ratio)) for one in rows]
    query = urlencode(
        {"start": context["first"], "end": context["last"], "account": context["account"]}
    )
    more = {"rows": shown, "graphs": graphs.TITLES, "query": query}
    return render(request, "slurmstats/index.html", {**context, **more})


@for_helper
def graph(request, graph):
    """Answer with bars of how many jobs waited or ran how long."""
    if graph not in graphs.TITLES:
        raise Http404(gettext("There is no such graph."))
    start, end, account = asked(request)
    with settings.SOURCES.slurm() as slurm:
        return graph_response(graphs.graph_of(graph, slurm, start, end, account))


def percent(part):
    """Return a part of 1 in percent, None for None."""
    return None if part is None else 100 * part


@for_helper
def account_priority(request):
    """Show the fair-share levels at the starts of jobs, by partition."""
    with settings.SOURCES.slurm() as slurm:
        context = page_context(request, slurm)
    more = {"levels": asked_levels(request), "is_measured": is_measured()}
    return render(request, "slurmstats/priority.html", {**context, **more})


def is_measured():
    """Tell whether the levels are known."""
    return settings.SOURCES.metrics is not None and settings.PORTAL.has_exporter("slurm_exporter")


def asked_levels(request):
    """Return the Levels that a request asks for, [] if they are not known."""
    if not is_measured():
        return []
    start, end, account = asked(request)
    with settings.SOURCES.slurm() as slurm:
        starts = slurm.starts(start, end, account)
    return levels_at_starts(settings.SOURCES.metrics, starts, start, end)


@for_helper
def account_priority_json(request):
    """Answer with the levels as {partition: {mean, median, max, min, count}}."""
    found = {
        one.partition: {
            "mean": one.mean, "median": one.median, "max": one.maximum, "min": one.minimum,
            "count": one.count,
        }
        for one in asked_levels(request)
    }  # fmt: skip
    return JsonResponse(found)


def statistics_of(request):
    """Return the PartitionStatistics that a request asks for."""
    start, end, account = asked(request)
    with settings.SOURCES.slurm() as slurm:
        return slurm.partition_statistics(start, end, account)


@for_helper
def length_json(request):
    """Answer with {partition: {mean, count, histogram}} of run time by time limit."""
    return JsonResponse({
        one.partition: {
            "mean": one.mean_ratio, "count": one.measured, "histogram": one.histogram,
        }
        for one in statistics_of(request)
    })  # fmt: skip


@for_helper
def timeout_json(request):
    """Answer with {partition: {completed, timeout, ratio}}."""
    return JsonResponse({
        one.partition: {
            "completed": one.completed, "timeout": one.timed_out, "ratio": one.timeout_ratio,
        }
        for one in statistics_of(request)
    })  # fmt: skip


@for_helper
def account_list_json(request):
    """Answer with the names of all accounts."""
    with settings.SOURCES.slurm() as slurm:
        return JsonResponse({"accounts": slurm.accounts()})
