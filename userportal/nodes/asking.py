"""Ask the metrics for the nodes: their states, how busy they are, which jobs they ran.

The metrics are those of slurm-exporter, node_exporter and slurm-job-exporter.
"""

import dataclasses
from typing import Optional

from userportal.graphs.drawing import natural
from userportal.metrics.expression import any_of, count, metric, node_names, not_equal, total
from userportal.metrics.naming import short_node
from userportal.metrics.window import rate_window

STATE_SECONDS, HOUR_SECONDS, STEP_SECONDS = 600, 3600, 180
BAD_STATES = ("down", "drained", "draining", "fail")
MEMORY_FREE = ("MemFree", "Buffers", "Cached")


@dataclasses.dataclass(frozen=True)
class NodeUse:
    """A node, its state, and means of the last hour; None is not known."""

    name: str
    states: tuple
    cores: Optional[float] = None
    cores_used: Optional[float] = None
    memory_bytes: Optional[float] = None
    memory_used_bytes: Optional[float] = None
    disk_bytes: Optional[float] = None
    disk_used_bytes: Optional[float] = None


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
        on = self.on(states)
        place = {"mountpoint": self.configuration.systems.local_scratch, **on}
        free = metric("node_memory_MemTotal_bytes", **on)
        for part in MEMORY_FREE:
            free = free - metric(f"node_memory_{part}_bytes", **on)
        cpu = metric("node_cpu_seconds_total", **on)
        size = metric("node_filesystem_size_bytes", **place)
        expressions = {
            "cores": count(cpu.having(mode="idle"), by=(self.host,)),
            "cores_used": total(
                cpu.having(mode=not_equal("idle")).rate(self.seconds), by=(self.host,)
            ),
            "memory_bytes": total(metric("node_memory_MemTotal_bytes", **on), by=(self.host,)),
            "memory_used_bytes": total(free, by=(self.host,)),
            "disk_bytes": total(size, by=(self.host,)),
            "disk_used_bytes": total(
                size - metric("node_filesystem_avail_bytes", **place), by=(self.host,)
            ),
        }
        queries = [(one, now - HOUR_SECONDS, now, STEP_SECONDS) for one in expressions.values()]
        fields: dict = {}
        for name, series in zip(expressions, self.source.range_many(queries)):
            for one in series:
                fields.setdefault(self.node_of(one), {})[name] = one.mean()
        return [NodeUse(name, tuple(found), **fields.get(short_node(name), {}))
                for name, found in states.items()]  # fmt: skip

    def node_of(self, series):
        """Return the node of a series, without domain and port."""
        return short_node(series.labels.get(self.host, ""))

    def jobs_on(self, node, window):
        """Return the series of the number of cores of each job on a node, with user and account."""
        cores = metric("slurm_job_core_usage_total", **self.on([node]))
        return self.source.range(
            count(cores, by=("account", "user", "slurmjobid")),
            window.start,
            window.end,
            window.step,
        )

    def gpus_on(self, node, window):
        """Return the same of GPUs."""
        gpus = metric("slurm_job_utilization_gpu", **self.on([node]))
        return self.source.range(
            count(gpus, by=("account", "user", "slurmjobid")), window.start, window.end, window.step
        )

    def bad_states(self, node, window):
        """Return the series of the states in which a node does not work."""
        info = metric("slurm_node_state_info", node=node, state=any_of(BAD_STATES))
        return self.source.range(
            total(info, by=("state",)).where("!=", 0), window.start, window.end, window.step
        )


def newest(series):
    """Return the series that have a point at the newest moment of all of them."""
    last = max((one.times[-1] for one in series), default=0)
    return [one for one in series if one.times[-1] == last]
