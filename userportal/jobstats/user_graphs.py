"""The graphs of all jobs of a user. Each function takes a UserContext and returns a Graph."""

import dataclasses
from typing import Any

from django.utils.translation import gettext

from userportal.graphs.drawing import Graph, Layer, highest_of_all
from userportal.jobstats.job_graphs import LUSTRE_SECONDS, OBJECT_TARGETS, operation_name, titled
from userportal.metrics.expression import count, metric, total
from userportal.metrics.window import rate_window
from userportal.units import GIBIBYTE, MEBIBYTE

MILLIWATTS = 1000


@dataclasses.dataclass(frozen=True)
class UserContext:
    """Whose jobs, and how the metrics of this site are labelled."""

    username: str
    configuration: Any
    gpu_models: Any

    def of_user(self, name, **labels):
        """Return the selector of a metric of the user's jobs."""
        return metric(name, user=self.username, **labels)

    def lustre_seconds(self):
        """Return the window of rates of Lustre."""
        sampling = self.configuration.sampling_seconds("lustre_exporter")
        return max(LUSTRE_SECONDS, rate_window(sampling))


def allocated_and_used(context, rows, title, unit, divisor=1.0):
    """Return a graph of sums over recorded series, rows of (metric's name, what it is called)."""
    layers = tuple(
        Layer(total(context.of_user(name)), called, divisor=divisor) for name, called in rows
    )
    return Graph(title, layers, unit, highest_of_all(divisor))


def cpu(context):
    """Cores: used and allocated."""
    rows = (
        ("slurm_job:used_core:sum_user_account", gettext("Used")),
        ("slurm_job:allocated_core:count_user_account", gettext("Allocated")),
    )
    return allocated_and_used(context, rows, gettext("Cores"), " " + gettext("cores"))


def mem(context):
    """Memory: allocated, the jobs' peaks, and used."""
    rows = (
        ("slurm_job:allocated_memory:sum_user_account", gettext("Allocated")),
        ("slurm_job:max_memory:sum_user_account", gettext("Maximum used")),
        ("slurm_job:rss_memory:sum_user_account", gettext("Used")),
    )
    return allocated_and_used(context, rows, gettext("Memory"), gettext("GiB"), GIBIBYTE)


def lustre_mdt(context):
    """Operations a second on the metadata servers, by kind and file system."""
    operations = context.of_user("lustre_job_stats_total", component="mdt")
    rate = total(operations.rate(context.lustre_seconds()), by=("operation", "fs"))
    layer = Layer(rate.where("!=", 0), operation_name, is_stacked=True)
    return Graph(gettext("Operations"), (layer,), " IOPS")


def lustre_ost(context):
    """MiB a second from and, negative, to the object servers, by file system."""
    layers = []
    for word, title in (("read", gettext("Read")), ("write", gettext("Written"))):
        moved = context.of_user(
            f"lustre_job_{word}_bytes_total", component="ost", target=OBJECT_TARGETS
        )
        rate = total(moved.rate(context.lustre_seconds()), by=("fs",))
        layers.append(Layer(rate, titled(title, "fs"), is_below=word == "write", divisor=MEBIBYTE))
    return Graph(gettext("Bandwidth"), tuple(layers), gettext("MiB/s"))


def gpu_utilization(context):
    """GPUs: allocated, and as many as would have been enough if each were always busy."""
    rows = (
        ("slurm_job:allocated_gpu:count_user_account", gettext("Allocated")),
        ("slurm_job:used_gpu:sum_user_account", gettext("Used")),
    )
    return allocated_and_used(context, rows, "GPU", " GPU")


def gpu_power(context):
    """Watts by GPU model: what is used; idle and full power where the models are known."""
    power = context.of_user("slurm_job_power_gpu")
    number, known = count(power, by=("gpu_type",)), context.gpu_models
    layers = (
        Layer(number, named(gettext("Allocated")), factor_of=of_model(known.full_power_watts)),
        Layer(number, named(gettext("Idle")), factor_of=of_model(known.idle_power_watts)),
        Layer(total(power, by=("gpu_type",)), named(gettext("Used")), divisor=MILLIWATTS),
    )
    return Graph(gettext("Power"), layers, "W")


def of_model(read):
    """Return a function that reads what is known of the GPU model of a series."""

    def factor(labels):
        return read(labels.get("gpu_type"))

    return factor


def named(title):
    """Return a function that names a series by a title and its GPU model."""
    return lambda labels: f"{title} {labels.get('gpu_type', '')}".strip()
