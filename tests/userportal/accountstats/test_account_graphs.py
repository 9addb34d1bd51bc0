"""Each graph of an account, with the exact series that known samples make."""

import pytest

from tests.userportal.jobstats import recorded
from tests.userportal.jobstats.little import (
    END,
    START,
    axis,
    levels,
    reader,
    served,
    stacked,
    write_site,
)

BOTH = {"ann", "bob"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A portal whose Prometheus has recorded series."""
    path = write_site(tmp_path_factory.mktemp("account") / "site", (), recorded.write)
    with served(path) as portal:
        yield portal


@pytest.fixture
def graph(site):
    """A function: the figure of a graph of an account of ann's."""
    window = f"start={START + 600}&end={END}"  # rates need five minutes
    ann = reader("ann")
    return lambda name, account="rrg-ann": ann.figure(
        f"accountstats/{account}/graph/{name}.json?{window}"
    )


def test_programs_are_stacked_by_their_names(graph):
    figure = graph("application")
    assert levels(figure) == {"solve": 6, "python3": 2}
    assert stacked(figure) == {"solve", "python3"}
    assert axis(figure) == ("Cores", " cores", None)


@pytest.mark.parametrize(
    ("name", "ann", "bob", "expected_axis"),
    [
        ("cpu_allocated", 8, 4, ("Cores", " cores", None)),
        ("cpu_used", 2, 1, ("Cores", " cores", None)),
        ("mem_allocated", 16, 8, ("Memory", "GiB", None)),
        ("mem_used", 8, 4, ("Memory", "GiB", None)),
        ("gpu_allocated", 3, 1, ("GPUs", " GPU", None)),
        ("gpu_used", 1.75, 0, ("GPUs", " GPU", None)),
        ("gpu_power_used", 480, 55, ("Power", "W", None)),
        ("gpu_power_allocated", 800, 400, ("Power", "W", None)),
    ],
)
def test_what_each_user_has_and_uses_is_stacked(graph, name, ann, bob, expected_axis):
    figure = graph(name)
    assert levels(figure) == {"ann": ann, "bob": bob}
    assert stacked(figure) == BOTH
    assert axis(figure) == expected_axis


@pytest.mark.parametrize(
    ("name", "ann", "bob"),
    [
        ("cpu_wasted", 6, 3),
        ("mem_wasted", 8, 4),
        ("gpu_wasted", 1.25, 1),
        # Of the GPUs whose model is known: 2 of 400 W that draw 300 and 100 W; the third is not.
        ("gpu_power_wasted", 400, 345),
    ],
)
def test_what_each_user_does_not_use_is_not_stacked(graph, name, ann, bob):
    figure = graph(name)
    assert levels(figure) == {"ann": ann, "bob": bob}
    assert stacked(figure) == set()


def test_lustre_is_by_user_and_file_system(graph):
    figure = graph("lustre_mdt")
    assert levels(figure) == {"ann scratch": 6, "bob scratch": 3}
    assert stacked(figure) == set(levels(figure))
    assert levels(graph("lustre_ost")) == {
        "Read ann scratch": 12, "Read bob scratch": 6, "Written ann scratch": -4,
        "Written bob scratch": -2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "allocation", "allocated", "used"),
    [("cpu_priority", 100, 12, 3), ("gpu_priority", 4, 4, 1.75)],
)
def test_the_fair_share_level_stands_at_the_right_beside_what_is_used(
    graph, name, allocation, allocated, used
):
    figure = graph(name)
    assert levels(figure) == {
        "Allocation": allocation, "Allocated": allocated, "Used": used, "Fair-share level": 0.5,
    }  # fmt: skip
    sides = {trace["name"]: trace["yaxis"] for trace in figure["data"]}
    assert sides == {
        "Allocation": "y1", "Allocated": "y1", "Used": "y1", "Fair-share level": "y2",
    }  # fmt: skip
    assert axis(figure, "yaxis2") == ("Fair-share level", "", None)


def test_a_default_account_has_no_line_of_its_allocation(graph):
    assert set(levels(graph("cpu_priority", "def-ann"))) == {
        "Allocated", "Used", "Fair-share level",
    }  # fmt: skip


def test_an_account_without_jobs_uses_nothing(graph):
    found = levels(graph("cpu_priority", "rrg-cores_cpu"))
    assert found == {"Allocation": 50, "Allocated": 0, "Used": 0}


def test_an_account_with_cores_alone_has_no_graphs_of_gpus(graph):
    figure = graph("gpu_allocated", "rrg-cores_cpu")
    assert figure["layout"]["meta"]["why"] == "This is not measured here."


def test_only_members_see_the_graphs(site):
    path = f"accountstats/def-ann/graph/cpu_used.json?start={START}&end={END}"
    answers = {name: reader(name).get(path).status_code for name in ("ann", "bob", "hal", "sam")}
    assert answers == {"ann": 200, "bob": 403, "hal": 200, "sam": 200}
