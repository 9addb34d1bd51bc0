"""A job as JSON: the short form that other tools read, and one with all that is known."""

import dataclasses
import datetime

from userportal.analysis import figures

# Of Facts, beside the nodes and what has its own form.
PLAIN = (
    *("job_id", "array_job_id", "array_task_id", "name", "user", "account", "cluster", "state"),
    *("partition", "qos", "elapsed_seconds", "time_limit_seconds", "is_unlimited", "node_count"),
    *("cores", "memory_requested_bytes", "gpus", "gpu_model", "threads_running", "applications"),
    *("energy_kwh", "read_bytes", "written_bytes", "read_operations", "write_operations"),
    *("metadata_operations", "submit_line", "work_directory", "modules", "dependencies"),
    "dependents",
)
DERIVED = (
    *("mean_cores_used", "cpu_seconds_used", "cpu_seconds_given", "cpu_efficiency"),
    *("memory_used_bytes", "memory_given_bytes", "memory_efficiency", "suggested_memory_gib"),
    *("gpu_utilization", "unused_gpus", "gpu_memory_used_bytes", "gpu_memory_given_bytes"),
    *("gpu_memory_efficiency", "unused_nodes", "node_imbalance", "gpu_imbalance"),
    *("time_efficiency", "queue_seconds", "interactive"),
)
MOMENTS = {"submitted": "submit_seconds", "started": "start_seconds", "ended": "end_seconds"}


def statistics(facts):
    """Return the short form: {"nodes": {name: …}, "total_time": s, "gpus": number}.

    What is unknown is left out. The keys and their order are those of the form that is stored in
    the scheduler's comment of a job.
    """
    nodes = {node.name: node_statistics(node) for node in facts.nodes or ()}
    return without_unknown(
        {"nodes": nodes, "total_time": rounded(facts.elapsed_seconds), "gpus": facts.gpus or 0}
    )


def node_statistics(node):
    """Return the short form of a node."""
    found = {
        "total_memory": rounded(node.memory_total_bytes),
        "used_memory": rounded(node.memory_used_bytes),
        "total_time": rounded(node.cpu_seconds),
        "cpus": node.cores,
    }
    for key, name in (
        ("gpu_total_memory", "memory_total_bytes"),
        ("gpu_used_memory", "memory_used_bytes"),
        ("gpu_utilization", "utilization_percent"),
    ):
        values = {gpu.index: rounded(getattr(gpu, name)) for gpu in node.gpus or ()}
        found[key] = without_unknown(values) or None
    return without_unknown(found)


def rounded(value):
    """Return a number with one decimal, a whole one as it is, None if it is unknown."""
    if not figures.is_number(value):
        return None
    return int(value) if value == int(value) else round(value, 1)


def without_unknown(values):
    """Return a mapping without what is None."""
    return {key: value for key, value in values.items() if value is not None}


def record(facts, findings=(), costs=None):
    """Return all that is known of a job as a JSON object; parts and efficiencies are parts of 1.

    What is unknown is null. costs is what userportal.analysis.costs gave, by default left out.
    """
    found = {name: plain(getattr(facts, name)) for name in (*PLAIN, *DERIVED)}
    found.update({key: moment(getattr(facts, name)) for key, name in MOMENTS.items()})
    found["nodes"] = [node_record(node, facts) for node in facts.nodes or ()]
    if costs is not None:
        found["costs"] = costs
    found["findings"] = [finding_record(finding) for finding in findings]
    return found


def plain(value):
    """Return a value as JSON has it: lists, and null for what is no finite number."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return None if isinstance(value, float) and not figures.is_number(value) else value


def moment_of(seconds):
    """Return an epoch as a datetime in UTC, None for none and for what no calendar has."""
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def moment(seconds):
    """Return an epoch as ISO 8601 in UTC, None for none."""
    at = moment_of(seconds)
    return None if at is None else at.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def node_record(node, facts):
    """Return a node as a JSON object."""
    found = {key: plain(value) for key, value in dataclasses.asdict(node).items()}
    found["cpu_efficiency"] = node.cpu_efficiency(facts.elapsed_seconds)
    found["memory_efficiency"] = node.memory_efficiency
    found["gpus"] = [
        {key: plain(value) for key, value in dataclasses.asdict(gpu).items()}
        for gpu in node.gpus or ()
    ]
    return found


def finding_record(finding):
    """Return a finding as a JSON object."""
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "text": finding.text,
        "commands": list(finding.commands),
        "line_number": finding.line_number,
        "graph": finding.graph,
        "url": finding.url,
    }
