"""Each graph of a user, with the exact series that known samples make."""

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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A portal whose Prometheus has recorded series."""
    with served(write_site(tmp_path_factory.mktemp("user") / "site", (), recorded.write)) as portal:
        yield portal


@pytest.fixture
def graph(site):
    """A function: the figure of a graph of ann's."""
    window = f"start={START}&end={END}"
    return lambda name, query=window: reader("ann").figure(
        f"jobstats/ann/graph/{name}.json?{query}"
    )


def test_cores_of_all_accounts_are_added_up(graph):
    figure = graph("cpu")
    assert levels(figure) == {"Used": 2.5, "Allocated": 10}
    assert axis(figure) == ("Cores", " cores", 10)
    assert stacked(figure) == set()


def test_memory_is_in_gib(graph):
    figure = graph("mem")
    assert levels(figure) == {"Allocated": 20, "Maximum used": 15, "Used": 10}
    assert axis(figure) == ("Memory", "GiB", 20)


def test_gpus_are_counted_as_many_as_would_have_been_enough(graph):
    figure = graph("gpu_utilization")
    assert levels(figure) == {"Allocated": 3, "Used": 1.75}
    assert axis(figure) == ("GPU", " GPU", 3)


def test_the_power_of_gpus_is_by_model_and_only_known_models_have_bounds(graph):
    figure = graph("gpu_power")
    assert levels(figure) == {
        "Allocated NVIDIA A100-SXM4-40GB": 800, "Idle NVIDIA A100-SXM4-40GB": 110,
        "Used NVIDIA A100-SXM4-40GB": 400, "Used Unheard 9": 80,
    }  # fmt: skip
    assert axis(figure) == ("Power", "W", None)


def test_lustre_operations_are_stacked_and_those_that_never_happen_left_out(graph):
    figure = graph("lustre_mdt")
    assert levels(figure) == {"Open scratch": 6}
    assert stacked(figure) == {"Open scratch"}
    assert axis(figure) == ("Operations", " IOPS", None)


def test_lustre_bandwidth_has_what_is_written_below_zero(graph):
    figure = graph("lustre_ost")
    assert levels(figure) == {"Read scratch": 12, "Written scratch": -4}
    assert axis(figure) == ("Bandwidth", "MiB/s", None)


@pytest.mark.parametrize(
    "name", ["cpu", "mem", "gpu_utilization", "gpu_power", "lustre_mdt", "lustre_ost"]
)
def test_a_time_without_samples_has_an_empty_graph(graph, name):
    assert graph(name, f"start={START - 90000}&end={START - 80000}")["data"] == []


def test_a_graph_that_does_not_exist_is_not_found(site):
    assert reader("ann").get("jobstats/ann/graph/secrets.json").status_code == 404
