"""Ask the metrics for the nodes: their states, how busy they are, which jobs they ran.

The metrics are those of slurm-exporter, node_exporter and slurm-job-exporter.
"""

import dataclasses
from typing import Optional

from userportal.graphs.drawing import natural
from userportal.metrics.expression import (
    Expression,
    any_of,
    count,
    metric,
    node_names,
    not_equal,
    total,
)
from userportal.metrics.naming import short_node
from userportal.metrics.window import rate_window

STATE_SECONDS, HOUR_SECONDS, STEP_SECONDS = 600, 3600, 180
BAD_STATES = ("down", "drained", "draining", "fail")
MEMORY_FREE = ("MemFree", "Buffers", "Cached")
# What is drawn of a node in the list: a part, how much of it is used, of what.
COURSES = (
    ("cores", "cores_used", "cores"), ("memory", "memory_used_bytes", "memory_bytes"),
    ("disk", "disk_used_bytes", "disk_bytes"),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class NodeUse:
    """A node, its state, and means of the last hour; None is not known.

    courses: {cores, memory, disk: ((moment, part of the whole), …)} of that hour, with moments and
    parts from 0 to 1.
    """

    name: str
    states: tuple
    cores: Optional[float] = None
    cores_used: Optional[float] = None
    memory_bytes: Optional[float] = None
    memory_used_bytes: Optional[float] = None
    disk_bytes: Optional[float] = None
    disk_used_bytes: Optional[float] = None
    courses: dict = dataclasses.field(default_factory=dict)


class NodesSource:
    """Asks one source of metrics for the nodes of a Configuration."""

    def __init__(self, source, configuration):
        """source: a MetricsSource."""
        self.source, self.configuration = source, configuration
        self.host = configuration.prometheus.host_label
        self.seconds = rate_window(configuration.sampling_seconds("node_exporter"))

    def on(self, names):
        """Return the condition that a series is of these nodes, as a keyword of metric."""
        return {self.host: node_names(names, self.configuration.prometheus.node_domain)}

    def states(self, now):
        """Return {node: [state]} of the last ten minutes, by name; {} without slurm-exporter."""
        info = metric("slurm_node_state_info").where("!=", 0)
        found: dict = {}
        for one in self.source.range(
            total(info, by=("node", "state")), now - STATE_SECONDS, now, STATE_SECONDS // 10
        ):
            found.setdefault(one.labels.get("node", "?"), []).append(one)
        return {
            name: sorted(one.labels.get("state", "?") for one in newest(series))
            for name, series in sorted(found.items(), key=lambda item: natural(item[0]))
        }

    def uses(self, states, now):
        """Return the NodeUses of {node: [state]}; the metrics are asked for all at once."""
        expressions = self.expressions(states)
        queries = [(one, now - HOUR_SECONDS, now, STEP_SECONDS) for one in expressions.values()]
        found: dict = {}
        for name, series in zip(expressions, self.source.range_many(queries)):
            for one in series:
                found.setdefault(self.node_of(one), {})[name] = one
        return [
            use_of(name, tuple(words), found.get(short_node(name), {}), now)
            for name, words in states.items()
        ]

    def expressions(self, nodes):
        """Return {field of NodeUse: its expression, by host} of some nodes."""
        on, by = self.on(nodes), (self.host,)
        place = {"mountpoint": self.configuration.systems.local_scratch, **on}
        whole: Expression = metric("node_memory_MemTotal_bytes", **on)
        used = whole
        for part in MEMORY_FREE:
            used = used - metric(f"node_memory_{part}_bytes", **on)
        cpu = metric("node_cpu_seconds_total", **on)
        size = metric("node_filesystem_size_bytes", **place)
        left = metric("node_filesystem_avail_bytes", **place)
        return {
            "cores": count(cpu.having(mode="idle"), by=by),
            "cores_used": total(cpu.having(mode=not_equal("idle")).rate(self.seconds), by=by),
            "memory_bytes": total(whole, by=by),
            "memory_used_bytes": total(used, by=by),
            "disk_bytes": total(size, by=by),
            "disk_used_bytes": total(size - left, by=by),
        }

    def node_of(self, series):
        """Return the node of a series, without domain and port."""
        return short_node(series.labels.get(self.host, ""))

    def jobs_on(self, node, window):
        """Return the series of the number of cores of each job on a node, with user and account."""
        return self.by_job("slurm_job_core_usage_total", node, window)

    def gpus_on(self, node, window):
        """Return the same of GPUs."""
        return self.by_job("slurm_job_utilization_gpu", node, window)

    def by_job(self, name, node, window):
        """Return the number of series of a metric of each job on a node, over a Window."""
        parts = count(metric(name, **self.on([node])), by=("account", "user", "slurmjobid"))
        return self.source.range(parts, window.start, window.end, window.step)

    def size_of(self, node, unit, window):
        """Return how many cores or GPUs a node has, None if that is not measured.

        Without nvidia_gpu_exporter the GPUs are those that jobs had at once.
        """
        on = self.on([node])
        if unit == "cores":
            parts = metric("node_cpu_seconds_total", mode="idle", **on)
        elif self.configuration.has_exporter("nvidia_gpu_exporter"):
            parts = metric("nvidia_gpu_power_usage_milliwatts", **on)
        else:
            parts = metric("slurm_job_utilization_gpu", **on)
        found = self.source.range(count(parts), window.start, window.end, window.step)
        return found[0].maximum() if found else None

    def bad_states(self, node, window):
        """Return the series of the states in which a node does not work."""
        info = metric("slurm_node_state_info", node=node, state=any_of(BAD_STATES))
        return self.source.range(
            total(info, by=("state",)).where("!=", 0), window.start, window.end, window.step
        )


def use_of(name, states, series, now):
    """Return the NodeUse of {field: Series}."""
    means = {field: one.mean() for field, one in series.items()}
    courses = {
        part: course(series[used], means[whole], now - HOUR_SECONDS)
        for part, used, whole in COURSES
        if used in series and means.get(whole)
    }
    return NodeUse(name, states, **means, courses=courses)


def course(series, whole, since):
    """Return ((moment, part of the whole), …) of a series, both from 0 to 1, rounded."""
    return tuple(
        (inside((at - since) / HOUR_SECONDS), inside(value / whole))
        for at, value in zip(series.times, series.values)
    )


def inside(number):
    """Return a number as it lies between 0 and 1, with three decimals."""
    return round(min(max(number, 0), 1), 3)


def newest(series):
    """Return the series that have a point at the newest moment of all of them."""
    last = max((one.times[-1] for one in series), default=0)
    return [one for one in series if one.times[-1] == last]
