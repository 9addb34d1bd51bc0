"""What happens to the nodes of a cluster: each fault leaves it for bring_back to mend."""

import collections
import random
import time
from typing import Callable

from tests.galera_cluster import GaleraCluster, GaleraNode

# After so long without an answer a command gives a stopped node up.
LONG_PAUSE_SECONDS = 22.0
Counts = collections.Counter[str]


def chosen(cluster: GaleraCluster, source: random.Random, count: int) -> "list[GaleraNode]":
    """Return some of the nodes."""
    return source.sample(cluster.nodes, count)


def kill_one(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Kill a node; what it missed is sent to it when it is back."""
    (node,) = chosen(cluster, source, 1)
    node.kill()
    counts["kills"] += 1
    hold(source)


def kill_one_and_copy(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Kill a node that has to copy all data when it is back."""
    (node,) = chosen(cluster, source, 1)
    node.kill()
    cluster.forget_state(node)
    counts["kills"] += 1
    counts["copies of all data"] += 1
    hold(source)


def stop_one(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Stop a node as for maintenance."""
    (node,) = chosen(cluster, source, 1)
    node.stop()
    counts["clean stops"] += 1
    hold(source)


def pause_one_shortly(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Freeze a node, and let it go on before the others leave it out."""
    (node,) = chosen(cluster, source, 1)
    node.pause()
    counts["frozen nodes"] += 1
    time.sleep(source.uniform(0.3, 1.5))


def pause_one(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Freeze a node for long: its connections stay open, and nothing answers."""
    (node,) = chosen(cluster, source, 1)
    node.pause()
    counts["frozen nodes"] += 1
    time.sleep(LONG_PAUSE_SECONDS)


def pause_two(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Freeze two nodes: the third has no majority."""
    for node in chosen(cluster, source, 2):
        node.pause()
    counts["frozen nodes"] += 2
    counts["quorum lost"] += 1
    hold(source, 4)


def cut_one(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Cut a node off from the others; clients still reach it."""
    (node,) = chosen(cluster, source, 1)
    node.set_provider_option("gmcast.isolate=1")
    counts["cuts"] += 1
    hold(source, 4)


def cut_two(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Cut two nodes off: none has a majority."""
    for node in chosen(cluster, source, 2):
        node.set_provider_option("gmcast.isolate=1")
    counts["cuts"] += 2
    counts["quorum lost"] += 1
    hold(source, 4)


def kill_two(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Kill two nodes: the third has no majority until it is told to go on alone."""
    for node in chosen(cluster, source, 2):
        node.kill()
    counts["kills"] += 2
    counts["quorum lost"] += 1
    counts["clusters made anew"] += 1
    hold(source, 4)


def kill_all(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Kill all nodes at once."""
    for node in cluster.nodes:
        node.kill()
    counts["kills"] += len(cluster.nodes)
    counts["quorum lost"] += 1
    counts["clusters made anew"] += 1
    hold(source, 1)


def make_one_read_only(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Let a node refuse what is written."""
    (node,) = chosen(cluster, source, 1)
    node.ask("SET GLOBAL read_only = 1")
    counts["read-only nodes"] += 1
    hold(source)


def kill_one_by_one(cluster: GaleraCluster, source: random.Random, counts: Counts) -> None:
    """Kill one node, and another when that is back."""
    for node in chosen(cluster, source, 2):
        node.kill()
        counts["kills"] += 1
        hold(source, 1)
        cluster.bring_back()


def hold(source: random.Random, least_seconds: float = 0.5) -> None:
    """Leave the cluster as it is for some seconds."""
    time.sleep(source.uniform(least_seconds, least_seconds + 4))


Fault = Callable[[GaleraCluster, random.Random, Counts], None]
FAULTS: "tuple[Fault, ...]" = (
    kill_one, cut_one, kill_two, pause_one, make_one_read_only, kill_one_and_copy, cut_two,
    pause_one_shortly, kill_all, stop_one, pause_two, kill_one_by_one,
)  # fmt: skip
