"""What is known of one job: figures of the scheduler and of the metrics, and what follows of them.

Whoever collects makes a ``Facts`` with what is at hand; every field is None while it is not known.
Ratios are parts of 1. ``userportal.analysis.names`` lists what rules may speak of.
"""

import dataclasses
from typing import Optional

from userportal.analysis import figures
from userportal.analysis.measured import NodeFacts

INTERACTIVE_NAMES = ("interactive",)
INTERACTIVE_PREFIX = "sys/dashboard/sys/"  # sessions that a web portal started


@dataclasses.dataclass(frozen=True)
class Facts:
    """One job; None is not known."""

    job_id: Optional[int] = None
    array_job_id: Optional[int] = None
    array_task_id: Optional[int] = None
    name: Optional[str] = None
    user: Optional[str] = None
    account: Optional[str] = None
    cluster: Optional[str] = None
    state: Optional[str] = None  # Slurm's word: RUNNING, COMPLETED, OUT_OF_MEMORY …
    partition: Optional[str] = None
    qos: Optional[str] = None

    submit_seconds: Optional[float] = None  # epoch
    start_seconds: Optional[float] = None  # epoch
    end_seconds: Optional[float] = None  # epoch; None: it runs, or unknown
    elapsed_seconds: Optional[float] = None  # up to the end, or now
    time_limit_seconds: Optional[float] = None  # None: unlimited or unknown
    is_unlimited: Optional[bool] = None  # True: there is no time limit

    node_count: Optional[int] = None
    cores: Optional[int] = None  # requested, of the whole job
    cores_used: Optional[float] = None  # mean over the job
    memory_requested_bytes: Optional[int] = None  # of the whole job
    memory_peak_bytes: Optional[int] = None  # of the whole job
    gpus: Optional[int] = None  # 0: none
    gpu_model: Optional[str] = None  # "NVIDIA A30"; of several the first
    nodes: Optional[tuple] = None  # NodeFacts, in the order of the node list
    cores_per_whole_node: Optional[int] = None  # what a node of this kind has
    gpus_per_whole_node: Optional[int] = None
    memory_per_whole_node_bytes: Optional[int] = None

    threads_running: Optional[float] = None  # mean number of threads in state running
    applications: Optional[dict] = None  # {executable: mean cores used}
    energy_kwh: Optional[float] = None
    read_bytes: Optional[float] = None  # from and to shared file systems
    written_bytes: Optional[float] = None
    read_operations: Optional[float] = None
    write_operations: Optional[float] = None
    metadata_operations: Optional[float] = None  # open, close, stat, … of the whole job

    submit_line: Optional[str] = None
    work_directory: Optional[str] = None
    script: Optional[str] = None
    modules: Optional[tuple] = None  # "gromacs/2024.4", as the script or the records name them
    dependencies: Optional[tuple] = None  # ids of jobs that this one waits or waited for
    dependents: Optional[tuple] = None  # ids of jobs that wait for this one
    is_interactive: Optional[bool] = None  # None: see the property interactive

    @property
    def interactive(self):
        """Tell whether a person sits before it: as is_interactive says, else by name and command.

        None if nothing is known.
        """
        if self.is_interactive is not None:
            return self.is_interactive
        if self.name is None and self.submit_line is None:
            return None
        name, words = self.name or "", (self.submit_line or "").split(maxsplit=200)
        command = words[0].rpartition("/")[2] if words else ""
        return (
            name in INTERACTIVE_NAMES
            or name.startswith(INTERACTIVE_PREFIX)
            or command == "salloc"
            or (command == "srun" and "--pty" in words)
        )

    @property
    def is_running(self):
        """Tell whether it runs now; None if the state is unknown."""
        return None if self.state is None else self.state == "RUNNING"

    def of_nodes(self, read):
        """Return what read(node) gives for each node, () if the nodes are unknown."""
        return [read(node) for node in self.nodes or ()]

    @property
    def measured_nodes(self):
        """Return the NodeFacts of the nodes of which anything but the name is known."""
        return tuple(node for node in self.nodes or () if node != NodeFacts(node.name))

    @property
    def all_gpus(self):
        """Return the GpuFacts of all nodes, () if none are known."""
        return tuple(gpu for node in self.nodes or () for gpu in node.gpus or ())

    def of_gpus(self, read):
        """Return what read(gpu) gives for each GPU, and None for a node whose GPUs are unknown."""
        return [
            one
            for node in self.nodes or ()
            for one in ([None] if node.gpus is None else map(read, node.gpus))
        ]

    # CPU

    @property
    def cpu_seconds_used(self):
        """Return the used CPU time: of the nodes, else from the mean of used cores."""
        of_nodes = figures.total(self.of_nodes(lambda node: node.cpu_seconds))
        if of_nodes is not None:
            return of_nodes
        return figures.product(self.cores_used, self.elapsed_seconds)

    @property
    def cpu_seconds_given(self):
        """Return the CPU time that the job had: its cores times its run time."""
        cores = figures.total(self.of_nodes(lambda node: node.cores))
        cores = self.cores if cores is None else cores
        return figures.product(cores, self.elapsed_seconds)

    @property
    def cpu_efficiency(self):
        """Return the used part of the CPU time."""
        return figures.part(self.cpu_seconds_used, self.cpu_seconds_given)

    @property
    def mean_cores_used(self):
        """Return how many cores were at work in the mean."""
        if self.cores_used is not None:
            return self.cores_used
        return figures.quotient(self.cpu_seconds_used, self.elapsed_seconds)

    @property
    def serial_ratio(self):
        """Return the CPU efficiency by that of a serial program on as many cores: about 1 if just
        one core was at work."""
        return figures.product(self.cpu_efficiency, self.cores)

    @property
    def threads_per_core(self):
        """Return how many threads wanted a core, in the mean."""
        return figures.quotient(self.threads_running, self.cores)

    @property
    def unused_nodes(self):
        """Return how many nodes used no CPU time at all; None if one of them is unknown."""
        seconds = self.of_nodes(lambda node: node.cpu_seconds)
        return None if figures.total(seconds) is None else seconds.count(0)

    @property
    def node_imbalance(self):
        """Return how far the node with the least CPU efficiency stays behind that with the most."""
        return figures.spread(self.of_nodes(lambda node: node.cpu_efficiency(self.elapsed_seconds)))

    @property
    def cores_per_node(self):
        """Return the requested cores by the nodes."""
        return figures.quotient(self.cores, self.node_count)

    # memory

    @property
    def memory_used_bytes(self):
        """Return the peak: of the nodes, else of the job."""
        of_nodes = figures.total(self.of_nodes(lambda node: node.memory_used_bytes))
        return self.memory_peak_bytes if of_nodes is None else of_nodes

    @property
    def memory_given_bytes(self):
        """Return the memory that the job had: of the nodes, else as requested."""
        of_nodes = figures.total(self.of_nodes(lambda node: node.memory_total_bytes))
        return self.memory_requested_bytes if of_nodes is None else of_nodes

    @property
    def memory_efficiency(self):
        """Return the part of its memory that was used at the most."""
        return figures.part(self.memory_used_bytes, self.memory_given_bytes)

    @property
    def memory_imbalance(self):
        """Return how far the node with the least used memory stays behind that with the most."""
        return figures.spread(self.of_nodes(lambda node: node.memory_used_bytes))

    @property
    def memory_per_core_bytes(self):
        """Return the memory that the job had for each core."""
        return figures.quotient(self.memory_given_bytes, self.cores)

    @property
    def memory_per_gpu_bytes(self):
        """Return the memory that the job had for each GPU."""
        return figures.quotient(self.memory_given_bytes, self.gpus)

    @property
    def suggested_memory_gib(self):
        """Return the GiB of each node to ask for (--mem), a fifth above the fullest one."""
        used = self.of_nodes(lambda node: node.memory_used_bytes)
        if figures.total(used) is not None:
            return figures.suggested_memory_gib(max(used))
        shared = figures.quotient(self.memory_used_bytes, self.node_count or 1)
        return figures.suggested_memory_gib(shared)

    # GPUs

    @property
    def gpu_utilization(self):
        """Return the mean utilization of all GPUs."""
        return figures.mean(self.of_gpus(lambda gpu: gpu.utilization))

    @property
    def unused_gpus(self):
        """Return how many GPUs were never used; None if one of them is unknown."""
        used = self.of_gpus(lambda gpu: gpu.utilization)
        return None if figures.total(used) is None else used.count(0)

    @property
    def used_gpus(self):
        """Return how many GPUs were used at least a little."""
        return None if self.unused_gpus is None else len(self.all_gpus) - self.unused_gpus

    @property
    def gpu_imbalance(self):
        """Return how far the least utilized GPU stays behind the most utilized."""
        return figures.spread(self.of_gpus(lambda gpu: gpu.utilization))

    @property
    def gpu_memory_used_bytes(self):
        """Return the peaks of all GPUs' memory, added up."""
        return figures.total(self.of_gpus(lambda gpu: gpu.memory_used_bytes))

    @property
    def gpu_memory_given_bytes(self):
        """Return the memory of all GPUs."""
        return figures.total(self.of_gpus(lambda gpu: gpu.memory_total_bytes))

    @property
    def gpu_memory_efficiency(self):
        """Return the part of all GPUs' memory that was used at the most."""
        return figures.part(self.gpu_memory_used_bytes, self.gpu_memory_given_bytes)

    @property
    def fullest_gpu(self):
        """Return the used part of the memory of the GPU that used the most of it."""
        parts = self.of_gpus(lambda gpu: gpu.memory_efficiency)
        return None if figures.total(parts) is None else max(parts)

    @property
    def cores_per_gpu(self):
        """Return the requested cores by the GPUs."""
        return figures.quotient(self.cores, self.gpus)

    @property
    def gpus_per_node(self):
        """Return the GPUs by the nodes."""
        return figures.quotient(self.gpus, self.node_count)

    # time and files

    @property
    def time_efficiency(self):
        """Return the used part of the time limit; None without one."""
        return figures.part(self.elapsed_seconds, self.time_limit_seconds)

    @property
    def queue_seconds(self):
        """Return how long it waited; None if it has not begun."""
        if self.submit_seconds is None or self.start_seconds is None:
            return None
        return max(0.0, self.start_seconds - self.submit_seconds)

    @property
    def mean_read_bytes(self):
        """Return the mean size of a read from shared file systems."""
        return figures.quotient(self.read_bytes, self.read_operations)

    @property
    def mean_written_bytes(self):
        """Return the mean size of a write to shared file systems."""
        return figures.quotient(self.written_bytes, self.write_operations)

    @property
    def metadata_operations_per_second(self):
        """Return the mean rate of metadata operations on shared file systems."""
        return figures.quotient(self.metadata_operations, self.elapsed_seconds)
