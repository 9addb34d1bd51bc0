"""Who has most cores, GPUs and memory now, and what of it is used. Asks the metrics; read-only.

Recorded series of slurm-job-exporter: see conf/portal-prometheus-rules.yml.
"""

import dataclasses

from userportal.analysis.waste import Use
from userportal.metrics.expression import any_of, count, metric, top, total
from userportal.metrics.window import rate_window

BY = ("user", "account")
MOST = 100
NANOSECONDS = 1e9
# Field of Use -> recorded series.
RECORDED = {
    "cores_allocated": "slurm_job:allocated_core:count_user_account",
    "cores_used": "slurm_job:used_core:sum_user_account",
    "memory_allocated_bytes": "slurm_job:allocated_memory:sum_user_account",
    "memory_peak_bytes": "slurm_job:max_memory:sum_user_account",
}
RECORDED_GPU = {
    "gpus_allocated": "slurm_job:allocated_gpu:count_user_account",
    "gpus_used": "slurm_job:used_gpu:sum_user_account",
    "gpus_not_idle": "slurm_job:non_idle_gpu:sum_user_account",
}
MOST_JOBS = 1000
RATE_SECONDS = 120  # of what is asked for one moment: longer than what a graph has


def compute_uses(source, now, most=MOST):
    """Return the Uses of the users and accounts with most cores, at most `most`."""
    return uses(source, now, RECORDED, "cores_allocated", most)


def gpu_uses(source, now, most=MOST):
    """Return the Uses of the users and accounts with most GPUs, at most `most`."""
    found = uses(source, now, {**RECORDED, **RECORDED_GPU}, "gpus_allocated", most)
    # A count of nothing has no series: who has GPUs and none that works has an idle 0.
    return [with_zero(use) for use in found]


def with_zero(use):
    """Return a Use of GPUs whose idle ones are known if the used ones are."""
    if use.gpus_not_idle is None and use.gpus_used is not None:
        return dataclasses.replace(use, gpus_not_idle=0.0)
    return use


def uses(source, now, recorded, sorted_by, most):
    """Return the Uses with most of one field."""
    queries = []
    for field, name in recorded.items():
        expression = total(metric(name), by=BY)
        queries.append((top(most, expression) if field == sorted_by else expression, now))
    found: dict = {}
    for field, series in zip(recorded, source.instant_many(queries)):
        for one in series:
            key = tuple(one.labels.get(label, "") for label in BY)
            found.setdefault(key, {})[field] = one.last()
    chosen = [(key, fields) for key, fields in found.items() if fields.get(sorted_by)]
    chosen.sort(key=lambda item: (-item[1][sorted_by], item[0]))
    return [Use(user=user, account=account, **fields) for (user, account), fields in chosen]


def job_uses(source, jobs, owners, now, sampling_seconds):
    """Return the Uses of some running jobs of slurmdbd, the least used first.

    owners: as access.owners.owners_of returns them. What the metrics do not know stays unknown.
    """
    ids = any_of(job.job_id for job in jobs[:MOST_JOBS])
    by, seconds = ("slurmjobid",), max(RATE_SECONDS, rate_window(sampling_seconds))
    cores = metric("slurm_job_core_usage_total", slurmjobid=ids)
    expressions = {
        "cores_allocated": count(cores, by=by),
        "cores_used": total(cores.rate(seconds), by=by) / NANOSECONDS,
        "memory_allocated_bytes": total(metric("slurm_job_memory_limit", slurmjobid=ids), by=by),
        "memory_peak_bytes": total(metric("slurm_job_memory_max", slurmjobid=ids), by=by),
    }
    found: dict = {}
    answers = source.instant_many([(expression, now) for expression in expressions.values()])
    for field, series in zip(expressions, answers):
        for one in series:
            found.setdefault(one.labels.get("slurmjobid"), {})[field] = one.last()
    made = [
        Use(
            user=owners.get(job.db_index) or str(job.user_id), account=job.account,
            job_id=job.job_id, **found.get(str(job.job_id), {}),
        )
        for job in jobs[:MOST_JOBS]
    ]  # fmt: skip
    return sorted(made, key=lambda use: (use.lowest_ratio is None, use.lowest_ratio or 0))
