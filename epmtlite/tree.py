"""Who started whom: the process tree of a job, from what each process says of itself."""

from array import array
from typing import NamedTuple

ROOT = -1


class Processes(NamedTuple):
    """What is needed of all processes of a job: one place for each."""

    hosts: array
    pids: array
    ppids: array
    starts: array
    ends: array
    cpu_times: array


class Tree(NamedTuple):
    """The place of each process in the tree: arrays as long as those of Processes."""

    parents: array  # the place of the parent, or ROOT
    depths: array  # 0 for a root
    inclusive_cpu_times: array  # with those of all descendants
    numbers: array  # from 1; a process comes before its descendants, and these directly after it
    descendants: array  # how many


def build(processes):
    """Return the Tree of Processes.

    The parent is the process on the same host that had the parent's process id when the child
    began: of several that used the id, or generations of one, the one that began last before. If
    none began before the child, the first that began after it: the program that the parent
    executed later, where the one before it was not recorded. Takes time in proportion to the
    number of processes, whatever the depth.
    """
    order = in_time(processes.starts, processes.ends)
    parents = find_parents(processes, order)
    depths = find_depths(parents, order)
    order.sort(key=depths.__getitem__)  # parents first, in the order of time below one parent
    inclusive = array("q", processes.cpu_times)
    descendants = array("i", bytes(4 * len(parents)))
    for place in reversed(order):
        parent = parents[place]
        if parent >= 0:
            inclusive[parent] += inclusive[place]
            descendants[parent] += descendants[place] + 1
    return Tree(parents, depths, inclusive, numbered(parents, order, descendants), descendants)


def in_time(starts, ends):
    """Return the places in the order of their starts; of two at once the one that lasts first,
    since a parent does."""
    order = sorted(range(len(starts)), key=ends.__getitem__, reverse=True)
    order.sort(key=starts.__getitem__)
    return order


def find_parents(processes, order):
    """Return the place of each process' parent, or ROOT."""
    own, wanted = keys(processes.hosts, processes.pids), keys(processes.hosts, processes.ppids)
    needed = set(wanted)
    parents = array("i", [ROOT]) * len(order)
    above = array("i", range(len(order)))  # see top_of
    latest: dict = {}
    orphans: dict = {}  # key of a parent -> children that began before any process of that key
    for place in order:
        key = wanted[place]
        parent = latest.get(key)
        if parent is None:
            orphans.setdefault(key, []).append(place)
        else:
            parents[place] = above[place] = parent
        key = own[place]
        if key in needed:
            if key in orphans and key not in latest:
                top = top_of(above, place)
                for child in orphans.pop(key):
                    if child != top:  # else the parent would descend from its own child
                        parents[child] = above[child] = place
            latest[key] = place
    return parents


def top_of(above, place):
    """Return the root above a process; above is some ancestor of each, or itself for a root.

    It gets nearer to the root with each search, so that deep trees cost no more than flat ones.
    """
    while above[place] != place:
        above[place] = place = above[above[place]]
    return place


def keys(hosts, pids):
    """Return what tells processes of several hosts apart at one moment."""
    if min(hosts, default=0) == max(hosts, default=0):
        return pids
    return array("q", (host << 32 | pid & 0xFFFFFFFF for host, pid in zip(hosts, pids)))


def find_depths(parents, order):
    """Return how many processes are above each one."""
    depths = array("i", [-1]) * len(parents)
    for place in order:
        path = []
        while place >= 0 and depths[place] < 0:
            path.append(place)
            place = parents[place]
        depth = depths[place] if place >= 0 else -1
        for place in reversed(path):
            depth += 1
            depths[place] = depth
    return depths


def numbered(parents, order, descendants):
    """Return the numbers of a nested set; order has parents before their children."""
    numbers = array("i", bytes(4 * len(parents)))
    free = array("i", numbers)  # the number for the next child of each
    next_root = 1
    for place in order:
        parent = parents[place]
        size = descendants[place] + 1
        if parent < 0:
            numbers[place], next_root = next_root, next_root + size
        else:
            numbers[place] = free[parent]
            free[parent] += size
        free[place] = numbers[place] + 1
    return numbers
