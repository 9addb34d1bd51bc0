"""The public pages, which everybody may see, and their graphs as JSON."""

import logging
import time

from django.conf import settings
from django.http import Http404, JsonResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext

from userportal.access.guards import for_everybody
from userportal.graphs.drawing import draw
from userportal.metrics.figure import empty
from userportal.metrics.window import rate_window, window_from
from userportal.pages import graphs, software
from userportal.pages.machines import machine_named, machines_of
from userportal.pages.pies import pie
from userportal.web.graphs import graph_response

logger = logging.getLogger(__name__)

HOUR_SECONDS = 3600
# The pages show an hour, a day or a week. Who is not logged in gets no more work done than a few
# steps of zooming out from there: the metrics are read anew for each window.
LONGEST_DAYS = 31
LONGEST_SECONDS = LONGEST_DAYS * 86400
SOFTWARE_TITLES = {
    "software": lambda: gettext("Cores by software"),
    "software_stack": lambda: gettext("Cores by where the software is stored"),
    "software_cvmfs": lambda: gettext("Cores by software on CVMFS"),
    "software_not_cvmfs": lambda: gettext("Cores by software that is not on CVMFS"),
    "software_gpu": lambda: gettext("GPUs by software"),
    "software_cores_with_gpu": lambda: gettext("Cores by software, of jobs with GPUs"),
}
CVMFS = "/cvmfs/"


@for_everybody
def home(request):
    """Show what the portal is, and what the site says of its cluster."""
    return render(request, "pages/home.html", {"intro": intro()})


def intro():
    """Return the HTML that the site has written for its first page, "" for none."""
    path = settings.PORTAL.portal.intro
    if path is None:
        return ""
    try:
        # Written by the administrator, as the configuration is.
        return mark_safe(path.read_text(encoding="utf-8"))  # nosec B308
    except (OSError, UnicodeDecodeError) as error:
        # Everybody's first page does not depend on it.
        logger.warning("cannot read %s: %s", path, error)
        return ""


@for_everybody
def filesystems(request):
    """Show the load of the file systems."""
    names = settings.PORTAL.systems.lustre
    return page(request, "filesystems", names if shows("lustre_exporter") else ())


@for_everybody
def logins(request):
    """Show the load of the login nodes."""
    names = [one.name for one in machines_of(settings.PORTAL.systems.logins)]
    return page(request, "logins", names if shows("node_exporter") else ())


@for_everybody
def dtns(request):
    """Show the traffic of the transfer nodes."""
    names = [one.name for one in machines_of(settings.PORTAL.systems.transfers)]
    return page(request, "dtns", names if shows("node_exporter") else ())


@for_everybody
def scheduler(request):
    """Show how much of the cluster is in use."""
    return page(request, "scheduler", ("all",) if shows_scheduler() else ())


@for_everybody
def software_page(request):
    """Show what runs on the cluster."""
    titles = {name: title() for name, title in SOFTWARE_TITLES.items()}
    context = {"titles": titles if shows("slurm_job_exporter") else {}}
    return render(request, "pages/software.html", context)


def shows(exporter):
    """Tell whether the metrics of an exporter can be asked for."""
    return settings.SOURCES.metrics is not None and settings.PORTAL.has_exporter(exporter)


def shows_scheduler():
    """Tell whether what is in use, or what jobs use of it, can be asked for."""
    return shows("slurm_exporter") or shows("slurm_job_exporter")


def page(request, kind, names):
    """Return a page with the graphs of some machines or file systems."""
    return render(request, f"pages/{kind}.html", {"names": names})


def drawn(request, graph):
    """Return the answer with a public graph over the window that is asked for, if it is no longer
    than LONGEST_SECONDS."""
    shown = window_from(request.GET, HOUR_SECONDS)
    if shown.seconds > LONGEST_SECONDS:
        text = gettext("This graph shows %(days)s days at the most.") % {"days": LONGEST_DAYS}
        return JsonResponse({"error": text}, status=400)
    return graph_response(draw(settings.SOURCES.metrics, graph, shown))


def chosen(kinds, name, is_shown):
    """Return the function that draws a graph. Raises Http404 if there is none of that name."""
    if name not in kinds or not is_shown:
        raise Http404(gettext("There is no such graph."))
    return kinds[name]


@for_everybody
def filesystem_graph(request, name, graph):
    """Answer with a graph of a file system."""
    function = chosen(graphs.FILE_SYSTEM_GRAPHS, graph, shows("lustre_exporter"))
    if name not in settings.PORTAL.systems.lustre:
        raise Http404(gettext("There is no such file system."))
    return drawn(request, function(name))


@for_everybody
def login_graph(request, name, graph):
    """Answer with a graph of a login node."""
    function = chosen(graphs.LOGIN_GRAPHS, graph, shows("node_exporter"))
    return machine_graph(request, function, settings.PORTAL.systems.logins, name)


@for_everybody
def dtn_graph(request, name, graph):
    """Answer with a graph of a transfer node."""
    function = chosen(graphs.TRANSFER_GRAPHS, graph, shows("node_exporter"))
    return machine_graph(request, function, settings.PORTAL.systems.transfers, name)


def machine_graph(request, function, entries, name):
    """Return the answer with a graph of one of some machines. Raises Http404 for another one."""
    machine = machine_named(entries, name)
    if machine is None:
        raise Http404(gettext("There is no such machine."))
    return drawn(request, function(graphs.Site(settings.PORTAL), machine))


@for_everybody
def scheduler_graph(request, graph):
    """Answer with a graph of the cluster."""
    return drawn(request, chosen(graphs.SCHEDULER_GRAPHS, graph, shows_scheduler())())


@for_everybody
def software_graph(request, graph):
    """Answer with a pie of what runs."""
    chosen(SOFTWARE_TITLES, graph, shows("slurm_job_exporter"))
    rows = software_rows(graph, software.read_names(settings.PORTAL.files.software))
    if not rows:
        return graph_response(empty(gettext("Nothing has run in the last hours.")))
    unit = "GPU" if graph == "software_gpu" else gettext("cores")
    return graph_response(pie(rows, f" {unit}"))


def software_rows(graph, names):
    """Return [(name, amount)] of a pie."""
    source, now = settings.SOURCES.metrics, time.time()
    if graph == "software_gpu":
        return software.grouped(software.gpus_by_executable(source, now), names.software_of)
    seconds = rate_window(settings.PORTAL.sampling_seconds("slurm_job_exporter"))
    with_gpu = graph == "software_cores_with_gpu"
    cores, whole = software.cores_by_executable(source, now, seconds, with_gpu)
    if graph in ("software_cvmfs", "software_not_cvmfs"):
        wanted = graph == "software_cvmfs"
        cores = {exe: many for exe, many in cores.items() if exe.startswith(CVMFS) == wanted}
        whole = None
    name_of = names.stack_of if graph == "software_stack" else names.software_of
    return software.grouped(cores, name_of, whole)
