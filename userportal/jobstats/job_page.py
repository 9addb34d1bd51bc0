"""What the page of one job shows."""

import time

from django.conf import settings
from django.utils.translation import gettext

from userportal.access.roles import person_of
from userportal.analysis import costs, figures
from userportal.analysis.findings import findings
from userportal.jobstats import found
from userportal.jobstats.cost_lines import cost_lines
from userportal.jobstats.priority import priority_of
from userportal.jobstats.registry import job_graphs_of
from userportal.notes.of import notes_about
from userportal.slurm import tres
from userportal.suite_pages.parts import parts_of_job
from userportal.web.knowledge import analysis_rules, collector, gpu_models

MOST_TASKS = 200  # of an array, on the page


def context_of_job(request, slurm, username, job):
    """Return the context of a job's page; asks all sources."""
    now = time.time()
    known = collector().collect(slurm, job, now, username)
    job_set = found.context_of([job], username)
    person = person_of(request)
    return {
        "username": username,
        "job": job,
        "facts": known.facts,
        "known": known,
        "percent_of_time": 100 * job.progress(now) if job.time_limit_minutes else None,
        "gpus": gpus_of(job, known.facts),
        "elapsed_seconds": job.elapsed_seconds(now),
        "queue_seconds": job.queue_seconds(now),
        "findings": findings(known.facts, analysis_rules()),
        "meters": meters_of(known.facts),
        "rows": slurm.submissions(job),
        "tasks": slurm.array_tasks(job.array_job_id, job, MOST_TASKS) if job.is_array else None,
        "events": slurm.job_events(job, now),
        "priority": priority_of(job, now),
        "costs": costs_of(known.facts),
        "blocks": blocks_of(job_set) if job.start else [],
        "missing": missing_of(known),
        "parts": parts_of_job(username, job),
        "notes": notes_about(job_id=job.job_id, username=username) if person.is_staff else [],
    }


def costs_of(facts):
    """Return (title, text) of the energy and cost of a job, [] if nothing of it is known."""
    constants = settings.PORTAL.costs
    return cost_lines(costs.energy_json(facts, constants), constants.currency)


def meters_of(facts):
    """Return (label, percent) of the meters, those of what the job had."""
    rows = [
        (gettext("Cores"), facts.cpu_efficiency),
        (gettext("Memory"), facts.memory_efficiency),
        (gettext("Time limit"), facts.time_efficiency),
    ]
    if facts.gpus:
        rows += [
            (gettext("GPUs"), facts.gpu_utilization),
            (gettext("GPU memory"), facts.gpu_memory_efficiency),
            (gettext("GPU power"), power_part(facts, gpu_models())),
        ]
    return [(label, None if part is None else 100 * part) for label, part in rows]


def power_part(facts, models):
    """Return which part of their full power a job's GPUs drew beyond the idle power, in the mean.

    None if one of them, or what its model draws, is not known.
    """

    def part(gpu):
        idle, full = models.idle_power_watts(gpu.model), models.full_power_watts(gpu.model)
        if not full or idle is None or gpu.power_watts is None:
            return None
        return min(1.0, max(0.0, gpu.power_watts - idle) / full)

    return figures.mean(facts.of_gpus(part))


def gpus_of(job, facts):
    """Return [(short name of the model, number)] of a job's GPUs.

    Slurm may have but a number; then the metrics may know the model.
    """
    names = {model: model for model in job.gpus}
    names[tres.ANY_MODEL] = facts.gpu_model or ""
    return [(gpu_models().short_name(names[model]), many) for model, many in job.gpus.items()]


def blocks_of(job_set):
    """Return [(title, note, [Kind])] of the graphs, in the order of the page."""
    kinds = job_graphs_of(settings.PORTAL, job_set) if settings.SOURCES.metrics else []
    blocks = (
        ("cores", gettext("Cores and memory"), ""),
        ("gpu", gettext("GPUs"), ""),
        ("files", gettext("Shared file systems"), ""),
        ("node", gettext("Whole nodes"),
         gettext("Measured of whole nodes: other jobs on them are part of the figures.")),
    )  # fmt: skip
    found_blocks = [
        (title, note, [kind for kind in kinds if kind.block == name])
        for name, title, note in blocks
    ]
    return [block for block in found_blocks if block[2]]


def missing_of(known):
    """Return the plain statements of what this page cannot show, and why."""
    statements = []
    if settings.SOURCES.metrics is None or not settings.PORTAL.has_exporter("slurm_job_exporter"):
        statements.append(gettext("No metrics are set up here: what jobs use is not known."))
    elif "metrics" in known.failures:
        statements.append(gettext("The metrics do not answer now: what the job used is not known."))
    elif known.job.start and known.facts.nodes is None:
        statements.append(
            gettext(
                "The metrics know nothing of this job: it was too short, or it is older than what "
                "they keep."
            )
        )
    return statements
