"""Who uses most: cores, GPUs, large memory, Lustre."""

import time

from django.conf import settings
from django.http import Http404
from django.shortcuts import render
from django.utils.translation import gettext

from userportal.access.guards import for_helper
from userportal.access.memberships import people
from userportal.access.owners import owners_of
from userportal.access.roles import person_of
from userportal.analysis import waste
from userportal.graphs.drawing import Graph, Layer, draw
from userportal.metrics.expression import metric, not_equal, top, total
from userportal.metrics.window import window_from
from userportal.notes.of import jobs_with_notes, users_with_notes
from userportal.units import MEBIBYTE
from userportal.usage import now as usage_now
from userportal.web.graphs import graph_response

DAY_SECONDS = 86400
MOST_LUSTRE = 20
HOUR_SECONDS, WEEK_SECONDS = 3600, 7 * DAY_SECONDS


def shows(exporter="slurm_job_exporter"):
    """Tell whether the metrics of an exporter can be asked for."""
    return settings.SOURCES.metrics is not None and settings.PORTAL.has_exporter(exporter)


def rows_of(request, uses, flags_of):
    """Return [(Use, its flags, whether there is a note about its user or job)].

    Notes are for staff: helpers are told of none.
    """
    users, jobs = set(), set()
    if person_of(request).is_staff:
        users = users_with_notes(use.user for use in uses)
        jobs = jobs_with_notes(use.job_id for use in uses)
    return [(use, flags_of(use), use.user in users or use.job_id in jobs) for use in uses]


@for_helper
def compute(request):
    """Show the users with most cores."""
    rows = []
    if shows():
        uses = usage_now.compute_uses(settings.SOURCES.metrics, time.time())
        rows = rows_of(request, uses, lambda use: waste.compute_flags(use, settings.PORTAL.limits))
    return render(request, "top/compute.html", {"rows": rows, "is_measured": shows()})


@for_helper
def gpucompute(request):
    """Show the users with most GPUs."""
    rows = []
    if shows():
        uses = usage_now.gpu_uses(settings.SOURCES.metrics, time.time())
        rows = rows_of(request, uses, lambda use: waste.gpu_flags(use, settings.PORTAL.limits))
    return render(request, "top/gpucompute.html", {"rows": rows, "is_measured": shows()})


@for_helper
def largemem(request):
    """Show the jobs on nodes with large memory, those that use least of it first."""
    rows, now = [], time.time()
    if shows():
        with settings.SOURCES.slurm() as slurm:
            jobs = slurm.running_in_partitions(
                settings.PORTAL.limits.large_memory_partitions,
                started_before=now - HOUR_SECONDS,
                eligible_after=now - WEEK_SECONDS,
            )
            owners = owners_of(slurm, people(), jobs)
        uses = usage_now.job_uses(
            settings.SOURCES.metrics, jobs, owners, now,
            settings.PORTAL.sampling_seconds("slurm_job_exporter"),
        )  # fmt: skip
        rows = rows_of(request, uses, waste.memory_flags)
    return render(request, "top/largemem.html", {"rows": rows, "is_measured": shows()})


@for_helper
def lustre(request):
    """Show the users who move and open most on each file system."""
    names = settings.PORTAL.systems.lustre if shows("lustre_exporter") else ()
    return render(request, "top/lustre.html", {"names": names})


def user_name(labels):
    """Return the name of the series of a user."""
    return labels.get("user", "?")


def lustre_ranking(file_system, graph):
    """Return the Graph of the users with most of one kind of work on a file system."""
    others = {"fs": file_system, "user": not_equal("root")}
    if graph == "metadata":
        most = top(
            MOST_LUSTRE, total(metric("lustre:metadata:rate3m_user", **others), by=("user",))
        )
        return Graph(gettext("Operations"), (Layer(most, user_name, True),), " IOPS")
    moved = total(metric(f"lustre:{graph}_bytes:rate3m_user", **others), by=("user",))
    layer = Layer(top(MOST_LUSTRE, moved), user_name, True, divisor=MEBIBYTE)
    return Graph(gettext("Bandwidth"), (layer,), gettext("MiB/s"))


@for_helper
def lustre_graph(request, name, graph):
    """Answer with the graph of the users with most work on a file system."""
    if name not in settings.PORTAL.systems.lustre or not shows("lustre_exporter"):
        raise Http404(gettext("There is no such file system."))
    if graph not in ("metadata", "read", "write"):
        raise Http404(gettext("There is no such graph."))
    shown = window_from(request.GET, DAY_SECONDS)
    return graph_response(draw(settings.SOURCES.metrics, lustre_ranking(name, graph), shown))
