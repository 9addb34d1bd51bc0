"""The public pages: everybody sees them, with exact numbers, and what is missing is told."""

import re

import pytest

from tests.userportal.pages.tiny_portal import DAY, HOUR, NO_METRICS, NOW, tiny_portal

SYSTEMS = "[systems]\nlustre = scratch\nlogins = login1:bond0, login2\ntransfers = dtn1:eth0\n"
GIB, MIB = 2**30, 2**20
PAGES = ("/", "/filesystems/", "/logins/", "/dtns/", "/scheduler/", "/software/")


def record(recorder):
    """Write a file system, two login nodes, a transfer node and the use of the cluster."""
    for operation, rate in (("open", 30), ("close", 20), ("mkdir", 0)):
        for target in ("mdt0", "mdt1"):
            recorder.gauge(
                "lustre:metadata:rate3m", rate, fs="scratch", operation=operation, target=target
            )
    recorder.gauge("lustre:metadata:rate3m", 99, fs="scratch2", operation="open")
    recorder.gauge("lustre:read_bytes:rate3m", 5 * MIB, fs="scratch")
    recorder.gauge("lustre:write_bytes:rate3m", 7 * MIB, fs="scratch")
    for name, port in (("login1", ":9100"), ("login2", ""), ("dtn1", ":9100"), ("login11", "")):
        machine(recorder, {"instance": name + port})
    for name, value in (
        ("slurm_cpus_alloc", 60), ("slurm_cpus_idle", 30), ("slurm_cpus_total", 100),
        ("slurm_gpus_alloc", 6), ("slurm_gpus_idle", 1), ("slurm_gpus_total", 8),
        ("slurm_job:used_core:sum", 50),
    ):  # fmt: skip
        recorder.gauge(name, value, cluster="vela")
    for model in ("A100", "V100"):
        recorder.gauge("slurm_job:used_gpu:sum", 1.5, gpu_type=model)
        recorder.gauge("slurm_job:non_idle_gpu:sum_user_account", 2, gpu_type=model, user="ann")


def machine(recorder, host):
    """Write a machine with two cores."""
    for core in range(2):
        recorder.counter("node_cpu_seconds_total", 0.25, cpu=core, mode="idle", **host)
        for mode, rate in (("user", 0.5), ("system", 0.2), ("iowait", 0.05), ("irq", 0.01)):
            recorder.counter("node_cpu_seconds_total", rate, cpu=core, mode=mode, **host)
    for part, size in (
        ("MemTotal", 64), ("MemFree", 10), ("Buffers", 2), ("Cached", 20), ("Slab", 4),
        ("PageTables", 1), ("SwapCached", 1),
    ):  # fmt: skip
        recorder.gauge(f"node_memory_{part}_bytes", size * GIB, **host)
    recorder.gauge("node_load1", 1.5, **host)
    for device, rate in (("bond0", 100), ("eth0", 1000), ("lo", 7)):
        recorder.counter("node_network_receive_bytes_total", rate, device=device, **host)
        recorder.counter("node_network_transmit_bytes_total", 2 * rate, device=device, **host)


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal with these machines."""
    with tiny_portal(tmp_path_factory.mktemp("pages"), record, SYSTEMS) as found:
        yield found


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("reader", [None, "ann", "sue"])
def test_everybody_sees_the_public_pages(portal, path, reader):
    page = portal.text(path, reader)
    for address in re.findall(r'data-graph="([^"]+)"', page):
        assert portal.get(address, reader).status_code == 200


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/filesystems/graph/scratch/metadata", {"close": [40], "open": [60]}),
        ("/filesystems/graph/scratch/bandwidth", {"Read": [5], "Written": [-7]}),
        ("/logins/graph/login1/cpu", {"System": [0.4], "User": [1], "Waiting": [0.1]}),
        ("/logins/graph/login1/memory", {"Total": [64], "Used": [26]}),
        ("/logins/graph/login1/load", {"Load": [1.5]}),
        # Bits: sent above zero, received below.
        ("/logins/graph/login1/network", {"Sent": [1600], "Received": [-800]}),
        ("/logins/graph/login2/network", {"Sent": [17600], "Received": [-8800]}),
        ("/dtns/graph/dtn1/network", {"Sent": [16000], "Received": [-8000]}),
        ("/scheduler/graph/cpu", {"Used": [50], "Allocated": [60], "Usable": [90],
                                  "Total": [100]}),
        ("/scheduler/graph/gpu", {"Used": [3], "Active": [4], "Allocated": [6], "Usable": [7],
                                  "Total": [8]}),
    ],
)  # fmt: skip
def test_each_graph_has_its_numbers(portal, path, lines):
    assert portal.lines(path + ".json") == lines


@pytest.mark.parametrize(
    ("path", "unit", "top"),
    [
        ("/filesystems/graph/scratch/metadata", " IOPS", None),
        ("/filesystems/graph/scratch/bandwidth", "MiB/s", None),
        ("/logins/graph/login1/cpu", " cores", [0, 2]),
        ("/logins/graph/login1/memory", "GiB", None),
        ("/logins/graph/login1/network", "b/s", None),
        ("/scheduler/graph/cpu", " cores", None),
        ("/scheduler/graph/gpu", " GPU", None),
    ],
)
def test_each_axis_has_its_unit_and_cores_reach_to_all_there_are(portal, path, unit, top):
    axis = portal.figure(path + ".json")["layout"]["yaxis"]
    assert (axis["ticksuffix"], axis.get("range")) == (unit, top)


@pytest.mark.parametrize(
    "path",
    [
        "/filesystems/graph/scratch2/metadata.json", "/filesystems/graph/scratch/iops.json",
        "/logins/graph/login11/cpu.json", "/logins/graph/dtn1/cpu.json",
        "/logins/graph/login1/power.json", "/dtns/graph/dtn1/cpu.json",
        "/dtns/graph/login1/network.json", "/scheduler/graph/memory.json",
        '/logins/graph/login1",x="/cpu.json', "/filesystems/graph/.*/metadata.json",
    ],
)  # fmt: skip
def test_only_what_the_configuration_names_is_drawn(portal, path):
    assert portal.get(path, "sue").status_code == 404


@pytest.mark.parametrize("path", ["/filesystems/", "/logins/", "/dtns/", "/scheduler/"])
def test_the_last_hour_is_shown_first_then_a_day_or_a_week(portal, path):
    page = portal.text(path)
    assert re.findall(r'data-delta="(\d+)" aria-pressed="true"', page) == [str(HOUR)]
    tools = page.partition("data-graph-tools")[2].partition("</form>")[0]
    assert re.findall(r'data-delta="(\d+)"', tools) == [str(HOUR), str(DAY), str(7 * DAY)]


@pytest.mark.parametrize(
    "path",
    ["/filesystems/graph/scratch/metadata.json", "/logins/graph/login1/cpu.json",
     "/dtns/graph/dtn1/network.json", "/scheduler/graph/cpu.json"],
)  # fmt: skip
@pytest.mark.parametrize("reader", [None, "ann"])
def test_a_public_graph_of_ten_years_is_refused_plainly(portal, path, reader):
    month = 31 * DAY
    for window in ({"delta": month}, {"start": NOW - month, "end": NOW},
                   {"start": 0, "end": month}):  # fmt: skip
        assert "data" in portal.get(path, reader, **window).json()
    for window in ({"delta": month + 1}, {"delta": 10**12 - 1}, {"start": 1},
                   {"start": NOW - month - 60, "end": NOW}):  # fmt: skip
        answer = portal.get(path, reader, **window)
        assert (answer.status_code, answer.json()) == (
            400, {"error": "This graph shows 31 days at the most."},
        )  # fmt: skip


def test_a_window_without_samples_is_empty(portal):
    path = "/logins/graph/login1/load.json"
    assert portal.figure(path, since=NOW - 9 * DAY, until=NOW - 8 * DAY)["data"] == []


@pytest.mark.parametrize("more", [{"metrics": NO_METRICS}, {"exporters": ()}])
def test_without_metrics_each_page_says_what_is_not_measured(tmp_path, more):
    with tiny_portal(tmp_path, record, SYSTEMS, **more) as portal:
        for path, told in (
            ("/filesystems/", "No file system is measured here."),
            ("/logins/", "No login node is measured here."),
            ("/dtns/", "No transfer node is measured here."),
            ("/scheduler/", "The use of the cluster is not measured here."),
        ):
            page = portal.text(path)
            assert told in page and "data-graph" not in page
        for path in ("/filesystems/graph/scratch/metadata.json", "/logins/graph/login1/cpu.json",
                     "/dtns/graph/dtn1/network.json", "/scheduler/graph/cpu.json"):  # fmt: skip
            assert portal.get(path).status_code == 404


def test_metrics_that_are_away_are_told_without_naming_where_they_are(tmp_path):
    with tiny_portal(tmp_path, record, SYSTEMS) as portal:
        (portal.directory / "metrics.db").unlink()
        answer = portal.get("/logins/graph/login1/cpu.json")
        assert answer.status_code == 503
        assert "cannot be reached now" in answer.json()["error"]
        assert str(tmp_path) not in answer.content.decode()


@pytest.mark.parametrize("exporter", ["slurm_exporter", "slurm_job_exporter"])
def test_the_use_of_the_cluster_needs_one_of_two_exporters(tmp_path, exporter):
    with tiny_portal(tmp_path, record, exporters=(exporter,)) as portal:
        assert "data-graph" in portal.text("/scheduler/")
        assert portal.lines("/scheduler/graph/cpu.json")["Allocated"] == [60]


INTRO = "[portal]\ncluster = vela\nintro = intro.html\nhttps = no\nstate = .\n"


@pytest.mark.parametrize("content", ["<p>Our <b>own</b> words</p>", None, b"\xff\xfe"])
def test_the_first_page_has_the_words_of_the_site_or_ours(tmp_path, content):
    from tests.userportal import django_site

    if isinstance(content, bytes):
        (tmp_path / "intro.html").write_bytes(content)
    elif content:
        (tmp_path / "intro.html").write_text(content)
    (tmp_path / "portal.conf").write_text(INTRO)
    with django_site.using(tmp_path / "portal.conf"):
        from django.test import Client

        answer = Client().get("/")
        assert answer.status_code == 200
        words = content if isinstance(content, str) else "What your jobs really use"
        assert words in answer.content.decode()


def test_who_is_logged_in_is_led_to_the_own_jobs(portal):
    assert 'class="button" href="/secure/jobstats/ann/"' in portal.text("/", "ann")
    assert 'class="button" href="/accounts/login/"' in portal.text("/")
