"""The six pies of the public page: who has which part of the cores and GPUs."""

import pytest

from tests.userportal.pages.tiny_portal import HOUR, MINUTE, NO_METRICS, NOW, tiny_portal
from userportal.pages import pies, software

PAGE = "/software/"
PYTHON, GMX, OWN = "/cvmfs/soft/python3", "/usr/bin/gmx", "/home/ann/<b>secret</b>"
PIES = ("software", "software_stack", "software_cvmfs", "software_not_cvmfs", "software_gpu",
        "software_cores_with_gpu")  # fmt: skip
LONG = {"since": NOW - 8 * HOUR, "until": NOW + 8 * HOUR}


def record(recorder):
    """Write jobs: 1 with Python and 2 GPUs, 2 with GROMACS, 3 with an own program and a GPU for
    three hours, 4 with a GPU for three minutes; 20 cores are at work."""
    for job, exe, cores, host in (
        (1, PYTHON, 2, "c1"), (1, PYTHON, 1, "c2"), (1, "/bin/sh", 0, "c1"), (2, GMX, 8, "c2"),
        (3, OWN, 4, "c3"), (4, GMX, 0, "c3"),
    ):  # fmt: skip
        labels = {"slurmjobid": job, "exe": exe, "instance": host, "user": "ann"}
        recorder.counter("slurm_job_process_usage_total", cores, **labels, **LONG)
    for gpu in range(2):
        labels = {"slurmjobid": 1, "gpu": gpu, "instance": "c1"}
        recorder.gauge("slurm_job_utilization_gpu", 9, **labels, **LONG)
    for job, minutes in ((3, 3 * 60), (4, 3)):
        since = NOW - HOUR - minutes * MINUTE
        recorder.gauge(
            "slurm_job_utilization_gpu", 9, since, NOW - HOUR, slurmjobid=job, instance="c3"
        )
    recorder.gauge("slurm_job:used_core:sum", 20, cluster="vela", **LONG)


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """A portal with these jobs."""
    with tiny_portal(tmp_path_factory.mktemp("software"), record) as found:
        yield found


def pie(portal, graph):
    """Return {label: amount} of a pie."""
    answer = portal.get(f"{PAGE}graph/{graph}.json")
    assert answer.status_code == 200
    (trace,) = answer.json()["data"]
    assert trace["type"] == "pie"
    return dict(zip(trace["labels"], trace["values"]))


@pytest.mark.parametrize(
    ("graph", "parts"),
    [
        ("software", {"GROMACS": 8, "Unaccounted": 5, "Unidentified": 4, "Python": 3}),
        ("software_stack", {"The operating system": 8, "Unaccounted": 5, "Home directories": 4,
                            "CVMFS": 3}),
        ("software_cvmfs", {"Python": 3}),
        ("software_not_cvmfs", {"GROMACS": 8, "Unidentified": 4}),
    ],
)  # fmt: skip
def test_cores_are_shared_by_what_runs_on_them(portal, graph, parts):
    assert pie(portal, graph) == parts
    assert list(pie(portal, graph)) == list(parts)


def test_gpus_count_for_the_main_program_of_their_job_and_by_its_time(portal):
    found = pie(portal, "software_gpu")
    assert found.keys() == {"Python", "Unidentified"}
    assert found["Python"] == 2
    assert 0.45 <= found["Unidentified"] <= 0.55


def test_cores_of_jobs_with_gpus_leave_the_other_jobs_out(portal):
    assert pie(portal, "software_cores_with_gpu") == {"Unidentified": 4, "Python": 3}


def test_paths_of_users_are_never_shown_to_the_public(portal):
    for graph in PIES:
        assert b"secret" not in portal.get(f"{PAGE}graph/{graph}.json").content


def test_everybody_sees_the_page_with_six_pies(portal):
    page = portal.text(PAGE)
    assert [f'data-graph="{PAGE}graph/{name}.json"' in page for name in PIES] == [True] * 6
    assert portal.get(f"{PAGE}graph/nothing.json").status_code == 404


def test_where_nothing_has_run_that_is_told(tmp_path):
    with tiny_portal(tmp_path) as portal:
        for graph in PIES:
            figure = portal.figure(f"{PAGE}graph/{graph}.json")
            assert figure["data"] == []
            assert figure["layout"]["meta"]["why"] == "Nothing has run in the last hours."


def test_without_metrics_of_jobs_that_is_told(tmp_path):
    for place, more in enumerate(({"metrics": NO_METRICS}, {"exporters": ("node_exporter",)})):
        directory = tmp_path / str(place)
        directory.mkdir()
        with tiny_portal(directory, record, **more) as portal:
            page = portal.text(PAGE)
            assert "What runs on the cluster is not measured here." in page
            assert "data-graph" not in page
            assert portal.get(f"{PAGE}graph/software.json").status_code == 404


def test_the_words_of_pies_are_of_the_readers_language():
    from django.utils import translation

    with translation.override("en"):
        assert software.grouped({"x": 1.0}, lambda exe: None, 3) == [
            ("Unaccounted", 2), ("Unidentified", 1),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("whole", "gap"), [(None, None), (3, None), (2.5, None), (5, 2)]
)  # fmt: skip
def test_only_what_is_missing_to_the_whole_is_unaccounted(whole, gap):
    found = dict(software.grouped({"a": 1, "b": 2}, str.upper, whole))
    assert found == {"A": 1, "B": 2, **({"Unaccounted": gap} if gap else {})}


def test_small_slices_of_a_pie_stand_together():
    rows = [(f"s{number}", 100 - number) for number in range(50)]
    (trace,) = pies.pie(rows, " cores")["data"]
    assert (len(trace["labels"]), trace["labels"][28:]) == (30, ["s28", "All others"])
    assert sum(trace["values"]) == sum(amount for _name, amount in rows)
    assert trace["hovertemplate"] == "%{label}: %{value:.1f} cores (%{percent})<extra></extra>"


def test_labels_of_a_pie_are_text():
    (trace,) = pies.pie([("<b>x</b>\x1b[31m", 1)], "")["data"]
    assert trace["labels"][0].startswith("&lt;b&gt;x&lt;/b&gt;")
    assert "\x1b" not in trace["labels"][0]
    assert pies.pie([], "")["data"] == []
