"""The pages of nodes: states, the last hour, events, bars, graphs; for helpers alone."""

import re
import time

import pytest

from tests.userportal.pages.tiny_portal import (
    DAY,
    HOUR,
    MINUTE,
    NO_METRICS,
    NOW,
    tiny_portal,
    write_conf_of_nowhere,
)
from tests.userportal.quotas.test_quotas import plain, rows
from tests.userportal.slurm import made
from usagedb.database import Database

ROOT = "/secure/nodes/"
GIB = 2**30
NODES = ("c1", "c2", "c10")


def record(recorder):
    """Write three nodes of 4 cores; c1 has two jobs, one of which has GPUs, and was down."""
    for name in NODES:
        host = {"instance": f"{name}:9100"}
        state(recorder, name)
        for core in range(4):
            recorder.counter("node_cpu_seconds_total", 0.25, cpu=core, mode="idle", **host)
        recorder.counter("node_cpu_seconds_total", 2, cpu=0, mode="user", **host)
        recorder.counter("node_cpu_seconds_total", 1, cpu=0, mode="system", **host)
        for part, size in (
            ("MemTotal", 64), ("MemFree", 10), ("Buffers", 2), ("Cached", 20), ("Slab", 4),
            ("PageTables", 1), ("SwapCached", 0), ("HardwareCorrupted", 0),
        ):  # fmt: skip
            recorder.gauge(f"node_memory_{part}_bytes", size * GIB, **host)
        place = {"mountpoint": "/localscratch", **host}
        recorder.gauge("node_filesystem_size_bytes", 900e9, **place)
        recorder.gauge("node_filesystem_avail_bytes", 600e9, **place)
        recorder.gauge("node_filesystem_size_bytes", 50e9, mountpoint="/", **host)
        devices(recorder, host)
    recorder.gauge("slurm_node_state_info", 1, node="<i>", state="idle<b>")
    jobs(recorder)


def state(recorder, name):
    """Write the states of a node: idle, but c1 was down for half an hour."""
    down = NOW - 60 * MINUTE, NOW - 30 * MINUTE
    if name == "c1":
        recorder.gauge("slurm_node_state_info", 1, *down, node=name, state="down")
        recorder.gauge("slurm_node_state_info", 1, down[1], node=name, state="mixed")
    else:
        recorder.gauge("slurm_node_state_info", 1, node=name, state="idle")
        recorder.gauge("slurm_node_state_info", 0, node=name, state="down")


def devices(recorder, host):
    """Write the disks and networks of a node."""
    for name, rate in (
        ("network_receive_bytes", 125_000), ("network_transmit_bytes", 250_000),
    ):  # fmt: skip
        recorder.counter(f"node_{name}_total", rate, device="eno1", **host)
        recorder.counter(f"node_{name}_total", rate, device="lo", **host)
        recorder.counter(f"node_{name}_total", rate, device="ib0", **host)
    for name, rate in (("received", 125_000_000), ("transmitted", 250_000_000)):
        recorder.counter(
            f"node_infiniband_port_data_{name}_bytes_total", rate, device="mlx5_0", **host
        )
    for name, rate in (
        ("reads_completed", 3), ("writes_completed", 4), ("read_bytes", 500),
        ("written_bytes", 600),
    ):  # fmt: skip
        recorder.counter(f"node_disk_{name}_total", rate, device="nvme0n1", **host)
        recorder.counter(f"node_disk_{name}_total", rate, device="dm-0", **host)


def jobs(recorder):
    """Write the two jobs of c1, and one of c10."""
    for number, user, host, cores, since in (
        (7, "ann", "c1:9798", 1, NOW - HOUR), (8, "bob", "c1:9798", 2, NOW - HOUR // 2),
        (9, "cy", "c10:9798", 4, NOW - HOUR),
    ):  # fmt: skip
        labels = {"user": user, "account": "def-ann", "slurmjobid": number, "instance": host}
        for core in range(cores):
            recorder.counter(
                "slurm_job_core_usage_total", 500_000_000, since=since, core=core, **labels
            )
        recorder.gauge("slurm_job_memory_usage", number * GIB, since=since, **labels)
        if user == "ann":
            for gpu in range(2):
                more = {"gpu": gpu, "gpu_type": "A100", **labels}
                recorder.gauge("slurm_job_utilization_gpu", 40 + gpu, since=since, **more)
                recorder.gauge("slurm_job_memory_usage_gpu", 3 * GIB, since=since, **more)
                recorder.gauge("slurm_job_power_gpu", 250_000, since=since, **more)


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal with three nodes."""
    with tiny_portal(tmp_path_factory.mktemp("nodes"), record) as found:
        yield found


def test_nodes_are_listed_as_people_count_with_states_and_means(portal):
    page = portal.text(ROOT, "hal")
    assert rows(page)[1:] == [
        "<i> idle<b> – – – – – –",
        "c1 mixed 4 3 64 GiB 32 GiB 838 GiB 279 GiB",
        "c2 idle 4 3 64 GiB 32 GiB 838 GiB 279 GiB",
        "c10 idle 4 3 64 GiB 32 GiB 838 GiB 279 GiB",
    ]
    assert "<i>" not in page and "1 to 4 of 4" in page
    assert re.findall(r'href="/secure/nodes/(\w+)/"', page) == ["c1", "c2", "c10"]


def test_the_course_of_the_last_hour_is_drawn_for_each_part(portal):
    page = portal.text(ROOT, "hal")
    courses = [
        [tuple(map(float, point.split(","))) for point in points.split()]
        for points in re.findall(r'<polyline[^>]* points="([^"]+)"', page)
    ]
    assert len(courses) == 9
    assert [{part for _moment, part in points} for points in courses[:3]] == [
        {0.75}, {0.5}, {0.333},
    ]  # fmt: skip
    for points in courses:
        moments = [moment for moment, _part in points]
        assert moments == sorted(moments) and len(moments) >= 20
        assert moments[0] < 0.06 and moments[-1] > 0.94


def test_pages_of_a_hundred_nodes_follow_each_other(tmp_path):
    def many(recorder):
        for number in range(205):
            recorder.gauge("slurm_node_state_info", 1, NOW - HOUR, node=f"n{number}", state="idle")

    with tiny_portal(tmp_path, many) as portal:
        for start, first, count, links in (
            ("0", "n0", 100, ["100"]), ("100", "n100", 100, ["0", "200"]),
            ("250", "n200", 5, ["100"]), ("x", "n0", 100, ["100"]), ("-5", "n0", 100, ["100"]),
            ("9" * 30, "n0", 100, ["100"]), ("99999", "n200", 5, ["100"]),
        ):  # fmt: skip
            page = portal.text(ROOT, "hal", start=start)
            found = rows(page)[1:]
            assert (len(found), found[0].split()[0]) == (count, first), start
            assert re.findall(r'href="\?start=(\d+)"', page) == links, start


@pytest.mark.parametrize(
    "path", ["", "c1/", "c1/jobs/cores.json", "c1/jobs/gpus.json", "c1/graph/cpu.json"]
)
def test_nodes_are_for_helpers(portal, path):
    assert portal.get(ROOT + path, "ann").status_code == 403
    assert portal.get(ROOT + path).status_code == 302
    assert {portal.get(ROOT + path, one).status_code for one in ("hal", "sue")} == {200}


def test_the_page_of_a_node_offers_its_graphs_and_the_way_to_jobs(portal):
    page = portal.text(ROOT + "c1/", "hal")
    assert re.findall(r'data-graph="/secure/nodes/c1/([^"]+)"', page) == [
        "jobs/cores.json", "jobs/gpus.json", *(f"graph/{name}.json" for name in (
            "cpu", "cpu_modes", "memory", "memory_kinds", "gpu_utilization", "gpu_memory",
            "gpu_power", "disk_used", "disk_iops", "disk_bdw", "ethernet_bdw", "infiniband_bdw",
        )),
    ]  # fmt: skip
    assert 'data-node-jobs="/secure/jobstats/USERNAME/0/"' in page
    assert re.search(r'<script src="/static/portal/nodes[.\w]*js" defer>', page)


def bars(portal, unit, node="c1"):
    """Return the traces of a node's bars: {name: trace}."""
    figure = portal.figure(f"{ROOT}{node}/jobs/{unit}.json", "hal", NOW - 2 * HOUR, NOW)
    return {trace["name"]: trace for trace in figure["data"]}


def test_bars_are_the_jobs_of_this_node_alone_by_their_part_of_its_cores(portal):
    found = bars(portal, "cores")["Jobs"]
    assert found["y"] == ["ann", "bob"]
    assert found["customdata"] == [["ann", "7"], ["bob", "8"]]
    assert found["marker"]["color"] == [0.25, 0.5]
    assert [length // MINUTE // 1000 for length in found["x"]] == [61, 31]


def test_bars_of_gpus_are_of_the_jobs_that_have_some(portal):
    found = bars(portal, "gpus")["Jobs"]
    assert (found["customdata"], found["marker"]["color"]) == ([["ann", "7"]], [1])
    assert found["hovertext"] == ["7 ann def-ann: 2 GPU"]
    assert bars(portal, "gpus", "c10") == {}


def test_gpus_that_no_job_has_count_where_they_are_measured(tmp_path):
    def more(recorder):
        record(recorder)
        for number in range(8):
            recorder.gauge("nvidia_gpu_power_usage_milliwatts", 50_000, NOW - HOUR,
                           instance="c1:9445", minor_number=number)  # fmt: skip

    with tiny_portal(tmp_path, more) as portal:
        conf = portal.directory / "portal.conf"
        text = conf.read_text().replace("nvidia_gpu_exporter = 0", "nvidia_gpu_exporter = 60")
        conf.write_text(text)
        from tests.userportal import django_site

        with django_site.using(conf):
            assert bars(portal, "gpus")["Jobs"]["marker"]["color"] == [0.25]


def test_the_time_in_which_a_node_was_down_is_a_bar(portal):
    found = bars(portal, "cores")["State"]
    assert (found["y"], found["hovertext"]) == (["State"], ["down"])
    # A sample of down holds for five minutes, unless another tells that it ended.
    assert 30 <= found["x"][0] // MINUTE // 1000 <= 35
    assert "State" not in bars(portal, "cores", "c2")


@pytest.mark.parametrize(
    ("graph", "lines"),
    [
        ("cpu", {"7 ann": [0.5], "8 bob": [1]}),
        ("cpu_modes", {"idle": [1], "system": [1], "user": [2]}),
        ("memory", {"7 ann": [7], "8 bob": [8]}),
        ("memory_kinds", {"Programs": [27], "PageTables": [1], "SwapCached": [0], "Slab": [4],
                          "Cached": [20], "Buffers": [2], "HardwareCorrupted": [0]}),
        ("gpu_utilization", {"GPU 0 7 ann": [40], "GPU 1 7 ann": [41]}),
        ("gpu_memory", {"GPU 0 7 ann": [3], "GPU 1 7 ann": [3]}),
        ("gpu_power", {"GPU 0 7 ann": [250], "GPU 1 7 ann": [250]}),
        ("disk_used", {"Total": [900], "Used": [300]}),
        ("disk_iops", {"Read nvme0n1": [3], "Written nvme0n1": [-4]}),
        ("disk_bdw", {"Read nvme0n1": [500], "Written nvme0n1": [-600]}),
        ("ethernet_bdw", {"Received eno1": [1], "Sent eno1": [-2]}),
        ("infiniband_bdw", {"Received mlx5_0": [1], "Sent mlx5_0": [-2]}),
    ],
)  # fmt: skip
def test_each_graph_of_a_node_has_its_numbers(portal, graph, lines):
    path = f"{ROOT}c1/graph/{graph}.json"
    assert portal.lines(path, "hal", since=NOW - 20 * MINUTE) == lines


def test_percent_of_gpus_reach_to_100_and_the_usual_window_is_a_week(portal):
    figure = portal.get(f"{ROOT}c1/graph/gpu_utilization.json", "hal").json()
    assert figure["layout"]["yaxis"]["range"] == [0, 100]
    assert figure["layout"]["yaxis"]["ticksuffix"] == "%"
    assert len(figure["data"][0]["x"]) <= 3 * HOUR / (7 * DAY / 500) + 2


@pytest.mark.parametrize("path", ["c1/graph/nothing.json", "c1/jobs/nodes.json", "a%22/", "-x/"])
def test_unknown_graphs_and_no_names_are_not_found(portal, path):
    assert portal.get(ROOT + path, "sue").status_code == 404


@pytest.mark.parametrize("name", ["c", "c.", "c1.x", "c1.9100", "1"])
def test_a_name_is_only_looked_up(portal, name):
    assert portal.figure(f"{ROOT}{name}/graph/cpu.json", "hal")["data"] == []
    assert portal.figure(f"{ROOT}{name}/jobs/cores.json", "hal")["data"] == []


def add_events(portal, *events):
    """Put events of c1 into Slurm's table: (start, end, reason)."""
    from usagedb.config import read_config

    database = Database(read_config(portal.directory / "slurm_db.conf"))
    with database.transaction():
        for start, end, reason in events:
            made.tables.insert(database, made.CLUSTER, "event_table", [{
                "node_name": "c1", "time_start": start, "time_end": end, "reason": reason,
                "reason_uid": 0, "state": 1,
            }])  # fmt: skip
    database.close()


def test_events_of_the_last_two_days_are_those_at_each_request(tmp_path):
    now = int(time.time())
    with tiny_portal(tmp_path, record) as portal:
        assert "None." in portal.text(ROOT + "c1/", "hal")
        add_events(
            portal, (now - 3 * DAY, now - 3 * DAY + 5, "long ago"),
            (now - DAY, now - DAY + 60, "<b>kernel</b>"), (now - 60, 0, "disk \x1b[31m"),
        )  # fmt: skip
        page = portal.text(ROOT + "c1/", "hal")
        assert "long ago" not in page and "<b>kernel" not in page
        assert "&lt;b&gt;kernel&lt;/b&gt;" in page
        text = plain(page)
        assert text.index("disk") < text.index("kernel")
        assert "– now" in text


def test_without_metrics_and_slurm_that_is_told(tmp_path):
    with tiny_portal(tmp_path, metrics=NO_METRICS, jobs=None) as portal:
        assert "The states of the nodes are not measured here" in portal.text(ROOT, "hal")
        page = portal.text(ROOT + "c1/", "hal")
        assert "No metrics are set up here." in page
        assert "No database of Slurm is set up here." in page
        assert "data-graph" not in page and "nodes.js" not in page
        for path in ("c1/jobs/cores.json", "c1/graph/cpu.json"):
            assert portal.figure(ROOT + path, "hal")["data"] == []


def test_without_the_exporter_of_jobs_only_the_node_is_drawn(tmp_path):
    with tiny_portal(tmp_path, record, exporters=("node_exporter",)) as portal:
        page = portal.text(ROOT + "c1/", "hal")
        assert "jobs/cores.json" not in page and "graph/cpu_modes.json" in page
        assert portal.figure(ROOT + "c1/graph/cpu.json", "hal")["data"] == []


def test_a_slurm_database_that_is_away_does_not_hide_the_graphs(tmp_path):
    with tiny_portal(tmp_path, record) as portal:
        write_conf_of_nowhere(portal.directory / "slurm_db.conf")
        page = portal.text(ROOT + "c1/", "hal")
        assert "The database of Slurm does not answer now." in page and "data-graph" in page
