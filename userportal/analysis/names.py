"""What rules can speak of: each name with its kind and where its value comes from.

A kind is what a condition may compare it with, and how a text shows it.
"""

import dataclasses
from collections.abc import Callable

from userportal.analysis import figures

COUNT, RATIO, BYTES, SECONDS, TEXT, FLAG = "count", "ratio", "bytes", "seconds", "text", "flag"
NUMBERS = (COUNT, RATIO, BYTES, SECONDS)
# Of one kind with the fact's name as the attribute of Facts.
OF_KIND = {
    COUNT: (
        "cores cores_per_gpu cores_per_node cores_per_whole_node cores_used energy_kwh gpus"
        " gpus_per_node gpus_per_whole_node job_id array_job_id array_task_id mean_cores_used"
        " metadata_operations metadata_operations_per_second node_count read_operations"
        " suggested_memory_gib threads_per_core threads_running unused_gpus unused_nodes used_gpus"
        " write_operations"
    ),
    RATIO: (
        "cpu_efficiency fullest_gpu gpu_imbalance gpu_memory_efficiency gpu_utilization"
        " memory_efficiency memory_imbalance node_imbalance serial_ratio time_efficiency"
    ),
    BYTES: (
        "gpu_memory_given_bytes gpu_memory_used_bytes mean_read_bytes mean_written_bytes"
        " memory_given_bytes"
        " memory_peak_bytes memory_per_core_bytes memory_per_gpu_bytes memory_per_whole_node_bytes"
        " memory_requested_bytes memory_used_bytes read_bytes written_bytes"
    ),
    SECONDS: (
        "cpu_seconds_given cpu_seconds_used elapsed_seconds end_seconds queue_seconds start_seconds"
        " submit_seconds time_limit_seconds"
    ),
    TEXT: "account cluster gpu_model name partition qos state user work_directory",
    FLAG: "interactive is_running is_unlimited",
}


@dataclasses.dataclass(frozen=True)
class Name:
    """A name in a condition: its kind, and how its value is read from Facts."""

    kind: str
    read: Callable  # Facts -> value


def attribute(name):
    """Return a function that reads an attribute."""
    return lambda facts: getattr(facts, name)


def number_of(name):
    """Return a function that reads how many things a fact holds, None if it is unknown."""

    def read(facts):
        things = getattr(facts, name)
        return None if things is None else len(things)

    return read


def listed(name):
    """Return a function that reads a fact's things as one text, None if it is unknown."""

    def read(facts):
        things = getattr(facts, name)
        return None if things is None else ", ".join(map(str, things))

    return read


NAMES = {
    **{
        name: Name(kind, attribute(name))
        for kind, names in OF_KIND.items()
        for name in names.split()
    },
    "dependency_count": Name(COUNT, number_of("dependencies")),
    "dependent_count": Name(COUNT, number_of("dependents")),
    "dependencies": Name(TEXT, listed("dependencies")),
    "dependents": Name(TEXT, listed("dependents")),
}


def value(name, facts):
    """Return the value of one of NAMES for a job, None if it is unknown or no sound number."""
    entry = NAMES[name]
    found = entry.read(facts)
    if entry.kind in NUMBERS:
        return found if figures.is_number(found) else None
    return found
