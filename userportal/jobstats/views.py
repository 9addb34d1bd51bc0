"""The pages of jobs: all of a user's, one job, several jobs."""

import time

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext

from userportal.access.guards import for_owner, for_user
from userportal.access.memberships import people
from userportal.access.owners import names_in_slurm
from userportal.access.roles import person_of
from userportal.analysis.findings import findings
from userportal.jobstats import current_use, found, job_page
from userportal.jobstats.registry import job_graphs_of, user_graphs_of
from userportal.notes.of import notes_about
from userportal.report import text as report_text
from userportal.slurm import jobset
from userportal.suite_pages.parts import parts_of_user
from userportal.web.knowledge import analysis_rules, collector

MOST_REPORTS = 20  # at once: each asks the metrics
MOST_REPORT_SECONDS = 10.0  # no other report is begun after that


@for_user
def index(request):
    """Send a user to the own page."""
    return redirect("jobstats:user", username=person_of(request).username)


@for_owner
def user(request, username):
    """Show what a user's jobs use now, their graphs, and the table of all of them."""
    person = person_of(request)
    with settings.SOURCES.slurm() as slurm:
        user_id = found.user_id_in_slurm(slurm, person, username)
        names = names_in_slurm(slurm, people(), username, user_id)
        totals = slurm.running_totals(user_id, names)
    context = {
        "username": username,
        "full_name": people().full_name_of(username) or "",
        "use": current_use.current_use(username, totals),
        "graphs": user_graphs_of(settings.PORTAL) if settings.SOURCES.metrics else [],
        "missing_metrics": "" if settings.SOURCES.metrics else no_metrics(),
        "parts": parts_of_user(username),
        "notes": notes_about(username=username) if person.is_staff else [],
    }
    return render(request, "jobstats/user.html", context)


@for_owner
def job(request, username, job_id):
    """Show one job, or several of one user together."""
    with settings.SOURCES.slurm() as slurm:
        asked = found.asked_jobs(slurm, person_of(request), username, job_id)
        left_out = {"asked": asked, "most_jobs": jobset.MOST_JOBS}
        if len(asked.jobs) > 1:
            context = jobs_context(username, job_id, asked.jobs)
            return render(request, "jobstats/jobs.html", {**context, **left_out})
        context = job_page.context_of_job(request, slurm, username, asked.jobs[0])
    return render(request, "jobstats/job.html", {**context, **left_out})


def jobs_context(username, job_id, jobs):
    """Return what the page of several jobs shows."""
    context, now = found.context_of(jobs, username), time.time()
    has_begun = found.time_of(jobs) is not None
    return {
        "username": username, "job_id": job_id, "jobs": jobs, "job_set": context,
        "elapsed_seconds": sum(one.elapsed_seconds(now) for one in jobs),
        "graphs": job_graphs_of(settings.PORTAL, context)
        if has_begun and settings.SOURCES.metrics else [],
        "missing_metrics": "" if settings.SOURCES.metrics else no_metrics(),
    }  # fmt: skip


def no_metrics():
    """Return what is told where no metrics are set up."""
    return gettext("No metrics are set up here: what jobs use is not known.")


@for_owner
def report(request, username, job_id):
    """Answer with the efficiency report of one job or several as plain text."""
    with settings.SOURCES.slurm() as slurm:
        asked = found.asked_jobs(slurm, person_of(request), username, job_id)
        known = list(known_in_time(slurm, username, asked.jobs))
    rules, zone = analysis_rules(), timezone.get_current_timezone()
    texts = [
        report_text.report(one.facts, findings(one.facts, rules), rules=rules, zone=zone)
        for one in known
    ]
    texts += told_left_out(username, asked, asked.jobs[len(known) :])
    return HttpResponse("\n".join(texts), content_type="text/plain; charset=utf-8")


def told_left_out(username, asked, not_shown):
    """Return lines that say which of the AskedJobs a report does not have, and why."""
    numbers = found.told(jobset.fold(job.job_id for job in not_shown))
    lines = (
        (numbers, f"{len(not_shown)} more jobs are not shown"),
        (asked.not_found, f"Left out, since {username} has no such jobs"),
        (asked.over_limit, f"Left out, since {jobset.MOST_JOBS} jobs are shown at the most"),
    )
    return [f"{why}: {left}\n" for left, why in lines if left]


def known_in_time(slurm, username, jobs):
    """Yield what is known of the first jobs of a user: one at least, MOST_REPORTS at most."""
    now, began = time.time(), time.monotonic()
    for place, one in enumerate(jobs[:MOST_REPORTS]):
        if place and time.monotonic() - began > MOST_REPORT_SECONDS:
            return
        yield collector().collect(slurm, one, now, username)
