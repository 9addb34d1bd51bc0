"""A made-up morning of a small cluster, written into anything that has add()."""

import math
import random

START = 1_750_003_200  # a multiple of an hour
HOURS = 4
END = START + HOURS * 3600
SAMPLING_SECONDS = 30
FIRST_SAMPLE = START + 7  # samples lie between the moments that are asked for

JOBS = {
    # id: user, account, node, cores, GPUs, first sample, last sample
    "101": ("ann", "def-ann", "nc01.example.org:9798", 4, 0, 0, 480),
    "102": ("bob", "rrg-bob", "nc02.example.org:9798", 2, 0, 60, 300),
    "103": ("ann", "rrg-bob", "ng01.example.org:9798", 2, 2, 100, 401),
}
NODES = ("nc01", "nc02", "ng01")
GPU_TYPE = "NVIDIA A100-SXM4-40GB"


def write(writer):
    """Write all series."""
    chance = random.Random(7)
    for job, facts in JOBS.items():
        write_job(writer, chance, job, facts)
    for number, node in enumerate(NODES):
        write_node(writer, chance, number, node)
    write_lustre(writer, chance)
    write_rules(writer, chance)
    write_oddities(writer)


def moments(first=0, last=HOURS * 3600 // SAMPLING_SECONDS, jitter=None):
    """Return the times of some samples, exact or a little late."""
    return [
        FIRST_SAMPLE + number * SAMPLING_SECONDS + (round(jitter.random() * 3, 3) if jitter else 0)
        for number in range(first, last)
    ]


def counter(chance, times, per_second, resets=()):
    """Return an uneven counter that starts at 0, and again at 0 at some samples."""
    value, found = 0.0, []
    for number in range(len(times)):
        if number in resets:
            value = 0.0
        found.append(value)
        value += per_second * SAMPLING_SECONDS * (0.5 + chance.random())
    return found


def gauge(chance, times, middle):
    """Return an uneven gauge."""
    return [middle * (0.5 + chance.random()) for _at in times]


def write_job(writer, chance, job, facts):
    """Write what slurm-job-exporter tells of a job."""
    user, account, instance, cores, gpus, first, last = facts
    labels = {"slurmjobid": job, "user": user, "account": account, "instance": instance}
    times = moments(first, last, chance)
    for core in range(cores):
        values = [round(value) for value in counter(chance, times, 0.7e9)]
        writer.add("slurm_job_core_usage_total", {**labels, "core": core}, times, values)
    for name in ("usage", "limit", "max", "rss"):
        writer.add(f"slurm_job_memory_{name}", labels, times, gauge(chance, times, 5e9))
    for state in ("running", "sleeping", "?"):
        writer.add(
            "slurm_job_threads_count", {**labels, "state": state}, times, gauge(chance, times, 9)
        )
    for exe in ("/cvmfs/soft/bin/gmx", "/usr/bin/python3.11"):
        values = counter(chance, times, 0.8)
        writer.add("slurm_job_process_usage_total", {**labels, "exe": exe}, times, values)
    for gpu in range(gpus):
        more = {**labels, "gpu": gpu, "gpu_type": GPU_TYPE}
        writer.add("slurm_job_utilization_gpu", more, times, gauge(chance, times, 50))
        writer.add("slurm_job_power_gpu", more, times, gauge(chance, times, 200_000))
        writer.add("slurm_job_memory_usage_gpu", more, times, gauge(chance, times, 2e10))
        for direction in ("RX", "TX"):
            values = gauge(chance, times, 1e9)
            writer.add("slurm_job_pcie_gpu", {**more, "direction": direction}, times, values)


def write_node(writer, chance, number, node):
    """Write what the exporters of a node tell; one node is restarted, and not seen for a while."""
    instance = f"{node}.example.org:9100"
    times = moments()
    resets = (200,) if number == 1 else ()
    for device in ("eth0", "ib0", "lo"):
        for way in ("receive", "transmit"):
            seen = times[:190] + times[250:] if number == 1 else times
            values = counter(chance, seen, 1e8, resets)
            writer.add(
                f"node_network_{way}_bytes_total",
                {"instance": instance, "device": device},
                seen,
                values,
            )
    for cpu in range(2):
        for mode in ("idle", "user", "system"):
            labels = {"instance": instance, "cpu": cpu, "mode": mode}
            writer.add("node_cpu_seconds_total", labels, times, counter(chance, times, 0.3, resets))
    for device in ("nvme0n1", "sda", "dm-0"):
        labels = {"instance": instance, "device": device}
        writer.add("node_disk_reads_completed_total", labels, times, counter(chance, times, 50))
    for mount in ("/", "/localscratch"):
        labels = {"instance": instance, "mountpoint": mount, "fstype": "xfs"}
        writer.add("node_filesystem_size_bytes", labels, times, [1e12] * len(times))
        writer.add("node_filesystem_avail_bytes", labels, times, gauge(chance, times, 5e11))
    for name in ("MemTotal", "MemFree", "Buffers", "Cached"):
        middle = 1.9e11 if name == "MemTotal" else 2e10
        labels = {"instance": instance}
        writer.add(f"node_memory_{name}_bytes", labels, times, gauge(chance, times, middle))
    labels = {"instance": f"{node}-oob.example.org:9610", "chassis": "1"}
    power = "redfish_chassis_power_average_consumed_watts"
    writer.add(power, labels, times[::3], gauge(chance, times[::3], 400))
    for core in range(2):
        labels = {"instance": f"{node}.example.org:9738", "core": core, "socket": 0}
        for name in ("Hits", "Misses"):
            values = counter(chance, times, 1e6)
            writer.add(f"L2_Cache_{name}", labels, times, values)


def write_lustre(writer, chance):
    """Write what the Lustre servers tell, sampled every 90 s."""
    times = moments()[::3]
    for job, user in (("101", "ann"), ("102", "bob"), ("999", "root")):
        labels = {"jobid": job, "user": user, "account": "def-ann", "fs": "lustre01"}
        for operation in ("open", "close", "never"):
            values = [0.0] * len(times) if operation == "never" else counter(chance, times, 4)
            more = {"component": "mdt", "operation": operation, "target": "lustre01-MDT0000"}
            writer.add("lustre_job_stats_total", {**labels, **more}, times, values)
        for target in ("lustre01-OST0000", "lustre01-OST0001", "lustre01-MDT0000"):
            more = {"component": "ost", "target": target}
            values = counter(chance, times, 3e6)
            writer.add("lustre_job_read_bytes_total", {**labels, **more}, times, values)


def write_rules(writer, chance):
    """Write series that recording rules make, at whole minutes."""
    times = [at - 7 + 1 for at in moments()[::2]]
    for user, account in (("ann", "def-ann"), ("bob", "rrg-bob"), ("root", "def-ann")):
        labels = {"user": user, "account": account, "cluster": "abc"}
        for name in ("allocated_core:count", "used_core:sum", "used_gpu:sum"):
            values = gauge(chance, times, 8)
            writer.add(f"slurm_job:{name}_user_account", labels, times, values)
        for number in range(3):
            more = {"user": f"{user}{number}", "fs": "lustre01", "cluster": "abc"}
            writer.add(
                "lustre:metadata:rate3m_user", more, times, gauge(chance, times, 10 * number + 5)
            )
    writer.add("slurm_account_levelfs", {"account": "def-ann"}, times, gauge(chance, times, 1))


def write_oddities(writer):
    """Write values that are no number or infinite, a label of strange text, and a lone sample."""
    times = moments(0, 30)
    values = [(1.5, math.nan, math.inf, -math.inf, -2.0)[number % 5] for number in range(30)]
    writer.add("odd_values", {"kind": "mixed"}, times, values)
    for strange in STRANGE_TEXTS:
        writer.add("odd_labels", {"user": strange}, times, [1.0] * 30)
    writer.add("odd_single", {"kind": "lone"}, times[:1], [3.0])


STRANGE_TEXTS = (
    'a"b', "a\\b", "a\nb", "a{b}", "a'b", "a.b", "axb", "a|b", 'a",user=~".*', "é✓", "a\\", "(", "",
)  # fmt: skip
