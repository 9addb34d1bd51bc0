"""How series are named in graphs: by job, title and node, as far as they differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from userportal.metrics.series import Series

JOB_LABELS = ("slurmjobid", "jobid")
IP_ADDRESS = re.compile(r"[0-9.]+|\[.*\]")
MIG = "MIG-"
MIG_CHARACTERS = slice(4, 12)


class SeriesNames:
    """Names the series of one graph."""

    def __init__(self, series: Iterable[Series], node_label: str = "instance") -> None:
        """Look whether the series belong to several jobs, and to several nodes."""
        self._node_label = node_label
        labels = [each.labels for each in series]
        self._jobs = len({job_of(each) for each in labels}) > 1
        self._nodes = len({self._node(each) for each in labels}) > 1

    def name(self, title: str, labels: Mapping[str, str]) -> str:
        """Return the title, after the job's id and before the node's short name if several."""
        parts = [job_of(labels) if self._jobs else "", title]
        parts.append(self._node(labels) if self._nodes else "")
        return " ".join(part for part in parts if part)

    def _node(self, labels: Mapping[str, str]) -> str:
        return short_node(labels.get(self._node_label, ""))


def job_of(labels: Mapping[str, str]) -> str:
    """Return the job's id among the labels, or ''."""
    return next((labels[label] for label in JOB_LABELS if label in labels), "")


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
