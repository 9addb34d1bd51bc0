"""The graphs of jobs that come from their cgroups: cores, memory, threads, GPUs, Lustre.

Each function takes a JobContext and returns a Graph. The metrics are those of slurm-job-exporter
and lustre_exporter; their units stand beside each.
"""

from django.utils.translation import gettext

from userportal.graphs.drawing import GIBIBYTE, MEBIBYTE, Graph, Layer
from userportal.metrics.expression import any_of, count, metric, total, wildcards
from userportal.metrics.naming import gpu_name

NANOSECONDS = 1e9
LUSTRE_SECONDS = 180  # the least window of a rate: the exporter is slow
OBJECT_TARGETS = wildcards("*-OST*")
MEMORY_KINDS = (
    "usage",
    "limit",
    "max",
    "cache",
    "rss",
    "rss_huge",
    "mapped_file",
    "active_file",
    "inactive_file",
    "unevictable",
)
GPU_PARTS = (
    "utilization_gpu",
    "sm_occupancy_gpu",
    "tensor_gpu",
    "fp64_gpu",
    "fp32_gpu",
    "fp16_gpu",
)


def of_jobs(context, name, **labels):
    """Return the selector of a metric of these jobs."""
    return metric(name, slurmjobid=context.job_ids, **labels)


def cpu(context):
    """Cores at work: nanoseconds of CPU time by core."""
    usage = of_jobs(context, "slurm_job_core_usage_total")
    used = usage.rate(context.seconds("slurm_job_exporter")) / NANOSECONDS
    if context.is_set:
        used = total(used, by=("slurmjobid",))
    title = context.named("") if context.is_set else context.named(core_name)
    layers = [Layer(used, title, is_stacked=True)]
    if context.is_set:
        layers.append(Layer(count(usage), gettext("Allocated")))
    unit = " " + gettext("cores")
    return Graph(gettext("Cores"), tuple(layers), unit, context.cores or None, True)


def core_name(labels):
    """Return the name of the series of a core."""
    return gettext("Core %(number)s") % {"number": labels.get("core", "")}


def memory_names():
    """Return how each kind of memory is called, in the reader's language."""
    return dict(
        zip(
            MEMORY_KINDS,
            (
                gettext("Used"),
                gettext("Allocated"),
                gettext("Maximum used"),
                gettext("Cache"),
                gettext("RSS"),
                gettext("RSS huge pages"),
                gettext("Mapped files"),
                gettext("Active files"),
                gettext("Inactive files"),
                gettext("Unevictable"),
            ),
        )
    )


def mem(context):
    """Memory: bytes, one series a kind; of several jobs what each uses, and the sum of limits."""
    if context.is_set:
        usage = of_jobs(context, "slurm_job_memory_usage")
        limit = total(of_jobs(context, "slurm_job_memory_limit"))
        layers = (
            Layer(
                total(usage, by=("slurmjobid",)),
                context.named(""),
                is_stacked=True,
                divisor=GIBIBYTE,
            ),
            Layer(limit, gettext("Allocated"), divisor=GIBIBYTE),
        )
    else:
        names = memory_names()
        kinds = metric(
            any_of(f"slurm_job_memory_{kind}" for kind in MEMORY_KINDS), slurmjobid=context.job_ids
        )

        def kind_of(labels):
            kind = labels.get("__name__", "").removeprefix("slurm_job_memory_")
            return names.get(kind, kind)

        layers = (Layer(kinds, context.named(kind_of), divisor=GIBIBYTE),)
    return Graph(gettext("Memory"), layers, "GiB", context.memory_bytes / GIBIBYTE or None, True)


def thread(context):
    """Processes, threads by their state, and cores used by each program."""
    threads = of_jobs(context, "slurm_job_threads_count")
    programs = of_jobs(context, "slurm_job_process_usage_total")
    used = total(programs.deriv(context.seconds("slurm_job_exporter")), by=("slurmjobid", "exe"))
    layers = (
        Layer(of_jobs(context, "slurm_job_process_count"), context.named(gettext("Processes"))),
        Layer(threads, context.named(thread_name)),
        Layer(used, context.named(program_name)),
    )
    return Graph(gettext("Processes and threads"), layers, is_of_job=True)


def thread_name(labels):
    """Return the name of the series of threads in one state."""
    state = labels.get("state") or gettext("total")
    return gettext("Threads %(state)s") % {"state": state}


def program_name(labels):
    """Return the name of a program, without its directory."""
    return labels.get("exe", "?").rpartition("/")[2]


def lustre_mdt(context):
    """Operations a second on the metadata servers, by kind and file system."""
    operations = metric("lustre_job_stats_total", component="mdt", jobid=context.job_ids)
    rate = operations.rate(lustre_seconds(context))
    labels = ("operation", "fs", "jobid") if context.is_set else ("operation", "fs")
    layer = Layer(total(rate, by=labels).where("!=", 0), context.named(operation_name), True)
    return Graph(gettext("Operations"), (layer,), " IOPS", is_of_job=True)


def operation_name(labels):
    """Return the name of a series of operations."""
    return f"{labels.get('operation', '').capitalize()} {labels.get('fs', '')}"


def lustre_ost(context):
    """MiB a second from and to the object servers, by file system; what is written is negative."""
    return Graph(gettext("Bandwidth"), tuple(lustre_layers(context)), "MiB/s", is_of_job=True)


def lustre_layers(context):
    """Yield the layers of reading and writing."""
    labels = ("fs", "jobid") if context.is_set else ("fs",)
    for word, title in (("read", gettext("Read")), ("write", gettext("Written"))):
        moved = metric(
            f"lustre_job_{word}_bytes_total",
            component="ost",
            target=OBJECT_TARGETS,
            jobid=context.job_ids,
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
    return max(LUSTRE_SECONDS, context.seconds("lustre_exporter"))


def of_gpu(title):
    """Return a function that names a series by a title and its GPU."""
    return lambda labels: f"{title} GPU {gpu_name(labels.get('gpu', ''))}".strip()


def gpu_utilization(context):
    """Percent of the time in which each GPU, and each of its kinds of units, was at work."""
    titles = (
        gettext("Active"),
        gettext("Occupancy"),
        gettext("Tensor"),
        "FP64",
        "FP32",
        "FP16",
    )
    layers = tuple(
        Layer(of_jobs(context, f"slurm_job_{part}"), context.named(of_gpu(title)))
        for part, title in zip(GPU_PARTS, titles)
    )
    return Graph(gettext("Utilization"), layers, "%", 100, True)


def gpu_memory_utilization(context):
    """Percent of the cycles in which the interface of each GPU's memory was busy."""
    selector = of_jobs(context, "slurm_job_utilization_gpu_memory")
    layer = Layer(selector, context.named(of_gpu("")))
    return Graph(gettext("Memory cycles"), (layer,), "%", 100, True)


def gpu_memory(context):
    """Memory of each GPU: bytes."""
    used = of_jobs(context, "slurm_job_memory_usage_gpu")
    layer = Layer(used, context.named(of_gpu("")), divisor=GIBIBYTE)
    known = context.gpu_models.memory_bytes(context.gpu_model)
    return Graph(gettext("Memory"), (layer,), "GiB", known and known / GIBIBYTE, True)


def gpu_power(context):
    """Power of each GPU: milliwatts."""
    layer = Layer(of_jobs(context, "slurm_job_power_gpu"), context.named(of_gpu("")), divisor=1000)
    full = context.gpu_models.full_power_watts(context.gpu_model)
    return Graph(gettext("Power"), (layer,), "W", full and 1.1 * full, True)


def gpu_pcie(context):
    """GB a second between GPUs and the node: bytes a second by direction."""
    return gpu_traffic(context, "slurm_job_pcie_gpu")


def gpu_nvlink(context):
    """GB a second between GPUs: bytes a second by direction."""
    return gpu_traffic(context, "slurm_job_nvlink_gpu")


def gpu_traffic(context, name):
    """Return the graph of what GPUs receive and, negative, send."""
    layers = tuple(
        Layer(
            of_jobs(context, name, direction=direction),
            context.named(of_gpu(direction)),
            is_below=direction == "TX",
            divisor=GIBIBYTE,
        )
        for direction in ("RX", "TX")
    )
    return Graph(gettext("Bandwidth"), layers, "GiB/s", is_of_job=True)
