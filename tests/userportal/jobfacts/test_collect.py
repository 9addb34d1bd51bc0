"""Facts of a job: what is put together of Slurm's row, the metrics and Slurm's energy."""

import pytest

from tests.services import free_port
from tests.userportal.jobstats import few_jobs
from tests.userportal.jobstats.few_jobs import (
    GPU,
    ONE,
    PLAIN_GPU,
    RUNNING,
    TWO,
    UNMEASURED,
    WAITING,
)
from tests.userportal.jobstats.little import A100, END, GIB, START, job_row, write_site
from tests.userportal.slurm import made
from usagedb.config import read_config
from usagedb.database import Database
from userportal.analysis import gpus
from userportal.analysis.facts import Facts
from userportal.analysis.measured import NodeFacts
from userportal.configuration import read_configuration
from userportal.jobfacts.assemble import applications_of, gpu_of
from userportal.jobfacts.collect import Collector, with_stored
from userportal.jobfacts.measures import step_of
from userportal.metrics.series import Series
from userportal.report import stored
from userportal.slurm.database import SlurmDatabase
from userportal.slurm.model import Job
from userportal.sources import Sources

SHORT, ENERGETIC, UNLIMITED, PARTITIONS = 131, 132, 133, 134
ROWS = (
    *few_jobs.ROWS,
    job_row(SHORT, time_end=START + 100),
    job_row(ENERGETIC, nodelist="c008"),
    job_row(UNLIMITED, timelimit=0xFFFFFFFF, nodelist="c008"),
    job_row(PARTITIONS, timelimit=0xFFFFFFFE, nodelist="c008"),
)


def write(samples):
    """Write the samples of the few jobs, and of one that lasted 100 s."""
    few_jobs.write(samples)
    samples.times = samples.times[:4]
    few_jobs.write_cgroup(samples, samples.of_job(SHORT, "c007"), 1)


def collector_of(path):
    """Return (Collector, Sources) of a portal."""
    sources = Sources(read_configuration(path))
    return Collector(sources, gpus.read(), {made.ANN: "ann"}.get, {ONE: "echo one"}.get), sources


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A function: what is Known of a job; without Django."""
    path = write_site(tmp_path_factory.mktemp("facts") / "site", ROWS, write)
    collector, sources = collector_of(path)
    add_step(Database(read_config(path.with_name("slurm_db.conf"))))
    with sources.slurm() as slurm:
        yield lambda job_id: collector.collect(slurm, slurm.job(job_id), END + 600)


def add_step(database):
    """Store the batch step of a job that drew 7.2 MJ."""
    store = SlurmDatabase(database, made.CLUSTER)
    row = {"job_db_inx": store.job(ENERGETIC).db_index, "id_step": -5, "step_name": "batch",
           "consumed_energy": 7_200_000, "time_start": START, "time_end": END}  # fmt: skip
    made.add(store, row, table="step_table")
    database.close()


def test_facts_of_a_job_on_one_node(known):
    facts = known(ONE).facts
    assert (facts.user, facts.account, facts.cluster) == ("ann", "def-ann", "vela")
    assert facts.cores_used == pytest.approx(0.75)
    assert facts.memory_peak_bytes == 15 * GIB / 16
    assert facts.threads_running == 2
    assert facts.applications == {
        "/opt/bin/solve": pytest.approx(0.5), "/usr/bin/python3": pytest.approx(0.125),
    }  # fmt: skip
    assert list(facts.applications) == ["/opt/bin/solve", "/usr/bin/python3"]
    assert facts.read_bytes == pytest.approx(12 * 2**20 * 3600)
    assert facts.written_bytes == pytest.approx(3 * 2**20 * 3600)
    assert facts.metadata_operations == pytest.approx(7 * 3600)
    assert facts.energy_kwh == pytest.approx(0.1)
    assert (facts.cores_per_whole_node, facts.memory_per_whole_node_bytes) == (8, 64 * GIB)
    assert (facts.time_limit_seconds, facts.elapsed_seconds) == (7200, 3600)


def test_nodes_are_named_as_slurm_names_them(known):
    nodes = known(TWO).facts.nodes
    assert [node.name for node in nodes] == ["c001", "c002"]
    assert {node.cores for node in nodes} == {2}
    assert nodes[0].cpu_seconds == pytest.approx(0.75 * 3600)
    assert nodes[0].memory_used_bytes == 2 * GIB - GIB // 16
    assert nodes[0].memory_total_bytes == 4 * GIB


def test_gpus_have_their_model_memory_and_power(known):
    facts = known(GPU).facts
    (node,) = facts.nodes
    assert [(gpu.index, gpu.utilization_percent, gpu.power_watts) for gpu in node.gpus] == [
        ("0", 80, 200), ("1", 40, 300),
    ]  # fmt: skip
    assert {(gpu.model, gpu.memory_used_bytes, gpu.memory_total_bytes) for gpu in node.gpus} == {
        (A100, 8 * GIB, 48 * GIB)
    }
    assert facts.gpu_model == A100


def test_a_model_that_nobody_knows_is_not_called_gpu(known):
    assert known(PLAIN_GPU).facts.gpu_model == "3g.20gb"
    assert known(WAITING).facts.gpu_model is None


def test_a_job_shorter_than_three_minutes_has_facts_too(known):
    facts = known(SHORT).facts
    # A counter that begins within the window of a rate counts half of it: 0.375, 0.75, 0.75.
    assert facts.cores_used == pytest.approx(0.625, rel=1e-3)
    assert facts.nodes[0].memory_used_bytes == 15 * GIB // 16


def test_the_points_are_three_minutes_apart_in_jobs_of_usual_length():
    assert [step_of(START, START + seconds, 30) for seconds in (60, 600, 1800, 86400, 864000)] == [
        30, 60, 180, 180, 1728,
    ]  # fmt: skip
    assert step_of(START, START + 86400, 300) == 300
    assert step_of(START, START + 60, 0) == 6


def test_energy_is_slurms_where_it_is_not_measured(known):
    assert known(ENERGETIC).facts.energy_kwh == pytest.approx(2)
    assert known(UNMEASURED).facts.energy_kwh is None


def test_time_limits_are_known_unlimited_or_the_partitions(known):
    found = [known(job).facts for job in (ONE, UNLIMITED, PARTITIONS)]
    assert [(facts.time_limit_seconds, facts.is_unlimited) for facts in found] == [
        (7200, False), (None, True), (None, False),
    ]  # fmt: skip


def test_what_is_not_measured_stays_unknown(known):
    facts = known(UNMEASURED).facts
    assert (facts.nodes, facts.cores_used, facts.memory_peak_bytes, facts.applications) == (
        None, None, None, None,
    )  # fmt: skip


def test_a_waiting_job_has_facts_of_slurm_alone(known):
    facts = known(WAITING).facts
    assert (facts.state, facts.elapsed_seconds, facts.nodes) == ("PENDING", None, None)


def test_a_running_job_is_measured_up_to_now(known):
    assert known(RUNNING).facts.elapsed_seconds == 4200


def test_the_script_that_was_sent_stands_in_for_slurms(known):
    assert (known(ONE).script, known(TWO).script) == ("echo one", None)


def test_metrics_that_are_away_cost_no_other_fact(tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    path = write_site(
        tmp_path / "site", few_jobs.ROWS, None, prometheus={"history": "", "url": url}
    )
    collector, sources = collector_of(path)
    with sources.slurm() as slurm:
        found = collector.collect(slurm, slurm.job(ONE), END)
    assert list(found.failures) == ["metrics"]
    assert (found.facts.cores, found.facts.cores_used) == (2, None)
    assert [one.job_id for one in found.dependents] == []
    assert [one.job.job_id for one in found.prerequisites] == [TWO]


def test_figures_in_the_comment_stand_in_for_metrics_that_know_nothing():
    facts = Facts(
        job_id=1, elapsed_seconds=100, nodes=(NodeFacts("n1", cores=4, cpu_seconds=200.0),)
    )
    job = Job(job_id=1, admin_comment=stored.encode(facts))
    found = with_stored(Facts(job_id=1, elapsed_seconds=100), job)
    assert found.cpu_efficiency == 0.5 and found.nodes[0].name == "n1"
    measured = Facts(job_id=1, nodes=(NodeFacts("n2"),))
    assert with_stored(measured, job) is measured
    for comment in ("", "JS1:None", "JS1:" + "A" * 40, "words of a person"):
        assert with_stored(Facts(job_id=1), Job(job_id=1, admin_comment=comment)).nodes is None


def test_control_characters_of_an_executable_and_a_gpu_are_shown():
    hostile, seen = "a\u202e\x1b\x07", r"a\u202e\x1b\x07"
    used = Series({"exe": hostile}, [0.0], [2.0])
    busy = Series({"gpu_type": hostile}, [0.0], [50.0])
    assert applications_of([used]) == {seen: 2.0}
    assert (
        gpu_of("0", {"model": hostile, "gpu_utilization": busy}, lambda model: None).model == seen
    )
