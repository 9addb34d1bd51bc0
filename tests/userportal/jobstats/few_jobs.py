"""The jobs of the little site, and all of their samples."""

from tests.userportal.jobstats.little import A100, END, GIB, START, host, job_row
from tests.userportal.slurm.made import BOB, pending, running

ONE, TWO, GPU, PLAIN_GPU, MIXED = 101, 102, 103, 104, 105
WAITING, CANCELLED, REQUEUED, ARRAY, OTHERS, UNMEASURED, RUNNING = 106, 107, 108, 110, 120, 121, 122
TASKS = (110, 111)
MIG_A = "MIG-6c4f2a91-0000-0000-0000-000000000001"
MIG_B = "MIG-77aa00bb-0000-0000-0000-000000000002"

ROWS = (
    job_row(ONE, job_name="<b>one</b>", submit_line="sbatch --dependency=afterok:102 <run>.sh"),
    job_row(TWO, nodelist="c[001-002]", nodes_alloc=2, tres_alloc="1=4,2=8192,4=2"),
    job_row(GPU, nodelist="g001", tres_alloc="1=2,2=4096,4=1,1001=2,1002=2"),
    job_row(PLAIN_GPU, nodelist="g002", tres_alloc="1=2,2=4096,4=1,1001=2"),
    job_row(MIXED, nodelist="g003", tres_alloc="1=2,2=4096,4=1,1001=1"),
    job_row(WAITING, **pending()),
    job_row(CANCELLED, **{**pending(), "state": 4, "time_end": END}),
    job_row(REQUEUED, time_submit=START - 9000, time_start=START - 8000, time_end=START - 7000,
            state=0x400, nodelist="c009"),
    job_row(REQUEUED, nodelist="c003"),
    *(job_row(task, id_array_job=ARRAY, id_array_task=task - ARRAY, nodelist="c004")
      for task in TASKS),
    job_row(OTHERS, id_user=BOB, id_assoc=4, account="rrg-ann", job_name="secret-of-bob"),
    job_row(UNMEASURED, nodelist="c005"),
    job_row(RUNNING, **running(), nodelist="c006"),
)  # fmt: skip


def write(samples):
    """Write all series."""
    for job_id, nodes, gibibytes in ((ONE, ("c001",), 1), (TWO, ("c001", "c002"), 2)):
        for node in nodes:
            write_cgroup(samples, samples.of_job(job_id, node), gibibytes)
    for task in (*TASKS, REQUEUED):
        write_cgroup(samples, samples.of_job(task, "c004"), 1)
    write_gpus(samples)
    ran = [2.0 * ((at - START) % 600) for at in samples.times]  # started anew every ten minutes
    labels = {**samples.of_job(PLAIN_GPU, "g002"), "exe": "/opt/bin/sweep"}
    samples.writer.add("slurm_job_process_usage_total", labels, samples.times, ran)
    write_lustre(samples)
    for node in ("c001", "c002"):
        write_node(samples, node)
    write_power(samples)
    samples.constant("slurm_account_levelfs", 0.75, account="def-ann")


def write_cgroup(samples, labels, gibibytes):
    """Write cores at a half and a quarter, memory, threads and programs."""
    for core, busy in ((3, 0.5), (12, 0.25)):
        samples.growing("slurm_job_core_usage_total", busy * 1e9, core=core, **labels)
    for place, kind in enumerate(
        ("usage", "max", "cache", "rss", "rss_huge", "mapped_file", "active_file",
         "inactive_file", "unevictable")
    ):  # fmt: skip
        size = gibibytes * GIB - place * GIB / 16
        samples.constant(f"slurm_job_memory_{kind}", size, **labels)
    samples.constant("slurm_job_memory_limit", 4 * GIB, **labels)
    samples.constant("slurm_job_process_count", 5, **labels)
    for state, many in (("running", 2), ("sleeping", 7), ("?", 1), ("", 10)):
        samples.constant("slurm_job_threads_count", many, state=state, **labels)
    for exe, cores in (("/opt/bin/solve", 0.5), ("/usr/bin/python3", 0.125)):
        samples.growing("slurm_job_process_usage_total", cores, exe=exe, **labels)


def write_gpus(samples):
    """Write two whole GPUs, two parts of one, and one without a label of its model."""
    gpus = (
        (GPU, "g001", "0", A100, 80, 200), (GPU, "g001", "1", A100, 40, 300),
        (PLAIN_GPU, "g002", MIG_A, "3g.20gb", 10, 60), (PLAIN_GPU, "g002", MIG_B, A100, 20, 70),
        (MIXED, "g003", "0", "Unheard 9", 5, 30),
    )  # fmt: skip
    for job_id, node, gpu, model, percent, watts in gpus:
        labels = {**samples.of_job(job_id, node), "gpu": gpu, "gpu_type": model}
        for part, factor in (
            ("utilization", 1), ("sm_occupancy", 0.5), ("tensor", 0.25), ("fp64", 0),
            ("fp32", 0.125), ("fp16", 0.0625),
        ):  # fmt: skip
            samples.constant(f"slurm_job_{part}_gpu", percent * factor, **labels)
        samples.constant("slurm_job_utilization_gpu_memory", percent / 2, **labels)
        samples.constant("slurm_job_power_gpu", watts * 1000, **labels)
        samples.constant("slurm_job_memory_usage_gpu", 8 * GIB, **labels)
        samples.constant("slurm_job_memory_total_gpu", 48 * GIB, **labels)
        for direction, gibibytes in (("RX", 2), ("TX", 1)):
            more = {**labels, "direction": direction}
            samples.constant("slurm_job_pcie_gpu", gibibytes * GIB, **more)
            samples.constant("slurm_job_nvlink_gpu", 3 * gibibytes * GIB, **more)


def write_lustre(samples):
    """Write what the servers know of two jobs: reading, writing, opening, and nothing closed."""
    for job_id in (ONE, TWO):
        labels = {"jobid": job_id, "user": "ann", "account": "def-ann", "fs": "scratch"}
        for target in ("scratch-OST0000", "scratch-OST0001", "scratch-MDT0000"):
            more = {**labels, "component": "ost", "target": target}
            samples.growing("lustre_job_read_bytes_total", 4 * 2**20, **more)
            samples.growing("lustre_job_write_bytes_total", 2**20, **more)
        for operation, per_second in (("open", 5), ("getattr", 2), ("close", 0)):
            more = {**labels, "component": "mdt", "target": "scratch-MDT0000"}
            samples.growing("lustre_job_stats_total", per_second, operation=operation, **more)


def write_node(samples, node):
    """Write what the exporters of a node of 8 cores tell."""
    on = {"instance": host(node, 9100)}
    for cpu in range(8):
        samples.growing("node_cpu_seconds_total", 0.5, cpu=cpu, mode="idle", **on)
    samples.constant("node_memory_MemTotal_bytes", 64 * GIB, **on)
    for device in ("eth0", "lo", "ib0"):
        samples.growing("node_network_receive_bytes_total", 2.5e6, device=device, **on)
        samples.growing("node_network_transmit_bytes_total", 1.25e6, device=device, **on)
    samples.growing("node_infiniband_port_data_received_bytes_total", 5e8, device="mlx5_0", **on)
    samples.growing("node_infiniband_port_data_transmitted_bytes_total", 2.5e8, device="mlx5_0",
                    **on)  # fmt: skip
    for device in ("sda", "nvme0n1", "dm-0"):
        samples.growing("node_disk_reads_completed_total", 30, device=device, **on)
        samples.growing("node_disk_writes_completed_total", 10, device=device, **on)
        samples.growing("node_disk_read_bytes_total", 4096, device=device, **on)
        samples.growing("node_disk_written_bytes_total", 1024, device=device, **on)
    for mountpoint in ("/", "/localscratch"):
        samples.constant("node_filesystem_size_bytes", 1e12, mountpoint=mountpoint, **on)
        samples.constant("node_filesystem_avail_bytes", 4e11, mountpoint=mountpoint, **on)
    write_counters(samples, {"instance": host(node, 9738)})


def write_counters(samples, on):
    """Write what PCM tells: its core 1 of socket 1 is the kernel's core 12."""
    for socket in (0, 1):
        samples.growing("DRAM_Reads", 8 * GIB, socket=socket, **on)
        samples.growing("DRAM_Writes", 2 * GIB, socket=socket, **on)
        for link in (0, 1):
            name = f"Incoming_Data_Traffic_On_Link_{link}"
            samples.growing(name, (1 + link) * GIB, socket=socket, **on)
    for socket, core, number in ((0, 0, 3), (1, 1, 12), (0, 1, 4)):
        place = {"socket": socket, "core": core, "thread": 0, **on}
        samples.constant("OS_ID", number, **place)
        samples.growing("L2_Cache_Hits", 3e6, **place)
        samples.growing("L2_Cache_Misses", 1e6, **place)
        samples.growing("L3_Cache_Hits", 1e6, **place)
        samples.growing("L3_Cache_Misses", 3e6, **place)
        samples.growing("Instructions_Retired_Any", 3e9, **place)
        samples.growing("Clock_Unhalted_Ref", 2e9, **place)
    samples.growing("L2_Cache_Hits", 9e6, core="", socket="", aggregate="system", **on)


def write_power(samples):
    """Write the power of the chassis, and of all GPUs of two nodes."""
    for node, watts in (("c001", 400), ("c002", 200), ("g001", 1000), ("g002", 900)):
        instance = f"{node}-oob.int.example.org:9610"
        samples.constant(
            "redfish_chassis_power_average_consumed_watts", watts, instance=instance, chassis="1"
        )
    for gpu in range(4):
        samples.constant(
            "nvidia_gpu_power_usage_milliwatts", 150_000, instance=host("g001", 9445), minor=gpu
        )
