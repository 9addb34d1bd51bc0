"""What is found about real jobs: the documented figures, and those of EPMT 5.0.1 itself.

One of four builds of the same kernel ran while something else kept the machine busy.
"""

import json
import math

import pytest

from epmtlite import query
from tests.conftest import Site
from tests.epmtlite.epmt_peer import Peer, require_peer
from tests.epmtlite.made_jobs import epmt, sample
from tests.epmtlite.query.site import asked
from usagedb.config import DatabaseConfig

BUILDS = tuple(
    f"kern-6656-20190614-{name}" for name in ("190245", "191138", "192044-outlier", "194024")
)
REFERENCES, OUTLIER = (BUILDS[0], BUILDS[1], BUILDS[3]), BUILDS[2]
BUILDING = {"op": "build", "op_instance": "4", "op_sequence": "4"}
ZONES = {**dict.fromkeys(BUILDS, "Asia/Kolkata"), "685000": "US/Eastern"}
FEATURES = ["cpu_time", "duration", "num_procs"]

# What EPMT's own functions say, all at once: it takes long to start.
ASKED = """
import json
import epmt.epmt_query as q
import epmt.epmt_outliers as o

builds, references, outlier = json.loads(sys.argv[1])

def plain(value):
    if hasattr(value, "to_dict"):
        return plain(value.to_dict("records"))
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return value.item() if hasattr(value, "item") else value

def table(found):
    return {str(name): dict(row) for name, row in found.iterrows()}

q.get_jobs(fmt="dict")  # which processes them
_, causes, ranked = o.detect_rootcause(references, outlier)
_, op_causes, op_ranked = o.detect_rootcause_op(references, outlier, {"op": "build"})
procs = q.get_procs(builds[0], fmt="pandas").sort_values(["start", "pid"], kind="stable")
procs = procs.reset_index(drop=True)  # it takes places for labels
model = q.create_refmodel(references, name="kernel")
answer = plain({
    "jobs": o.detect_outlier_jobs(builds), "all": o.detect_outlier_jobs(builds, features="*")[1],
    "by_model": o.detect_outlier_jobs(builds, trained_model=model["id"]),
    "ops": o.detect_outlier_ops(builds), "model": model["computed"],
    "parts": o.partition_jobs(builds), "parts_by_ops": o.partition_jobs_by_ops(builds),
    "causes": table(causes), "ranked": ranked,
    "op_causes": table(op_causes), "op_ranked": op_ranked,
    "op_metrics": q.get_op_metrics(builds, fmt="dict"),
    "combined": q.get_ops(builds[:1], tags="op", combine=True, fmt="dict"),
    "timavg": {
        method: q.get_op_metrics("685000", tags="op:timavg", op_duration_method=method, fmt="dict")
        for method in ("sum", "sum-minus-overlap", "finish-minus-start")
    },
    "costs": q.ops_costs(["685000"]), "ranks": q.rank_proc_tags_keys(builds),
    "tags": q.job_proc_tags(["685000"]), "folded": q.job_proc_tags(builds, fold=True),
    "roots": [one["pid"] for one in q.get_roots("685000")], "root": q.root("685000")["pid"],
    "op_roots": [one["pid"] for one in q.op_roots("685000", "op:timavg")],
    "histogram": q.procs_histogram(builds), "set": q.procs_set("685000"),
    "partitions": q.comparable_job_partitions([*builds, "685000"]),
    "verified": q.verify_jobs(["685000"]),
    "processes": {
        name: column.tolist() for name, column in o.detect_outlier_processes(procs).items()
    },
    "threads": {
        name: column.tolist()
        for name, column in o.detect_outlier_threads(
            q.get_thread_metrics(
                *q.get_procs("685000", limit=300, fmt="orm")
            ).reset_index(drop=True)
        ).items()
    },
    "analyzed": q.analyze_jobs([*builds, "685000"]), "analyses": q.get_job_analyses(outlier),
    "job_tags": q.get_job_tags([*builds, "685000"], fold=False),
})
"""


@pytest.fixture(name="ours", scope="module")
def our_database(tmp_path_factory):
    """The samples in a database of ours, which epmtlite.query asks."""
    place = tmp_path_factory.mktemp("ours")
    site = Site(DatabaseConfig("sqlite", str(place / "usage.db"), "test"), place).create()
    with pytest.MonkeyPatch.context() as environment:
        for jobid, zone in ZONES.items():
            environment.setenv("EPMT_TZ", zone)
            epmt(site, "submit", sample(f"{jobid}.tgz"))
    with asked(site):
        yield


@pytest.fixture(name="peers", scope="module")
def answers_of_epmt(tmp_path_factory):
    """What EPMT says of the samples."""
    paths = {jobid: sample(f"{jobid}.tgz") for jobid in ZONES}
    peer = Peer(require_peer(), tmp_path_factory.mktemp("peer"))
    for jobid, zone in ZONES.items():
        assert peer.run("submit", paths[jobid], env={"EPMT_TZ": zone}).returncode == 0
    return peer.ask(ASKED, json.dumps([BUILDS, REFERENCES, OUTLIER]))


def plain(parts):
    """Return parts with sorted lists in the place of sets, as EPMT's come."""
    return {key: [sorted(some) for some in pair] for key, pair in parts.items()}


def assert_rows_close(ours, peers, but=()):
    """Compare tables as {name: row}: EPMT's numbers are ours, where it has any."""
    assert set(ours) == set(peers)
    for name, row in peers.items():
        for key, value in row.items():
            if key in but:
                continue
            if isinstance(value, (int, float)):
                assert ours[name][key] == pytest.approx(value, rel=1e-9), (name, key)
            else:
                assert ours[name][key] == value, (name, key)


def test_the_slow_build_is_found(ours):
    records, parts = query.detect_outlier_jobs(BUILDS, fmt="dict")
    assert parts == {
        "cpu_time": (set(REFERENCES), {OUTLIER}), "duration": (set(REFERENCES), {OUTLIER}),
        "num_procs": (set(BUILDS), set()),
    }  # fmt: skip
    assert [record["jobid"] for record in records] == list(BUILDS)
    assert records[2] == {"jobid": OUTLIER, "cpu_time": 2, "duration": 2, "num_procs": 0}
    assert records[0] == {"jobid": BUILDS[0], **dict.fromkeys(FEATURES, 0)}


def test_the_slow_operations_are_found(ours):
    records, parts, scores, tags, features = query.detect_outlier_ops(BUILDS, fmt="dict")
    assert [tag["op"] for tag in tags] == ["build", "clean", "configure", "extract", "download"]
    assert tags[0] == BUILDING and features == FEATURES
    assert [(one["cpu_time"], one["duration"], one["num_procs"]) for one in scores] == [
        (262.215, 36.964, 0), (48.576, 5.064, 0), (31.575, 1.912, 0), (11.511, 0, 0), (1.418, 0, 0),
    ]  # fmt: skip
    assert len(parts) == 5
    assert all(part == (set(REFERENCES), {OUTLIER}) for part in parts.values())
    assert len(records) == 20 and records[2]["jobid"] == OUTLIER and records[2]["tags"] == BUILDING


def test_documented_figures_of_operations(ours):
    (row,) = query.get_op_metrics(BUILDS[0], "op:build", fmt="dict")
    assert (row["cpu_time"], row["duration"], row["num_procs"]) == (380807266, 2158730624, 9549)
    found = [
        query.get_op_metrics("685000", "op:timavg", fmt="dict", op_duration_method=method)[0]
        for method in ("sum", "sum-minus-overlap", "finish-minus-start")
    ]
    assert [row["duration"] for row in found] == [41388496, 21033390, 51278054]
    assert found[0]["num_procs"] == 57
    (op,) = query.get_ops("685000", "op:timavg", full=True)
    assert op["num_runs"] == 11 and len(op["processes"]) == 57


def test_a_model_of_good_builds_finds_the_slow_one(ours):
    model = query.create_refmodel(REFERENCES, name="kernel", tag="exp_name:linux_kernel")
    try:
        _records, parts = query.detect_outlier_jobs(BUILDS, trained_model="kernel", fmt="dict")
        assert {key: pair[1] for key, pair in parts.items()} == {
            "cpu_time": {OUTLIER}, "duration": {OUTLIER}, "num_procs": set(),
        }  # fmt: skip
    finally:
        assert query.delete_refmodels(model["id"]) == 1


def test_outliers_among_jobs_are_those_of_epmt(ours, peers):
    found = query.detect_outlier_jobs(BUILDS, fmt="dict")
    assert found[0] == peers["jobs"][0] and plain(found[1]) == peers["jobs"][1]
    assert plain(query.partition_jobs(BUILDS)) == peers["parts"]
    ours_all = plain(query.detect_outlier_jobs(BUILDS, features="*", fmt="dict")[1])
    assert {key: ours_all[key] for key in peers["all"]} == peers["all"]
    assert set(ours_all) - set(peers["all"]) == {"peak_rss"}


def test_models_are_those_of_epmt(ours, peers):
    model = query.create_refmodel(REFERENCES, name="kernel")
    try:
        for method, features in peers["model"].items():
            for feature, params in features.items():
                assert list(model[method][feature]) == pytest.approx(params, rel=1e-12)
        found = query.detect_outlier_jobs(BUILDS, trained_model=model["id"], fmt="dict")
        assert found[0] == peers["by_model"][0] and plain(found[1]) == peers["by_model"][1]
    finally:
        query.delete_refmodels("kernel")


def test_outliers_among_operations_are_those_of_epmt(ours, peers):
    records, parts, scores, tags, features = query.detect_outlier_ops(BUILDS, fmt="dict")
    assert plain(parts) == peers["ops"][1]
    assert [tags, features] == peers["ops"][3:]
    assert_rows_close({one["tags"]: one for one in scores},
                      {one["tags"]: one for one in peers["ops"][2]})  # fmt: skip
    names = {json.dumps(one["tags"], sort_keys=True): one["tags"] for one in records}
    wanted = {}
    for one in peers["ops"][0]:
        tag = names[one["tags"]] if isinstance(one["tags"], str) else one["tags"]
        wanted[one["jobid"], json.dumps(tag, sort_keys=True)] = [one[key] for key in FEATURES]
    assert wanted == {
        (one["jobid"], json.dumps(one["tags"], sort_keys=True)): [one[key] for key in FEATURES]
        for one in records
    }
    assert plain(query.partition_jobs_by_ops(BUILDS)) == peers["parts_by_ops"]


def test_causes_are_those_of_epmt(ours, peers):
    for found, table, ranked in (
        (query.detect_rootcause(REFERENCES, OUTLIER, fmt="dict"), "causes", "ranked"),
        (query.detect_rootcause_op(REFERENCES, OUTLIER, "op:build", fmt="dict"), "op_causes",
         "op_ranked"),
    ):  # fmt: skip
        assert found[0] is True
        assert_rows_close(found[1], peers[table])
        assert [name for name, _ratio in found[2]] == [name for name, _ratio in peers[ranked]]
        for one, other in zip(found[2], peers[ranked]):
            assert one[1] == pytest.approx(other[1])
    assert found[2][0][0] == "cpu_time" and math.floor(found[2][0][1]) == 379


def test_operations_are_those_of_epmt(ours, peers):
    def by_key(rows):
        return {(row["jobid"], json.dumps(row["tags"], sort_keys=True)): row for row in rows}

    assert_rows_close(by_key(query.get_op_metrics(BUILDS, fmt="dict")), by_key(peers["op_metrics"]))
    (combined,), (wanted,) = query.get_ops(BUILDS[0], "op", combine=True), peers["combined"]
    assert_rows_close({"": combined["proc_sums"]}, {"": wanted["proc_sums"]})
    assert combined["jobs"] == wanted["jobs"] and combined["duration"] == wanted["duration"]
    assert sorted(map(str, combined["tags"])) == sorted(map(str, wanted["tags"]))
    for name in ("start", "finish"):
        assert str(combined[name].replace(tzinfo=None)) == wanted[name]
    for method, rows in peers["timavg"].items():
        found = query.get_op_metrics("685000", "op:timavg", fmt="dict", op_duration_method=method)
        assert_rows_close(by_key(found), by_key(rows))


def test_costs_are_those_of_epmt(ours, peers):
    percent, ops, total, by_job = query.ops_costs(["685000"])
    assert percent == pytest.approx(peers["costs"][0]) and total == peers["costs"][2]
    assert len(ops) == len(peers["costs"][1])
    assert by_job.to_dict("records") == [
        {key: pytest.approx(value) if isinstance(value, float) else value
         for key, value in row.items()} for row in peers["costs"][3]
    ]  # fmt: skip


def test_tags_and_trees_are_those_of_epmt(ours, peers):
    ranks = query.rank_proc_tags_keys(BUILDS)
    assert [[key, sorted(some)] for key, some in ranks] == peers["ranks"]
    found = {json.dumps(tag, sort_keys=True) for tag in query.job_proc_tags("685000")}
    assert found == {json.dumps(tag, sort_keys=True) for tag in peers["tags"]}
    folded = query.job_proc_tags(BUILDS, fold=True)
    assert folded == {key: sorted(some) for key, some in peers["folded"].items()}
    assert sorted(one["pid"] for one in query.get_roots("685000")) == sorted(peers["roots"])
    assert query.root("685000")["pid"] == peers["root"] == 6098
    found = sorted(one["pid"] for one in query.op_roots("685000", "op:timavg"))
    assert found == sorted(peers["op_roots"])
    assert query.procs_histogram(BUILDS) == peers["histogram"]
    assert query.procs_set("685000") == sorted(peers["set"])
    partitions = query.comparable_job_partitions([*BUILDS, "685000"])
    assert [[list(values), sorted(names)] for values, names in partitions] == [
        [values, sorted(names)] for values, names in peers["partitions"]
    ]
    job_tags = query.get_job_tags([*BUILDS, "685000"], fold=False)
    assert sorted(map(str, map(sorted_items, job_tags))) == sorted(
        map(str, map(sorted_items, peers["job_tags"]))
    )


def sorted_items(mapping):
    return sorted(mapping.items())


def test_what_is_wrong_with_a_job_is_what_epmt_says(ours, peers):
    is_well, found = query.verify_jobs("685000")
    assert is_well is peers["verified"][0] is False and list(found) == ["685000"]
    wanted = [one for one in peers["verified"][1]["685000"] if "threads_df" not in one]
    assert found["685000"][0] == wanted[0] == "rdtsc_duration is negative"
    assert len(found["685000"]) == len(wanted) == 5
    pids = {one["pid"] for one in query.get_procs("685000", fltr="rdtsc_duration < 0")}
    assert pids == {22121, 23756, 24562, 26138}


def test_outliers_among_processes_and_threads_are_those_of_epmt(ours, peers):
    procs = query.get_procs(BUILDS[0])
    procs.sort(key=lambda one: (one["start"], one["pid"]))
    found = query.detect_outlier_processes(procs, fmt="dict")
    for name, wanted in peers["processes"].items():
        assert [one[name] for one in found] == wanted
    threads = query.get_thread_metrics(query.get_procs("685000", limit=300), fmt="dict")
    found = query.detect_outlier_threads(threads, fmt="dict")
    for name, wanted in peers["threads"].items():
        assert sorted(one[name] for one in found) == sorted(wanted)


def test_analyses_are_those_of_epmt(ours, peers):
    for jobid in ZONES:
        query.remove_job_analyses(jobid)
    found = query.analyze_jobs([*BUILDS, "685000"])
    assert sorted(map(sorted, found)) == sorted(map(sorted, peers["analyzed"]))
    for analyses in (query.get_job_analyses(OUTLIER), peers["analyses"]):
        ((one,),) = analyses.values()
        assert list(analyses) == ["outlier_detection"] and one["model_id"] is None
        assert plain(one["results"]) == {
            "cpu_time": [sorted(REFERENCES), [OUTLIER]],
            "duration": [sorted(REFERENCES), [OUTLIER]], "num_procs": [sorted(BUILDS), []],
        }  # fmt: skip
    assert query.get_job_analyses("685000") == {"outlier_detection": []}
    assert query.analyze_jobs([*BUILDS, "685000"]) == [] == query.get_unanalyzed_jobs(BUILDS)
