"""Graphs are short JSON: rounded, their times told once and compressed for who takes that."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

GRAPH = "/secure/jobstats/{job}/graph/cpu.json"
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


def read(figure):
    """Return a figure as a browser reads it: JSON has no NaN."""
    from userportal.web.graphs import figure_json

    def refuse(word):
        raise AssertionError(word)

    return json.loads(figure_json(figure), parse_constant=refuse)


def test_heights_are_rounded_to_five_digits_and_nothing_else_is():
    times = ["2026-11-01 00:00:00", "2026-11-01 00:01:00"]
    figure = {
        "data": [
            {"x": times, "y": [1234567.89, 0.00123456789], "type": "scatter", "name": "Core 1"},
            {"x": times, "y": [-12.3456789, 0.0], "type": "scatter", "name": 'Core "2"'},
            {"x": [0.123456789], "y": ["a", 7654321]},
        ],
        "layout": {"yaxis": {"range": [0, 1234.56789]}},
        "config": {},
    }
    assert read(figure) == {
        "data": [
            {"x": times, "y": [1234600.0, 0.0012346], "type": "scatter", "name": "Core 1"},
            {"x": times, "y": [-12.346, 0.0], "type": "scatter", "name": 'Core "2"'},
            {"x": [0.123456789], "y": ["a", 7654321]},
        ],
        "layout": {"yaxis": {"range": [0, 1234.56789]}},
        "config": {},
    }


def test_heights_that_are_no_numbers_are_gaps():
    figure = {"data": [{"y": [1.0, float("nan"), float("-inf"), None, 2]}]}
    assert read(figure) == {"data": [{"y": [1.0, None, None, None, 2]}]}


@given(
    st.lists(
        st.fixed_dictionaries(
            {}, optional={name: st.lists(ANYTHING) for name in ("x", "y", "text", "name")}
        )
    ),
    st.dictionaries(st.sampled_from(["layout", "config"]), st.dictionaries(st.text(), ANYTHING)),
)
def test_every_figure_is_json_with_the_same_shape(data, others):
    found = read({"data": data, **others})
    assert list(found) == ["data", *others]
    assert [{name: len(one[name]) for name in one} for one in found["data"]] == [
        {name: len(one[name]) for name in one} for one in data
    ]


@pytest.fixture
def graph(portal):
    """The address of a graph of a job, and a browser of its owner."""
    job = portal.jobs(lambda one: one.start and one.end and one.end - one.start > 3600)[0]
    address = GRAPH.format(job=f"{portal.owner(job)}/{job.job_id}")
    return lambda **headers: portal.client("user").get(address, headers=headers)


def test_a_graph_is_compressed_for_a_browser_that_takes_it(graph):
    packed, plain = graph(accept_encoding="br, GZIP"), graph()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.content) < len(plain.content)
    assert gzip.decompress(packed.content) == plain.content
    assert (
        "Accept-Encoding" in packed.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]
    )


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "xgzip"])
def test_a_graph_is_plain_for_who_does_not_ask_for_gzip(graph, accepted):
    answer = graph(accept_encoding=accepted)
    assert "Content-Encoding" not in answer.headers
    assert answer.json()["data"]


def test_a_short_graph_is_not_compressed(portal):
    address = f"/secure/jobstats/{portal.name_of('user')}/graph/gpu_power.json?start=1&end=61"
    answer = portal.client("user").get(address, headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert len(answer.content) < 1000
    assert "Content-Encoding" not in answer.headers


def test_pages_are_never_compressed_for_their_forms_hold_a_secret(portal):
    address = f"/secure/jobstats/{portal.name_of('user')}/"
    answer = portal.client("user").get(address, headers={"accept-encoding": "gzip"})
    assert b"csrfmiddlewaretoken" in answer.content
    assert "Content-Encoding" not in answer.headers
