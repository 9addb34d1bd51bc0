"""The graphs of virtual machines: metrics of libvirtd_exporter.

A function of GRAPHS takes a MachinesContext and returns a Graph; memory is in KiB there, times of
virtual cores in nanoseconds.
"""

import dataclasses
from collections import Counter

from django.utils.translation import gettext, gettext_lazy

from userportal.configuration import Configuration
from userportal.graphs.drawing import Graph, Layer
from userportal.jobstats.registry import Kind
from userportal.metrics.expression import count, metric, total
from userportal.metrics.window import rate_window
from userportal.units import MEBIBYTE

NANOSECONDS = 1e9
KIBIBYTES_PER_GIBIBYTE = 2**20
DAY, WEEK = 86400, 7 * 86400
STEP_SECONDS = 3600  # of the search for machines
CALM_SECONDS = 300  # of rates over all projects
EXPORTER = "libvirtd_exporter"
BY_MACHINE = ("uuid", "instance_name")


@dataclasses.dataclass(frozen=True)
class Machine:
    """A virtual machine as the metrics know it."""

    uuid: str
    name: str
    flavor: str
    cores: int = 0


@dataclasses.dataclass(frozen=True)
class MachinesContext:
    """The machines of a project, or one of them."""

    project: str
    configuration: Configuration
    uuid: str = ""  # of the only machine; "": all of the project
    doubled: frozenset = frozenset()  # names that several machines have

    def of(self, name):
        """Return the selector of a metric of these machines."""
        more = {"uuid": self.uuid} if self.uuid else {}
        return metric(name, project_name=self.project, **more)

    def rate(self, name):
        """Return the rate of a counter of these machines."""
        return self.of(name).rate(rate_window(self.configuration.sampling_seconds(EXPORTER)))

    def by(self, label):
        """Return the labels of the series: those of a machine, of one machine one more."""
        return (*BY_MACHINE, label) if self.uuid else BY_MACHINE

    def named(self, label="", title=""):
        """Return a function that names a series: by title, and machine or its part."""

        def name(labels):
            own = labels.get("instance_name", "?")
            if self.uuid:
                own = labels.get(label, "") if label else ""
            elif own in self.doubled:
                own = f"{own} {labels.get('uuid', '')}"
            return f"{title} {own}".strip()

        return name


def cpu(context):
    """Virtual cores at work."""
    rate = total(context.rate("libvirtd_domain_vcpu_time"), by=context.by("vcpu")) / NANOSECONDS
    return Graph(
        gettext("Cores"), (Layer(rate, context.named("vcpu"), True),), " " + gettext("cores")
    )


def memory(context):
    """Memory that is not free for the machine's programs."""
    # A machine that does not tell what it could give back is left out.
    used = context.of("libvirtd_domain_balloon_current") - context.of(
        "libvirtd_domain_balloon_usable"
    )
    title = gettext("Used") if context.uuid else ""
    layer = Layer(
        total(used, by=BY_MACHINE), context.named(title=title), divisor=KIBIBYTES_PER_GIBIBYTE
    )
    return Graph(gettext("Memory"), (layer,), gettext("GiB"))


def two_ways(context, title, names, unit, divisor=1.0):
    """Return the graph of two counters: the first above zero, the second below."""
    layers = tuple(
        Layer(
            total(context.rate(name), by=context.by("device")),
            context.named("device", called),
            is_below=bool(place),
            divisor=divisor,
        )
        for place, (name, called) in enumerate(names)
    )
    return Graph(title, layers, unit)


def disk_bandwidth(context):
    """MiB a second from and to disks."""
    names = (
        ("libvirtd_domain_block_read_bytes", gettext("Read")),
        ("libvirtd_domain_block_write_bytes", gettext("Written")),
    )
    return two_ways(context, gettext("Bandwidth"), names, gettext("MiB/s"), MEBIBYTE)


def disk_iops(context):
    """Operations a second of disks."""
    names = (
        ("libvirtd_domain_block_read_requests", gettext("Read")),
        ("libvirtd_domain_block_write_requests", gettext("Written")),
    )
    return two_ways(context, gettext("Operations"), names, " IOPS")


def network_bandwidth(context):
    """MiB a second from and to the network."""
    names = (
        ("libvirtd_domain_net_rx_bytes", gettext("Received")),
        ("libvirtd_domain_net_tx_bytes", gettext("Sent")),
    )
    return two_ways(context, gettext("Bandwidth"), names, gettext("MiB/s"), MEBIBYTE)


GRAPHS = tuple(
    Kind(name, title, draw, EXPORTER, "cloud", seconds=DAY)
    for name, title, draw in (
        ("cpu", gettext_lazy("Cores"), cpu),
        ("memory", gettext_lazy("Memory"), memory),
        ("disk_bandwidth", gettext_lazy("Disks: bandwidth"), disk_bandwidth),
        ("disk_iops", gettext_lazy("Disks: operations"), disk_iops),
        ("network_bandwidth", gettext_lazy("Network"), network_bandwidth),
    )
)


def all_cpu(configuration):
    """Virtual cores at work of all projects, beside all that there are."""
    time = metric("libvirtd_domain_vcpu_time")
    seconds = max(CALM_SECONDS, rate_window(configuration.sampling_seconds(EXPORTER)))
    used = total(time.rate(seconds), by=("project_name",)) / NANOSECONDS
    layers = (Layer(used, project_name, True), Layer(count(time), gettext("Running")))
    return Graph(gettext("Cores"), layers, " " + gettext("cores"))


def all_memory(_configuration):
    """Memory that is not free in the machines of all projects, beside all that they have."""
    by = ("project_name",)
    current = metric("libvirtd_domain_balloon_current")
    used = total(current - metric("libvirtd_domain_balloon_usable"), by=by)
    layers = (
        Layer(used, project_name, True, divisor=KIBIBYTES_PER_GIBIBYTE),
        Layer(total(current), gettext("Running"), divisor=KIBIBYTES_PER_GIBIBYTE),
    )
    return Graph(gettext("Memory"), layers, gettext("GiB"))


def project_name(labels):
    """Return the name of the series of a project."""
    return labels.get("project_name", "?")


ALL_GRAPHS = {"cpu": all_cpu, "mem": all_memory}


def machines_of(source, project, now):
    """Return the Machines of a project in the last week, by name.

    One that was renamed or made larger in that time is shown as it was seen last.
    """
    states = total(
        metric("libvirtd_domain_domain_state", project_name=project),
        by=("uuid", "instance_name", "instance_type"),
    )
    cores = count(metric("libvirtd_domain_vcpu_time", project_name=project), by=("uuid",))
    window = (now - WEEK, now, STEP_SECONDS)
    seen, counted = source.range_many([(states, *window), (cores, *window)])
    many = {one.labels.get("uuid"): round(one.last() or 0) for one in counted}
    newest = {one.labels.get("uuid", ""): one.labels for one in sorted(seen, key=last_seen)}
    found = [
        Machine(
            uuid, labels.get("instance_name", "?"), labels.get("instance_type", ""),
            many.get(uuid, 0),
        )
        for uuid, labels in newest.items()
    ]  # fmt: skip
    return sorted(found, key=lambda machine: (machine.name, machine.uuid))


def last_seen(series):
    """Return the time of the newest point of a series."""
    return series.times[-1] if series.times else 0


def doubled_names(source, project, window):
    """Return the names that several machines of a project have in a Window."""
    states = count(metric("libvirtd_domain_vcpu_time", project_name=project), by=BY_MACHINE)
    names = Counter(
        one.labels.get("instance_name", "?")
        for one in source.range(states, window.start, window.end, window.step)
    )
    return frozenset(name for name, many in names.items() if many > 1)


def cores_by_project(source, now):
    """Return {project: virtual cores} of all projects that run now, by name."""
    cores = count(metric("libvirtd_domain_vcpu_time"), by=("project_name",))
    found = {one.labels.get("project_name", "?"): one.last() for one in source.instant(cores, now)}
    return dict(sorted(found.items()))
