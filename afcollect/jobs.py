"""Jobs and queues of any batch system, and what documents say of them."""

from typing import NamedTuple


class Job(NamedTuple):
    """One job."""

    owner: str
    job_id: str
    seconds: int  # run time
    state: str  # idle, running, removed, finished, held, submission_err, unexpanded or unknown


class Queue(NamedTuple):
    """One queue, and how much is in it."""

    name: str
    idle: int
    running: int
    held: int
    cores: int
    memory_megabytes: int


def job_document(kind, job, users):
    """Return the keys of a document about one job, as far as its batch system says them."""
    return {
        "kind": kind, "users": users.shown(job.owner), "Id": job.job_id, "Runtime": job.seconds,
        "state": job.state,
    }  # fmt: skip


def queue_document(kind, queue):
    """Return the keys of a document about one queue; memory is in megabytes."""
    return {
        "kind": kind, "queue": queue.name, "idle": queue.idle, "running": queue.running,
        "held": queue.held, "allocated_cores": queue.cores,
        "allocated_mem": queue.memory_megabytes,
    }  # fmt: skip
