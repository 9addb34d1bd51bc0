"""The public graphs: file systems, login and transfer nodes, the use of the cluster.

The metrics are those of node_exporter and slurm-exporter, and recorded series.
"""

from django.utils.translation import gettext

from userportal.graphs.drawing import Graph, Layer, highest_of, never
from userportal.metrics.expression import (
    Expression,
    any_of,
    count,
    metric,
    node_names,
    not_matching,
    total,
    wildcards,
)
from userportal.metrics.window import rate_window
from userportal.units import GIBIBYTE, MEBIBYTE

MODES = ("system", "user", "iowait")
BITS = 1 / 8  # bytes
MEMORY_PARTS = (
    "MemFree", "Buffers", "Cached", "Slab", "PageTables", "SwapCached",
)  # fmt: skip


class Site:
    """How the metrics of this site are labelled."""

    def __init__(self, configuration):
        """Remember the Configuration."""
        self.settings = configuration.prometheus
        self.seconds = rate_window(configuration.sampling_seconds("node_exporter"))

    def on(self, machine):
        """Return the condition that a series is of a machine, as a keyword of metric."""
        domain = self.settings.node_domain
        return {self.settings.host_label: node_names([machine.name], domain)}


def metadata(file_system):
    """Operations a second on the metadata servers, by kind."""
    rate = total(metric("lustre:metadata:rate3m", fs=file_system), by=("operation",))
    layer = Layer(rate.where("!=", 0), lambda labels: labels.get("operation", "?"), True)
    return Graph(gettext("Operations"), (layer,), " IOPS")


def bandwidth(file_system):
    """MiB a second from and, negative, to the object servers."""
    layers = tuple(
        Layer(total(metric(f"lustre:{word}_bytes:rate3m", fs=file_system)), title,
              is_below=word == "write", divisor=MEBIBYTE)
        for word, title in (("read", gettext("Read")), ("write", gettext("Written")))
    )  # fmt: skip
    return Graph(gettext("Bandwidth"), layers, gettext("MiB/s"))


def cpu(site, machine):
    """Cores at work, by mode, of as many as there are."""
    names = {"system": gettext("System"), "user": gettext("User"), "iowait": gettext("Waiting")}
    selector = metric("node_cpu_seconds_total", mode=any_of(MODES), **site.on(machine))
    rate = total(selector.rate(site.seconds), by=("mode",))
    cores = count(metric("node_cpu_seconds_total", mode="idle", **site.on(machine)))
    layers = (
        Layer(rate, lambda labels: names.get(labels.get("mode", ""), "?"), True),
        Layer(cores, "", keep=never),
    )
    return Graph(gettext("Cores"), layers, " " + gettext("cores"), highest_of(1))


def memory(site, machine):
    """Memory that programs use, beside what the machine has."""
    on = site.on(machine)
    whole: Expression = metric("node_memory_MemTotal_bytes", **on)
    used = whole
    for part in MEMORY_PARTS:
        used = used - metric(f"node_memory_{part}_bytes", **on)
    layers = (
        Layer(used, gettext("Used"), divisor=GIBIBYTE),
        Layer(whole, gettext("Total"), divisor=GIBIBYTE),
    )
    return Graph(gettext("Memory"), layers, gettext("GiB"))


def load(site, machine):
    """The load of the last minute."""
    layer = Layer(metric("node_load1", **site.on(machine)), gettext("Load"))
    return Graph(gettext("Load"), (layer,))


def network(site, machine):
    """Bits a second out and, negative, in."""
    device = machine.interface or not_matching(wildcards("lo"))
    layers = tuple(
        Layer(
            total(metric(f"node_network_{word}_bytes_total", device=device, **site.on(machine))
                  .rate(site.seconds)),
            title, is_below=word == "receive", divisor=BITS,
        )
        for word, title in (("transmit", gettext("Sent")), ("receive", gettext("Received")))
    )  # fmt: skip
    return Graph(gettext("Bandwidth"), layers, gettext("b/s"))


def scheduler_cpu():
    """Cores: used, allocated, usable, all."""
    allocated, idle = metric("slurm_cpus_alloc"), metric("slurm_cpus_idle")
    layers = (
        Layer(total(metric("slurm_job:used_core:sum")), gettext("Used")),
        Layer(total(allocated), gettext("Allocated")),
        Layer(total(allocated) + total(idle), gettext("Usable")),
        Layer(total(metric("slurm_cpus_total")), gettext("Total")),
    )
    return Graph(gettext("Cores"), layers, " " + gettext("cores"))


def scheduler_gpu():
    """GPUs: used, active, allocated, usable, all."""
    allocated, idle = metric("slurm_gpus_alloc"), metric("slurm_gpus_idle")
    layers = (
        Layer(total(metric("slurm_job:used_gpu:sum")), gettext("Used")),
        Layer(total(metric("slurm_job:non_idle_gpu:sum_user_account")), gettext("Active")),
        Layer(total(allocated), gettext("Allocated")),
        Layer(total(allocated) + total(idle), gettext("Usable")),
        Layer(total(metric("slurm_gpus_total")), gettext("Total")),
    )
    return Graph("GPU", layers, " GPU")


FILE_SYSTEM_GRAPHS = {"metadata": metadata, "bandwidth": bandwidth}
LOGIN_GRAPHS = {"cpu": cpu, "memory": memory, "load": load, "network": network}
TRANSFER_GRAPHS = {"network": network}
SCHEDULER_GRAPHS = {"cpu": scheduler_cpu, "gpu": scheduler_gpu}
