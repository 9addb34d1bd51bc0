"""What a user's running jobs have, and what of it they used in the last hour."""

import dataclasses
import time
from typing import Optional

from django.conf import settings

from usagedb import errors
from userportal.metrics.expression import metric, total
from userportal.metrics.window import rate_window

NANOSECONDS = 1e9
HOUR_SECONDS, STEP_SECONDS = 3600, 180


@dataclasses.dataclass(frozen=True)
class CurrentUse:
    """Allocated and used; None is not known."""

    jobs: int
    cores: int
    memory_bytes: int
    gpus: int
    cores_used: Optional[float] = None  # mean of the last hour
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


def share(used, allocated):
    """Return used by allocated in percent, None if one of them is not known or nothing."""
    return 100 * used / allocated if allocated and used is not None else None


def current_use(username, totals):
    """Return the CurrentUse of a user whose running jobs have the RunningTotals."""
    given = (totals.jobs, totals.cores, totals.memory_bytes, totals.gpu_count)
    source = settings.SOURCES.metrics
    is_measured = settings.PORTAL.has_exporter("slurm_job_exporter")
    if source is None or not is_measured or not totals.jobs:
        return CurrentUse(*given)
    try:
        cores, memory, gpus = source.range_many(queries(username, time.time()))
    except errors.UsageDBError as error:
        return CurrentUse(*given, failure=str(error))
    return CurrentUse(
        *given,
        cores_used=cores[0].mean() if cores else None,
        memory_used_bytes=memory[0].maximum() if memory else None,
        gpus_used=gpus[0].maximum() if gpus else None,
    )


def queries(username, now):
    """Return what is asked of the metrics of slurm-job-exporter."""
    seconds = rate_window(settings.PORTAL.sampling_seconds("slurm_job_exporter"))
    cores = metric("slurm_job_core_usage_total", user=username).rate(seconds)
    expressions = (
        total(cores) / NANOSECONDS,
        total(metric("slurm_job_memory_max", user=username)),
        total(metric("slurm_job_utilization_gpu", user=username)) / 100,
    )
    return [(one, now - HOUR_SECONDS, now, STEP_SECONDS) for one in expressions]
