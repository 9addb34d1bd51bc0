"""The pages of virtual machines: the own projects', exact numbers, names of any kind."""

import re
from datetime import datetime

import pytest

from tests.userportal.pages.tiny_portal import DAY, HOUR, MINUTE, NO_METRICS, NOW, tiny_portal

ROOT = "/secure/cloudstats/"
ONE, TWO, THREE, OLD = (f"00000000-0000-4000-8000-00000000000{number}" for number in range(1, 5))
GIB_KIB = 2**20
WORDS = ROOT + "two%20words/"


def machine(recorder, project, name, uuid, flavor="p2", cores=2, busy=0.5, free_gib=3, **when):
    """Write a machine of 8 GiB whose cores are each busy for a part of the time."""
    labels = {"project_name": project, "instance_name": name, "uuid": uuid}
    for core in range(cores):
        recorder.counter(
            "libvirtd_domain_vcpu_time", round(busy * 1e9), vcpu=core, **labels, **when
        )
    recorder.gauge("libvirtd_domain_domain_state", 1, instance_type=flavor, **labels, **when)
    recorder.gauge("libvirtd_domain_balloon_current", 8 * GIB_KIB, **labels, **when)
    if free_gib is not None:
        recorder.gauge("libvirtd_domain_balloon_usable", free_gib * GIB_KIB, **labels, **when)
    for kind, rate in (
        ("block_read_bytes", 2**20), ("block_write_bytes", 2**21), ("block_read_requests", 5),
        ("block_write_requests", 7), ("net_rx_bytes", 2**22), ("net_tx_bytes", 2**23),
    ):  # fmt: skip
        recorder.counter(f"libvirtd_domain_{kind}", rate, device="dev0", **labels, **when)
        recorder.counter(f"libvirtd_domain_{kind}", rate, device="dev1", **labels, **when)


def record(recorder):
    """Write three machines, two of the same name; one that is gone, and one made larger."""
    machine(recorder, "ann-cloud", "web", ONE)
    machine(recorder, "ann-cloud", "web", TWO, cores=4, busy=0.25, free_gib=None)
    machine(recorder, "ann-cloud", "db", THREE, busy=1, free_gib=7)
    before = {"since": NOW - 3 * DAY, "until": NOW - 2 * DAY}
    machine(recorder, "ann-cloud", "db-old", THREE, flavor="p1", **before)
    machine(recorder, "two words", "x", OLD, cores=1)
    recorder.gauge("libvirtd_domain_domain_state", 1, project_name="two words",
                   instance_name="<b>", uuid="no uuid", instance_type="\"'")  # fmt: skip
    recorder.gauge("libvirtd_domain_vcpu_time", 1, project_name='a/b"} or up{x="<i>', uuid="x")


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal with the machines of two projects."""
    with tiny_portal(tmp_path_factory.mktemp("clouds"), record) as found:
        yield found


def rows(page):
    """Return the texts of the cells of each row of the page's table."""
    found = re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2], re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", row)).split() for row in found]


def test_a_user_sees_the_own_projects_without_numbers_of_others(portal):
    page = portal.text(ROOT, "ann")
    assert rows(page) == [["ann-cloud"]]
    assert "data-graph" not in page
    assert rows(portal.text(ROOT, "bob")) == [["two", "words"]]
    assert "You belong to no project." in portal.text(ROOT, "cy")


def test_helpers_see_all_projects_with_their_cores(portal):
    page = portal.text(ROOT, "hal")
    assert [row[-1] for row in rows(page)] == ["1", "8", "1"]
    assert "<i>" not in page and "a/b&quot;} or up{x=&quot;&lt;i&gt;" in page
    assert re.findall(r'data-graph="([^"]+)"', page) == [
        f"{ROOT}graph/cpu.json", f"{ROOT}graph/mem.json",
    ]  # fmt: skip


def test_machines_are_listed_as_they_were_seen_last(portal):
    assert rows(portal.text(ROOT + "ann-cloud/", "ann")) == [
        ["db", "p2", "2", THREE], ["web", "p2", "2", ONE], ["web", "p2", "4", TWO],
    ]  # fmt: skip


def test_a_machine_whose_uuid_is_none_has_no_page_and_breaks_none(portal):
    page = portal.text(WORDS, "bob")
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert re.findall(rf'<a href="{WORDS}([^"]+/)"', page) == [f"{OLD}/"]


@pytest.mark.parametrize("path", ["", f"{ONE}/", "graph/cpu.json", f"{ONE}/graph/memory.json"])
def test_a_project_is_for_its_members_and_helpers(portal, path):
    page = f"{ROOT}ann-cloud/{path}"
    assert portal.get(page)["Location"].startswith("/accounts/login/")
    assert {portal.get(page, one).status_code for one in ("bob", "cy")} == {403}
    assert {portal.get(page, one).status_code for one in ("ann", "hal", "sue")} == {200}


@pytest.mark.parametrize("graph", ["cpu", "mem"])
def test_graphs_of_all_projects_are_for_helpers(portal, graph):
    page = f"{ROOT}graph/{graph}.json"
    assert portal.get(page, "ann").status_code == 403
    assert portal.get(page).status_code == 302
    assert {portal.get(page, one).status_code for one in ("hal", "sue")} == {200}


def test_a_machine_of_another_project_is_not_found_under_the_own_one(portal):
    assert portal.get(f"{ROOT}ann-cloud/{OLD}/", "ann").status_code == 404
    figure = portal.figure(f"{ROOT}ann-cloud/{OLD}/graph/cpu.json", "ann")
    assert figure["data"] == []


@pytest.mark.parametrize(
    "path", ["graph/power.json", "ann-cloud/graph/mem.json", f"ann-cloud/{ONE}/graph/up.json",
             "ann-cloud/not-a-uuid/"]
)  # fmt: skip
def test_unknown_graphs_and_machines_are_not_found(portal, path):
    assert portal.get(ROOT + path, "sue").status_code == 404


def test_all_projects_have_their_cores_at_work_and_what_runs(portal):
    figure = portal.figure(ROOT + "graph/cpu.json", "hal")
    lines = portal.lines(ROOT + "graph/cpu.json", "hal")
    assert lines["ann-cloud"] == [4] and lines["two words"] == [0.5] and lines["Running"] == [10]
    stacked = {trace["name"]: trace.get("stackgroup") for trace in figure["data"]}
    assert (stacked["ann-cloud"], stacked["Running"]) == ("one", None)


def test_memory_counts_machines_that_tell_what_is_free(portal):
    assert portal.lines(ROOT + "graph/mem.json", "hal") == {
        "Running": [32], "ann-cloud": [6], "two words": [5],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("graph", "lines"),
    [
        ("cpu", {f"web {ONE}": [1], f"web {TWO}": [1], "db": [2]}),
        ("memory", {f"web {ONE}": [5], "db": [1]}),
        ("disk_bandwidth", {f"Read web {ONE}": [2], f"Read web {TWO}": [2], "Read db": [2],
                            f"Written web {ONE}": [-4], f"Written web {TWO}": [-4],
                            "Written db": [-4]}),
        ("disk_iops", {f"Read web {ONE}": [10], f"Read web {TWO}": [10], "Read db": [10],
                       f"Written web {ONE}": [-14], f"Written web {TWO}": [-14],
                       "Written db": [-14]}),
        ("network_bandwidth", {f"Received web {ONE}": [8], f"Received web {TWO}": [8],
                               "Received db": [8], f"Sent web {ONE}": [-16],
                               f"Sent web {TWO}": [-16], "Sent db": [-16]}),
    ],
)  # fmt: skip
def test_a_project_is_drawn_by_machine_with_uuids_where_names_collide(portal, graph, lines):
    assert portal.lines(f"{ROOT}ann-cloud/graph/{graph}.json", "ann") == lines


@pytest.mark.parametrize(
    ("graph", "lines"),
    [
        ("cpu", {"0": [0.5], "1": [0.5]}),
        ("memory", {"Used": [5]}),
        ("disk_bandwidth", {"Read dev0": [1], "Read dev1": [1], "Written dev0": [-2],
                            "Written dev1": [-2]}),
        ("disk_iops", {"Read dev0": [5], "Read dev1": [5], "Written dev0": [-7],
                       "Written dev1": [-7]}),
        ("network_bandwidth", {"Received dev0": [4], "Received dev1": [4], "Sent dev0": [-8],
                               "Sent dev1": [-8]}),
    ],
)  # fmt: skip
def test_a_machine_is_drawn_by_core_and_device(portal, graph, lines):
    assert portal.lines(f"{ROOT}ann-cloud/{ONE}/graph/{graph}.json", "ann") == lines


def test_the_usual_window_of_a_graph_is_a_day_and_that_of_the_page_a_week(portal):
    figure = portal.get(f"{ROOT}ann-cloud/graph/memory.json", "ann").json()
    first, second = map(datetime.fromisoformat, figure["data"][0]["x"][:2])
    assert (second - first).seconds == DAY // 500
    page = portal.text(ROOT + "ann-cloud/", "ann")
    assert re.findall(r'data-delta="(\d+)" aria-pressed="true"', page) == [str(7 * DAY)]
    assert {int(one) for one in re.findall(r'data-delta="(\d+)"', page)} == {
        HOUR, DAY, 7 * DAY, 30 * DAY,
    }  # fmt: skip


def test_points_are_never_closer_than_a_minute(portal):
    figure = portal.figure(f"{ROOT}ann-cloud/graph/memory.json", "ann", NOW - 10 * MINUTE, NOW)
    assert len(figure["data"][0]["x"]) == 11


@pytest.mark.parametrize("missing", ["exporter", "metrics"])
def test_without_metrics_of_machines_that_is_told(tmp_path, missing):
    more = {"metrics": NO_METRICS} if missing == "metrics" else {"exporters": ("node_exporter",)}
    with tiny_portal(tmp_path, record, **more) as portal:
        for path, reader in (("", "ann"), ("", "hal"), ("ann-cloud/", "ann")):
            page = portal.text(ROOT + path, reader)
            assert "Virtual machines are not measured here (libvirtd_exporter)." in page
            assert "data-graph" not in page
        for path in ("graph/cpu.json", "ann-cloud/graph/cpu.json"):
            figure = portal.figure(ROOT + path, "hal")
            assert (figure["data"], figure["layout"]["meta"]["why"]) == (
                [], "This is not measured here.",
            )  # fmt: skip
        assert portal.get(f"{ROOT}ann-cloud/{ONE}/", "ann").status_code == 404


def test_metrics_that_are_away_leave_the_own_projects(tmp_path):
    with tiny_portal(tmp_path, record) as portal:
        (portal.directory / "metrics.db").unlink()
        assert rows(portal.text(ROOT, "ann")) == [["ann-cloud"]]
        assert "The metrics do not answer now" in portal.text(ROOT, "hal")
        answer = portal.get(ROOT + "ann-cloud/", "ann")
        assert answer.status_code == 503 and "cannot be reached now" in answer.content.decode()


def test_a_project_without_machines_says_so(tmp_path):
    with tiny_portal(tmp_path) as portal:
        page = portal.text(ROOT + "ann-cloud/", "ann")
        assert "No machine of this project was seen in the last week." in page
        assert "data-graph" not in page


def test_the_investigators_of_projects_are_shown_where_the_file_tells_them(tmp_path):
    with tiny_portal(tmp_path, record) as portal:
        for reader in ("ann", "hal"):
            assert "Principal investigator" not in portal.text(ROOT, reader)
        assert "Principal investigator" not in portal.text(ROOT + "ann-cloud/", "ann")
    (tmp_path / "other").mkdir()
    with tiny_portal(tmp_path / "other", record) as portal:
        (portal.directory / "cloud.conf").write_text(
            "[ann-cloud]\nmembers = ann\npi = <b>Mia\n[two words]\nmembers = bob\n"
        )
        assert "Principal investigator: &lt;b&gt;Mia" in portal.text(ROOT + "ann-cloud/", "ann")
        assert "Principal investigator" not in portal.text(WORDS, "bob")
        assert rows(portal.text(ROOT, "ann")) == [["ann-cloud", "&lt;b&gt;Mia"]]
        assert "Principal investigator" not in portal.text(ROOT, "bob")
        assert [row[1:-1] for row in rows(portal.text(ROOT, "hal"))][1] == ["&lt;b&gt;Mia"]
