"""The hardware counters of the made-up nodes' processors, as Intel PCM's exporter has them."""

import itertools

from userportal.demo.cluster import NAME
from userportal.units import GIBIBYTE

SOCKETS = 2
LINKS = 3
# A second of a busy core: (hits, misses) of the caches, instructions, cycles.
LEVEL_2, LEVEL_3 = (9e7, 3e7), (2e7, 1e7)
INSTRUCTIONS, CYCLES = 3.1e9, 2.4e9
IDLE_SHARE = 0.002


def write_counters(writer, load, grid):
    """Write the counters of a node, of the last days: of its cores, sockets and links."""
    first = grid.since(grid.sizes.counter_days)
    times, busy = grid.times[first:], load.busy[first:]
    cores = load.node.cores
    labels = {"cluster": NAME, "instance": load.node.name}
    # All cores of a node work alike: the counters are made once.
    seconds = list(
        itertools.accumulate(
            int(1000 * grid.step * max(IDLE_SHARE, used / cores)) / 1000 for used in busy
        )
    )
    rates = {
        "L2_Cache_Hits": LEVEL_2[0], "L2_Cache_Misses": LEVEL_2[1],
        "L3_Cache_Hits": LEVEL_3[0], "L3_Cache_Misses": LEVEL_3[1],
        "Instructions_Retired_Any": INSTRUCTIONS, "Clock_Unhalted_Ref": CYCLES,
    }  # fmt: skip
    made = {name: [int(one * rate) for one in seconds] for name, rate in rates.items()}
    for core in range(cores):
        socket = core * SOCKETS // cores
        of_core = {**labels, "core": str(core), "socket": str(socket), "thread": "0"}
        for name, values in made.items():
            writer.add(name, of_core, times, values)
        writer.add("OS_ID", of_core, times, [core] * len(times))
    write_sockets(writer, labels, times, seconds, cores)


def write_sockets(writer, labels, times, seconds, cores):
    """Write what the sockets read, write, and send each other."""
    per_socket = cores / SOCKETS * GIBIBYTE
    for socket in range(SOCKETS):
        of_socket = {**labels, "socket": str(socket)}
        for name, rate in (("DRAM_Reads", 1.6), ("DRAM_Writes", 0.7)):
            values = [int(one * rate * per_socket) for one in seconds]
            writer.add(name, of_socket, times, values)
        for link in range(LINKS):
            values = [int(one * 0.1 * per_socket) for one in seconds]
            writer.add(f"Incoming_Data_Traffic_On_Link_{link}", of_socket, times, values)
