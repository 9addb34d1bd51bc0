"""How well users and jobs use what they were given: the flags of the staff's lists.

A flag is "critical", "warning", or "" for none and for what is unknown. The bounds are the site's:
the section [limits] of the portal's configuration (memory_gib_per_core, memory_gib_per_gpu,
cores_per_gpu).
"""

import dataclasses
from typing import Optional

from userportal.analysis import figures
from userportal.units import GIBIBYTE

CRITICAL, WARNING, NONE = "critical", "warning", ""
# Below the first part of what was given a use is critical, below the second worth a warning.
MEMORY_BOUNDS = (0.1, 0.5)
CORES_BOUNDS = (0.75, 0.9)
GPU_BOUNDS = (0.1, 0.2)
SPARE = 1.1  # more than what is normal, that nobody is flagged for


@dataclasses.dataclass(frozen=True)
class Use:
    """What a user with an account, or a job, has and uses now; None is not known."""

    user: str
    account: str = ""
    job_id: Optional[int] = None
    cores_allocated: Optional[float] = None
    cores_used: Optional[float] = None
    memory_allocated_bytes: Optional[float] = None
    memory_peak_bytes: Optional[float] = None
    gpus_allocated: Optional[float] = None
    gpus_used: Optional[float] = None  # utilization of all, added up
    gpus_not_idle: Optional[float] = None  # how many have a utilization above 0

    @property
    def cores_ratio(self):
        """Return the used part of the cores, None if unknown."""
        return figures.quotient(self.cores_used, self.cores_allocated)

    @property
    def memory_ratio(self):
        """Return the part of the memory that was used at the most, None if unknown."""
        return figures.quotient(self.memory_peak_bytes, self.memory_allocated_bytes)

    @property
    def gpu_ratio(self):
        """Return the used part of the GPUs, None if unknown."""
        return figures.quotient(self.gpus_used, self.gpus_allocated)

    @property
    def lowest_ratio(self):
        """Return the lower one of the used parts of cores and memory, None if both are unknown."""
        known = [one for one in (self.cores_ratio, self.memory_ratio) if one is not None]
        return min(known) if known else None


def flag(ratio, bounds):
    """Return the flag of a used part of 1."""
    if ratio is None or ratio >= bounds[1]:
        return NONE
    return CRITICAL if ratio < bounds[0] else WARNING


def is_more(allocated, number, normal):
    """Tell whether more is allocated than is normal for a number of cores or GPUs."""
    bound = figures.product(number, normal)
    return allocated is not None and bound is not None and allocated > bound * SPARE


def compute_flags(use, limits):
    """Return {"cores": flag, "memory": flag} of a user of cores."""
    is_much = is_more(
        use.memory_allocated_bytes, use.cores_allocated, limits.memory_gib_per_core * GIBIBYTE
    )
    return {
        "cores": flag(use.cores_ratio, CORES_BOUNDS),
        "memory": flag(use.memory_ratio, MEMORY_BOUNDS) if is_much else NONE,
    }


def gpu_flags(use, limits):
    """Return {"gpus": flag, "cores": flag, "memory": flag} of a user of GPUs."""
    has_many_cores = is_more(use.cores_allocated, use.gpus_allocated, limits.cores_per_gpu)
    has_much_memory = is_more(
        use.memory_allocated_bytes, use.gpus_allocated, limits.memory_gib_per_gpu * GIBIBYTE
    )
    are_all_idle = use.gpus_not_idle == 0
    return {
        "gpus": CRITICAL if are_all_idle else flag(use.gpu_ratio, GPU_BOUNDS),
        "cores": flag(use.cores_ratio, CORES_BOUNDS) if has_many_cores else NONE,
        "memory": flag(use.memory_ratio, MEMORY_BOUNDS) if has_much_memory else NONE,
    }


def memory_flags(use):
    """Return {"cores": flag, "memory": flag} of a job on a node with large memory."""
    return {
        "cores": flag(use.cores_ratio, CORES_BOUNDS),
        "memory": flag(use.memory_ratio, MEMORY_BOUNDS),
    }
