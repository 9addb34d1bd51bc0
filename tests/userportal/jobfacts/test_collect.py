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
from userportal.jobfacts.assemble import Times, applications_of, gpu_of
from userportal.jobfacts.collect import Collector, with_stored
from userportal.jobfacts.measures import step_of
from userportal.metrics.series import Series
from userportal.report import stored
from userportal.slurm.database import SlurmDatabase
from userportal.slurm.model import Job
from userportal.sources import Sources

SHORT, ENERGETIC, UNLIMITED, PARTITIONS = 131, 132, 133, 134
PAUSED, STILL, BRIEF = 135, 136, 137
ROWS = (
    *few_jobs.ROWS,
    job_row(SHORT, time_end=START + 100),
    job_row(ENERGETIC, nodelist="c008"),
    job_row(UNLIMITED, timelimit=0xFFFFFFFF, nodelist="c008"),
    job_row(PARTITIONS, timelimit=0xFFFFFFFE, nodelist="c008"),
    job_row(PAUSED, time_suspended=2700, nodelist="c002"),
    job_row(STILL, state=2, time_end=0, time_suspended=START + 900, nodelist="c010"),
    job_row(BRIEF, time_suspended=3540, nodelist="c010"),
)


def write(samples):
    """Write the samples of the few jobs, and of one that lasted 100 s."""
    few_jobs.write(samples)
    write_paused(samples, samples.of_job(PAUSED, "c002"), 900)
    write_paused(samples, samples.of_job(BRIEF, "c010"), 300)
    samples.times = list(range(START, END + 601, 30))
    write_paused(samples, samples.of_job(STILL, "c010"), 900)
    samples.times = list(range(START, END + 1, 30))
    samples.times = samples.times[:4]
    few_jobs.write_cgroup(samples, samples.of_job(SHORT, "c007"), 1)


def write_paused(samples, labels, seconds):
    """Write two cores, a GPU and Lustre at work for some seconds; what is counted then stands."""
    ran = [min(at - samples.times[0], seconds) for at in samples.times]
    at_work = [at - samples.times[0] < seconds for at in samples.times]
    of_lustre = {**labels, "jobid": labels["slurmjobid"], "fs": "scratch"}
    series = [
        *(("slurm_job_core_usage_total", {"core": core, **labels}, [1e9 * one for one in ran])
          for core in (3, 12)),
        ("slurm_job_process_usage_total", {"exe": "/opt/bin/solve", **labels},
         [2 * one for one in ran]),
        ("slurm_job_threads_count", {"state": "running", **labels}, [2 * one for one in at_work]),
        ("slurm_job_utilization_gpu", {"gpu": "0", **labels}, [90 * one for one in at_work]),
        ("lustre_job_read_bytes_total", {"component": "ost", **of_lustre},
         [8 * one for one in ran]),
        ("lustre_job_stats_total", {"component": "mdt", **of_lustre}, [4 * one for one in ran]),
    ]  # fmt: skip
    for name, more, values in series:
        samples.writer.add(name, more, samples.times, values)


def collector_of(path):
    """Return (Collector, Sources) of a portal."""
    sources = Sources(read_configuration(path))
    return Collector(sources, gpus.read(), {ONE: "echo one"}.get), sources


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A function: what is Known of a job; without Django."""
    path = write_site(tmp_path_factory.mktemp("facts") / "site", ROWS, write)
    collector, sources = collector_of(path)
    add_step(Database(read_config(path.with_name("slurm_db.conf"))))
    with sources.slurm() as slurm:
        yield lambda job_id: collector.collect(slurm, slurm.job(job_id), END + 600, "ann")


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


@pytest.mark.parametrize("job_id", [PAUSED, STILL])
def test_a_job_that_was_suspended_is_measured_by_what_it_ran(known, job_id):
    facts, about = known(job_id).facts, 0.2  # of points three minutes apart
    assert (facts.elapsed_seconds, facts.cpu_seconds_given) == (900, 1800)
    assert facts.cpu_seconds_used == pytest.approx(1800, rel=about)
    assert facts.cpu_efficiency == pytest.approx(1, rel=about)
    assert facts.mean_cores_used == pytest.approx(2, rel=about)
    assert facts.gpu_utilization == pytest.approx(0.9, rel=about)
    assert facts.threads_running == pytest.approx(2, rel=about)
    assert facts.applications == {"/opt/bin/solve": pytest.approx(2, rel=about)}
    assert facts.read_bytes == pytest.approx(8 * 900, rel=about)
    assert facts.metadata_operations == pytest.approx(4 * 900, rel=about)
    assert facts.metadata_operations_per_second == pytest.approx(4, rel=about)


def test_the_energy_of_a_suspended_job_is_that_of_all_the_time_that_it_had_its_node(known):
    # 2 of 8 cores of a node of 200 W, for an hour.
    assert known(PAUSED).facts.energy_kwh == pytest.approx(0.05)


def test_a_short_run_before_a_long_pause_never_used_more_than_it_had(known):
    facts = known(BRIEF).facts
    # 300 s were measured, of which Slurm counts 60.
    assert (facts.elapsed_seconds, facts.cpu_seconds_used) == (60, 120)
    assert (facts.cpu_efficiency, facts.gpu_utilization) == (1, 1)


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
        found = collector.collect(slurm, slurm.job(ONE), END, "ann")
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
    times, of_gpu = Times(60, 60), {"model": hostile, "gpu_utilization": busy}
    assert applications_of([used], times) == {seen: 2.0}
    assert gpu_of("0", of_gpu, times, lambda model: None).model == seen
