"""The made-up samples: they agree with the jobs, with each other, and with the recording rules."""

import dataclasses
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prometheus_server import OpenMetrics, PrometheusServer
from tests.userportal.demo.recorded import NOW, QUICK, Recorded, grid, made, recorded
from userportal.demo.cluster import NAME
from userportal.demo.jobuse import JobUse
from userportal.demo.metricdata import write_metrics
from userportal.demo.sizes import DAY_SECONDS
from userportal.metrics.expression import count, metric, total
from userportal.metrics.history import History, HistoryWriter
from userportal.metrics.prometheus import Prometheus

BY = ("user", "account")
RECENT = NOW - DAY_SECONDS + 2 * QUICK.step_seconds


def recent(series):
    """Return {labels: {time: value}} of the last day, in which nothing is left out."""
    found = {}
    for labels, samples in series.items():
        kept = {at: value for at, value in samples.items() if at >= RECENT}
        if kept:
            found[labels] = kept
    return found


def rates(samples, step=QUICK.step_seconds):
    """Return the increase per second between each two samples that are one step apart; a counter
    that falls has begun anew, with a requeued job."""
    return {
        at: (value - samples[at - step]) / step
        for at, value in samples.items()
        if samples.get(at - step, value + 1) <= value
    }


def summed_rates(writer, name, by, scale=1.0):
    found = {}
    for key, samples in writer.series[name].items():
        labels = dict(key)
        sums = found.setdefault(tuple(labels[label] for label in by), {})
        for at, value in rates(samples).items():
            sums[at] = sums.get(at, 0) + value * scale
    return found


def assert_same(first, second):
    assert first
    assert first.keys() == second.keys()
    for labels, samples in first.items():
        assert samples == pytest.approx(second[labels], rel=1e-9, abs=1e-9), labels


def test_the_same_seed_makes_the_same_samples():
    cluster, schedule = made()
    again = Recorded()
    write_metrics(again, cluster, schedule, QUICK, 1)
    assert again.series == recorded().series


def test_allocated_cores_are_the_cores_of_the_jobs():
    writer = recorded()
    rule = writer.total("slurm_job:allocated_core:count_user_account", BY)
    assert_same(recent(rule), recent(writer.count("slurm_job_core_usage_total", BY)))


def test_used_cores_are_what_the_counters_of_the_cores_rise():
    writer = recorded()
    rule = writer.total("slurm_job:used_core:sum_user_account", BY)
    assert_same(recent(rule), recent(summed_rates(writer, "slurm_job_core_usage_total", BY, 1e-9)))


@pytest.mark.parametrize(
    "rule, raw", [("allocated", "limit"), ("rss", "rss"), ("max", "max")]
)  # fmt: skip
def test_memory_of_users_is_that_of_their_jobs(rule, raw):
    writer = recorded()
    name = f"slurm_job:{rule}_memory:sum_user_account"
    assert_same(writer.total(name, BY), writer.total(f"slurm_job_memory_{raw}", BY))


def test_gpus_of_users_are_those_of_their_jobs():
    writer = recorded()
    allocated = writer.total("slurm_job:allocated_gpu:count_user_account", BY)
    assert_same(allocated, writer.count("slurm_job_utilization_gpu", BY))
    by = ("gpu_type", *BY)
    used = writer.total("slurm_job:used_gpu:sum_user_account", by)
    percent = writer.total("slurm_job_utilization_gpu", by)
    shares = {key: {at: value / 100 for at, value in one.items()} for key, one in percent.items()}
    assert_same(used, shares)
    assert_same(
        writer.total("slurm_job:power_gpu:sum_user_account", by),
        writer.total("slurm_job_power_gpu", by),
    )


def test_the_rules_of_the_cluster_are_the_sums_of_those_of_its_users():
    writer = recorded()
    for whole in ("allocated_core:count", "used_core:sum", "rss_memory:sum", "used_gpu:sum"):
        name = f"slurm_job:{whole}"
        assert_same(writer.total(name), writer.total(f"{name}_user_account"))


def test_programs_use_what_the_cores_of_their_account_use():
    writer = recorded()
    programs = writer.total("slurm_job:process_usage:sum_account", ("account",))
    assert_same(programs, writer.total("slurm_job:used_core:sum_user_account", ("account",)))
    paths = {dict(key)["exe"] for key in writer.series["slurm_job_process_usage_total"]}
    bins = {dict(key)["bin"] for key in writer.series["slurm_job:process_usage:sum_account"]}
    assert {PurePosixPath(path).name for path in paths} <= bins


def test_no_memory_exceeds_what_was_asked_for_and_the_highest_never_falls():
    writer = recorded()
    for key, limits in writer.series["slurm_job_memory_limit"].items():
        used = writer.series["slurm_job_memory_usage"][key]
        highest = list(writer.series["slurm_job_memory_max"][key].values())
        assert highest == sorted(highest)
        assert all(value <= limits[at] for at, value in used.items())
        assert max(used.values()) == highest[-1]


def test_no_core_works_more_than_all_the_time():
    for samples in recorded().series["slurm_job_core_usage_total"].values():
        assert all(0 <= rate <= 1e9 for rate in rates(samples).values())


def test_cores_of_slurm_are_those_in_use_and_those_free():
    writer = recorded()
    cluster, _schedule = made()
    allocated = writer.total("slurm_cpus_alloc")[()]
    idle, there = writer.total("slurm_cpus_idle")[()], writer.total("slurm_cpus_total")[()]
    assert set(there.values()) == {sum(node.cores for node in cluster.nodes)}
    assert all(0 <= idle[at] <= there[at] - allocated[at] <= there[at] for at in there)
    of_jobs = writer.total("slurm_job:allocated_core:count")[()]
    assert {at: value for at, value in allocated.items() if value} == of_jobs


def test_a_node_has_one_state_at_a_time():
    found = recorded().total("slurm_node_state_info", ("node",))
    assert len(found) == len(made()[0].nodes)
    assert all(set(samples.values()) == {1} for samples in found.values())


def test_nodes_that_are_out_of_order_say_so():
    writer = recorded()
    _cluster, schedule = made()
    still = [event for event in schedule.events if not event.end]
    for event in still:
        states = writer.total("slurm_node_state_info", ("state",), node=event.node)
        now = {state[0] for state, samples in states.items() if samples[max(samples)]}
        assert now <= {"down", "drained"} and now


def test_the_power_of_a_node_with_gpus_is_more_than_that_of_its_gpus():
    writer = recorded()
    gpus = writer.total("nvidia_gpu_power_usage_milliwatts", ("instance",))
    nodes = writer.total("redfish_chassis_power_average_consumed_watts", ("instance",))
    assert gpus
    for (name,), milliwatts in gpus.items():
        watts = nodes[f"{name}-oob",]
        assert all(watts[at] > value / 1000 > 0 for at, value in milliwatts.items())


def test_the_core_counters_of_old_jobs_are_left_out_and_those_of_late_ones_are_there():
    cluster, schedule = made()
    ids = {dict(key)["slurmjobid"] for key in recorded().series["slurm_job_core_usage_total"]}
    sampled = [job for job in schedule.jobs if job.start and JobUse(job, grid()).count > 1]
    late = {str(job.job_id) for job in sampled if not job.end or job.end > NOW - DAY_SECONDS // 2}
    early = {str(job.job_id) for job in schedule.jobs if 0 < job.end < NOW - 2 * DAY_SECONDS}
    assert late and late <= ids
    assert early and not early & ids


def test_running_jobs_go_on_ahead_of_now_only_if_that_is_wanted():
    ahead = dataclasses.replace(QUICK, ahead_seconds=3600)
    running = [job for job in made(ahead)[1].jobs if job.start and not job.end]
    assert running
    for sizes, last in ((QUICK, NOW), (ahead, NOW + 3600)):
        ends = [
            max(samples)
            for key, samples in recorded(sizes).series["slurm_job_memory_limit"].items()
            if dict(key)["slurmjobid"] == str(running[0].job_id)
        ]
        assert all(last - sizes.step_seconds < end <= last for end in ends) and ends


def test_what_every_page_asks_for_is_there():
    names = set(recorded().series)
    kinds = ("usage", "max", "limit", "cache", "rss", "rss_huge", "mapped_file", "active_file")
    gpu = ("utilization", "utilization_gpu_memory", "power", "memory_usage", "memory_total")
    wanted = {f"slurm_job_memory_{kind}" for kind in kinds}
    wanted |= {f"slurm_job_{kind}_gpu".replace("_gpu_memory_gpu", "_gpu_memory") for kind in gpu}
    wanted |= {
        "slurm_job_process_count", "slurm_job_threads_count", "slurm_job_process_usage_total",
        "slurm_job_sm_occupancy_gpu", "slurm_job_tensor_gpu", "slurm_job_fp16_gpu",
        "slurm_job_pcie_gpu", "lustre_job_stats_total", "lustre_job_read_bytes_total",
        "lustre_job_write_bytes_total", "lustre:metadata:rate3m", "lustre:metadata:rate3m_user",
        "lustre:read_bytes:rate3m", "lustre:write_bytes:rate3m_user", "node_load1",
        "node_memory_MemTotal_bytes", "node_memory_MemFree_bytes", "node_cpu_seconds_total",
        "node_network_receive_bytes_total", "node_infiniband_port_data_received_bytes_total",
        "node_disk_reads_completed_total", "node_disk_written_bytes_total",
        "node_filesystem_avail_bytes", "DRAM_Reads", "L3_Cache_Hits", "OS_ID",
        "Instructions_Retired_Any", "Clock_Unhalted_Ref", "Incoming_Data_Traffic_On_Link_2",
        "slurm_account_levelfs", "slurm_gpus_alloc", "lfs_quota_kbytes", "lfs_quota_inodes",
        "gpfs_user_used_bytes", "gpfs_user_quota_files", "libvirtd_domain_vcpu_time",
        "libvirtd_domain_balloon_usable", "libvirtd_domain_domain_state",
        "libvirtd_domain_net_rx_bytes", "libvirtd_domain_block_write_requests",
        "slurm_job:non_idle_gpu:sum_user_account",
    }  # fmt: skip
    assert not wanted - names


@given(st.integers(0, 1000))
@settings(max_examples=4)
def test_every_job_uses_no_more_than_it_has_whatever_the_seed(seed):
    cluster, schedule = made(QUICK, NOW, seed)
    samples = grid(QUICK)
    for job in schedule.jobs:
        if job.start:
            use = JobUse(job, samples)
            assert all(0 <= work <= 1 for work in use.work)
            for place in use.places:
                assert max(place.busy_256) <= 256
                assert all(
                    rss + cache <= use.limit_bytes for rss, cache in zip(place.rss, place.cache)
                )
            assert all(0 <= value <= 100 for one in use.gpu_percent for value in one)


def test_an_embedded_history_answers_as_the_rules_say(tmp_path):
    cluster, schedule = made()
    with HistoryWriter(tmp_path / "metrics.db") as writer:
        write_metrics(writer, cluster, schedule, QUICK, 1)
    check_answers(History(tmp_path / "metrics.db"), QUICK.step_seconds)


def test_a_real_prometheus_makes_the_rules_outputs_of_the_made_up_samples(tmp_path):
    sizes = dataclasses.replace(QUICK, days=1, step_seconds=30)
    cluster, schedule = made(sizes)
    with OpenMetrics(tmp_path / "samples") as writer:
        write_metrics(OnlyJobs(writer), cluster, schedule, sizes, 1)
    server = PrometheusServer(tmp_path / "prometheus")
    server.start(tmp_path / "samples")
    try:
        check_answers(Prometheus(server.url), sizes.step_seconds)
    finally:
        server.stop()


class OnlyJobs:
    """Hands the samples of jobs on to a writer, and no others."""

    def __init__(self, writer):
        self.writer = writer

    def add(self, name, *series):
        if name.startswith("slurm_job"):
            self.writer.add(name, *series)


def check_answers(source, step):
    """Compare what a source makes of the counters with the rules' outputs."""
    at = NOW // step * step
    window = 2 * step - 1  # Prometheus 2 would take three samples into twice the step
    cores = metric("slurm_job_core_usage_total", cluster=NAME)
    rule = metric("slurm_job:used_core:sum_user_account", cluster=NAME)
    made_of = by_labels(source.instant(total(cores.rate(window) / 1e9, by=BY), at))
    kept = by_labels(source.instant(total(rule, by=BY), at))
    assert kept
    assert {labels: made_of[labels] for labels in kept} == pytest.approx(kept, rel=1e-6)
    allocated = metric("slurm_job:allocated_core:count_user_account", cluster=NAME)
    assert by_labels(source.instant(count(cores, by=BY), at)) == by_labels(
        source.instant(total(allocated, by=BY), at)
    )


def by_labels(found):
    return {tuple(sorted(series.labels.items())): series.last() for series in found}
