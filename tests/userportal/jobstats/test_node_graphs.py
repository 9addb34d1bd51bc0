"""The graphs of a job's whole nodes, with the exact series that known samples make."""

import pytest

from tests.userportal.jobstats.few_jobs import GPU, MIXED, ONE, TWO
from tests.userportal.jobstats.little import axis, levels, stacked

NODE_GRAPHS = (
    "ethernet_bdw", "infiniband_bdw", "disk_iops", "disk_bdw", "disk_used", "mem_bdw", "l2_rate",
    "l3_rate", "ipc", "cpu_interconnect", "power",
)  # fmt: skip


def test_ethernet_is_in_megabits_without_infiniband_and_the_loop(graph):
    figure = graph(ONE, "ethernet_bdw")
    assert levels(figure) == {"Received eth0": 20, "Sent eth0": -10}
    assert axis(figure) == ("Bandwidth", "Mb/s", None)


def test_devices_of_several_nodes_have_their_names(graph):
    assert set(levels(graph(TWO, "ethernet_bdw"))) == {
        "Received eth0 c001", "Received eth0 c002", "Sent eth0 c001", "Sent eth0 c002",
    }  # fmt: skip


def test_infiniband_is_in_gigabits(graph):
    figure = graph(ONE, "infiniband_bdw")
    assert levels(figure) == {"Received mlx5_0": 4, "Sent mlx5_0": -2}
    assert axis(figure) == ("Bandwidth", "Gb/s", None)


def test_local_disks_are_those_of_hardware(graph):
    figure = graph(ONE, "disk_iops")
    assert levels(figure) == {
        "Read sda": 30, "Read nvme0n1": 30, "Written sda": -10, "Written nvme0n1": -10,
    }  # fmt: skip
    assert axis(figure) == ("Operations", " IOPS", None)
    figure = graph(ONE, "disk_bdw")
    assert levels(figure)["Read sda"] == 4096
    assert levels(figure)["Written nvme0n1"] == -1024
    assert axis(figure) == ("Bandwidth", "B/s", None)


def test_the_used_local_disk_is_that_of_the_jobs_directory(graph):
    figure = graph(ONE, "disk_used")
    assert levels(figure) == {"Used": 600}
    assert axis(figure) == ("Local disk", "GB", None)


def test_the_bandwidth_of_the_memory_is_by_socket(graph):
    figure = graph(ONE, "mem_bdw")
    assert levels(figure) == {
        "Read, socket 0": 8, "Read, socket 1": 8, "Written, socket 0": -2, "Written, socket 1": -2,
    }  # fmt: skip
    assert axis(figure) == ("Bandwidth", "GiB/s", None)


@pytest.mark.parametrize(
    ("name", "value", "expected_axis"),
    [
        ("l2_rate", 75, ("Hits", "%", 100)),
        ("l3_rate", 25, ("Hits", "%", 100)),
        ("ipc", 1.5, ("Instructions per cycle", "", None)),
    ],
)
def test_counters_of_cores_are_those_of_the_jobs_own_cores(graph, name, value, expected_axis):
    # The kernel's cores 3 and 12 are cores 0 of socket 0 and 1 of socket 1; 4 is another job's.
    figure = graph(ONE, name)
    assert levels(figure) == {
        "Socket 0 core 0 thread 0": value, "Socket 1 core 1 thread 0": value,
    }  # fmt: skip
    assert axis(figure) == expected_axis


def test_the_links_between_sockets_stand_one_above_another(graph):
    figure = graph(ONE, "cpu_interconnect")
    assert levels(figure) == {
        "Socket 0 link 0": 1, "Socket 1 link 0": 1, "Socket 0 link 1": 2, "Socket 1 link 1": 2,
    }  # fmt: skip
    assert stacked(figure) == set(levels(figure))
    assert axis(figure) == ("Bandwidth", "GiB/s", None)


def test_the_power_of_a_job_on_cores_is_the_part_of_its_cores(graph):
    # 2 of 8 cores of 400 W, and 2 of 8 cores of 200 W.
    figure = graph(TWO, "power")
    assert levels(figure) == {"c001": 100, "c002": 50}
    assert stacked(figure) == {"c001", "c002"}
    assert axis(figure) == ("Power", "W", None)


def test_the_power_of_a_job_with_gpus_is_that_of_its_gpus_and_its_part_of_the_rest(graph):
    # 1000 W without 4 GPUs at 150 W, half of it for 2 of 4 GPUs, and their own 200 + 300 W.
    assert levels(graph(GPU, "power")) == {"g001": 700}


def test_the_power_of_a_node_that_is_not_measured_is_empty(graph):
    assert graph(MIXED, "power")["data"] == []


@pytest.mark.parametrize("name", NODE_GRAPHS)
def test_whole_nodes_are_not_drawn_for_several_jobs(graph, name):
    assert graph(f"{ONE},{TWO}", name)["layout"]["meta"]["why"] == "This is not measured here."
