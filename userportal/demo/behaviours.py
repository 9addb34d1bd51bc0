"""What the made-up jobs are like: what they ask for, what they use, how they end."""

import dataclasses

# Slurm's codes of job states.
PENDING, RUNNING, SUSPENDED, COMPLETED, CANCELLED, FAILED = range(6)
TIMEOUT, NODE_FAIL, PREEMPTED, BOOT_FAIL, DEADLINE, OUT_OF_MEMORY = range(6, 12)


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """One sort of job. Tuples hold what is chosen from; shares are between 0 and 1."""

    name: str
    weight: int  # how frequent, among those of its partition
    applications: tuple
    partition: str = "cpu"
    nodes: tuple = (1,)
    core_shares: tuple = (0.5, 1.0)  # of a node's cores
    memory_shares: tuple = (0.25, 0.5)  # of a node's memory
    gpus: tuple = (0,)  # of a node
    hours: tuple = (2.0, 14.0)  # from, to
    limit_factor: float = 1.25  # the time limit, in running times
    state: int = COMPLETED
    exit_code: int = 0  # a wait status
    busy: str = "all"  # which cores work: all, one, half, first_node
    core_use: float = 0.96  # share of the time in which a busy core works
    memory_use: float = 0.8  # share of what was asked for
    threads_per_core: float = 1.0
    gpu_use: float = 0.0  # of GPUs in use
    gpus_in_use: str = "all"  # all, none, half
    write_mib: float = 2.0  # a second, to the parallel file system
    metadata_operations: float = 3.0  # a second
    array_tasks: int = 0
    chain: int = 0  # jobs after this one, each depending on the one before
    requeue: bool = False


BEHAVIOURS = {
    one.name: one
    for one in (
        Behaviour("good", 30, ("gromacs", "lammps", "ocean"), nodes=(1, 1, 2, 4)),
        Behaviour("threads", 16, ("python", "assembly", "r"), core_shares=(0.25, 0.5, 1.0)),
        Behaviour(
            "serial", 10, ("python", "r", "gromacs_by_hand"), core_shares=(0.25, 0.5), busy="one",
            memory_use=0.3,
        ),
        Behaviour(
            "half", 7, ("python", "lammps_without_srun"), busy="half", core_use=0.9,
        ),
        Behaviour(
            "memory_unused", 9, ("r", "python_conda"), core_shares=(0.125, 0.25),
            memory_shares=(0.75, 0.95), memory_use=0.05,
        ),
        Behaviour(
            "out_of_memory", 4, ("assembly", "r"), hours=(0.5, 4.0), state=OUT_OF_MEMORY,
            exit_code=9, memory_use=1.0,
        ),
        Behaviour(
            "timeout", 5, ("ocean", "python"), limit_factor=1.0, state=TIMEOUT, hours=(3.0, 12.0),
        ),
        Behaviour(
            "short_array", 4, ("blast",), core_shares=(0.0625,), memory_shares=(0.05,),
            hours=(0.06, 0.2), limit_factor=2.5, array_tasks=12,
        ),
        Behaviour(
            "imbalance", 5, ("ocean", "gromacs"), nodes=(2, 3), core_shares=(1.0,),
            busy="first_node",
        ),
        Behaviour(
            "input_output", 5, ("assembly", "python"), core_use=0.45, write_mib=320.0,
            metadata_operations=2500.0, hours=(1.0, 6.0),
        ),
        Behaviour(
            "oversubscribed", 4, ("python", "r"), core_shares=(0.25,), threads_per_core=4.0,
        ),
        Behaviour(
            "failed", 6, ("ocean", "python_conda"), hours=(0.02, 1.5), state=FAILED,
            exit_code=256, limit_factor=12.0,
        ),
        Behaviour(
            "cancelled", 5, ("gromacs", "python"), hours=(0.3, 5.0), state=CANCELLED,
            limit_factor=4.0,
        ),
        Behaviour("chain", 3, ("gromacs",), hours=(2.0, 6.0), chain=2),
        Behaviour("long_limit", 4, ("lammps", "python"), limit_factor=20.0, hours=(1.0, 4.0)),
        Behaviour("requeued", 1, ("gromacs", "ocean"), hours=(8.0, 16.0), requeue=True),
        Behaviour(
            "gpu_good", 14, ("pytorch", "amber"), "gpu", gpus=(1, 1, 2, 4), core_shares=(0.25,),
            memory_shares=(0.1, 0.2), core_use=0.85, gpu_use=0.9, hours=(3.0, 20.0),
        ),
        Behaviour(
            "gpu_idle", 4, ("amber_on_cores", "python"), "gpu", gpus=(1, 2), core_shares=(0.25,),
            memory_shares=(0.1,), gpus_in_use="none", hours=(1.0, 8.0),
        ),
        Behaviour(
            "gpu_half", 4, ("pytorch",), "gpu", gpus=(2, 4), core_shares=(0.25, 0.5),
            memory_shares=(0.2,), gpu_use=0.85, gpus_in_use="half", hours=(2.0, 10.0),
        ),
        Behaviour(
            "gpu_low", 4, ("pytorch",), "gpu", gpus=(1,), core_shares=(0.125,),
            memory_shares=(0.1,), gpu_use=0.12, core_use=0.99, hours=(2.0, 12.0),
        ),
        Behaviour(
            "large_good", 4, ("assembly", "r"), "largemem", core_shares=(0.5,),
            memory_shares=(0.3, 0.45), memory_use=0.85, hours=(4.0, 20.0),
        ),
        Behaviour(
            "large_unused", 3, ("r", "python"), "largemem", core_shares=(0.25,),
            memory_shares=(0.4,), memory_use=0.04, busy="one", hours=(3.0, 12.0),
        ),
    )
}  # fmt: skip
# Jobs of a partition, among all.
PARTITION_WEIGHTS = {"cpu": 82, "gpu": 14, "largemem": 4}
# States that no behaviour leads to by itself: one job each ends like this.
RARE_STATES = (SUSPENDED, PREEMPTED, BOOT_FAIL, DEADLINE)
