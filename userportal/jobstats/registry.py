"""Which graphs there are of a job and of a user: their names in URLs, titles and conditions."""

import dataclasses
from collections.abc import Callable

from django.utils.translation import gettext_lazy

from userportal.jobstats import job_graphs, memory_graph, node_graphs, power_graph, user_graphs


@dataclasses.dataclass(frozen=True)
class Kind:
    """One graph of a page."""

    name: str  # in its URL, and what findings call it
    title: str
    draw: Callable  # of a context, returns a Graph
    exporter: str
    block: str  # the part of the page: cores, memory, files, gpu, node
    of_sets: bool = True  # also of several jobs at once
    least_gpus: int = 0  # of one of the jobs at least
    needs_cores: bool = False  # asks which of a node's cores the jobs had
    seconds: int = 7 * 86400  # the window, of a user's graphs


JOB, NODE, LUSTRE = "slurm_job_exporter", "node_exporter", "lustre_exporter"
PCM, REDFISH = "pcm_sensor_server", "redfish_exporter"
NVIDIA = "nvidia_gpu_exporter"

JOB_GRAPHS = (
    Kind("cpu", gettext_lazy("Cores"), job_graphs.cpu, JOB, "cores"),
    Kind("mem", gettext_lazy("Memory"), memory_graph.mem, JOB, "cores"),
    Kind("thread", gettext_lazy("Processes and threads"), job_graphs.thread, JOB, "cores"),
    Kind("lustre_mdt", gettext_lazy("Lustre: operations"), job_graphs.lustre_mdt, LUSTRE, "files"),
    Kind("lustre_ost", gettext_lazy("Lustre: bandwidth"), job_graphs.lustre_ost, LUSTRE, "files"),
    Kind("gpu_utilization", gettext_lazy("GPU: utilization"), job_graphs.gpu_utilization, JOB,
         "gpu", least_gpus=1),
    Kind("gpu_memory_utilization", gettext_lazy("GPU: memory cycles"),
         job_graphs.gpu_memory_utilization, JOB, "gpu", least_gpus=1),
    Kind("gpu_memory", gettext_lazy("GPU: memory"), job_graphs.gpu_memory, JOB, "gpu",
         least_gpus=1),
    Kind("gpu_power", gettext_lazy("GPU: power"), job_graphs.gpu_power, JOB, "gpu", least_gpus=1),
    Kind("gpu_pcie", gettext_lazy("GPU: PCIe"), job_graphs.gpu_pcie, JOB, "gpu", least_gpus=1),
    Kind("gpu_nvlink", gettext_lazy("GPU: NVLink"), job_graphs.gpu_nvlink, JOB, "gpu",
         least_gpus=2),
    Kind("ethernet_bdw", gettext_lazy("Ethernet"), node_graphs.ethernet_bdw, NODE, "node", False),
    Kind("infiniband_bdw", gettext_lazy("InfiniBand"), node_graphs.infiniband_bdw, NODE, "node",
         False),
    Kind("disk_iops", gettext_lazy("Local disk: operations"), node_graphs.disk_iops, NODE, "node",
         False),
    Kind("disk_bdw", gettext_lazy("Local disk: bandwidth"), node_graphs.disk_bdw, NODE, "node",
         False),
    Kind("disk_used", gettext_lazy("Local disk: used"), node_graphs.disk_used, NODE, "node", False),
    Kind("mem_bdw", gettext_lazy("Memory bandwidth"), node_graphs.mem_bdw, PCM, "node", False),
    Kind("l2_rate", gettext_lazy("L2 cache"), node_graphs.l2_rate, PCM, "node", False,
         needs_cores=True),
    Kind("l3_rate", gettext_lazy("L3 cache"), node_graphs.l3_rate, PCM, "node", False,
         needs_cores=True),
    Kind("ipc", gettext_lazy("Instructions per cycle"), node_graphs.ipc, PCM, "node", False,
         needs_cores=True),
    Kind("cpu_interconnect", gettext_lazy("Links between sockets"), node_graphs.cpu_interconnect,
         PCM, "node", False),
    Kind("power", gettext_lazy("Power"), power_graph.power, REDFISH, "node", False),
)  # fmt: skip
USER_GRAPHS = (
    Kind("cpu", gettext_lazy("Cores"), user_graphs.cpu, JOB, "cores"),
    Kind("mem", gettext_lazy("Memory"), user_graphs.mem, JOB, "cores"),
    Kind("gpu_utilization", gettext_lazy("GPUs"), user_graphs.gpu_utilization, JOB, "gpu"),
    Kind("gpu_power", gettext_lazy("GPU: power"), user_graphs.gpu_power, JOB, "gpu",
         seconds=2 * 86400),
    Kind("lustre_mdt", gettext_lazy("Lustre: operations"), user_graphs.lustre_mdt, LUSTRE, "files",
         seconds=6 * 3600),
    Kind("lustre_ost", gettext_lazy("Lustre: bandwidth"), user_graphs.lustre_ost, LUSTRE, "files",
         seconds=6 * 3600),
)  # fmt: skip


def job_graphs_of(configuration, context):
    """Return the Kinds that can be drawn of the jobs of a JobContext on this site."""
    return [
        kind
        for kind in JOB_GRAPHS
        if all(map(configuration.has_exporter, exporters_of(kind, context)))
        and context.most_gpus >= kind.least_gpus
        and (kind.of_sets or not context.is_set)
    ]


def exporters_of(kind, context):
    """Return the exporters that the graph of a Kind needs for the jobs of a JobContext."""
    if kind.exporter != REDFISH:
        return (kind.exporter,)
    # A job's part of a node's power is told by what the whole node has: see jobfacts.energy.
    return (REDFISH, JOB, NVIDIA if context.gpu_count else NODE)


def user_graphs_of(configuration):
    """Return the Kinds that can be drawn of a user on this site."""
    return [kind for kind in USER_GRAPHS if configuration.has_exporter(kind.exporter)]


def kind_named(kinds, name):
    """Return the Kind of that name, or None."""
    return next((kind for kind in kinds if kind.name == name), None)
