"""Jobs and queues of any batch system, and what documents say of them."""

from typing import NamedTuple


class Job(NamedTuple):
    """One job."""

    owner: str
    job_id: str
    seconds: int  # run time
    state: str  # idle, running, removed, finished, held, submission_err, unexpanded or unknown

    @property
    def end(self):
        """What tells the end of this job from those it had before, as one that was queued again,
        or that another job of this number had."""
        return f"{self.job_id} {self.seconds} {self.state}"


class Listing(NamedTuple):
    """What a program listed, as far as its lines could be read."""

    found: list
    problem: str  # what of it could not, '' if all could

    @classmethod
    def of(cls, program, lines, read):
        """Return the Listing of some lines; read(line) returns what a line says, None if it is not
        what we know."""
        found, odd = [], []
        for line in lines:
            if line.strip():
                one = read(line)
                if one is None:
                    odd.append(line)
                else:
                    found.append(one)
        return cls(found, odd_lines(program, odd))


def odd_lines(program, lines):
    """Return what there is to say of lines that could not be read."""
    if not lines:
        return ""
    many = f" ({len(lines)} times)" if len(lines) > 1 else ""
    return f"{program} printed what is no job{many}: {lines[0][:80]!r}"


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
