"""The graphs of jobs that come from their cgroups: cores, threads, GPUs, Lustre.

Each function takes a JobContext and returns a Graph. The metrics are those of slurm-job-exporter
and lustre_exporter; their units stand beside each.
"""

from django.utils.translation import gettext

from userportal.graphs.drawing import (
    Graph,
    Layer,
    highest_of,
    never,
)
from userportal.jobfacts.measures import at_work
from userportal.jobstats.fitting import fitted
from userportal.metrics.expression import (
    count,
    maximum,
    not_equal,
    total,
    wildcards,
)
from userportal.metrics.naming import gpu_name
from userportal.units import GIBIBYTE, MEBIBYTE

NANOSECONDS, MILLIWATTS = 1e9, 1000
LUSTRE_SECONDS = 180  # the least window of a rate: the exporter is slow
OBJECT_TARGETS = wildcards("*-OST*")
GPU_PARTS = (
    "utilization_gpu",
    "sm_occupancy_gpu",
    "tensor_gpu",
    "fp64_gpu",
    "fp32_gpu",
    "fp16_gpu",
)
THREAD_STATES = 6  # with the processes: as many series a node has, about
DIRECTIONS = ("RX", "TX")  # received and sent, as DCGM calls them
ABOVE_FULL_POWER = 1.1  # where the axis ends


def of_jobs(context, name, **labels):
    """Return the selector of a metric of these jobs."""
    return context.of_jobs(name, **labels)


def cpu(context):
    """Cores at work: nanoseconds of CPU time by core; of several jobs what each uses."""
    usage = of_jobs(context, "slurm_job_core_usage_total")
    used = usage.rate(context.seconds("slurm_job_exporter"))
    title, unit = gettext("Cores"), " " + gettext("cores")
    if not context.is_set:
        layer = fitted(
            context, used, core_name, context.cores, is_stacked=True, divisor=NANOSECONDS
        )
        return Graph(title, (layer,), unit, context.cores or None, True)
    by_job = total(used, by=("slurmjobid",))
    layers = (
        fitted(context, by_job, "", len(context.jobs), is_stacked=True, divisor=NANOSECONDS),
        Layer(count(usage), gettext("Allocated")),
    )
    return Graph(title, layers, unit, highest_of(1), True)


def core_name(labels):
    """Return the name of the series of a core, or of several."""
    if "core" not in labels:
        return gettext("Cores")
    return gettext("Core %(number)s") % {"number": labels["core"]}


def thread(context):
    """Processes, threads by their state, and cores used by each program."""
    processes = of_jobs(context, "slurm_job_process_count")
    # The exporter calls a state ? that it could not read.
    threads = of_jobs(context, "slurm_job_threads_count", state=not_equal("?"))
    programs = of_jobs(context, "slurm_job_process_usage_total")
    used = at_work(programs, context.seconds("slurm_job_exporter"))
    many = THREAD_STATES * context.places
    layers = (
        fitted(context, processes, gettext("Processes"), many, THREAD_STATES),
        fitted(context, threads, thread_name, many, THREAD_STATES, by=("state",)),
        Layer(total(used, by=("slurmjobid", "exe")), context.named(program_name)),
    )
    return Graph(gettext("Processes and threads"), layers, is_of_job=True)


def thread_name(labels):
    """Return the name of the series of threads in one state."""
    state = labels.get("state") or gettext("total")
    return gettext("Threads %(state)s") % {"state": state}


def program_name(labels):
    """Return the name of a program, without its directory."""
    path = labels.get("exe", "")
    return path.rpartition("/")[2] or path or "?"


def lustre_mdt(context):
    """Operations a second on the metadata servers, by kind and file system."""
    operations = context.lustre_of_jobs("lustre_job_stats_total", component="mdt")
    rate = operations.rate(lustre_seconds(context))
    labels = ("operation", "fs", "jobid") if context.is_set else ("operation", "fs")
    layer = Layer(total(rate, by=labels).where("!=", 0), context.named(operation_name), True)
    return Graph(gettext("Operations"), (layer,), " IOPS", is_of_job=True)


def operation_name(labels):
    """Return the name of a series of operations."""
    return f"{labels.get('operation', '').capitalize()} {labels.get('fs', '')}"


def lustre_ost(context):
    """MiB a second from and to the object servers, by file system; what is written is negative."""
    return Graph(
        gettext("Bandwidth"), tuple(lustre_layers(context)), gettext("MiB/s"), is_of_job=True
    )


def lustre_layers(context):
    """Yield the layers of reading and writing."""
    labels = ("fs", "jobid") if context.is_set else ("fs",)
    for word, title in (("read", gettext("Read")), ("write", gettext("Written"))):
        moved = context.lustre_of_jobs(
            f"lustre_job_{word}_bytes_total", component="ost", target=OBJECT_TARGETS
        )
        rate = total(moved.rate(lustre_seconds(context)), by=labels)
        yield Layer(
            rate,
            context.named(titled(title, "fs")),
            is_below=word == "write",
            divisor=MEBIBYTE,
        )


def titled(title, label):
    """Return a function that names a series by a title and one of its labels."""
    return lambda labels: f"{title} {labels.get(label, '')}".strip()


def lustre_seconds(context):
    """Return the window of rates of Lustre."""
    return max(LUSTRE_SECONDS, context.step_or_seconds("lustre_exporter"))


def of_gpu(title):
    """Return a function that names a series by a title and its GPU."""
    return lambda labels: " ".join(filter(None, (title, "GPU", gpu_name(labels.get("gpu", "")))))


def gpu_layer(context, name, title="", kinds=1, **look):
    """Return the layer of a metric of GPUs, one series each, kinds of them on each GPU."""
    labels = look.pop("labels", {})
    return fitted(
        context, of_jobs(context, name, **labels), of_gpu(title), kinds * context.gpu_count,
        kinds, by=("gpu_type",), is_mean=True, **look,
    )  # fmt: skip


def gpu_utilization(context):
    """Percent of the time in which each GPU, and each of its kinds of units, was at work."""
    titles = (gettext("Active"), gettext("Occupancy"), gettext("Tensor"), "FP64", "FP32", "FP16")
    layers = tuple(
        gpu_layer(context, f"slurm_job_{part}", title, len(GPU_PARTS))
        for part, title in zip(GPU_PARTS, titles)
    )
    return Graph(gettext("Utilization"), layers, "%", 100, True)


def gpu_memory_utilization(context):
    """Percent of the cycles in which the interface of each GPU's memory was busy."""
    layer = gpu_layer(context, "slurm_job_utilization_gpu_memory")
    return Graph(gettext("Memory cycles"), (layer,), "%", 100, True)


def gpu_memory(context):
    """Memory of each GPU: bytes. The axis ends where the largest of their memories does."""
    whole = maximum(of_jobs(context, "slurm_job_memory_total_gpu"))
    layers = (
        gpu_layer(context, "slurm_job_memory_usage_gpu", divisor=GIBIBYTE),
        Layer(whole, "", keep=never),
    )

    def memory_gib(answers):
        read = context.gpu_models.memory_bytes
        sizes = [read(context.gpu_model_of(one.labels)) for one in answers[0]]
        if None in sizes:
            sizes += [one.maximum() for one in answers[1]]
        return max((size for size in sizes if size), default=0) / GIBIBYTE or None

    return Graph(gettext("Memory"), layers, gettext("GiB"), memory_gib, True)


def gpu_power(context):
    """Power of each GPU: milliwatts; and what it draws when it does nothing."""
    layer = gpu_layer(context, "slurm_job_power_gpu", divisor=MILLIWATTS)
    known = context.gpu_models

    def models(answers):
        return sorted({context.gpu_model_of(one.labels) or "" for one in answers[0]})

    def above_full_power(answers):
        watts = [known.full_power_watts(model) for model in models(answers)]
        return ABOVE_FULL_POWER * max(watts) if watts and None not in watts else None

    def idle_lines(answers):
        found = models(answers)
        names = {model: f" {known.short_name(model)}" if found[1:] else "" for model in found}
        idle = [(gettext("Idle") + names[one], known.idle_power_watts(one)) for one in found]
        return tuple((name, watts) for name, watts in idle if watts is not None)

    return Graph(gettext("Power"), (layer,), "W", above_full_power, True, lines=idle_lines)


def gpu_pcie(context):
    """GiB a second between GPUs and the node: bytes a second by direction."""
    return gpu_traffic(context, "slurm_job_pcie_gpu")


def gpu_nvlink(context):
    """GiB a second between GPUs: bytes a second by direction."""
    return gpu_traffic(context, "slurm_job_nvlink_gpu")


def gpu_traffic(context, name):
    """Return the graph of what GPUs receive and, negative, send."""
    layers = tuple(
        gpu_layer(
            context, name, direction, len(DIRECTIONS), labels={"direction": direction},
            is_below=direction == "TX", divisor=GIBIBYTE,
        )
        for direction in DIRECTIONS
    )  # fmt: skip
    return Graph(gettext("Bandwidth"), layers, gettext("GiB/s"), is_of_job=True)
