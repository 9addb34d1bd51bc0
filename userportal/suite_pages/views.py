"""The pages that come from the other tools' databases alone."""

import datetime

from django.conf import settings
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from userportal.access.guards import for_helper, for_owner
from userportal.jobstats import found
from userportal.metrics.figure import empty
from userportal.suite import modules as suite_modules
from userportal.suite import processes, timeline
from userportal.suite_pages.parts import asked, availabilities
from userportal.web.graphs import graph_response

MONTHS = (3, 6, 12, 24)
DAYS_A_MONTH = 31


@for_helper
def modules(request):
    """Show which modules the cluster's users load most, and which nobody loads."""
    months = asked_months(request.GET.get("months"))
    since = datetime.date.today() - datetime.timedelta(days=months * DAYS_A_MONTH)
    cluster, files = settings.PORTAL.portal.cluster, settings.PORTAL.files
    known = suite_modules.known_modules(files.module_list, files.module_tree)
    context = {
        "months": months,
        "choices": MONTHS,
        "most_used": asked(
            "lmod",
            lambda database: suite_modules.most_used_of_cluster(database, cluster, since),
        ),
        "unused": asked(
            "lmod",
            lambda database: suite_modules.modules_nobody_uses(database, cluster, since, known),
        ),
        "is_list_known": known is not None,
        "availabilities": availabilities(),
    }
    return render(request, "suite_pages/modules.html", context)


def asked_months(text):
    """Return one of MONTHS, the first if a request asks for none of them."""
    return next((months for months in MONTHS if text == str(months)), MONTHS[0])


def job_of_url(username, job_id):
    """Return the job that a URL names, which must be this user's. Raises Http404."""
    with settings.SOURCES.slurm() as slurm:
        jobs = found.jobs_of_url(slurm, username, str(job_id))
    return jobs[0]


def processes_of_url(database, username, job_id):
    """Return the ProcessesOfJob that a URL names. Raises Http404 if none are stored."""
    job = job_of_url(username, job_id)
    found_processes = processes.processes_of_job(
        database, settings.PORTAL.portal.cluster, job.job_id, username, job.start, job.end
    )
    if found_processes is None:
        raise Http404(gettext("The processes of this job are not recorded."))
    return found_processes


@for_owner
def process_timeline(request, username, job_id):
    """Answer with the figure of a job's longest processes."""
    if not settings.SOURCES.has("epmt"):
        return graph_response(empty(gettext("This is not measured here."), job=True))
    words = {
        "others": gettext("other programs"), "cpu": gettext("CPU"), "exit": gettext("exit"),
        "signal": gettext("signal"),
    }  # fmt: skip
    with settings.SOURCES.database("epmt") as database:
        shown = processes_of_url(database, username, job_id)
        lanes = processes.timeline(database, shown.job)
    return graph_response(timeline.figure(lanes, shown.programs, words))


@for_owner
def process_page(request, username, job_id):
    """Answer with a file: all pictures of a job's processes, to keep and to look at elsewhere."""
    with settings.SOURCES.database("epmt") as database:
        shown = processes_of_url(database, username, job_id)
        name, texts = processes.whole_page(database, shown.job)
        content = [text.encode() for text in texts]
    response = StreamingHttpResponse(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
