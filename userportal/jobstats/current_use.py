"""What a user's running jobs have, and what of it they used in the last hour."""

import dataclasses
import time
from collections import Counter
from typing import Optional

from django.conf import settings

from usagedb import errors
from userportal.metrics.expression import any_of, metric, total
from userportal.metrics.window import rate_window

NANOSECONDS = 1e9
HOUR_SECONDS, STEP_SECONDS = 3600, 180
MOST_NAMED = 1000  # jobs in one query; of more, all of the user are asked for
MUCH_PERCENT = 101  # from here on it is no matter of rounding


@dataclasses.dataclass(frozen=True)
class CurrentUse:
    """Allocated and used; None is not known."""

    jobs: int
    cores: int
    memory_bytes: int
    gpus: int
    cores_used: Optional[float] = None  # mean of the last hour, as far as the jobs ran in it
    memory_used_bytes: Optional[float] = None  # the highest of the last hour
    gpus_used: Optional[float] = None  # as many as would have been enough, at the most
    failure: str = ""  # why what is used is not known

    @property
    def cores_percent(self):
        """Return the used part of the cores, 0 to 100, or None."""
        return share(self.cores_used, self.cores)

    @property
    def memory_percent(self):
        """Return the used part of the memory, 0 to 100, or None."""
        return share(self.memory_used_bytes, self.memory_bytes)

    @property
    def gpus_percent(self):
        """Return the used part of the GPUs, 0 to 100, or None."""
        return share(self.gpus_used, self.gpus)

    @property
    def is_beyond(self):
        """Tell whether more is used than allocated: nothing may hold the jobs to it."""
        parts = (self.cores_percent, self.memory_percent, self.gpus_percent)
        return any(part is not None and part > MUCH_PERCENT for part in parts)


def share(used, allocated):
    """Return used by allocated in percent, None if one of them is not known or nothing."""
    return 100 * used / allocated if allocated and used is not None else None


def current_use(username, totals):
    """Return the CurrentUse of a user whose running jobs have the RunningTotals.

    What is used is that of these jobs alone, as what is allocated is: others that ended within the
    hour would be set against what they no longer have.
    """
    given = (totals.jobs, totals.cores, totals.memory_bytes, totals.gpu_count)
    source = settings.SOURCES.metrics
    is_measured = settings.PORTAL.has_exporter("slurm_job_exporter")
    if source is None or not is_measured or not totals.jobs:
        return CurrentUse(*given)
    try:
        answers = source.range_many(queries(username, totals.job_ids, time.time()))
    except errors.UsageDBError as error:
        return CurrentUse(*given, failure=str(error))
    cores, memory, gpus = (of_jobs(series, totals.job_ids) for series in answers)
    return CurrentUse(
        *given,
        cores_used=added_up(one.mean() for one in cores),
        memory_used_bytes=added_up(one.maximum() for one in memory),
        gpus_used=highest_together(gpus),
    )


def of_jobs(series, job_ids):
    """Return the series that are of some jobs."""
    wanted = set(map(str, job_ids))
    return [one for one in series if one.labels.get("slurmjobid") in wanted]


def added_up(numbers):
    """Return the sum of numbers, None if there is none; those that are None are left out."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def highest_together(series):
    """Return the highest that some series are together at one moment, None without points."""
    sums: Counter = Counter()
    for one in series:
        for at, value in zip(one.times, one.values):
            sums[at] += value
    return max(sums.values(), default=None)


def queries(username, job_ids, now):
    """Return what is asked of the metrics of slurm-job-exporter, each by job."""
    seconds = rate_window(settings.PORTAL.sampling_seconds("slurm_job_exporter"))
    whose = {"user": username}
    if len(job_ids) <= MOST_NAMED:
        whose["slurmjobid"] = any_of(job_ids)
    by = ("slurmjobid",)
    expressions = (
        total(metric("slurm_job_core_usage_total", **whose).rate(seconds), by=by) / NANOSECONDS,
        total(metric("slurm_job_memory_max", **whose), by=by),
        total(metric("slurm_job_utilization_gpu", **whose), by=by) / 100,
    )
    return [(one, now - HOUR_SECONDS, now, STEP_SECONDS) for one in expressions]
