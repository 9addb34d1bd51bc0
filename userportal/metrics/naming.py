"""How nodes and GPUs are named in graphs."""

from __future__ import annotations

import re

IP_ADDRESS = re.compile(r"[0-9.]+|\[.*\]")
MIG = "MIG-"
MIG_CHARACTERS = slice(4, 12)


def short_node(host: str) -> str:
    """Return a host label without port and domain; an address keeps its numbers."""
    address = IP_ADDRESS.match(host)
    name = host.partition(":")[0]
    if address and (host.startswith("[") or address.group() == name):
        return address.group()
    return name.partition(".")[0]


def gpu_name(gpu: str) -> str:
    """Return how a GPU is called: its index, or eight characters of a MIG instance's uuid."""
    return gpu[MIG_CHARACTERS] if gpu.startswith(MIG) else gpu
