"""The graphs of one node. Each function takes a NodeContext and returns a Graph."""

import dataclasses

from django.utils.translation import gettext, gettext_lazy

from userportal.configuration import Configuration
from userportal.graphs.drawing import Graph, Layer
from userportal.jobstats.registry import JOB, NODE, Kind
from userportal.metrics.expression import metric, node_names, total
from userportal.metrics.naming import gpu_name
from userportal.metrics.window import rate_window
from userportal.nodes import devices
from userportal.units import GIBIBYTE

NANOSECONDS = 1e9
MEMORY_PARTS = (
    "PageTables", "SwapCached", "Slab", "Cached", "Buffers", "HardwareCorrupted",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class NodeContext:
    """One node, and how the metrics of this site are labelled."""

    node: str
    configuration: Configuration
    step_seconds: int = 0  # between two points of the graph

    @property
    def host_label(self):
        """Return the name of the label that names the node."""
        return self.configuration.prometheus.host_label

    def on_nodes(self):
        """Return the condition that a series is of the node, as a keyword of metric."""
        return {self.host_label: node_names([self.node], self.configuration.prometheus.node_domain)}

    def seconds(self, exporter):
        """Return the window of a rate: no time between two points is left out."""
        return max(self.step_seconds, self.samples(exporter))

    def samples(self, exporter):
        """Return the seconds that hold two samples of an exporter."""
        return rate_window(self.configuration.sampling_seconds(exporter))


def job_name(labels):
    """Return the name of the series of a job."""
    return f"{labels.get('slurmjobid', '?')} {labels.get('user', '')}".strip()


def cpu_by_job(context):
    """Cores at work, by job."""
    usage = metric("slurm_job_core_usage_total", **context.on_nodes())
    rate = total(usage.rate(context.seconds("slurm_job_exporter")), by=("slurmjobid", "user"))
    layer = Layer(rate, job_name, True, divisor=NANOSECONDS)
    return Graph(gettext("Cores"), (layer,), " " + gettext("cores"))


def memory_by_job(context):
    """Memory in use, by job."""
    usage = metric("slurm_job_memory_usage", **context.on_nodes())
    layer = Layer(total(usage, by=("slurmjobid", "user")), job_name, True, divisor=GIBIBYTE)
    return Graph(gettext("Memory"), (layer,), gettext("GiB"))


def cpu_by_mode(context):
    """Cores by what the kernel says of their time."""
    cpu = metric("node_cpu_seconds_total", **context.on_nodes())
    rate = total(cpu.irate(context.samples("node_exporter")), by=("mode",))
    layer = Layer(rate, lambda labels: labels.get("mode", "?"), True)
    return Graph(gettext("Cores"), (layer,), " " + gettext("cores"))


def memory_by_kind(context):
    """Memory by what it is used for; programs have what no other kind has."""
    on = context.on_nodes()
    parts = {part: metric(f"node_memory_{part}_bytes", **on) for part in MEMORY_PARTS}
    programs = metric("node_memory_MemTotal_bytes", **on) - metric(
        "node_memory_MemFree_bytes", **on
    )
    for part in ("Buffers", "Cached", "Slab", "PageTables", "SwapCached"):
        programs = programs - parts[part]
    layers = [Layer(programs, gettext("Programs"), True, divisor=GIBIBYTE)]
    layers += [Layer(parts[part], part, True, divisor=GIBIBYTE) for part in MEMORY_PARTS]
    return Graph(gettext("Memory"), tuple(layers), gettext("GiB"))


def gpu_graph(name, title, unit, divisor=1.0, maximum=None):
    """Return the function that draws one metric of all GPUs of the node, by job."""

    def graph(context):
        layer = Layer(
            metric(name, **context.on_nodes()),
            lambda labels: f"GPU {gpu_name(labels.get('gpu', ''))} {job_name(labels)}",
            divisor=divisor,
        )
        return Graph(str(title), (layer,), str(unit), maximum)

    return graph


NODE_GRAPHS = (
    Kind("cpu", gettext_lazy("Cores by job"), cpu_by_job, JOB, "cores"),
    Kind("cpu_modes", gettext_lazy("Cores by mode"), cpu_by_mode, NODE, "cores"),
    Kind("memory", gettext_lazy("Memory by job"), memory_by_job, JOB, "cores"),
    Kind("memory_kinds", gettext_lazy("Memory by kind"), memory_by_kind, NODE, "cores"),
    Kind("gpu_utilization", gettext_lazy("GPU: utilization"),
         gpu_graph("slurm_job_utilization_gpu", gettext_lazy("Utilization"), "%", maximum=100),
         JOB, "gpu"),
    Kind("gpu_memory", gettext_lazy("GPU: memory"),
         gpu_graph("slurm_job_memory_usage_gpu", gettext_lazy("Memory"),
                   gettext_lazy("GiB"), GIBIBYTE), JOB, "gpu"),
    Kind("gpu_power", gettext_lazy("GPU: power"),
         gpu_graph("slurm_job_power_gpu", gettext_lazy("Power"), "W", 1000), JOB, "gpu"),
    Kind("disk_used", gettext_lazy("Local disk: used"), devices.disk_used, NODE, "node"),
    Kind("disk_iops", gettext_lazy("Local disk: operations"), devices.disk_iops, NODE, "node"),
    Kind("disk_bdw", gettext_lazy("Local disk: bandwidth"), devices.disk_bdw, NODE, "node"),
    Kind("ethernet_bdw", gettext_lazy("Ethernet"), devices.ethernet_bdw, NODE, "node"),
    Kind("infiniband_bdw", gettext_lazy("InfiniBand"), devices.infiniband_bdw, NODE, "node"),
)  # fmt: skip
