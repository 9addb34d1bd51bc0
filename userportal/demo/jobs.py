"""What was asked of the made-up cluster, and what became of it."""

import dataclasses
from typing import NamedTuple, Optional

from userportal.demo.applications import Application
from userportal.demo.behaviours import Behaviour
from userportal.demo.cluster import Node

NO_VALUE = 4294967294  # Slurm's NO_VAL: not a task of an array
IDLE, DOWN, DRAINED = 2, 1 | 0x800, 2 | 0x200  # states in Slurm's event table


@dataclasses.dataclass(frozen=True)
class Request:
    """A job as it was submitted, and what it would do if it ran; per-node amounts."""

    number: int  # its place among all requests
    user: str
    account: str
    behaviour: Behaviour
    application: Application
    name: str
    node_count: int
    cores: int
    memory_mib: int
    gpus: int
    gpu_gres: str  # a100, h100, or "" for any
    limit_minutes: int
    submit: int  # seconds since the epoch
    run_seconds: int
    state: int  # how it ends
    exit_code: int
    seed: int  # of its noise
    begin: int = 0  # not before this moment
    withdrawn: int = 0  # if it still waits then, it ends with `state`
    is_urgent: bool = False
    array: Optional[int] = None  # number of the array's first request
    array_size: int = 0
    array_limit: int = 0  # tasks at once, 0: any number
    task: int = NO_VALUE
    after: Optional[int] = None  # number of the request that it depends on

    @property
    def qos(self):
        """The id of its QOS."""
        return 2 if self.is_urgent else 1


class Place(NamedTuple):
    """What a job has of one node: indexes of cores and GPUs."""

    node: Node
    cores: tuple
    gpus: tuple


@dataclasses.dataclass(eq=False)
class Job:
    """One row of Slurm's job table: a Request, or one of the two tries of a requeued one."""

    request: Request
    job_id: int
    array_job_id: int  # 0: no array
    submit: int
    eligible: int = 0
    start: int = 0  # 0: waits, or never ran
    end: int = 0  # 0: waits or runs
    state: int = 0
    exit_code: int = 0
    places: tuple = ()

    @property
    def node_names(self):
        """The names of its nodes, in order."""
        return [place.node.name for place in self.places]

    @property
    def core_count(self):
        """The cores that it has, or asked for."""
        return self.request.cores * self.request.node_count

    @property
    def gpu_count(self):
        """The GPUs that it has, or asked for."""
        return self.request.gpus * self.request.node_count


class NodeEvent(NamedTuple):
    """A time in which a node did not work as it should; end 0: it still lasts."""

    node: str
    start: int
    end: int
    state: int
    reason: str


class Schedule(NamedTuple):
    """The month of the cluster."""

    jobs: list  # of Job, in the order of their rows
    events: list  # of NodeEvent
    start: int
    now: int
