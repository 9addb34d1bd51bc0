"""The samples of what stands beside the made-up compute nodes: logins, quotas, clouds, shares."""

import math
import random
import uuid

from userportal.demo import storage
from userportal.demo.cluster import NAME
from userportal.demo.nodeseries import accumulated
from userportal.units import GIBIBYTE

DAY_SECONDS = 86400
LOGINS = (("login1", "bond0"), ("login2", "bond0"))
TRANSFERS = (("dtn1", "eth0"),)
LOGIN_CORES, LOGIN_MEMORY = 8, 128 * GIBIBYTE
FLAVORS = (("p2-8gb", 2, 8), ("p4-16gb", 4, 16), ("p8-32gb", 8, 32))
KIB_PER_GIB = 1 << 20
RUNNING_DOMAIN = 1  # libvirt's VIR_DOMAIN_RUNNING


def write_site(writer, cluster, grid, seed):
    """Write all series that do not come from jobs or compute nodes."""
    write_logins(writer, grid, seed)
    write_quotas(writer, cluster, grid, seed)
    write_clouds(writer, cluster, grid, seed)
    write_shares(writer, cluster, grid, seed)


def working_hours(grid, first=0):
    """Return how much is going on at each sample, between 0.1 and 1."""
    noon = DAY_SECONDS // 2
    return [
        0.55 - 0.45 * math.cos(2 * math.pi * ((at - noon) % DAY_SECONDS) / DAY_SECONDS + math.pi)
        for at in grid.times[first:]
    ]


def write_logins(writer, grid, seed):
    """Write the login and transfer nodes, of the last days."""
    first = grid.since(grid.sizes.detail_days)
    times, hours = grid.times[first:], working_hours(grid, first)
    source = random.Random(f"{seed}:logins")
    for name, device in (*LOGINS, *TRANSFERS):
        labels = {"cluster": NAME, "instance": name}
        busy = [6 * share * source.uniform(0.5, 1.2) for share in hours]
        for core in range(LOGIN_CORES):
            idle = accumulated((1 - cores / LOGIN_CORES for cores in busy), grid.step)
            place = {**labels, "cpu": str(core)}
            writer.add("node_cpu_seconds_total", {**place, "mode": "idle"}, times, idle)
        for mode, share in (("user", 0.8), ("system", 0.15), ("iowait", 0.05)):
            values = accumulated((cores * share for cores in busy), grid.step)
            place = {**labels, "cpu": "0", "mode": mode}
            writer.add("node_cpu_seconds_total", place, times, values)
        writer.add("node_load1", labels, times, [round(cores * 1.1, 2) for cores in busy])
        write_login_memory(writer, labels, times, hours)
        factor = 4e8 if (name, device) in TRANSFERS else 2e7
        for direction, share in (("receive", 1.0), ("transmit", 0.7)):
            rates = (factor * share * cores for cores in busy)
            writer.add(
                f"node_network_{direction}_bytes_total", {**labels, "device": device}, times,
                accumulated(rates, grid.step),
            )  # fmt: skip


def write_login_memory(writer, labels, times, hours):
    """Write the memory of a login node."""
    fixed = {
        "MemTotal": LOGIN_MEMORY, "Buffers": GIBIBYTE, "Cached": 40 * GIBIBYTE,
        "Slab": 4 * GIBIBYTE, "PageTables": GIBIBYTE // 4, "SwapCached": 0, "HardwareCorrupted": 0,
    }  # fmt: skip
    for kind, size in fixed.items():
        writer.add(f"node_memory_{kind}_bytes", labels, times, [size] * len(times))
    free = [
        LOGIN_MEMORY - int((52 + 50 * share) * GIBIBYTE) // GIBIBYTE * GIBIBYTE for share in hours
    ]
    writer.add("node_memory_MemFree_bytes", labels, times, free)


def write_quotas(writer, cluster, grid, seed):
    """Write the quotas of homes (GPFS), scratch and projects (Lustre); they change once a day."""
    for one in storage.places(cluster, seed):
        for kind, used, quota in (
            ("bytes", one.used_bytes, one.quota_bytes),
            ("files", one.used_files, one.quota_files),
        ):
            growing = grown(used, one.daily_growth, grid)
            if one.kind == "home":
                labels = {"cluster": NAME, "fs": one.file_system, "user": str(one.owner_id)}
                writer.add(f"gpfs_user_used_{kind}", labels, grid.times, growing)
                writer.add(f"gpfs_user_quota_{kind}", labels, grid.times, [quota] * len(grid))
                continue
            label = "project" if one.kind == "project" else "user"
            labels = {"cluster": NAME, "path": one.file_system, label: str(one.owner_id)}
            if kind == "bytes":
                writer.add(
                    "lfs_quota_kbytes", labels, grid.times, [value // 1024 for value in growing]
                )
            else:
                writer.add("lfs_quota_inodes", labels, grid.times, growing)


def grown(used, daily_growth, grid):
    """Return an amount at each sample that is `used` now and grew by a share every day."""
    today = grid.now // DAY_SECONDS
    return [int(used * (1 - daily_growth * max(0, today - at // DAY_SECONDS))) for at in grid.times]


def write_clouds(writer, cluster, grid, seed):
    """Write the virtual machines of the cloud projects."""
    source = random.Random(f"{seed}:clouds")
    hours = working_hours(grid)
    for project in cloud_projects(cluster):
        for number in range(grid.sizes.virtual_machines):
            flavor, cores, memory_gib = FLAVORS[number % len(FLAVORS)]
            identity = uuid.UUID(int=source.getrandbits(128), version=4)
            labels = {
                "project_name": project, "instance_name": f"vm-{number + 1}",
                "instance_type": flavor, "uuid": str(identity),
            }  # fmt: skip
            share = source.uniform(0.1, 0.8)
            write_machine(writer, grid, labels, cores, memory_gib, [share * one for one in hours])


def write_machine(writer, grid, labels, cores, memory_gib, busy):
    """Write one virtual machine; busy is the share of its cores that work."""
    seconds = accumulated(busy, grid.step)
    for core in range(cores):
        values = [one * 10**9 for one in seconds]
        writer.add("libvirtd_domain_vcpu_time", {**labels, "vcpu": str(core)}, grid.times, values)
    memory_kib = memory_gib * KIB_PER_GIB
    free = [memory_kib - int(memory_kib * (0.2 + one / 2)) // 1024 * 1024 for one in busy]
    writer.add("libvirtd_domain_balloon_current", labels, grid.times, [memory_kib] * len(grid))
    writer.add("libvirtd_domain_balloon_usable", labels, grid.times, free)
    state = [RUNNING_DOMAIN] * len(grid)
    writer.add("libvirtd_domain_domain_state", labels, grid.times, state)
    for name, device, rate in (
        ("block_read_bytes", "vda", 300_000), ("block_write_bytes", "vda", 500_000),
        ("block_read_requests", "vda", 20), ("block_write_requests", "vda", 35),
        ("net_rx_bytes", "tap0", 200_000), ("net_tx_bytes", "tap0", 450_000),
    ):  # fmt: skip
        values = [one * rate for one in seconds]
        writer.add(f"libvirtd_domain_{name}", {**labels, "device": device}, grid.times, values)


def cloud_projects(cluster):
    """Return {cloud project: its members}: those of the first two groups."""
    managers = [user for user in cluster.users if user.is_manager][:2]
    return {
        f"{manager.name}-cloud": [one.name for one in cluster.users if one.group == manager.name]
        for manager in managers
    }


def write_shares(writer, cluster, grid, seed):
    """Write how far each account is from its fair share (levelfs)."""
    source = random.Random(f"{seed}:shares")
    for account in cluster.accounts():
        base, period = source.uniform(0.4, 2.5), source.randrange(2, 9) * DAY_SECONDS
        values = [
            round(base * (1 + 0.5 * math.sin(2 * math.pi * (at // 3600 * 3600) / period)), 3)
            for at in grid.times
        ]
        labels = {"cluster": NAME, "account": account}
        writer.add("slurm_account_levelfs", labels, grid.times, values)
