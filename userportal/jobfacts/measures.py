"""The figures of a job in the metrics: one expression each, all asked at once.

The metrics are those of slurm-job-exporter and lustre_exporter.
"""

import dataclasses

from userportal.metrics.expression import count, maximum, mean, metric, total
from userportal.metrics.window import rate_window

NANOSECONDS = 1e9
MILLIWATTS = 1000
STEP_SECONDS = 180
LEAST_POINTS, POINTS = 10, 500  # of one series: enough for a mean
MEMORY = ("slurm_job_memory_max", "slurm_job_memory_usage")  # the kernel's own peak comes first


@dataclasses.dataclass(frozen=True)
class Labels:
    """The names of labels that a site may have changed."""

    host: str = "instance"
    domain: str = ""  # what follows a node's name in it

    def node_of(self, labels):
        """Return the name of the node of a series: its host without port and domain."""
        return labels.get(self.host, "").partition(":")[0].removesuffix(self.domain)


def owned(username):
    """Return the condition that series are of a user's jobs, as keywords of metric.

    Numbers of jobs are used again, also by others. Nothing is asked for where no name is known.
    """
    return {"user": username} if username else {}


def job_expressions(job_id, sampling, labels, username):
    """Return {name: expression} of the figures of one job of a user.

    sampling(exporter) is the seconds between two samples, 0 for an exporter that is not there.
    """
    found, owner = {}, owned(username)
    of_job = {"slurmjobid": job_id, **owner}
    if sampling("slurm_job_exporter"):
        found.update(
            cgroup_expressions(of_job, rate_window(sampling("slurm_job_exporter")), labels)
        )
        found.update(gpu_expressions(of_job, labels))
    return found


def cgroup_expressions(of_job, seconds, labels):
    """Return the expressions of cores, memory, threads and programs."""
    cores = metric("slurm_job_core_usage_total", **of_job)
    by_node = (labels.host,)
    return {
        "node_cores": count(cores, by=by_node),
        "node_cores_used": total(cores.rate(seconds), by=by_node) / NANOSECONDS,
        **{
            f"node_{name}": total(metric(name, **of_job), by=by_node)
            for name in (*MEMORY, "slurm_job_memory_limit")
        },
        **{name: total(metric(name, **of_job)) for name in MEMORY},
        "threads": total(metric("slurm_job_threads_count", state="running", **of_job)),
        "applications": total(
            at_work(metric("slurm_job_process_usage_total", **of_job), seconds), by=("exe",)
        ),
    }


def at_work(programs, seconds):
    """Return the cores that each series of programs uses, never below 0.

    The exporter adds up the processes that run, so that its sum falls when one ends.
    """
    return programs.deriv(seconds).clamp_min(0)


def whole_node_expressions(nodes_pattern, labels):
    """Return the expressions of what the nodes have for all of their jobs (node_exporter)."""
    on = {labels.host: nodes_pattern}
    idle = metric("node_cpu_seconds_total", mode="idle", **on)
    return {
        "whole_cores": count(idle, by=(labels.host,)),
        "whole_memory": maximum(metric("node_memory_MemTotal_bytes", **on), by=(labels.host,)),
        "whole_gpus": count(metric("nvidia_gpu_power_usage_milliwatts", **on), by=(labels.host,)),
    }


def gpu_expressions(of_job, labels):
    """Return the expressions of GPUs, each series one GPU."""
    by_gpu = (labels.host, "gpu", "gpu_type")
    names = {
        "gpu_utilization": (mean, "slurm_job_utilization_gpu"),
        "gpu_memory_used": (maximum, "slurm_job_memory_usage_gpu"),
        "gpu_memory_total": (maximum, "slurm_job_memory_total_gpu"),
        "gpu_power": (maximum, "slurm_job_power_gpu"),
    }
    return {
        name: aggregate(metric(source, **of_job), by=by_gpu)
        for name, (aggregate, source) in names.items()
    }


def lustre_expressions(job_id, username, seconds):
    """Return the expressions of shared file systems; there the job's label is another."""
    of_job = {"jobid": job_id, **owned(username)}
    found = {
        name: total(metric(source, component="ost", **of_job).rate(seconds))
        for name, source in (
            ("read_bytes", "lustre_job_read_bytes_total"),
            ("written_bytes", "lustre_job_write_bytes_total"),
        )
    }
    operations = metric("lustre_job_stats_total", component="mdt", **of_job)
    return {**found, "metadata_operations": total(operations.rate(seconds))}


def moved(source, job_id, username, start, end, sampling_seconds):
    """Return {field of Facts: how much a job moved on shared file systems}, None where unknown.

    One rate over all of the job's time: Lustre forgets a job that was idle for some minutes, so
    that its series end and begin anew; and what lies between two shorter windows is in none.
    Read-only.
    """
    seconds = max(int(end - start), rate_window(sampling_seconds))
    expressions = lustre_expressions(job_id, username, seconds)
    answers = source.instant_many([(expression, end) for expression in expressions.values()])
    return {
        name: series[0].last() * seconds if series else None
        for name, series in zip(expressions, answers)
    }


def measured(source, expressions, start, end, sampling_seconds):
    """Return {name: [Series]} of expressions over a job's time, asked in parallel. Read-only."""
    step = step_of(start, end, sampling_seconds)
    queries = [(expression, start, end, step) for expression in expressions.values()]
    return dict(zip(expressions, source.range_many(queries)))


def step_of(start, end, sampling_seconds):
    """Return the seconds between two points: three minutes, less in a short job, more in a long."""
    seconds = int(end - start)
    usual = min(STEP_SECONDS, seconds // LEAST_POINTS)
    return max(1, sampling_seconds, usual, seconds // POINTS)
