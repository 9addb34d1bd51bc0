"""The lists of the largest users and of jobs with large memory, as headings, keys and rows.

For usagedb.output.write_rows. A use has its flag ("critical", "warning" or "") in its own column.
"""

from typing import NamedTuple

from userportal.analysis import figures, waste
from userportal.units import GIBIBYTE

COMPUTE = {
    "User": "user",
    "Account": "account",
    "Cores": "cores_allocated",
    "Cores used": "cores_used",
    "Cores flag": "cores_flag",
    "Memory (GiB)": "memory_allocated_gib",
    "Memory used (GiB)": "memory_peak_gib",
    "Memory flag": "memory_flag",
}
GPU = {
    "User": "user",
    "Account": "account",
    "GPUs": "gpus_allocated",
    "GPUs used": "gpus_used",
    "GPUs not idle": "gpus_not_idle",
    "GPUs flag": "gpus_flag",
    **{heading: key for heading, key in COMPUTE.items() if key not in ("user", "account")},
}
LARGE_MEMORY = {"Job": "job_id", **COMPUTE}


class Table(NamedTuple):
    """Rows with their headings, and the keys of machine formats."""

    headings: list
    keys: list
    rows: list


def compute_table(uses, limits):
    """Return the Table of waste.Use of cores, most cores first."""
    ordered = by_size(uses, "cores_allocated")
    return table(COMPUTE, ordered, lambda use: waste.compute_flags(use, limits))


def gpu_table(uses, limits):
    """Return the Table of waste.Use of GPUs, most GPUs first."""
    ordered = by_size(uses, "gpus_allocated")
    return table(GPU, ordered, lambda use: waste.gpu_flags(use, limits))


def memory_table(uses):
    """Return the Table of waste.Use of jobs with large memory, the least used first."""
    ordered = sorted(
        uses, key=lambda use: (use.lowest_ratio is None, use.lowest_ratio or 0, use.job_id or 0)
    )
    return table(LARGE_MEMORY, ordered, waste.memory_flags)


def by_size(uses, name):
    """Return uses, the largest of one of their numbers first, the unknown last."""
    return sorted(uses, key=lambda use: (-(getattr(use, name) or 0), use.user, use.account))


def table(columns, uses, flags_of):
    """Return the Table of some uses."""
    rows = []
    for use in uses:
        flags = flags_of(use)
        rows.append([cell(use, key, flags) for key in columns.values()])
    return Table(list(columns), list(columns.values()), rows)


def cell(use, key, flags):
    """Return one value of a row: a number, a text, or None."""
    if key.endswith("_flag"):
        return flags[key.removesuffix("_flag")]
    if key.endswith("_gib"):
        size_bytes = getattr(use, key.removesuffix("_gib") + "_bytes")
        return figures.quotient(size_bytes, GIBIBYTE)
    value = getattr(use, key)
    return int(value) if figures.is_number(value) and value == int(value) else value
