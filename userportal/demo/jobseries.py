"""The samples that the exporters take of one made-up job."""

from userportal.demo.cluster import NAME
from userportal.demo.jobuse import BUSY_STEPS
from userportal.units import GIBIBYTE, MEBIBYTE

NANOSECONDS = 10**9
HELPER_SHARE = 0.03
LEAST_PROCESS_SECONDS = 60  # the exporter leaves out programs that used less
FILE_SYSTEM = "scratch"
OPERATIONS = {"open": 0.25, "close": 0.25, "getattr": 0.4, "unlink": 0.1}
READ_SHARE = 0.6  # of what is written


def job_labels(job):
    """Return the labels of a job in the metrics."""
    request = job.request
    return {
        "cluster": NAME, "user": request.user, "account": request.account,
        "slurmjobid": str(job.job_id),
    }  # fmt: skip


def programs(use):
    """Return {path of a program of the job: its share of the work}."""
    application = use.request.application
    if not application.helper:
        return {application.executable: 1.0}
    return {application.executable: 1 - HELPER_SHARE, application.helper: HELPER_SHARE}


def write_job(writer, use, grid):
    """Write all series of a JobUse; the less important ones only of the last days."""
    if not use.count:
        return
    for place in use.places:
        labels = {**job_labels(use.job), "instance": place.place.node.name}
        if use.after > grid.since(grid.sizes.core_days):
            write_cores(writer, use, place, labels)
        write_memory(writer, use, place, labels)
        write_threads(writer, use, place, labels)
    gpus = [(place, gpu) for place in use.places for gpu in place.place.gpus]
    for number, (place, gpu) in enumerate(gpus):
        write_gpu(writer, use, grid, place.place.node, gpu, number)
    if use.after > grid.since(grid.sizes.detail_days):
        for place in use.places:
            labels = {**job_labels(use.job), "instance": place.place.node.name}
            write_details(writer, use, place, labels)
        write_lustre(writer, use)


def write_cores(writer, use, place, labels):
    """Write how long each core worked, in ns."""
    for core, busy_256 in zip(place.place.cores, place.busy_256):
        factor = busy_256 * (NANOSECONDS // BUSY_STEPS)
        values = [seconds * factor for seconds in use.busy_seconds]
        writer.add(
            "slurm_job_core_usage_total", {**labels, "core": str(core)}, use.times, values
        )  # fmt: skip


def write_memory(writer, use, place, labels):
    """Write the memory that every page asks for."""
    used = [rss + cache for rss, cache in zip(place.rss, place.cache)]
    for kind, values in (
        ("usage", used),
        ("max", place.highest),
        ("limit", [use.limit_bytes] * use.count),
        ("rss", place.rss),
    ):
        writer.add(f"slurm_job_memory_{kind}", labels, use.times, values)


def write_details(writer, use, place, labels):
    """Write the other kinds of memory, sleeping threads, and how many processes there are."""
    processes = 4 + (len(place.busy_256) if use.request.node_count > 1 else 0)
    asleep = {**labels, "state": "sleeping"}
    writer.add("slurm_job_threads_count", asleep, use.times, [processes + 3] * use.count)
    writer.add("slurm_job_process_count", labels, use.times, [processes] * use.count)
    for kind, values in (
        ("cache", place.cache),
        ("rss_huge", [rss // (2 * MEBIBYTE) * MEBIBYTE for rss in place.rss]),
        ("mapped_file", [24 * MEBIBYTE] * use.count),
        ("active_file", [cache // (2 * MEBIBYTE) * MEBIBYTE for cache in place.cache]),
        ("inactive_file", [cache - cache // (2 * MEBIBYTE) * MEBIBYTE for cache in place.cache]),
        ("unevictable", [0] * use.count),
    ):
        writer.add(f"slurm_job_memory_{kind}", labels, use.times, values)


def write_threads(writer, use, place, labels):
    """Write the threads that run, and the time of each program."""
    working = sum(busy_256 > BUSY_STEPS // 8 for busy_256 in place.busy_256)
    running = max(1, int(working * use.behaviour.threads_per_core))
    counts = [running - (share < 0.97) * (running > 1) for share in use.share]
    writer.add("slurm_job_threads_count", {**labels, "state": "running"}, use.times, counts)
    for path, share in programs(use).items():
        values = [seconds * place.cores * share for seconds in use.busy_seconds]
        skipped = sum(value <= LEAST_PROCESS_SECONDS for value in values)
        writer.add(
            "slurm_job_process_usage_total", {**labels, "exe": path}, use.times[skipped:],
            values[skipped:],
        )  # fmt: skip


def gpu_watts(model, percent):
    """Return the power of a GPU at some utilisation."""
    return model.idle_watts + (model.full_watts - model.idle_watts) * percent * 9 // 1000


def gpu_memory_bytes(model, percent):
    """Return the memory in use of a GPU that is used so much."""
    own_bytes = 512 * MEBIBYTE if percent else 0  # of the driver
    return int(model.memory_gib * min(0.9, percent / 110)) * GIBIBYTE + own_bytes


def write_gpu(writer, use, grid, node, gpu, number):
    """Write one GPU of a job, `number` among all of the job."""
    model, percent = node.gpu_model, use.gpu_percent[number]
    most = max(percent, default=0)
    labels = {
        **job_labels(use.job), "instance": node.name, "gpu": str(gpu), "gpu_type": model.label,
    }  # fmt: skip
    series = {
        "utilization_gpu": percent,
        "power_gpu": [1000 * gpu_watts(model, value) for value in percent],
        "memory_usage_gpu": [gpu_memory_bytes(model, most)] * use.count,
        "memory_total_gpu": [model.memory_gib * GIBIBYTE] * use.count,
        "utilization_gpu_memory": [value * 6 // 10 for value in percent],
    }
    if use.after > grid.since(grid.sizes.detail_days):
        series.update(
            sm_occupancy_gpu=[value * 5 // 10 for value in percent],
            tensor_gpu=[value * 3 // 10 for value in percent],
            fp64_gpu=[0] * use.count,
            fp32_gpu=[value * 4 // 10 for value in percent],
            fp16_gpu=[value * 2 // 10 for value in percent],
        )
        write_gpu_links(writer, use, labels, percent)
    for kind, values in series.items():
        writer.add(f"slurm_job_{kind}", labels, use.times, values)


def write_gpu_links(writer, use, labels, percent):
    """Write what a GPU receives and sends, in bytes a second."""
    links = {"pcie": 40 * MEBIBYTE}
    if use.job.gpu_count >= 2:
        links["nvlink"] = GIBIBYTE // 4
    for link, bytes_per_percent in links.items():
        for direction, share in (("RX", 1.0), ("TX", 0.5)):
            values = [int(value * bytes_per_percent * share) for value in percent]
            writer.add(
                f"slurm_job_{link}_gpu", {**labels, "direction": direction}, use.times, values
            )  # fmt: skip


def write_bytes_per_second(use):
    """Return what the job writes while it works, in bytes a second."""
    return int(use.behaviour.write_mib * MEBIBYTE)


def write_lustre(writer, use):
    """Write what the servers of the parallel file system know of a job."""
    request = use.request
    labels = {
        "cluster": NAME, "user": request.user, "account": request.account, "fs": FILE_SYSTEM,
        "jobid": str(use.job.job_id),
    }  # fmt: skip
    rate = write_bytes_per_second(use)
    data = {
        **labels, "component": "ost", "target": f"{FILE_SYSTEM}-OST0001", "instance": "oss1",
    }  # fmt: skip
    for name, factor in (("read", READ_SHARE), ("write", 1.0)):
        values = [int(seconds * rate * factor) for seconds in use.busy_seconds]
        writer.add(f"lustre_job_{name}_bytes_total", data, use.times, values)
    metadata = {
        **labels, "component": "mdt", "target": f"{FILE_SYSTEM}-MDT0000", "instance": "mds1",
    }  # fmt: skip
    for operation, share in OPERATIONS.items():
        factor = share * use.behaviour.metadata_operations
        values = [int(seconds * factor) for seconds in use.busy_seconds]
        writer.add(
            "lustre_job_stats_total", {**metadata, "operation": operation}, use.times, values
        )  # fmt: skip
