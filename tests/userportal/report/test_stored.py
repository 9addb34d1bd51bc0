"""The figures that are stored in a comment: written, read, and refused."""

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.userportal.analysis.jobs import GIB, cpu_node, gpu_node, job
from usagedb.errors import MalformedInputError
from userportal.analysis.facts import Facts
from userportal.analysis.measured import GpuFacts, NodeFacts
from userportal.report import stored
from userportal.report.schema import statistics


def packed(text):
    return "JS1:" + base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def test_a_comment_holds_the_short_form():
    facts = job(nodes=(cpu_node(), gpu_node(65.7, 0)))
    comment = stored.encode(facts)
    assert comment.startswith("JS1:H4s")
    assert stored.decode(comment) == statistics(facts)
    text = gzip.decompress(base64.b64decode(comment[4:])).decode()
    assert text == json.dumps(statistics(facts), separators=(",", ":"))
    assert comment == stored.encode(facts)


@pytest.mark.parametrize(
    ("facts", "comment"),
    [
        (job(elapsed_seconds=59), "JS1:Short"),
        (job(nodes=None), "JS1:None"),
        (job(nodes=()), "JS1:None"),
        (Facts(), "JS1:None"),
    ],
)
def test_a_short_run_and_one_without_figures_have_a_word(facts, comment):
    assert stored.encode(facts) == comment
    assert stored.decode(comment) is None


@pytest.mark.parametrize("comment", [None, "", "JS1:", "JS1:abcdef", "a comment of the staff"])
def test_another_comment_holds_no_figures(comment):
    assert stored.decode(comment) is None


@pytest.mark.parametrize(
    "comment",
    [
        "JS1:not base64 at all",
        "JS1:aGVsbG8gd29ybGQ=",
        packed('{"nodes": {}}')[:-8],
        packed("nonsense"),
        packed("[1, 2]"),
        packed('{"nodes": 3}'),
        packed('{"gpus": 0}'),
        packed('{"nodes": {}, "gpus": NaN}'),
        packed("[" * 100_000),
        packed('{"nodes": {"\x00'),
        "JS1:" + "A" * 1_000_000,
    ],
)
def test_damaged_figures_are_refused(comment):
    with pytest.raises(MalformedInputError, match="stored figures"):
        stored.decode(comment)


def test_a_small_comment_that_unpacks_to_very_much_is_refused_beforehand(monkeypatch):
    comment = packed(" " * 50_000_000)
    assert len(comment) < 100_000
    with pytest.raises(MalformedInputError, match="too large"):
        stored.decode(comment)
    with pytest.raises(ValueError, match="too large"):
        stored.unpacked(base64.b64decode(comment[4:]))


def test_figures_of_a_comment_become_facts():
    facts = job(nodes=(cpu_node(), gpu_node(65.7, 0)))
    found = stored.with_statistics(Facts(job_id=1), stored.decode(stored.encode(facts)))
    assert found.job_id == 1
    assert (found.elapsed_seconds, found.gpus, found.node_count, found.cores) == (7200, 2, 2, 8)
    assert found.cpu_efficiency == pytest.approx(0.9)
    assert found.unused_gpus == 1
    assert statistics(found) == statistics(facts)


def test_what_is_known_already_stays():
    found = stored.with_statistics(
        Facts(elapsed_seconds=5, gpus=3), {"nodes": {}, "total_time": 9, "gpus": 1}
    )
    assert (found.elapsed_seconds, found.gpus, found.nodes) == (5, 3, None)


def test_a_value_of_a_wrong_kind_is_unknown():
    found = {
        "nodes": {
            "nc01": {"cpus": "4", "total_time": -1, "used_memory": [], "total_memory": True,
                     "gpu_utilization": 7, "gpu_used_memory": {"10": 5, "9": None}},
            "nc02": 3,
        },
        "total_time": {},
    }  # fmt: skip
    facts = stored.with_statistics(Facts(), found)
    assert facts.nodes == (
        NodeFacts("nc01", gpus=(GpuFacts("9"), GpuFacts("10", memory_used_bytes=5))),
    )
    assert facts.elapsed_seconds is None


SIZES = st.none() | st.integers(0, 64 * GIB)
GPUS = st.builds(
    GpuFacts, st.integers(0, 9).map(str), st.none() | st.floats(0, 100), SIZES, SIZES
)  # fmt: skip
NODES = st.builds(
    NodeFacts, st.text(min_size=1, max_size=9), st.none() | st.integers(1, 200),
    st.none() | st.floats(0, 1e9), SIZES, SIZES,
    st.lists(GPUS, max_size=3, unique_by=lambda gpu: gpu.index).map(tuple),
)  # fmt: skip


@given(st.lists(NODES, min_size=1, max_size=4, unique_by=lambda node: node.name))
def test_what_was_stored_is_read_back(nodes):
    facts = job(nodes=tuple(nodes), cores=4, gpus=0)
    found = stored.decode(stored.encode(facts))
    assert found == statistics(facts)
    assert statistics(stored.with_statistics(Facts(), found)) == found


@given(st.text(max_size=60) | st.binary(max_size=60).map(
    lambda raw: base64.b64encode(raw).decode()
) | st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: (
    st.dictionaries(st.sampled_from(["nodes", "a", "gpus", "cpus"]), inner)
)).map(lambda value: packed(json.dumps(value))[4:]))  # fmt: skip
def test_any_comment_is_read_or_refused(text):
    try:
        found = stored.decode("JS1:" + text)
    except MalformedInputError:
        return
    if found is not None:
        stored.encode(stored.with_statistics(Facts(), found))
