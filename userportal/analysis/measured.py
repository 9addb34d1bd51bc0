"""What was measured on one node of a job, and on one GPU of that node."""

import dataclasses
from typing import Optional

from userportal.analysis import figures


@dataclasses.dataclass(frozen=True)
class GpuFacts:
    """One GPU, or one part of a GPU, that a job had; None is not known."""

    index: str  # as the metrics call it: 0, or a part's identifier
    utilization_percent: Optional[float] = None  # mean over the job, 0 to 100
    memory_used_bytes: Optional[int] = None  # the highest
    memory_total_bytes: Optional[int] = None
    model: Optional[str] = None  # "NVIDIA A30"
    power_watts: Optional[float] = None  # mean over the job

    @property
    def utilization(self):
        """Return the utilization as a part of 1, None if unknown or out of bounds."""
        if self.utilization_percent is None:
            return None
        return figures.part(self.utilization_percent, 100)

    @property
    def memory_efficiency(self):
        """Return the part of its memory that was used at the most, or None."""
        return figures.part(self.memory_used_bytes, self.memory_total_bytes)


@dataclasses.dataclass(frozen=True)
class NodeFacts:
    """One node of a job; None is not known."""

    name: str
    cores: Optional[int] = None  # the job's cores on the node
    cpu_seconds: Optional[float] = None  # CPU time that the job used there
    memory_used_bytes: Optional[int] = None  # the highest
    memory_total_bytes: Optional[int] = None  # what the job was given there
    gpus: Optional[tuple] = None  # GpuFacts; () says that there are none

    def cpu_efficiency(self, elapsed_seconds):
        """Return the used part of the node's CPU time, or None."""
        if self.cores is None or elapsed_seconds is None:
            return None
        return figures.part(self.cpu_seconds, self.cores * elapsed_seconds)

    @property
    def memory_efficiency(self):
        """Return the used part of the memory that the job was given there, or None."""
        return figures.part(self.memory_used_bytes, self.memory_total_bytes)
