"""An embedded history answers every expression as a real Prometheus does."""

import pytest

from tests.userportal.metrics.made_up import END, HOURS, START, STRANGE_TEXTS
from userportal.metrics.expression import (
    any_of,
    base_name,
    before,
    contains,
    count,
    ends_with,
    host_part,
    matching,
    maximum,
    mean,
    metric,
    minimum,
    node_names,
    not_equal,
    not_matching,
    number,
    parse_filter,
    starts_with,
    top,
    total,
    vector,
    whole,
    wildcards,
)
from userportal.metrics.history import History
from userportal.metrics.prometheus import Prometheus
from userportal.metrics.source import QueryRejected

GIB = 2**30
JOBS = any_of([101, 102, 103])
NODES = node_names(["nc01", "ng01"], ".example.org")
MEMORY = any_of([f"slurm_job_memory_{name}" for name in ("usage", "limit", "max", "rss")])
CORES = metric("slurm_job_core_usage_total", slurmjobid=JOBS)
ALLOCATED = total(metric("slurm_job:allocated_core:count_user_account"), by=("user",))
USED = total(metric("slurm_job:used_core:sum_user_account"), by=("user",))
IDLE = metric("node_cpu_seconds_total", mode="idle")
POWER = metric("redfish_chassis_power_average_consumed_watts")
HITS, MISSES = (metric(f"L2_Cache_{name}", core=number()).rate(60) for name in ("Hits", "Misses"))
LUSTRE = {"component": "ost", "target": matching("*-OST*")}
NODE_POWER = total(
    POWER.with_label("node", "instance", host_part("-oob.example.org")), by=("node",)
)
CORES_OF_JOB = count(
    CORES.with_label("node", "instance", host_part(".example.org")), by=("node", "slurmjobid")
)
CORES_OF_NODE = count(IDLE.with_label("node", "instance", host_part(".example.org")), by=("node",))
MEMORY_PARTS = [
    metric(f"node_memory_{n}_bytes") for n in ("MemTotal", "MemFree", "Buffers", "Cached")
]

EXPRESSIONS = {
    "cpu of jobs": CORES.rate(60) / 1e9,
    "cpu of a user": total(CORES.rate(60), by=("user",)) / 1e9,
    "lost samples in a short window": CORES.rate(30),
    "long window": CORES.rate(900),
    "cores seen by node": count(CORES, by=("instance",)),
    "allocated by job": count(CORES, by=("account", "user", "slurmjobid")),
    "memory metrics at once": metric(MEMORY, slurmjobid=JOBS),
    "memory": metric("slurm_job_memory_max", user="ann") / GIB,
    "memory of a user": total(metric("slurm_job_memory_max", user="ann")),
    "threads": metric("slurm_job_threads_count", slurmjobid="101", state=not_equal("?")),
    "programs": total(metric("slurm_job_process_usage_total").deriv(60).clamp_min(0), by=("exe",)),
    "programs as they grow and fall": total(
        metric("slurm_job_process_usage_total").deriv(60), by=("exe",)
    ),
    "programs that run": total(
        metric("slurm_job_process_usage_total").deriv(120).where(">", 0), by=("exe",)
    ),
    "program names": total(
        metric("slurm_job_process_usage_total")
        .deriv(300)
        .with_label("bin", "exe", base_name()),
        by=("account", "bin"),
    ),
    "metadata": total(
        metric("lustre_job_stats_total", component="mdt", jobid=JOBS).rate(180),
        by=("operation", "fs", "jobid"),
    ).where("!=", 0),
    "metadata in all of a job's time": total(
        metric("lustre_job_stats_total", component="mdt", jobid="101").rate(7200)
    ),
    "metadata by user": total(
        metric("lustre_job_stats_total", component="mdt", user="ann").rate(300),
        by=("user", "fs"),
    ),
    "read": total(
        metric("lustre_job_read_bytes_total", jobid=JOBS, **LUSTRE).rate(180), by=("fs", "jobid")
    )
    / 2**20,
    "gpu mean": mean(metric("slurm_job_utilization_gpu"), by=("slurmjobid",)),
    "gpu used": total(metric("slurm_job_utilization_gpu", user="ann")) / 100,
    "gpu busy": count(metric("slurm_job_utilization_gpu").where(">", 50), by=("gpu_type", "user")),
    "gpu power": total(metric("slurm_job_power_gpu"), by=("gpu_type",)) / 1000,
    "gpus of jobs": count(metric("slurm_job_utilization_gpu"), by=("slurmjobid", "gpu_type")),
    "pcie": metric("slurm_job_pcie_gpu", direction="TX") / GIB,
    "ethernet": metric(
        "node_network_receive_bytes_total", device=not_matching("ib*", "lo"), instance=NODES
    ).rate(60)
    * 8
    / 1e6,
    "node that was away and began anew": metric(
        "node_network_transmit_bytes_total", instance=starts_with("nc02")
    ).rate(120),
    "gauge of a node that was away": metric(
        "node_network_transmit_bytes_total", instance=starts_with("nc02"), device="eth0"
    ),
    "disks": metric(
        "node_disk_reads_completed_total", device=wildcards("nvme?n?", "sd?"), instance=NODES
    ).rate(60),
    "disk used": (
        metric("node_filesystem_size_bytes", mountpoint="/localscratch")
        - metric("node_filesystem_avail_bytes", mountpoint="/localscratch")
    )
    / 1e9,
    "memory of applications": MEMORY_PARTS[0] - MEMORY_PARTS[1] - MEMORY_PARTS[2] - MEMORY_PARTS[3],
    "cache": 100 / (1 + MISSES / HITS),
    "cache of a node": 100 / (1 + total(MISSES, by=("instance",)) / total(HITS, by=("instance",))),
    "modes": total(metric("node_cpu_seconds_total").irate(120), by=("mode", "instance")),
    "busy cores": total(
        metric("node_cpu_seconds_total", mode=not_equal("idle")).rate(60), by=("instance",)
    ),
    "wasted": (ALLOCATED - USED).clamp_min(0),
    "not wasted": ALLOCATED.where("<=", USED),
    "difference": ALLOCATED - USED,
    "account that has nothing": total(
        metric("slurm_job:used_core:sum_user_account", account="none")
    ).otherwise(0),
    "account that ends": total(metric("slurm_job_memory_rss", slurmjobid="102")).otherwise(0),
    "either": metric("slurm_job_memory_rss", slurmjobid="102").otherwise(
        metric("slurm_job_memory_max")
    ),
    "top": top(3, metric("lustre:metadata:rate3m_user", fs="lustre01", user=not_equal("root"))),
    "top users": top(
        2, total(metric("slurm_job:allocated_core:count_user_account"), by=("user", "account"))
    ),
    "share of the power": NODE_POWER.multiplied_by(CORES_OF_JOB.divided_by(
        CORES_OF_NODE, on=("node",), group_left=()
    ), on=("node",)),
    "power": NODE_POWER,
    "labels of the other side": CORES_OF_JOB.multiplied_by(
        count(POWER.with_label("node", "instance", host_part("-oob.example.org")),
              by=("node", "chassis")),
        on=("node",),
        group_left=("chassis",),
    ),
    "ignoring": metric("node_filesystem_avail_bytes").divided_by(
        metric("node_filesystem_size_bytes"), ignoring=("fstype",)
    ),
    "where another": metric("node_memory_MemFree_bytes").where(
        "<", metric("node_memory_Cached_bytes")
    ),
    "where another on a label": metric("node_memory_MemFree_bytes").where(
        ">", metric("node_memory_Cached_bytes"), on=("instance",)
    ),
    "minimum and maximum": maximum(metric("slurm_job_memory_max"), by=("user",))
    - minimum(metric("slurm_job_memory_rss"), by=("user",)),
    "priority": metric("slurm_account_levelfs", account="def-ann"),
    "from a number": 100 - metric("slurm_job_utilization_gpu"),
    "number by": 1 / metric("slurm_account_levelfs"),
    "by nothing": metric("node_disk_reads_completed_total").rate(60)
    / metric("node_disk_reads_completed_total").rate(60),
    "constant": vector(2.5),
    "target before": total(
        metric("lustre_job_read_bytes_total").rate(270).with_label("fs", "target", before("-OST")),
        by=("fs", "user"),
    ),
    "name as label": metric(MEMORY).with_label("kind", "__name__", whole()) / GIB,
    "replaced with more": metric("slurm_account_levelfs").with_label(
        "who", "account", before("-"), "group ${1}!"
    ),
    "odd values": metric("odd_values"),
    "odd values filtered": metric("odd_values").where("!=", 0) * 2,
    "odd values clamped": metric("odd_values").clamp_min(-1),
    "highest odd value": maximum(metric("odd_values")),
    "lone sample": metric("odd_single"),
    "rate of a lone sample": metric("odd_single").rate(300),
    "no such metric": metric("nowhere_to_be_found"),
    "missing label": metric("slurm_account_levelfs", cluster=""),
    "nothing matches": metric("slurm_account_levelfs", account=any_of([])),
    "ends with": metric("node_disk_reads_completed_total", device=ends_with("n1")),
}  # fmt: skip


def comparable(found):
    return {
        tuple(sorted(series.labels.items())): dict(zip(series.times, series.values))
        for series in found
    }


def assert_same(left, right):
    left, right = comparable(left), comparable(right)
    assert left.keys() == right.keys()
    for labels, points in left.items():
        assert points == pytest.approx(right[labels], rel=1e-6, abs=1e-9), labels


EMPTY = {
    "rate of a lone sample",
    "no such metric",
    "nothing matches",
    "lost samples in a short window",
}


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_a_history_has_the_ranges_of_prometheus(prometheus, history, what):
    expression = EXPRESSIONS[what]
    for start, end, step in ((START - 900, END + 900, 180), (START + 1800, START + 5400, 60)):
        found = prometheus.range(expression, start, end, step)
        assert bool(found) == (what not in EMPTY) or "odd" in what or what == "lone sample"
        assert_same(history.range(expression, start, end, step), found)


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_a_history_has_the_moments_of_prometheus(prometheus, history, what):
    for at in (START, START + 3000.5, START + 6000, END, END + 100, END + HOURS * 3600):
        expression = EXPRESSIONS[what]
        assert_same(history.instant(expression, at), prometheus.instant(expression, at))


@pytest.mark.parametrize("text", STRANGE_TEXTS)
@pytest.mark.parametrize("make", [str, lambda text: any_of([text, "other"]), not_equal])
def test_no_text_leaves_its_quotes(prometheus, history, text, make):
    expression = metric("odd_labels", user=make(text))
    found = prometheus.instant(expression, START + 100)
    users = {series.labels.get("user", "") for series in found}
    assert users == ({text} if make is not not_equal else {*STRANGE_TEXTS} - {text})
    assert_same(history.instant(expression, START + 100), found)


@pytest.mark.parametrize("text", [text for text in STRANGE_TEXTS if text and "\n" not in text])
@pytest.mark.parametrize("make", [starts_with, contains, ends_with])
def test_a_part_of_a_text_is_no_regular_expression(prometheus, history, text, make):
    expression = metric("odd_labels", user=make(text))
    found = prometheus.instant(expression, START + 100)
    assert text in {series.labels["user"] for series in found}
    assert all(text in series.labels["user"] for series in found)
    assert_same(history.instant(expression, START + 100), found)


@pytest.mark.parametrize(
    "expression",
    [
        metric(MEMORY, slurmjobid="101") / GIB,
        metric(any_of(["node_disk_reads_completed_total", "node_cpu_seconds_total"])).rate(60)
        .with_label("device", "none", whole(), "x").with_label("cpu", "none", whole(), "x")
        .with_label("mode", "none", whole(), "x"),
        CORES.divided_by(IDLE, on=("slurmjobid",)),
        IDLE.divided_by(metric("node_memory_MemTotal_bytes"), on=("instance",)),
        metric("node_memory_MemTotal_bytes").divided_by(IDLE, on=("instance",)),
    ],
)  # fmt: skip
def test_both_refuse_series_that_would_be_one(prometheus, history, expression):
    for source in (prometheus, history):
        with pytest.raises(QueryRejected):
            source.range(expression, START, END, 600)


@pytest.mark.parametrize(
    "text", ["cluster='abc'", 'cluster="abc", user!~"r.*"', 'cluster="x\'\\""']
)
def test_the_filter_of_the_site_holds_for_both(made_up_server, history, text):
    expression = top(9, ALLOCATED / USED)
    found = Prometheus(made_up_server.url, site_filter=text).range(expression, START, END, 600)
    assert bool(found) == ("abc" in text)
    assert not any(series.labels["user"] == "root" for series in found if "user" in text)
    filtered = History(history.path, site_filter=parse_filter(text))
    assert_same(filtered.range(expression, START, END, 600), found)


def test_both_know_the_values_of_labels(prometheus, history):
    for source in (prometheus, history):
        assert source.label_values("slurmjobid") == ["101", "102", "103"]
        assert source.label_values("core", metric("slurm_job_core_usage_total", user="bob")) == [
            "0",
            "1",
        ]
        assert "slurm_job_memory_rss" in source.label_values("__name__")
        assert source.label_values("nowhere") == []
        cores = metric("slurm_job_core_usage_total")
        assert "101" in source.label_values("slurmjobid", cores, END - 600, END)
    assert history.label_values("slurmjobid", cores, END - 600, END) == ["101"]


def test_several_are_answered_in_their_order(prometheus, history):
    ranges = [(EXPRESSIONS[what], START, END, 600) for what in ("cpu of jobs", "top", "cache")]
    moments = [(EXPRESSIONS[what], START + 5000) for what in ("top", "cpu of jobs")]
    for one, two in zip(prometheus.range_many(ranges), history.range_many(ranges)):
        assert_same(one, two)
    for one, two in zip(prometheus.instant_many(moments), history.instant_many(moments)):
        assert_same(one, two)


def test_both_tell_that_they_answer(prometheus, history, made_up_server):
    assert prometheus.check() == f"{made_up_server.url} answers"
    assert history.check().startswith(f"the history {history.path} has ")
