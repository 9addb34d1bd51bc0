"""Make the Facts of a job of its row, its script and its series."""

from typing import NamedTuple

from usagedb.terminal import visible
from userportal.analysis.facts import Facts
from userportal.analysis.measured import GpuFacts, NodeFacts
from userportal.jobfacts.measures import MEMORY, MILLIWATTS

MOST_APPLICATIONS = 50


def facts_of_row(job, now, username, cluster):
    """Return the Facts that the scheduler alone knows of a job."""
    return Facts(
        job_id=job.job_id, array_job_id=job.array_job_id or None, array_task_id=job.array_task_id,
        name=job.name, user=username, account=job.account, cluster=cluster,
        state=job.state_name, partition=job.partition,
        submit_seconds=job.submit, start_seconds=job.start, end_seconds=job.end,
        elapsed_seconds=job.elapsed_seconds(now) if job.start else None,
        time_limit_seconds=job.time_limit_minutes * 60 if job.time_limit_minutes else None,
        is_unlimited=job.is_unlimited,
        node_count=len(job.nodes) or job.node_count or None, cores=job.cores or None,
        memory_requested_bytes=job.memory_bytes or None,
        gpus=job.gpu_count, gpu_model=job.gpu_model,
        submit_line=job.submit_line or None, work_directory=job.work_dir or None,
    )  # fmt: skip


class Times(NamedTuple):
    """How long a job had its nodes, and how long of that it ran: the rest it was suspended.

    Its series go on while it is suspended, and tell of nothing that is used: their means are those
    of all the time that it had its nodes.
    """

    held_seconds: float
    elapsed_seconds: float

    @property
    def has_pauses(self):
        """Tell whether it was suspended, and ran as well."""
        return 0 < self.elapsed_seconds < self.held_seconds

    def of_run(self, mean):
        """Return a mean of a series as one of the time in which the job ran; None for None."""
        if mean is None or not self.has_pauses:
            return mean
        return mean * self.held_seconds / self.elapsed_seconds

    def seconds_used(self, mean, most):
        """Return what was used at a mean of a series, in seconds; None if that is unknown.

        most: what could be used at once, or None. The few points of a short run between long
        pauses never stand for more.
        """
        used = product(mean, self.held_seconds)
        if used is None or most is None or not self.has_pauses:
            return used
        return min(used, most * self.elapsed_seconds)


def measured_fields(series, times, labels, gpu_memory, node_names=()):
    """Return the fields of Facts that {name: [Series]} tells; what is not there stays unknown.

    times are the job's Times; gpu_memory(model) is the memory of a GPU's model in bytes, or None.
    node_names are the job's nodes: one that no series tells of is a NodeFacts without figures, and
    what is added up over all nodes is then unknown.
    """
    measured = nodes_of(series, times, labels, gpu_memory)
    nodes = with_absent(measured, node_names)
    is_whole = len(nodes) == len(measured)
    peak = next((one.maximum() for name in MEMORY for one in series.get(name, ())), None)
    programs = applications_of(series.get("applications", ()), times)
    if programs and not is_whole:
        programs = dict.fromkeys(programs)
    used = series.get("node_cores_used", ())
    return {
        "nodes": nodes or None,
        "cores_used": times.of_run(whole_mean(used)) if len(used) >= len(nodes) else None,
        "memory_peak_bytes": peak if is_whole else None,
        "threads_running": times.of_run(single_mean(series.get("threads"))) if is_whole else None,
        "applications": programs,
        "cores_per_whole_node": least(series.get("whole_cores")),
        "memory_per_whole_node_bytes": least(series.get("whole_memory")),
        "gpus_per_whole_node": least(series.get("whole_gpus")),
        "gpu_model": next((gpu.model for node in measured for gpu in node.gpus if gpu.model), None),
    }  # fmt: skip


def with_absent(nodes, names):
    """Return NodeFacts with an empty one for each node of these names that is not among them.

    The metrics may call all nodes otherwise: where they tell of as many, none is missing.
    """
    if not nodes or len(nodes) >= len(names):
        return nodes
    known = {short_name(node.name) for node in nodes}
    absent = [NodeFacts(name) for name in names if short_name(name) not in known]
    return tuple(sorted((*nodes, *absent), key=lambda node: node.name))


def short_name(host):
    """Return the name of a node without its domain."""
    return host.partition(".")[0]


def applications_of(series, times):
    """Return {executable: mean cores used} of those that used most, first; None without any."""
    means = {visible(one.labels.get("exe") or "?"): times.of_run(one.mean()) for one in series}
    most = sorted(means.items(), key=lambda item: (-item[1], item[0]))[:MOST_APPLICATIONS]
    return dict(most) or None


def whole_mean(series):
    """Return the sum of the means of some series, None without any."""
    return sum(one.mean() or 0 for one in series) if series else None


def single_mean(series):
    """Return the mean of the only series, None if there is none."""
    return series[0].mean() if series else None


def least(series):
    """Return the lowest of the highest points of some series as a whole number, None without."""
    return min((whole(one.maximum()) for one in series), default=None) if series else None


def nodes_of(series, times, labels, gpu_memory):
    """Return the NodeFacts of all hosts in the series, in the order of their names."""

    def by_host(name, read):
        return {labels.node_of(one.labels): read(one) for one in series.get(name, ())}

    cores = by_host("node_cores", lambda one: one.maximum())
    used = by_host("node_cores_used", lambda one: one.mean())
    limits = by_host("node_slurm_job_memory_limit", lambda one: one.maximum())
    peaks = {}
    for name in reversed(MEMORY):
        peaks.update(by_host(f"node_{name}", lambda one: one.maximum()))
    gpus = gpus_of(series, times, labels, gpu_memory)
    return tuple(
        NodeFacts(
            name=host,
            cores=whole(cores.get(host)),
            cpu_seconds=times.seconds_used(used.get(host), cores.get(host)),
            memory_used_bytes=whole(peaks.get(host)),
            memory_total_bytes=whole(limits.get(host)),
            gpus=tuple(gpus.get(host, ())),
        )
        for host in sorted({*cores, *used, *limits, *peaks, *gpus})
    )


def gpus_of(series, times, labels, gpu_memory):
    """Return {host: [GpuFacts]} of the GPUs in the series."""
    found: dict = {}
    for name in ("gpu_utilization", "gpu_memory_used", "gpu_memory_total", "gpu_power"):
        for one in series.get(name, ()):
            key = (labels.node_of(one.labels), one.labels.get("gpu", ""))
            found.setdefault(key, {"model": one.labels.get("gpu_type")})[name] = one
    hosts: dict = {}
    for (host, index), of_gpu in sorted(found.items(), key=lambda item: item[0]):
        hosts.setdefault(host, []).append(gpu_of(index, of_gpu, times, gpu_memory))
    return hosts


def gpu_of(index, of_gpu, times, gpu_memory):
    """Return the GpuFacts of one GPU's series."""

    def read(name, method):
        return getattr(of_gpu[name], method)() if name in of_gpu else None

    utilization = read("gpu_utilization", "mean")
    if utilization is not None and times.has_pauses:
        utilization = min(100.0, times.of_run(utilization))
    power = read("gpu_power", "mean")
    return GpuFacts(
        index=index,
        utilization_percent=utilization,
        memory_used_bytes=whole(read("gpu_memory_used", "maximum")),
        memory_total_bytes=whole(read("gpu_memory_total", "maximum"))
        or gpu_memory(of_gpu["model"]),
        model=visible(of_gpu["model"]) if of_gpu["model"] else None,
        power_watts=None if power is None else power / MILLIWATTS,
    )


def whole(number):
    """Return a number as a whole one, None for None."""
    return None if number is None else round(number)


def product(one, other):
    """Return the product, None if one of the two is unknown."""
    return None if one is None or other is None else one * other
