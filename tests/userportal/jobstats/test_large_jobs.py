"""The graphs of large jobs: put together by node, so that a browser can draw them."""

import pytest

from tests.userportal.jobstats.little import (
    START,
    host,
    job_row,
    levels,
    reader,
    served,
    write_site,
)
from userportal.graphs.drawing import MOST_SERIES
from userportal.jobstats.registry import JOB_GRAPHS

LARGE, HUGE, GPUS = 201, 202, 203
TASKS = range(300, 600)

ROWS = (
    job_row(LARGE, nodelist="c[001-030]", nodes_alloc=30, tres_alloc="1=1020,2=1000000,4=30"),
    job_row(HUGE, nodelist="d[001-250]", nodes_alloc=250, tres_alloc="1=500,2=1000000,4=250"),
    job_row(GPUS, nodelist="g[01-30]", nodes_alloc=30,
            tres_alloc="1=60,2=1000000,4=30,1001=240,1002=240"),
    *(job_row(task, nodelist="e001", time_submit=START - task) for task in TASKS),
)  # fmt: skip


def write(samples):
    """Write a job of 30 nodes with 34 cores each, one of 250 nodes, many GPUs, and many tasks."""
    samples.times = samples.times[::10]  # a sample every 300 s
    for job_id, letter, nodes, width, cores in ((LARGE, "c", 30, 3, 34), (HUGE, "d", 250, 3, 2)):
        for node in range(1, nodes + 1):
            labels = samples.of_job(job_id, f"{letter}{node:0{width}}")
            for core in range(cores):
                samples.growing("slurm_job_core_usage_total", 0.5e9, core=core, **labels)
            samples.constant("slurm_job_memory_usage", 2**30, **labels)
            samples.constant("slurm_job_memory_limit", 2**31, **labels)
            samples.constant("slurm_job_process_count", 3, **labels)
            samples.constant("slurm_job_threads_count", 2, state="running", **labels)
            write_counters(samples, {"instance": host(f"{letter}{node:0{width}}", 9738)})
    for node in range(1, 31):
        for gpu in range(8):
            labels = {**samples.of_job(GPUS, f"g{node:02}"), "gpu": gpu, "gpu_type": "NVIDIA A30"}
            samples.constant("slurm_job_utilization_gpu", 10 * gpu, **labels)
            samples.constant("slurm_job_power_gpu", 100_000, **labels)
    for task in TASKS:
        labels = samples.of_job(task, "e001")
        samples.growing("slurm_job_core_usage_total", 0.5e9, core=task, **labels)


def write_counters(samples, on):
    """Write what PCM tells of a node: a core that works, one that waits, and one that sleeps."""
    work = {
        "L2_Cache_Hits": (9e6, 0, 0), "L2_Cache_Misses": (1e6, 2e6, 0),
        "L3_Cache_Hits": (1e6, 0, 0), "L3_Cache_Misses": (1e6, 2e6, 0),
        "Instructions_Retired_Any": (6e9, 1e9, 0), "Clock_Unhalted_Ref": (2e9, 2e9, 0),
    }  # fmt: skip
    for name, rates in work.items():
        for core, rate in enumerate(rates):
            samples.growing(name, rate, socket=0, core=core, thread=0, **on)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A portal with large jobs, whose exporter is slow."""
    path = write_site(
        tmp_path_factory.mktemp("large") / "jobs", ROWS, write,
        exporters={"slurm_job_exporter": 300, "pcm_sensor_server": 300},
    )  # fmt: skip
    with served(path) as portal:
        yield portal


@pytest.fixture
def graph(large):
    """A function: the figure of a graph of one job or several of ann's."""
    ann = reader("ann")
    return lambda jobs, name: ann.figure(f"jobstats/ann/{jobs}/graph/{name}.json")


def test_the_cores_of_a_job_with_a_thousand_are_added_up_by_node(graph):
    found = levels(graph(LARGE, "cpu"))
    assert len(found) == 30
    assert found["Cores (sum) c001"] == found["Cores (sum) c030"] == 17


def test_the_cores_of_a_job_with_hundreds_of_nodes_are_added_up(graph):
    assert levels(graph(HUGE, "cpu")) == {"Cores (sum of all nodes)": 250}


def test_the_memory_of_many_nodes_is_added_up_by_kind(graph):
    figure = graph(LARGE, "mem")
    assert levels(figure) == {
        "Used (sum of all nodes)": 30, "Allocated (sum of all nodes)": 60,
    }  # fmt: skip
    assert figure["layout"]["yaxis"]["range"] == [0, 60]


def test_the_threads_of_many_nodes_are_added_up(graph):
    assert levels(graph(HUGE, "thread")) == {
        "Processes (sum of all nodes)": 750, "Threads running (sum of all nodes)": 500,
    }  # fmt: skip


def test_many_gpus_are_shown_by_the_mean_of_a_node(graph):
    found = levels(graph(GPUS, "gpu_utilization"))
    assert len(found) == 30
    assert found["Active GPU (mean) g07"] == 35
    power = graph(GPUS, "gpu_power")
    assert levels(power)["GPU (mean) g01"] == 100
    assert power["layout"]["yaxis"]["range"] == [0, pytest.approx(1.1 * 165)]


@pytest.mark.parametrize(("name", "value"), [("l2_rate", 75), ("l3_rate", 25), ("ipc", 1.75)])
def test_counters_of_cores_are_weighed_by_their_work_on_a_node(graph, name, value):
    found = levels(graph(LARGE, name))
    assert len(found) == 30
    assert found["Cores (mean) c001"] == found["Cores (mean) c030"] == value
    assert levels(graph(HUGE, name)) == {"Cores (mean of all nodes)": value}


def test_many_jobs_are_added_up(graph):
    found = levels(graph("300-599", "cpu"))
    assert found == {"(sum of all jobs)": 150, "Allocated": 300}


@pytest.mark.parametrize("job_id", [LARGE, HUGE, GPUS, "300-599"])
@pytest.mark.parametrize("name", [kind.name for kind in JOB_GRAPHS])
def test_no_graph_of_a_large_job_is_too_much_for_a_browser(large, job_id, name):
    answer = reader("ann").get(f"jobstats/ann/{job_id}/graph/{name}.json")
    assert answer.status_code == 200
    assert len(answer.json()["data"]) <= MOST_SERIES
