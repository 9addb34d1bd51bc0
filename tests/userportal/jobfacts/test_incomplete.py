"""Facts of jobs whose samples have gaps: nodes that are silent, counters that end or fall."""

import pytest

from tests.userportal.jobfacts.test_collect import collector_of
from tests.userportal.jobstats.little import A100, GIB, HOUR, START, host, job_row, write_site
from userportal.analysis import rules
from userportal.analysis.findings import findings
from userportal.analysis.measured import NodeFacts
from userportal.jobfacts.assemble import with_absent
from userportal.report import sections

THREE, THREE_GPUS, FORGOTTEN, BURSTS, SWEEP, CHASSIS, SILENT = range(201, 208)
NODES = ("c001", "c002", "c003")
LONG_SECONDS, BURSTS_SECONDS = 24 * HOUR, 250 * HOUR
OF_THREE = {"nodelist": "c[001-003]", "nodes_alloc": 3, "tres_req": "1=24,2=24576,4=3"}
CORES_OF_THREE = "1=24,2=24576,4=3"
ROWS = (
    job_row(THREE, **OF_THREE, tres_alloc=CORES_OF_THREE),
    job_row(THREE_GPUS, **OF_THREE, tres_alloc=f"{CORES_OF_THREE},1001=3"),
    job_row(FORGOTTEN, time_end=START + LONG_SECONDS, nodelist="c011"),
    job_row(BURSTS, time_end=START + BURSTS_SECONDS, timelimit=250 * 60, nodelist="c011"),
    job_row(SWEEP, nodelist="c011"),
    job_row(CHASSIS, **OF_THREE, tres_alloc=f"{CORES_OF_THREE},3=4320000"),
    job_row(SILENT, **OF_THREE, tres_alloc=CORES_OF_THREE),
)


def write(samples):
    """Write what is measured of each job."""
    write_busy_node(samples, THREE, "c001")
    write_busy_node(samples, THREE_GPUS, "c001")
    on = {**samples.of_job(THREE_GPUS, "c001"), "gpu": "0", "gpu_type": A100}
    samples.constant("slurm_job_utilization_gpu", 90, **on)
    samples.constant("slurm_job_memory_usage_gpu", 8 * GIB, **on)
    samples.constant("slurm_job_power_gpu", 200_000, **on)
    for node in NODES:
        for job_id in (CHASSIS, SILENT):
            write_busy_node(samples, job_id, node)
        for cpu in range(8):
            on = {"instance": host(node, 9100), "cpu": cpu, "mode": "idle"}
            samples.growing("node_cpu_seconds_total", 0.0, **on)
    samples.constant("redfish_chassis_power_average_consumed_watts", 400,
                     instance="c001-oob.int.example.org:9610", chassis="1")  # fmt: skip
    write_sweep(samples)
    write_forgotten(samples)
    write_bursts(samples)


def write_busy_node(samples, job_id, node):
    """Write eight cores that are at work, their memory, threads and program."""
    on = samples.of_job(job_id, node)
    for core in range(8):
        samples.growing("slurm_job_core_usage_total", 1e9, core=core, **on)
    samples.constant("slurm_job_memory_max", 6 * GIB, **on)
    samples.constant("slurm_job_memory_limit", 8 * GIB, **on)
    samples.constant("slurm_job_threads_count", 8, state="running", **on)
    samples.growing("slurm_job_process_usage_total", 8, exe="/opt/bin/solve", **on)


def write_sweep(samples):
    """Write a program that is started anew every ten minutes, always two cores at work."""
    on = samples.of_job(SWEEP, "c011")
    for core in (0, 1):
        samples.growing("slurm_job_core_usage_total", 1e9, core=core, **on)
    ran = [2.0 * ((at - START) % 600) for at in samples.times]
    samples.writer.add(
        "slurm_job_process_usage_total", {"exe": "/opt/bin/sweep", **on}, samples.times, ran
    )


def of_lustre(job_id, **more):
    """Return the labels of a job's series of Lustre."""
    return {"jobid": job_id, "user": "ann", "account": "def-ann", "fs": "scratch", **more}


def write_forgotten(samples):
    """Write an hour of work, and the ten idle minutes after which Lustre forgets the job."""
    times = list(range(START, START + HOUR + 601, 30))
    for name, per_second, component in (
        ("lustre_job_read_bytes_total", 2**20, "ost"),
        ("lustre_job_stats_total", 3000, "mdt"),
    ):
        labels = of_lustre(FORGOTTEN, component=component, operation="open")
        values = [per_second * min(at - START, HOUR) for at in times]
        samples.writer.add(name, labels, times, values)


def write_bursts(samples):
    """Write 6 GB within a minute, every half an hour."""

    def written(at):
        past = at - START - 120
        return 1e8 * (60 * (past // 1800) + min(past % 1800, 60)) if past > 0 else 0

    times = list(range(START, START + BURSTS_SECONDS + 1, 90))
    samples.writer.add(
        "lustre_job_write_bytes_total", of_lustre(BURSTS, component="ost"), times,
        [written(at) for at in times],
    )  # fmt: skip


@pytest.fixture(scope="module")
def facts_of(tmp_path_factory):
    """A function: the Facts of a job."""
    path = write_site(tmp_path_factory.mktemp("incomplete") / "site", ROWS, write)
    collector, sources = collector_of(path)
    with sources.slurm() as slurm:

        def facts(number):
            return collector.collect(slurm, slurm.job(number), START + BURSTS_SECONDS, "ann").facts

        yield facts


@pytest.mark.parametrize("job_id", [THREE, THREE_GPUS])
def test_a_silent_node_makes_unknown_what_is_added_up_over_all_nodes(facts_of, job_id):
    facts = facts_of(job_id)
    assert [node.name for node in facts.nodes] == list(NODES)
    assert facts.nodes[1:] == (NodeFacts("c002"), NodeFacts("c003"))
    assert facts.measured_nodes == facts.nodes[:1]
    assert (facts.nodes[0].cores, facts.nodes[0].memory_used_bytes) == (8, 6 * GIB)
    assert (facts.cores_used, facts.mean_cores_used, facts.cpu_efficiency) == (None, None, None)
    assert (facts.memory_peak_bytes, facts.memory_used_bytes) == (None, None)
    assert (facts.threads_running, facts.unused_nodes, facts.node_imbalance) == (None, None, None)
    assert facts.applications == {"/opt/bin/solve": None}
    assert facts.memory_given_bytes == facts.memory_requested_bytes == 24 * GIB


def test_gpus_of_a_silent_node_make_the_figures_of_gpus_unknown(facts_of):
    facts = facts_of(THREE_GPUS)
    assert (facts.nodes[0].gpus[0].utilization_percent, facts.gpu_model) == (90, A100)
    assert (facts.gpu_utilization, facts.unused_gpus, facts.used_gpus) == (None, None, None)
    assert (facts.gpu_imbalance, facts.fullest_gpu) == (None, None)
    assert (facts.gpu_memory_used_bytes, facts.gpu_memory_given_bytes) == (None, None)


def test_the_report_of_a_job_with_a_silent_node_has_no_percentage(facts_of):
    lines = sections.meters(facts_of(THREE_GPUS), {"cpu": 0.5, "gpu": 0.5}, colour=False)
    assert len(lines) == 4
    assert all(one.endswith(" unknown: not measured, or not on all nodes") for one in lines)


@pytest.mark.parametrize("job_id", [THREE, THREE_GPUS])
def test_a_silent_node_is_no_finding_about_cores_threads_memory_or_gpus(facts_of, job_id):
    found = {one.graph for one in findings(facts_of(job_id), rules.read(None))}
    assert not found & {"cpu", "thread", "mem", "gpu_utilization", "gpu_memory"}


def test_nodes_that_the_metrics_call_otherwise_are_not_missing():
    of_metrics = (NodeFacts("a1.example.org", cores=2), NodeFacts("a2.example.org", cores=2))
    assert with_absent(of_metrics, ("a1", "a2")) == of_metrics
    assert with_absent(of_metrics, ("x1", "x2")) == of_metrics
    assert with_absent(of_metrics, ("a1", "a2", "a3")) == (*of_metrics, NodeFacts("a3"))
    assert with_absent((), ("a1",)) == ()


def test_energy_that_is_not_measured_on_all_nodes_is_slurms_or_unknown(facts_of):
    assert facts_of(CHASSIS).energy_kwh == pytest.approx(1.2)
    assert len(facts_of(SILENT).measured_nodes) == 3
    assert facts_of(SILENT).energy_kwh is None


def test_programs_that_end_take_nothing_from_the_cores_of_a_program(facts_of):
    facts = facts_of(SWEEP)
    assert facts.cores_used == pytest.approx(2)
    # The points right after a new start are of a falling sum, and count as none.
    assert facts.applications == {"/opt/bin/sweep": pytest.approx(1.8, abs=0.2)}


def test_a_job_that_lustre_forgets_moved_what_was_counted_before(facts_of):
    facts = facts_of(FORGOTTEN)
    assert facts.read_bytes == pytest.approx(HOUR * 2**20, rel=0.01)
    assert facts.metadata_operations == pytest.approx(HOUR * 3000, rel=0.01)
    assert facts.metadata_operations_per_second == pytest.approx(3000 / 24, rel=0.01)
    assert facts.written_bytes is None


def test_nothing_that_a_long_job_wrote_in_bursts_is_missed(facts_of):
    assert facts_of(BURSTS).written_bytes == pytest.approx(500 * 6e9, rel=0.01)
