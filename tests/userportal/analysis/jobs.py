"""Made-up jobs for the tests of the analysis and of the report."""

from userportal.analysis.facts import Facts
from userportal.analysis.measured import GpuFacts, NodeFacts

GIB = 2**30
HOUR = 3600


def cpu_node(name="nc01", cores=4, part=0.9, memory=0.8, elapsed_seconds=2 * HOUR):
    """Return a node on which that part of the CPU time and of 16 GiB is used."""
    return NodeFacts(
        name, cores, part * cores * elapsed_seconds, int(memory * 16 * GIB), 16 * GIB, ()
    )


def gpu_node(*percents, name="ng01", memory=0.5):
    """Return a node with a GPU of 24 GiB for each utilization, filled to that part."""
    gpus = tuple(
        GpuFacts(str(index), percent, int(memory * 24 * GIB), 24 * GIB, "NVIDIA A30")
        for index, percent in enumerate(percents)
    )
    return NodeFacts(name, 4, 0.9 * 4 * 2 * HOUR, int(0.8 * 16 * GIB), 16 * GIB, gpus)


def job(**fields):
    """Return the Facts of a job on 4 cores of which nothing is to be said, with other fields."""
    nodes = fields.setdefault("nodes", (cpu_node(),))
    gpus = [gpu for node in nodes or () for gpu in node.gpus or ()]
    found = {
        "job_id": 4242,
        "name": "work",
        "user": "ann",
        "account": "def-ann",
        "cluster": "abc",
        "state": "COMPLETED",
        "partition": "main",
        "qos": "normal",
        "elapsed_seconds": 2 * HOUR,
        "time_limit_seconds": 3 * HOUR,
        "is_unlimited": False,
        "node_count": len(nodes or ()) or 1,
        "cores": sum(node.cores or 0 for node in nodes or ()) or 4,
        "memory_requested_bytes": 16 * GIB,
        "gpus": len(gpus),
        "cores_per_whole_node": 4,
        "gpus_per_whole_node": len(gpus),
        "memory_per_whole_node_bytes": 16 * GIB,
        "submit_line": "sbatch job.sh",
        "modules": (),
        "dependencies": (),
        "dependents": (),
    }
    return Facts(**{**found, **fields})
