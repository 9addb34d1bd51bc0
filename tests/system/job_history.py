"""A history of metrics for the jobs of a test, as slurm-job-exporter and its rules have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.prometheus_server import OpenMetrics

STEP_SECONDS = 30
SPAN_SECONDS = 2 * 3600  # before now; and after it, for what runs goes on
MEBIBYTE = 1 << 20
NANOSECONDS = 10**9


@dataclass(frozen=True)
class Use:
    """What one job uses all the time."""

    job_id: int
    user: str
    account: str
    node: str
    core_shares: tuple[float, ...] = (1.0,)  # of the time in which each core works
    peak_mib: int = 60
    used_mib: int = 50
    limit_mib: int = 100
    threads: int = 1
    program: str = "/usr/bin/solver"

    @property
    def labels(self) -> "dict[str, str]":
        """The labels of its series."""
        return {
            "cluster": "testcluster", "instance": self.node, "user": self.user,
            "account": self.account, "slurmjobid": str(self.job_id),
        }  # fmt: skip


class History:
    """Writes series that cover all of a test; a context manager."""

    def __init__(self, path: Path, now: float) -> None:
        """Begin the file."""
        self._writer = OpenMetrics(path)
        first = int(now) // STEP_SECONDS * STEP_SECONDS - SPAN_SECONDS
        self.times = range(first, first + 2 * SPAN_SECONDS, STEP_SECONDS)

    def __enter__(self) -> "History":
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the file."""
        self._writer.close()

    def level(self, name: str, labels: Mapping[str, object], value: float) -> None:
        """Write a series that stays the same."""
        self._writer.add(name, labels, self.times, [value] * len(self.times))

    def growth(self, name: str, labels: Mapping[str, object], a_second: float) -> None:
        """Write a counter that grows evenly."""
        values = [a_second * (at - self.times[0]) for at in self.times]
        self._writer.add(name, labels, self.times, values)

    def job(self, use: Use) -> None:
        """Write what the exporter tells of a job."""
        for core, share in enumerate(use.core_shares):
            labels = {**use.labels, "core": core}
            self.growth("slurm_job_core_usage_total", labels, share * NANOSECONDS)
        for kind, mebibytes in (
            ("usage", use.used_mib), ("max", use.peak_mib), ("limit", use.limit_mib),
        ):  # fmt: skip
            self.level(f"slurm_job_memory_{kind}", use.labels, mebibytes * MEBIBYTE)
        self.level("slurm_job_threads_count", {**use.labels, "state": "running"}, use.threads)
        self.level("slurm_job_process_count", use.labels, 3)
        labels = {**use.labels, "exe": use.program}
        self.growth("slurm_job_process_usage_total", labels, sum(use.core_shares))

    def running(self, use: Use) -> None:
        """Write what the recording rules make of a job that is the user's only one."""
        labels = {"cluster": "testcluster", "user": use.user, "account": use.account}
        for name, value in (
            ("allocated_core:count", len(use.core_shares)),
            ("used_core:sum", sum(use.core_shares)),
            ("allocated_memory:sum", use.limit_mib * MEBIBYTE),
            ("max_memory:sum", use.peak_mib * MEBIBYTE),
            ("rss_memory:sum", use.used_mib * MEBIBYTE),
        ):
            self.level(f"slurm_job:{name}_user_account", labels, value)

    def node(self, name: str, cores: int, account: str) -> None:
        """Write what is known of a node and of an account's share."""
        for core in range(cores):
            for mode, share in (("idle", 0.75), ("user", 0.25)):
                labels = {"instance": name, "cpu": core, "mode": mode}
                self.growth("node_cpu_seconds_total", labels, share)
        for kind, gibibytes in (("MemTotal", 4), ("MemFree", 1), ("Buffers", 0), ("Cached", 2)):
            labels = {"instance": name}
            self.level(f"node_memory_{kind}_bytes", labels, gibibytes * 1024 * MEBIBYTE)
        self.level("slurm_node_state_info", {"node": name, "state": "mixed"}, 1)
        self.level("slurm_account_levelfs", {"account": account}, 1.5)
