"""How large the made-up cluster and its history are."""

import dataclasses

DAY_SECONDS = 86400


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of a demo; the defaults are those of `make portal-demo`, tests take smaller ones."""

    days: int = 30  # of history, up to now
    step_seconds: int = 300  # between two samples
    users: int = 40  # 5 or more
    jobs_per_day: int = 85
    cpu_nodes: int = 24  # 4 or more
    gpu_nodes: int = 4  # 2 or more: there are two models
    large_nodes: int = 2  # 1 or more
    cores: int = 32  # of each node
    core_days: int = 5  # counters of single cores are kept for jobs that ended so lately
    detail_days: int = 7  # the same for the less important metrics of jobs and nodes
    counter_days: int = 4  # the same for hardware counters of cores
    counter_nodes: int = 2  # nodes that have them
    idle_days: int = 1  # the same for the idle time of each core, of which a sample in 3 h stays
    ahead_seconds: int = 6 * 3600  # what runs now goes on in the samples, so that a demo keeps
    virtual_machines: int = 3  # of each cloud project


SMALL = Sizes(
    days=2, step_seconds=30, users=10, jobs_per_day=40, cpu_nodes=8, gpu_nodes=2, large_nodes=1,
    cores=8, core_days=1, detail_days=1, counter_days=1, counter_nodes=1, idle_days=1,
    ahead_seconds=0,
)  # fmt: skip
