"""Make the Facts of a job of its row, its script and its series."""

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


def measured_fields(series, elapsed_seconds, labels, gpu_memory):
    """Return the fields of Facts that {name: [Series]} tells; what is not there stays unknown.

    gpu_memory(model) is the memory of a GPU's model in bytes, or None.
    """
    nodes = nodes_of(series, elapsed_seconds, labels, gpu_memory)
    peak = next((one.maximum() for name in MEMORY for one in series.get(name, ())), None)
    return {
        "nodes": nodes or None,
        "cores_used": whole_mean(series.get("node_cores_used")),
        "memory_peak_bytes": peak,
        "threads_running": single_mean(series.get("threads")),
        "applications": applications_of(series.get("applications", ())),
        "read_bytes": amount(series.get("read_rate"), elapsed_seconds),
        "written_bytes": amount(series.get("write_rate"), elapsed_seconds),
        "metadata_operations": amount(series.get("metadata_rate"), elapsed_seconds),
        "cores_per_whole_node": least(series.get("whole_cores")),
        "memory_per_whole_node_bytes": least(series.get("whole_memory")),
        "gpus_per_whole_node": least(series.get("whole_gpus")),
        "gpu_model": next((gpu.model for node in nodes for gpu in node.gpus if gpu.model), None),
    }  # fmt: skip


def applications_of(series):
    """Return {executable: mean cores used} of those that used most, first; None without any."""
    means = {visible(one.labels.get("exe") or "?"): one.mean() for one in series}
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


def amount(series, elapsed_seconds):
    """Return what flowed at the mean of a rate in the job's time; None if that is unknown."""
    rate = single_mean(series)
    return None if rate is None or elapsed_seconds is None else rate * elapsed_seconds


def nodes_of(series, elapsed_seconds, labels, gpu_memory):
    """Return the NodeFacts of all hosts in the series, in the order of their names."""

    def by_host(name, read):
        return {labels.node_of(one.labels): read(one) for one in series.get(name, ())}

    cores = by_host("node_cores", lambda one: one.maximum())
    used = by_host("node_cores_used", lambda one: one.mean())
    limits = by_host("node_slurm_job_memory_limit", lambda one: one.maximum())
    peaks = {}
    for name in reversed(MEMORY):
        peaks.update(by_host(f"node_{name}", lambda one: one.maximum()))
    gpus = gpus_of(series, labels, gpu_memory)
    return tuple(
        NodeFacts(
            name=host,
            cores=whole(cores.get(host)),
            cpu_seconds=product(used.get(host), elapsed_seconds),
            memory_used_bytes=whole(peaks.get(host)),
            memory_total_bytes=whole(limits.get(host)),
            gpus=tuple(gpus.get(host, ())),
        )
        for host in sorted({*cores, *used, *limits, *peaks, *gpus})
    )


def gpus_of(series, labels, gpu_memory):
    """Return {host: [GpuFacts]} of the GPUs in the series."""
    found: dict = {}
    for name in ("gpu_utilization", "gpu_memory_used", "gpu_memory_total", "gpu_power"):
        for one in series.get(name, ()):
            key = (labels.node_of(one.labels), one.labels.get("gpu", ""))
            found.setdefault(key, {"model": one.labels.get("gpu_type")})[name] = one
    hosts: dict = {}
    for (host, index), of_gpu in sorted(found.items(), key=lambda item: item[0]):
        hosts.setdefault(host, []).append(gpu_of(index, of_gpu, gpu_memory))
    return hosts


def gpu_of(index, of_gpu, gpu_memory):
    """Return the GpuFacts of one GPU's series."""

    def read(name, method):
        return getattr(of_gpu[name], method)() if name in of_gpu else None

    power = read("gpu_power", "mean")
    return GpuFacts(
        index=index,
        utilization_percent=read("gpu_utilization", "mean"),
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
