"""The samples that exporters take of the made-up compute nodes."""

import itertools

from userportal.demo import hardware
from userportal.demo.cluster import NAME
from userportal.demo.jobs import DRAINED
from userportal.demo.sums import summed
from userportal.units import GIBIBYTE, MEBIBYTE

SELDOM_SECONDS = 3 * 3600
IDLE_WATTS, WATTS_PER_CORE = 140, 6.5
SYSTEM_SHARE, WAIT_SHARE = 0.04, 0.01  # of the time of busy cores
BASE_MEMORY = 6 * GIBIBYTE  # of the operating system
SCRATCH_BYTES = 960 * 10**9
LOCAL_SCRATCH = "/localscratch"
STATES = ("allocated", "mixed", "idle", "down", "drained")


def write_nodes(writer, cluster, schedule, loads, grid):
    """Write all series of the nodes; loads are finished Loads."""
    for node in cluster.nodes:
        load = loads.by_node[node.name]
        states = states_of(node, schedule.events, load, grid)
        write_states(writer, node, states, grid)
        write_power(writer, load, grid)
        write_idle_cores(writer, load, grid)
        write_details(writer, load, grid)
    for node in cluster.nodes[: grid.sizes.counter_nodes]:
        hardware.write_counters(writer, loads.by_node[node.name], grid)
    write_totals(writer, cluster, schedule, loads, grid)


def accumulated(rates, step):
    """Return the counter whose increase in each interval is that rate, whole numbers."""
    return [int(value) for value in itertools.accumulate(rate * step for rate in rates)]


def states_of(node, events, load, grid):
    """Return the state of a node at each sample."""
    found = []
    for allocated in load.allocated:
        kind = "allocated" if allocated == node.cores else "mixed" if allocated else "idle"
        found.append(kind)
    for event in events:
        if event.node == node.name:
            first, after = grid.span(event.start, event.end)
            kind = "drained" if event.state == DRAINED else "down"
            found[first:after] = [kind] * (after - first)
    return found


def write_states(writer, node, states, grid):
    """Write 1 for the state that a node has, 0 for the others."""
    first = grid.since(grid.sizes.detail_days)
    for state in STATES:
        values = [int(one == state) for one in states[first:]]
        labels = {"cluster": NAME, "node": node.name, "state": state}
        writer.add("slurm_node_state_info", labels, grid.times[first:], values)


def write_power(writer, load, grid):
    """Write the power of a node and of its GPUs."""
    watts = [int(IDLE_WATTS + WATTS_PER_CORE * busy) for busy in load.busy]
    for number, gpu in enumerate(load.gpu_watts):
        labels = {"cluster": NAME, "instance": load.node.name, "minor_number": str(number)}
        writer.add(
            "nvidia_gpu_power_usage_milliwatts", labels, grid.times, [1000 * one for one in gpu]
        )
        watts = [all_watts + one for all_watts, one in zip(watts, gpu)]
    labels = {"cluster": NAME, "instance": f"{load.node.name}-oob", "chassis_id": "1"}
    writer.add("redfish_chassis_power_average_consumed_watts", labels, grid.times, watts)


def write_idle_cores(writer, load, grid):
    """Write the idle time of each core: of the last days, before that one sample in 3 h.

    From the number of these series the pages learn how many cores a node has.
    """
    recent = grid.since(grid.sizes.idle_days)
    chosen = [
        place for place, at in enumerate(grid.times) if place >= recent or at % SELDOM_SECONDS == 0
    ]
    times = [grid.times[place] for place in chosen]
    cores = load.node.cores
    idle = accumulated((1 - busy / cores for busy in load.busy), grid.step)
    values = [idle[place] for place in chosen]
    for core in range(cores):
        labels = {
            "cluster": NAME, "instance": load.node.name, "cpu": str(core), "mode": "idle",
        }  # fmt: skip
        writer.add("node_cpu_seconds_total", labels, times, values)


def write_details(writer, load, grid):
    """Write what node_exporter tells of a node, of the last days.

    All time that is not idle stands at core 0.
    """
    first = grid.since(grid.sizes.detail_days)
    times, step = grid.times[first:], grid.step
    labels = {"cluster": NAME, "instance": load.node.name}
    busy, writes = load.busy[first:], load.writes[first:]
    for mode, share in (
        ("user", 1 - SYSTEM_SHARE - WAIT_SHARE), ("system", SYSTEM_SHARE), ("iowait", WAIT_SHARE),
    ):  # fmt: skip
        values = accumulated((cores * share for cores in busy), step)
        writer.add("node_cpu_seconds_total", {**labels, "cpu": "0", "mode": mode}, times, values)
    for kind, values in memory_kinds(load, first).items():
        writer.add(f"node_memory_{kind}_bytes", labels, times, values)
    write_local_disk(writer, labels, times, busy, writes, step)
    write_networks(writer, labels, times, busy, writes, step)
    writer.add("node_load1", labels, times, [round(cores, 1) for cores in busy])


def memory_kinds(load, first):
    """Return {kind of node_exporter: bytes at each sample} from the sample `first` on."""
    total = load.node.memory_mib * MEBIBYTE + 3 * GIBIBYTE
    count = len(load.rss) - first
    fixed = {
        "Buffers": 300 * MEBIBYTE, "Slab": 900 * MEBIBYTE, "PageTables": 120 * MEBIBYTE,
        "SwapCached": 0, "HardwareCorrupted": 0, "MemTotal": total,
    }  # fmt: skip
    others = sum(size for kind, size in fixed.items() if kind != "MemTotal")
    pairs = list(zip(load.rss[first:], load.cache[first:]))
    return {
        **{kind: [size] * count for kind, size in fixed.items()},
        "Cached": [cache + GIBIBYTE // 2 for _rss, cache in pairs],
        "MemFree": [
            max(256 * MEBIBYTE, total - BASE_MEMORY // 2 - others - rss - cache - GIBIBYTE // 2)
            for rss, cache in pairs
        ],
    }


def write_local_disk(writer, labels, times, busy, writes, step):
    """Write the local disk: counters, and how full it is."""
    device = {**labels, "device": "nvme0n1"}
    for name, per_core, share in (
        ("reads_completed_total", 2.0, 0), ("writes_completed_total", 3.0, 0),
        ("read_bytes_total", 90_000, 0.02), ("written_bytes_total", 160_000, 0.05),
    ):  # fmt: skip
        rates = (1 + per_core * cores + share * rate for cores, rate in zip(busy, writes))
        writer.add(f"node_disk_{name}", device, times, accumulated(rates, step))
    place = {**labels, "mountpoint": LOCAL_SCRATCH, "device": "/dev/nvme0n1", "fstype": "xfs"}
    available = [SCRATCH_BYTES - (20 + int(4 * cores)) * 10**9 for cores in busy]
    writer.add("node_filesystem_size_bytes", place, times, [SCRATCH_BYTES] * len(times))
    writer.add("node_filesystem_avail_bytes", place, times, available)


def write_networks(writer, labels, times, busy, writes, step):
    """Write the counters of Ethernet and InfiniBand."""
    for name, factor in (("receive", 24_000), ("transmit", 15_000)):
        rates = (5_000 + factor * cores for cores in busy)
        writer.add(
            f"node_network_{name}_bytes_total", {**labels, "device": "eno1"}, times,
            accumulated(rates, step),
        )  # fmt: skip
    port = {**labels, "device": "mlx5_0", "port": "1"}
    for name, share in (("received", 0.6), ("transmitted", 1.0)):
        rates = (2_000_000 * cores + share * rate for cores, rate in zip(busy, writes))
        writer.add(
            f"node_infiniband_port_data_{name}_bytes_total", port, times, accumulated(rates, step)
        )


def write_totals(writer, cluster, schedule, loads, grid):
    """Write how many cores and GPUs are in use, free, and there."""
    labels = {"cluster": NAME}
    count = len(grid)
    cores = summed(load.allocated for load in loads.by_node.values())
    gpus = summed(load.allocated_gpus for load in loads.by_node.values())
    missing_cores, missing_gpus = [0] * count, [0] * count
    nodes = {node.name: node for node in cluster.nodes}
    for event in schedule.events:
        load = loads.by_node[event.node]
        for place in range(*grid.span(event.start, event.end)):
            missing_cores[place] += nodes[event.node].cores - load.allocated[place]
            missing_gpus[place] += nodes[event.node].gpu_count - load.allocated_gpus[place]
    for kind, used, missing, total in (
        ("cpus", cores, missing_cores, sum(node.cores for node in cluster.nodes)),
        ("gpus", gpus, missing_gpus, sum(node.gpu_count for node in cluster.nodes)),
    ):
        idle = [total - taken - away for taken, away in zip(used, missing)]
        writer.add(f"slurm_{kind}_alloc", labels, grid.times, used)
        writer.add(f"slurm_{kind}_idle", labels, grid.times, idle)
        writer.add(f"slurm_{kind}_total", labels, grid.times, [total] * count)
