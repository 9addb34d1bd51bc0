"""Read TRES texts such as 1=8,2=32000,1001=2: what a job asked for, got and used.

Ids below 1001 are Slurm's own; the others are named in the table tres_table.
"""

import functools
import re
from collections import Counter
from collections.abc import Mapping

from userportal.slurm.stored import MEGABYTE, NO_VALUE_64

CPU, MEMORY, ENERGY, NODE, BILLING, DISK, VIRTUAL_MEMORY, PAGES = range(1, 9)
GPU = "gres/gpu"
ANY_MODEL = "gpu"  # of GPUs whose model is not said
ENTRY = re.compile(r"(\d{1,10})=(\d{1,20})", re.ASCII)
MOST_ENTRIES = 1000
LONGEST_TEXT = 65536


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> "tuple[tuple[int, int], ...]":
    entries = text[:LONGEST_TEXT].split(",")[:MOST_ENTRIES]
    found = [ENTRY.fullmatch(entry.strip()) for entry in entries]
    pairs = {int(entry[1]): int(entry[2]) for entry in found if entry}
    return tuple((key, count) for key, count in pairs.items() if count < NO_VALUE_64)


def parse(text: "str | None") -> "dict[int, int]":
    """Return {id: count} of a TRES text, {} for NULL and ''.

    Entries that cannot be read, and those that Slurm marks as not known, are left out.
    """
    return dict(_parsed(text or ""))


def full_name(kind: str, name: str) -> str:
    """Return the name of a row of tres_table: gres and gpu:a100 is gres/gpu:a100."""
    return f"{kind}/{name}" if name else kind


def gpus(counts: "Mapping[int, int]", names: "Mapping[int, str]") -> "dict[str, int]":
    """Return {model: number of GPUs}, {} without any.

    Slurm counts a GPU with a model twice, as gres/gpu and as gres/gpu:model; here it is
    counted once. Those whose model is not said are under ANY_MODEL.
    """
    untyped, models = 0, Counter[str]()
    for key, count in counts.items():
        kind, _, model = names.get(key, "").partition(":")
        if kind == GPU and model:
            models[model] += count
        elif kind == GPU:
            untyped += count
    rest = untyped - sum(models.values())
    if rest > 0:
        models[ANY_MODEL] += rest
    return {model: count for model, count in models.items() if count}


def memory_bytes(counts: "Mapping[int, int]") -> "int | None":
    """Return the memory of what a job asked for or got, in bytes; None if it is not said."""
    return counts[MEMORY] * MEGABYTE if MEMORY in counts else None
