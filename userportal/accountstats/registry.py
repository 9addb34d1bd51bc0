"""Which graphs there are of an account."""

from django.utils.translation import gettext_lazy

from userportal.accountstats import graphs
from userportal.jobstats.registry import JOB, LUSTRE, Kind

DAY = 86400
SCHEDULER = "slurm_exporter"


def month(name, title, draw, block, exporter=JOB, days=30):
    """Return the Kind of a graph over some days."""
    return Kind(name, title, draw, exporter, block, seconds=days * DAY)


ACCOUNT_GRAPHS = (
    month("application", gettext_lazy("Cores by program"), graphs.application, "cpu"),
    month("cpu_allocated", gettext_lazy("Cores: allocated"), graphs.allocated("cpu"), "cpu"),
    month("cpu_used", gettext_lazy("Cores: used"), graphs.used("cpu"), "cpu"),
    month("cpu_wasted", gettext_lazy("Cores: not used"), graphs.wasted("cpu"), "cpu"),
    month("cpu_priority", gettext_lazy("Cores and fair share"), graphs.priority("cpu"), "cpu",
          SCHEDULER, 90),
    month("mem_allocated", gettext_lazy("Memory: allocated"), graphs.allocated("mem"), "mem"),
    month("mem_used", gettext_lazy("Memory: used"), graphs.used("mem"), "mem"),
    month("mem_wasted", gettext_lazy("Memory: not used"), graphs.wasted("mem"), "mem"),
    month("gpu_allocated", gettext_lazy("GPUs: allocated"), graphs.allocated("gpu"), "gpu"),
    month("gpu_used", gettext_lazy("GPUs: used"), graphs.used("gpu"), "gpu"),
    month("gpu_wasted", gettext_lazy("GPUs: not used"), graphs.wasted("gpu"), "gpu"),
    month("gpu_priority", gettext_lazy("GPUs and fair share"), graphs.priority("gpu"), "gpu",
          SCHEDULER, 90),
    month("gpu_power_allocated", gettext_lazy("GPU power: possible"), graphs.gpu_power_allocated,
          "gpu"),
    month("gpu_power_used", gettext_lazy("GPU power: used"), graphs.gpu_power_used, "gpu"),
    month("gpu_power_wasted", gettext_lazy("GPU power: not used"), graphs.gpu_power_wasted, "gpu"),
    Kind("lustre_mdt", gettext_lazy("Lustre: operations"), graphs.lustre_mdt, LUSTRE, "files",
         seconds=DAY // 4),
    Kind("lustre_ost", gettext_lazy("Lustre: bandwidth"), graphs.lustre_ost, LUSTRE, "files",
         seconds=DAY // 4),
)  # fmt: skip
