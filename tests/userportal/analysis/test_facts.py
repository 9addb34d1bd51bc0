"""What follows from what is known of a job."""

import dataclasses

import pytest

from tests.userportal.analysis.jobs import GIB, HOUR, cpu_node, gpu_node, job
from userportal.analysis import names
from userportal.analysis.facts import Facts
from userportal.analysis.measured import GpuFacts, NodeFacts


def test_the_cpu_efficiency_is_used_time_by_run_time_and_cores():
    nodes = (cpu_node("nc01", part=1), cpu_node("nc02", part=0.5))
    facts = job(nodes=nodes)
    assert facts.cpu_efficiency == 0.75
    assert facts.cpu_seconds_used == 1.5 * 4 * 2 * HOUR
    assert facts.cpu_seconds_given == 16 * HOUR
    assert facts.mean_cores_used == 6
    assert facts.node_imbalance == 0.5


def test_without_nodes_the_mean_of_used_cores_tells_it():
    facts = Facts(cores=4, cores_used=1, elapsed_seconds=100)
    assert facts.cpu_efficiency == 0.25
    assert facts.serial_ratio == 1
    assert facts.unused_nodes is None


def test_one_node_without_figures_makes_the_efficiency_unknown():
    facts = job(nodes=(cpu_node(), NodeFacts("nc02", cores=4)))
    assert facts.cpu_efficiency is None
    assert facts.unused_nodes is None
    assert facts.memory_imbalance is None


def test_more_use_than_there_was_is_no_efficiency():
    assert job(nodes=(cpu_node(part=1.2),)).cpu_efficiency is None
    assert job(nodes=(cpu_node(part=1.01),)).cpu_efficiency == 1


def test_memory_is_that_of_the_nodes_else_that_of_the_job():
    facts = job(nodes=(cpu_node(memory=0.5), cpu_node("nc02", memory=0.25)))
    assert facts.memory_efficiency == 0.375
    assert facts.memory_per_core_bytes == 4 * GIB
    assert facts.suggested_memory_gib == 10  # of the node with 8 GiB
    alone = Facts(memory_requested_bytes=8 * GIB, memory_peak_bytes=2 * GIB, node_count=2)
    assert alone.memory_efficiency == 0.25
    assert alone.suggested_memory_gib == 2


def test_gpus_are_counted_over_all_nodes():
    facts = job(nodes=(gpu_node(0, 50), gpu_node(100, 50, name="ng02")))
    assert facts.gpu_utilization == 0.5
    assert (facts.unused_gpus, facts.used_gpus, facts.gpus) == (1, 3, 4)
    assert facts.gpus_per_node == 2
    assert facts.gpu_memory_efficiency == 0.5
    assert facts.gpu_imbalance == 1


def test_a_gpu_that_was_not_measured_is_not_idle():
    node = dataclasses.replace(gpu_node(90), gpus=(GpuFacts("0"), GpuFacts("1", 90)))
    facts = job(nodes=(node,))
    assert facts.unused_gpus is None
    assert facts.gpu_utilization is None
    assert Facts(gpus=1).unused_gpus is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "interactive"}, True),
        ({"name": "sys/dashboard/sys/jupyter"}, True),
        ({"name": "work", "submit_line": "salloc -n 1"}, True),
        ({"name": "work", "submit_line": "srun --pty bash"}, True),
        ({"name": "work", "submit_line": "srun ./a.out"}, False),
        ({"name": "interactive2", "submit_line": "sbatch x"}, False),
        ({"name": "interactive", "is_interactive": False}, False),
        ({}, None),
    ],
)
def test_interactive_jobs_are_known_by_their_name_or_command(fields, expected):
    assert Facts(**fields).interactive is expected


def test_a_job_without_a_limit_has_no_time_efficiency():
    assert Facts(elapsed_seconds=5, is_unlimited=True).time_efficiency is None
    assert Facts(elapsed_seconds=5, time_limit_seconds=10).time_efficiency == 0.5


def test_transfers_and_waiting_are_means():
    facts = Facts(
        read_bytes=100, read_operations=4, written_bytes=9, write_operations=3,
        metadata_operations=50, elapsed_seconds=10, submit_seconds=5, start_seconds=9,
    )  # fmt: skip
    assert facts.mean_read_bytes == 25
    assert facts.mean_written_bytes == 3
    assert facts.metadata_operations_per_second == 5
    assert facts.queue_seconds == 4


def test_every_name_of_a_condition_can_be_read_of_a_job_of_which_nothing_is_known():
    for name in names.NAMES:
        assert names.value(name, Facts()) is None


def test_every_name_of_a_condition_is_one_of_facts():
    for name in names.NAMES:
        assert hasattr(Facts, name) or name in ("dependency_count", "dependent_count")
