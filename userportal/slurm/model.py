"""What the queries answer with: jobs, steps, events of nodes, pages of a table."""

import functools
from dataclasses import dataclass, field, replace

from userportal.slurm import hostlist, run_time, states, tres
from userportal.slurm.dependencies import Dependency
from userportal.slurm.stored import ExitStatus


@dataclass(frozen=True)
class Job:
    """One row of the job table: one submission of a job, or one task of an array.

    Times are seconds since the epoch; None is what has not come yet or is not known.
    """

    job_id: int
    db_index: int = 0
    name: str = ""
    account: str = ""
    user_id: int = 0
    group_id: int = 0
    partition: str = ""
    state: int = states.PENDING  # without flags
    state_flags: "tuple[str, ...]" = ()
    submit: "int | None" = None
    eligible: "int | None" = None
    start: "int | None" = None
    end: "int | None" = None
    suspended: int = 0  # seconds of it, or the moment since when
    time_limit_minutes: "int | None" = None  # None: unlimited, or the partition's
    is_unlimited: bool = False  # False: the limit is known, or the partition's
    work_dir: str = ""
    submit_line: str = ""
    node_list: str = ""
    node_count: int = 0
    cores: int = 0  # allocated; before the start: requested
    memory_bytes: "int | None" = None  # likewise
    gpus: "dict[str, int]" = field(default_factory=dict)  # likewise; by model
    requested_cores: int = 0
    requested_memory_bytes: "int | None" = None
    requested_nodes: "int | None" = None
    energy_joules: "int | None" = None
    array_job_id: "int | None" = None
    array_task_id: "int | None" = None
    array_pending: int = 0  # tasks that this row, the head of an array, stands for
    array_task_text: str = ""
    array_most_running: "int | None" = None
    het_job_id: "int | None" = None
    exit_status: "ExitStatus | None" = None
    derived_exit_status: "ExitStatus | None" = None
    qos_id: int = 0
    association_id: int = 0
    priority: int = 0
    constraints: str = ""
    container: str = ""
    script_index: int = 0
    admin_comment: str = ""

    @property
    def state_name(self) -> str:
        """Return the name of the state as sacct prints it."""
        return states.name(self.state)

    @property
    def state_label(self) -> str:
        """Return the label of the state in the API."""
        return states.label(self.state)

    @property
    def badge(self) -> states.Badge:
        """Return what a page shows for the state."""
        return states.badge(self.state)

    @functools.cached_property
    def nodes(self) -> "list[str]":
        """Return the names of the nodes, [] before the start."""
        return hostlist.expand(self.node_list)

    @property
    def gpu_count(self) -> int:
        """Return the number of GPUs of all models."""
        return sum(self.gpus.values())

    @property
    def gpu_model(self) -> "str | None":
        """Return the model of most of the GPUs, None if it is not said or there are none."""
        models = [model for model in self.gpus if model != tres.ANY_MODEL]
        return max(models, key=lambda model: self.gpus[model]) if models else None

    @property
    def exit_code(self) -> "int | None":
        """Return the exit code, None if it is not known."""
        return self.exit_status.code if self.exit_status else None

    @property
    def is_pending(self) -> bool:
        """Tell whether the job waits."""
        return self.state == states.PENDING

    @property
    def is_running(self) -> bool:
        """Tell whether the job has nodes now; a suspended job has."""
        return self.state in states.STARTED

    @property
    def is_finished(self) -> bool:
        """Tell whether the job has ended."""
        return self.state not in states.UNFINISHED

    @property
    def is_array(self) -> bool:
        """Tell whether the job belongs to an array."""
        return self.array_job_id is not None

    @property
    def display_id(self) -> str:
        """Return the number as squeue shows it: 123, or 123_4 for a task."""
        if self.array_job_id is None or self.array_task_id is None:
            return str(self.job_id)
        return f"{self.array_job_id}_{self.array_task_id}"

    def elapsed_seconds(self, now: float) -> int:
        """Return how long the job has run, without the time that it was suspended; 0 before."""
        if self.start is None:
            return 0
        return run_time.run_seconds(self.start, self._end(now), self.suspended)

    def held_seconds(self, now: float) -> int:
        """Return how long the job has had its nodes: as elapsed_seconds, with what it was
        suspended."""
        return 0 if self.start is None else max(0, self._end(now) - self.start)

    def _end(self, now: float) -> int:
        return int(now) if self.end is None else self.end

    def queue_seconds(self, now: float) -> int:
        """Return how long the job waited, or has waited until now, after its submission."""
        if self.submit is None:
            return 0
        left_queue = self.start or self.end or int(now)
        return max(0, left_queue - self.submit)

    def progress(self, now: float) -> float:
        """Return which part of the time limit is over: 0 before the start, 1 after the end."""
        if self.start is None:
            return 0.0
        if self.is_finished:
            return 1.0
        if not self.time_limit_minutes:
            return 0.0
        return min(1.0, self.elapsed_seconds(now) / (self.time_limit_minutes * 60))


@dataclass(frozen=True)
class JobFilter:
    """Which jobs a page shows. user_id and account say whose; the rest narrows it.

    With usernames only those that Slurm knows as a user's of these names, "": as nobody's: numbers
    are given again. See userportal.access.owners.
    """

    user_id: "int | None" = None
    account: "str | None" = None
    states: "tuple[int, ...]" = ()  # any of them; () for all
    text: str = ""  # in the name, or the job's number
    since: "int | None" = None  # left out: those that had ended by then
    until: "int | None" = None  # left out: those that were not submitted before then
    has_run: bool = False  # with since and until: those alone that ran between
    partition: str = ""
    usernames: "tuple[str, ...]" = ()


@dataclass(frozen=True)
class JobPage:
    """Some rows of a table of jobs."""

    total: int  # jobs of the user and account
    filtered: int  # of these, those that meet the other conditions
    jobs: "list[Job]"


@dataclass(frozen=True)
class ArrayTasks:
    """The tasks of an array."""

    jobs: "list[Job]"  # by task; the head, if it still waits, comes last
    total: int  # rows in the database, of which at most `limit` are in jobs
    pending: int  # tasks that have no row yet
    pending_tasks: "list[int]"  # their numbers, as far as they are known


@dataclass(frozen=True)
class Prerequisite:
    """What a job waits or waited for."""

    dependency: Dependency
    job: "Job | None"  # of the same user; None if slurmdbd has none


@dataclass(frozen=True)
class RunningTotals:
    """What all running jobs of a user have together."""

    jobs: int = 0
    cores: int = 0
    memory_bytes: int = 0
    gpus: "dict[str, int]" = field(default_factory=dict)
    job_ids: "tuple[int, ...]" = ()

    @property
    def gpu_count(self) -> int:
        """Return the number of GPUs of all models."""
        return sum(self.gpus.values())


@dataclass(frozen=True)
class Step:
    """One step of a job, such as an srun, or the batch script."""

    step_id: int
    name: str
    state: int
    start: "int | None"
    end: "int | None"
    nodes: int
    tasks: int
    cpu_seconds: float
    energy_joules: "int | None"
    most_memory_bytes: "int | None"  # of the task that had most
    total_memory_bytes: "int | None"  # of all tasks
    read_bytes: "int | None"
    written_bytes: "int | None"


@dataclass(frozen=True)
class NodeEvent:
    """A time in which a node was not as it should be."""

    node: str
    start: int
    end: "int | None"  # None: it lasts
    reason: str
    reason_user_id: "int | None"
    state_names: "list[str]"


@dataclass(frozen=True)
class Account:
    """An account as sacctmgr shows it."""

    name: str
    description: str
    organization: str


@dataclass(frozen=True)
class PartitionLengths:
    """How many jobs of a partition waited and ran how long, of those of a window."""

    partition: str
    ran: "list[int]"  # jobs by run time, for each of length_queries.LENGTHS and above
    waited: "list[int]"  # the same by the time in the queue; of some it is not known


@dataclass(frozen=True)
class PartitionStatistics:
    """How long the jobs of a partition ran, of those that began and ended in a window."""

    partition: str
    completed: int
    timed_out: int
    measured: int  # completed jobs that had a time limit
    mean_ratio: "float | None"  # of run time and limit, over those
    histogram: "list[int]"  # of those, by twentieths of the limit; the last is all above

    @property
    def timeout_ratio(self) -> "float | None":
        """Return the part that timed out, None without jobs."""
        ended = self.completed + self.timed_out
        return self.timed_out / ended if ended else None


@dataclass(frozen=True)
class JobStart:
    """When a job of an account began in a partition."""

    start: int
    account: str
    partition: str


@dataclass(frozen=True)
class UserUsage:
    """What the jobs of a user had in a window; name is that of their associations, "" without."""

    user_id: int
    name: str
    jobs: int
    core_seconds: int
    gpu_seconds: int
    memory_byte_seconds: int

    @property
    def core_hours(self) -> float:
        """Return the core hours."""
        return self.core_seconds / 3600

    def plus(self, other: "UserUsage") -> "UserUsage":
        """Return both together, under the name of this one."""
        return replace(
            self,
            jobs=self.jobs + other.jobs,
            core_seconds=self.core_seconds + other.core_seconds,
            gpu_seconds=self.gpu_seconds + other.gpu_seconds,
            memory_byte_seconds=self.memory_byte_seconds + other.memory_byte_seconds,
        )
