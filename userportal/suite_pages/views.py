"""The pages that come from the other tools' databases alone."""

import datetime
import hashlib
import logging

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from usagedb import errors
from userportal.access.guards import for_helper, for_owner
from userportal.access.roles import person_of
from userportal.jobstats import found
from userportal.metrics.figure import empty
from userportal.suite import modules as suite_modules
from userportal.suite import processes, timeline
from userportal.suite_pages.parts import asked, availabilities
from userportal.web.graphs import graph_response

logger = logging.getLogger(__name__)

LIST_SECONDS = 3600
MONTHS = (3, 6, 12, 24)
DAYS_A_MONTH = 31


@for_helper
def modules(request):
    """Show which modules the cluster's users load most, and which nobody loads."""
    months = asked_months(request.GET.get("months"))
    since = datetime.date.today() - datetime.timedelta(days=months * DAYS_A_MONTH)
    cluster = settings.PORTAL.portal.cluster
    known, is_missing = module_list() if settings.SOURCES.has("lmod") else (None, False)
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
        "is_list_missing": is_missing,
        "availabilities": availabilities(),
    }
    return render(request, "suite_pages/modules.html", context)


def module_list():
    """Return (the paths of all module files or None, whether they should be there and are not).

    They are kept for an hour: a large tree takes seconds to walk.
    """
    files = settings.PORTAL.files
    names = files.module_list, files.module_tree
    key = "module_list:" + hashlib.sha256(repr(names).encode()).hexdigest()
    known = cache.get(key)
    if known is None and any(names):
        try:
            known = suite_modules.known_modules(*names)
        except errors.UsageDBError as error:
            logger.warning("[files]: %s", error)
            return None, True
        cache.set(key, known, LIST_SECONDS)
    return known, False


def asked_months(text):
    """Return one of MONTHS, the first if a request asks for none of them."""
    return next((months for months in MONTHS if text == str(months)), MONTHS[0])


def job_of_url(request, username, job_id):
    """Return the job that a URL names, which must be this user's. Raises Http404."""
    with settings.SOURCES.slurm() as slurm:
        jobs = found.jobs_of_url(slurm, person_of(request), username, str(job_id))
    return jobs[0]


def processes_of(database, job, username):
    """Return the ProcessesOfJob of a job. Raises Http404 if none are stored."""
    found_processes = processes.processes_of_job(
        database, settings.PORTAL.portal.cluster, job.job_id, username, job.start, job.end
    )
    if found_processes is None:
        raise Http404(gettext("The processes of this job are not recorded."))
    return found_processes


@for_owner
def process_timeline(request, username, job_id):
    """Answer with the figure of a job's longest processes."""
    job = job_of_url(request, username, job_id)
    if not settings.SOURCES.has("epmt"):
        return graph_response(empty(gettext("This is not measured here."), job=True))
    words = {
        "others": gettext("other programs"), "cpu": gettext("CPU"), "exit": gettext("exit"),
        "signal": gettext("signal"), "mib": gettext("MiB"),
    }  # fmt: skip
    with settings.SOURCES.database("epmt") as database:
        shown = processes_of(database, job, username)
        lanes = processes.timeline(database, shown.job)
    return graph_response(timeline.figure(lanes, shown.programs, words))


@for_owner
def process_page(request, username, job_id):
    """Answer with a file: all pictures of a job's processes, to keep and to look at elsewhere."""
    job = job_of_url(request, username, job_id)
    if not settings.SOURCES.has("epmt"):
        raise Http404(gettext("This is not measured here."))
    with settings.SOURCES.database("epmt") as database:
        shown = processes_of(database, job, username)
        name, texts = processes.whole_page(database, shown.job)
        content = [text.encode() for text in texts]
    response = StreamingHttpResponse(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
