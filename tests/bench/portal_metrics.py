"""Write what all exporters tell of one large job with GPUs on whole nodes, as OpenMetrics."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.prometheus_server import OpenMetrics

# Seconds between two samples; those of whole nodes come more seldom, as on sites.
SAMPLING_SECONDS = {
    "slurm_job_exporter": 30, "node_exporter": 60, "lustre_exporter": 60,
    "pcm_sensor_server": 60, "redfish_exporter": 60, "nvidia_gpu_exporter": 60,
}  # fmt: skip
CORES, SOCKETS, LINKS, GPUS = 64, 2, 3, 4  # of a node
OBJECT_TARGETS, OPERATIONS = 8, ("open", "close", "getattr", "setattr", "unlink", "mkdir")
GPU_MODEL = "NVIDIA A100-SXM4-40GB"
GIB = 1 << 30
NANOSECONDS = 1e9
MEMORY_GIB = {
    "usage": 180, "max": 190, "limit": 240, "cache": 40, "rss": 140, "rss_huge": 60,
    "mapped_file": 2, "active_file": 20, "inactive_file": 18, "unevictable": 0,
}  # fmt: skip
GPU_PERCENT = {
    "utilization_gpu": 80, "sm_occupancy_gpu": 50, "tensor_gpu": 30, "fp64_gpu": 10,
    "fp32_gpu": 40, "fp16_gpu": 20, "utilization_gpu_memory": 45,
}  # fmt: skip
COUNTERS = {  # of a core, for each second
    "L2_Cache_Hits": 9e7, "L2_Cache_Misses": 3e7, "L3_Cache_Hits": 2e7, "L3_Cache_Misses": 1e7,
    "Instructions_Retired_Any": 3.1e9, "Clock_Unhalted_Ref": 2.4e9,
}  # fmt: skip
PATTERNS = 7  # different courses of values, which all series share


@dataclass(frozen=True)
class LargeJob:
    """The job, and the time of its history: from its start on, beyond the present."""

    job_id: int
    user: str
    account: str
    nodes: tuple[str, ...]
    start: int
    until: int

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the job's own series, but the node."""
        return {"user": self.user, "account": self.account, "slurmjobid": str(self.job_id)}


def write_history(path: Path, job: LargeJob) -> int:
    """Write all series; return how many samples they have together."""
    with OpenMetrics(path) as writer:
        course = Course(writer, job)
        for node in job.nodes:
            write_job(course, job, node)
            write_node(course, node)
            write_counters(course, node)
        write_lustre(course, job)
    return course.samples


class Course:
    """Writes series whose values go up and down, each time the same ones."""

    def __init__(self, writer: OpenMetrics, job: LargeJob) -> None:
        """Make the times of every exporter, and the noise."""
        self.samples = 0
        self._writer = writer
        self._times = {
            name: range(job.start, job.until, seconds) for name, seconds in SAMPLING_SECONDS.items()
        }
        self._turn = itertools.cycle(range(PATTERNS))
        most = len(self._times["slurm_job_exporter"])
        source = random.Random("courses")
        self._noise = [[source.uniform(0.7, 1.0) for _ in range(most)] for _ in range(PATTERNS)]

    def level(self, exporter: str, name: str, labels: dict[str, str], height: float) -> None:
        """Write a gauge of about that height, in whole numbers above 1000."""
        times = self._times[exporter]
        noise = self._noise[next(self._turn)]
        digits = 0 if height > 1000 else 2
        values = [round(height * one, digits) for one, _ in zip(noise, times)]
        self._add(name, labels, times, values)

    def constant(self, exporter: str, name: str, labels: dict[str, str], value: float) -> None:
        """Write a gauge that does not change."""
        times = self._times[exporter]
        self._add(name, labels, times, [value] * len(times))

    def growth(self, exporter: str, name: str, labels: dict[str, str], a_second: float) -> None:
        """Write a counter that grows by about so much in a second."""
        times = self._times[exporter]
        rise = a_second * SAMPLING_SECONDS[exporter]
        noise = itertools.islice(self._noise[next(self._turn)], len(times))
        values = [round(value, 3) for value in itertools.accumulate(rise * one for one in noise)]
        self._add(name, labels, times, values)

    def _add(
        self, name: str, labels: dict[str, str], times: Sequence[int], values: Sequence[float]
    ) -> None:
        self._writer.add(name, labels, times, values)
        self.samples += len(times)


def write_job(course: Course, job: LargeJob, node: str) -> None:
    """Write what slurm-job-exporter tells of the job on one node."""
    labels, exporter = {**job.labels, "instance": node}, "slurm_job_exporter"
    for core in range(CORES):
        of_core = {**labels, "core": str(core)}
        course.growth(exporter, "slurm_job_core_usage_total", of_core, NANOSECONDS)
    for kind, gibibytes in MEMORY_GIB.items():
        course.level(exporter, f"slurm_job_memory_{kind}", labels, gibibytes * GIB)
    for state, many in (("running", CORES), ("sleeping", 12)):
        course.level(exporter, "slurm_job_threads_count", {**labels, "state": state}, many)
    course.level(exporter, "slurm_job_process_count", labels, CORES + 6)
    for program, cores in (("/opt/solver/bin/solver", CORES - 1), ("/usr/bin/python3.11", 1)):
        of_program = {**labels, "exe": program}
        course.growth(exporter, "slurm_job_process_usage_total", of_program, cores)
    for gpu in range(GPUS):
        write_gpu(course, {**labels, "gpu": str(gpu), "gpu_type": GPU_MODEL})


def write_gpu(course: Course, labels: dict[str, str]) -> None:
    """Write what slurm-job-exporter tells of one GPU of the job."""
    exporter = "slurm_job_exporter"
    for name, percent in GPU_PERCENT.items():
        course.level(exporter, f"slurm_job_{name}", labels, percent)
    course.level(exporter, "slurm_job_memory_usage_gpu", labels, 30 * GIB)
    course.constant(exporter, "slurm_job_memory_total_gpu", labels, 40 * GIB)
    course.level(exporter, "slurm_job_power_gpu", labels, 350_000)  # milliwatts
    for link, direction in itertools.product(("pcie", "nvlink"), ("RX", "TX")):
        of_link = {**labels, "direction": direction}
        course.level(exporter, f"slurm_job_{link}_gpu", of_link, 8 * GIB)


def write_node(course: Course, node: str) -> None:
    """Write what is measured of a whole node beside its processors' counters."""
    labels, exporter = {"instance": node}, "node_exporter"
    for core in range(CORES):
        idle = {**labels, "cpu": str(core), "mode": "idle"}
        course.growth(exporter, "node_cpu_seconds_total", idle, 0.1)
    course.constant(exporter, "node_memory_MemTotal_bytes", labels, 256 * GIB)
    for name, of_device, a_second in device_counters(labels):
        course.growth(exporter, name, of_device, a_second)
    place = {**labels, "mountpoint": "/localscratch", "device": "/dev/nvme0n1", "fstype": "xfs"}
    course.constant(exporter, "node_filesystem_size_bytes", place, 960e9)
    course.level(exporter, "node_filesystem_avail_bytes", place, 700e9)
    for gpu in range(GPUS):
        minor = {**labels, "minor_number": str(gpu)}
        course.level("nvidia_gpu_exporter", "nvidia_gpu_power_usage_milliwatts", minor, 350_000)
    chassis = {"instance": f"{node}-oob", "chassis_id": "1"}
    name = "redfish_chassis_power_average_consumed_watts"
    course.level("redfish_exporter", name, chassis, 2200)


def device_counters(labels: dict[str, str]) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield (name, labels, growth in a second) of the networks and the local disk of a node."""
    for direction in ("receive", "transmit"):
        for device in ("eno1", "eno2"):
            of_device = {**labels, "device": device}
            yield f"node_network_{direction}_bytes_total", of_device, 2e6
    port = {**labels, "device": "mlx5_0", "port": "1"}
    for direction in ("received", "transmitted"):
        yield f"node_infiniband_port_data_{direction}_bytes_total", port, 3e9
    disk = {**labels, "device": "nvme0n1"}
    for name, a_second in (
        ("reads_completed_total", 40), ("writes_completed_total", 90),
        ("read_bytes_total", 4e6), ("written_bytes_total", 9e6),
    ):  # fmt: skip
        yield f"node_disk_{name}", disk, a_second


def write_counters(course: Course, node: str) -> None:
    """Write the counters of the processors of a node, as Intel PCM's exporter has them."""
    labels, exporter = {"instance": node}, "pcm_sensor_server"
    for core in range(CORES):
        socket = str(core * SOCKETS // CORES)
        of_core = {**labels, "core": str(core), "socket": socket, "thread": "0"}
        for name, a_second in COUNTERS.items():
            course.growth(exporter, name, of_core, a_second)
        course.constant(exporter, "OS_ID", of_core, core)
    for number in range(SOCKETS):
        of_socket = {**labels, "socket": str(number)}
        for name in ("DRAM_Reads", "DRAM_Writes"):
            course.growth(exporter, name, of_socket, 60 * GIB)
        for link in range(LINKS):
            name = f"Incoming_Data_Traffic_On_Link_{link}"
            course.growth(exporter, name, of_socket, 4 * GIB)


def write_lustre(course: Course, job: LargeJob) -> None:
    """Write what the servers of a parallel file system tell of the job."""
    labels = {
        "user": job.user, "account": job.account, "jobid": str(job.job_id), "fs": "scratch",
    }  # fmt: skip
    for number in range(OBJECT_TARGETS):
        target = {
            **labels, "component": "ost", "target": f"scratch-OST{number:04x}",
            "instance": f"oss{number}",
        }  # fmt: skip
        for word in ("read", "write"):
            name = f"lustre_job_{word}_bytes_total"
            course.growth("lustre_exporter", name, target, 2e8)
    metadata = {**labels, "component": "mdt", "target": "scratch-MDT0000", "instance": "mds0"}
    for operation in OPERATIONS:
        of_kind = {**metadata, "operation": operation}
        course.growth("lustre_exporter", "lustre_job_stats_total", of_kind, 30)
