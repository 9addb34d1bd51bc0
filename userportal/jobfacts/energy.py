"""The power that jobs drew: their part of what their nodes' chassis and GPUs drew.

A node's power is measured by its management controller (redfish_exporter). A job on cores is
given the part of it that its cores are of the node's; a job with GPUs the power of its GPUs, and
of the rest of the node the part that its GPUs are of the node's. `whose` are the labels of the
jobs: their numbers, and the user where that is known.
"""

from userportal.metrics.expression import count, host_part, metric, total

MILLIWATTS = 1000
NODE = "node"  # the label that the expressions here have in common: the node's name alone


def by_node(expression, host_label, suffix=""):
    """Return an expression with the label NODE, made of the label of its host."""
    return expression.with_label(NODE, host_label, host_part(suffix))


def chassis_watts(settings, nodes_pattern):
    """Return the power of whole nodes, by NODE."""
    suffix = settings.oob_suffix + settings.node_domain
    chassis = metric(settings.power_metric, **{settings.host_label: nodes_pattern})
    return total(by_node(chassis, settings.host_label, suffix), by=(NODE,))


def core_share(settings, whose, nodes_pattern):
    """Return which part of each node's cores each job has, by NODE and slurmjobid."""
    domain, host = settings.node_domain, settings.host_label
    cores = metric("slurm_job_core_usage_total", **whose)
    of_job = count(by_node(cores, host, domain), by=(NODE, "slurmjobid"))
    idle = metric("node_cpu_seconds_total", mode="idle", **{host: nodes_pattern})
    of_node = count(by_node(idle, host, domain), by=(NODE,))
    return of_job.divided_by(of_node, on=(NODE,), group_left=())


def cpu_job_watts(settings, whose, nodes_pattern, chassis_pattern):
    """Return the power of jobs without GPUs, by NODE and slurmjobid."""
    share = core_share(settings, whose, nodes_pattern)
    return share.multiplied_by(chassis_watts(settings, chassis_pattern), on=(NODE,), group_left=())


def gpu_job_watts(settings, whose, nodes_pattern, chassis_pattern):
    """Return the power of jobs with GPUs, by NODE and slurmjobid.

    The power of all GPUs of a node is that of nvidia_gpu_exporter.
    """
    domain, host = settings.node_domain, settings.host_label
    own = by_node(metric("slurm_job_power_gpu", **whose), host, domain)
    of_gpus = total(own, by=(NODE, "slurmjobid")) / MILLIWATTS
    all_gpus = by_node(
        metric("nvidia_gpu_power_usage_milliwatts", **{host: nodes_pattern}), host, domain
    )
    rest = chassis_watts(settings, chassis_pattern).minus(
        total(all_gpus, by=(NODE,)) / MILLIWATTS, on=(NODE,)
    )
    share = count(own, by=(NODE, "slurmjobid")).divided_by(
        count(all_gpus, by=(NODE,)), on=(NODE,), group_left=()
    )
    return share.multiplied_by(rest, on=(NODE,), group_left=()).plus(
        of_gpus, on=(NODE, "slurmjobid")
    )


def kwh(series, hours):
    """Return the energy of the mean power of each series over some hours; None without series."""
    if not series:
        return None
    return sum(one.mean() or 0 for one in series) / 1000 * hours
