"""Outliers among stored jobs, operations, processes and threads: what the arguments mean."""

import logging

import pytest

from epmtlite import query
from epmtlite.analysis import univariate
from epmtlite.analysis.errors import BadArgument, BadValues, CannotAnalyze
from tests.epmtlite.made_jobs import record
from tests.epmtlite.query.site import asked, shifted, stored, submit

OCEAN = "exp_name:ocean;exp_component:ice"
NAMES = ("usertime", "systemtime", "rssmax")


def job(number, usertime=300, tags=OCEAN, lasts=600, op="mv"):
    """Return a MadeJob with two operations."""
    records = [
        record(pid=10, tags="op:cp", names=NAMES, threads=[(usertime + number, 100, 2048)]),
        record(pid=11, tags=f"op:{op}", names=NAMES, start=2000, lasts=usertime + number,
               threads=[(1, 2, 3), (usertime, 5, 6)]),
    ]  # fmt: skip
    return shifted(str(number), number, tags, records=records, lasts=lasts + number)


JOBS = (*(job(number) for number in range(1, 6)), job(6, 90_000, lasts=3000),
        job(7, tags="exp_name:sea", op="rm"))  # fmt: skip
SIX = list("123456")


@pytest.fixture(name="filled")
def site_with_jobs(site, tmp_path):
    with stored(site, tmp_path, JOBS):
        yield site


@pytest.fixture(name="sqlite_filled")
def sqlite_site_with_jobs(sqlite_site, tmp_path):
    with stored(sqlite_site, tmp_path, JOBS):
        yield sqlite_site


def counts(*arguments, **more):
    """Return {feature: text of the counts} of detect_outlier_jobs."""
    records, parts = query.detect_outlier_jobs(*arguments, fmt="dict", **more)
    for feature, (good, bad) in parts.items():
        assert good == {one["jobid"] for one in records if not one[feature]}
        assert bad == {one["jobid"] for one in records if one[feature]}
    return {name: "".join(str(one[name]) for one in records) for name in parts}


def test_outliers_are_the_same_on_each_database(filled):
    usual = {"cpu_time": "000002", "duration": "000002", "num_procs": "000000"}
    assert counts(SIX) == usual == counts("1,2,3,4,5,6")
    assert counts(SIX[::-1])["duration"] == "200000"
    every = counts(SIX, features="*")
    assert every == counts(SIX, features=[]) and usual.items() <= every.items()
    assert {"usertime", "rssmax", "peak_rss", "exitcode", "num_threads"} < set(every)
    assert not {"start", "jobid", "user", "created_at", "tags"} & set(every)
    assert counts(SIX, features=["usertime", "num_threads"]) == {
        "num_threads": "000000", "usertime": "000002",
    }  # fmt: skip
    assert counts(SIX, features="duration", methods="iqr") == {"duration": "000001"}
    both = ["modified_z_score", univariate.scorer("z_score")]
    assert counts(SIX, features=["duration"], methods=both) == {"duration": "000001"}
    assert counts(SIX, methods=["z_score"], thresholds={"z_score": 2.0}, features=["duration"]) == {
        "duration": "000001",
    }  # fmt: skip
    assert query.partition_jobs(SIX, features=["cpu_time"]) == {"cpu_time": (set("12345"), {"6"})}
    job_values = [one["duration"] for one in query.get_jobs(SIX)]
    masks = [univariate.mask(job_values, method) for method in univariate.SCORERS]
    assert [int(one) for one in usual["duration"]] == [sum(found) for found in zip(*masks)]


def test_settings_say_what_is_used(sqlite_site, tmp_path):
    submit(sqlite_site.create(), tmp_path, JOBS)
    settings = {
        "univariate_classifiers": ["iqr"], "outlier_features": ["usertime", "duration"],
        "outlier_features_blacklist": ["duration", "usertime"],
        "outlier_thresholds": {"z_score": 0.1},
    }  # fmt: skip
    with asked(sqlite_site, **settings):
        assert counts(SIX) == {"duration": "000001", "usertime": "000001"}
        assert not {"duration", "usertime"} & set(counts(SIX, features="*"))
        found = counts(SIX, methods=["z_score"], features=["duration"])
        assert found == {"duration": "111111"}
        found = counts(SIX, None, ["duration"], ["z_score"], {"z_score": 9})
        assert found == {"duration": "000000"}


def test_what_cannot_be_analyzed_is_told(sqlite_filled):
    for arguments, error, message in (
        (("1,2,3",), CannotAnalyze, "3 jobs: without a model outliers are found among at least 4"),
        (("1,1,1,1",), RuntimeError, "1 jobs"), (("1,2,3,9",), KeyError, "no job 9"),
        ((SIX, None, ["none"]), BadArgument, "none: no feature; there are cpu_time"),
        ((SIX, None, ["user"]), BadValues, "user of 1 is ann"),
        ((SIX, None, ["tags"]), ValueError, "outliers cannot be found by it"),
        ((SIX, None, None, ["none"]), BadArgument, "none: no method"),
        ((SIX, "model"), KeyError, "there is no model model"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            query.detect_outlier_jobs(*arguments)
    with pytest.raises(BadArgument, match="fmt='terse': pandas or dict"):
        query.detect_outlier_jobs(SIX, fmt="terse")


def test_jobs_of_different_kinds_are_warned_of(sqlite_filled, caplog):
    with caplog.at_level(logging.WARNING):
        query.detect_outlier_jobs(SIX, fmt="dict")
        query.detect_outlier_jobs("1,2,3,7", fmt="dict", sanity_check=False)
        assert caplog.text == ""
        query.detect_outlier_jobs("1,2,3,7", fmt="dict")
        assert "the jobs differ in their tags exp_name and exp_component" in caplog.text


def test_outliers_among_operations(filled):
    records, parts, scores, tags, features = query.detect_outlier_ops([*SIX, "7"], fmt="dict")
    assert parts == {
        '{"op": "cp"}': (set("123457"), {"6"}), '{"op": "mv"}': (set("12345"), {"6"}),
    }  # fmt: skip
    assert len(records) == 13 and {"op": "rm"} not in tags and len(tags) == len(scores) == 2
    assert set(records[0]) == {"jobid", "tags", "duration", "cpu_time", "num_procs"}
    totals = [sum(one[name] for name in features) for one in scores]
    assert totals == sorted(totals, reverse=True) and totals[-1] > 0
    by_feature = [sum(one[name] for one in scores) for name in features]
    assert by_feature == sorted(by_feature, reverse=True) and features[-1] == "num_procs"
    found = query.detect_outlier_ops(SIX, tags="op:mv", features=["usertime"], fmt="dict")
    assert found[1] == {'{"op": "mv"}': (set("12345"), {"6"})} and found[4] == ["usertime"]
    assert list(query.detect_outlier_ops(SIX, tags="op", fmt="dict")[1]) == [
        '{"op": "cp"}', '{"op": "mv"}',
    ]  # fmt: skip
    assert query.partition_jobs_by_ops(SIX, tags={"op": "cp"}) == {
        '{"op": "cp"}': (set("12345"), {"6"}),
    }  # fmt: skip


def test_operations_that_cannot_be_analyzed(sqlite_filled):
    for tags in ("op:none", "op:rm"):
        with pytest.raises(CannotAnalyze, match="the jobs share no operation"):
            query.detect_outlier_ops([*SIX, "7"], tags=tags)
    with pytest.raises(BadArgument):
        query.detect_outlier_ops(SIX, tags=5)
    with pytest.raises(BadArgument):
        query.detect_outlier_ops(SIX, tags="a:b:c")
    with pytest.raises(BadArgument, match="fmt='terse'"):
        query.detect_outlier_ops(SIX, fmt="terse")


def test_outliers_among_processes_and_threads(filled):
    procs = query.get_procs(SIX, tags="op:mv")
    found = query.detect_outlier_processes(procs, fmt="dict")
    assert [one["duration"] for one in found] == [0, 0, 0, 0, 0, 2]
    assert [set(one) for one in found] == [{"cpu_time", "duration"}] * 6
    found = query.detect_outlier_processes(procs, ["usertime"], ["iqr"], fmt="dict")
    assert found == [*[{"usertime": 0}] * 5, {"usertime": 1}]
    threads = query.get_thread_metrics(procs, fmt="dict")
    found = query.detect_outlier_threads(threads, fmt="dict")
    assert len(found) == 12 and set(found[0]) == {"rssmax", "systemtime", "usertime"}
    assert found[-1]["usertime"] > 0 == found[0]["usertime"]
    rows = [{"x": 1}] * 9 + [{"x": 99}]
    assert query.detect_outliers(rows, fmt="dict") == [*[{"x": 0}] * 9, {"x": 2}]
    for function in (query.detect_outliers, query.detect_outlier_threads):
        with pytest.raises(BadArgument, match="no rows"):
            function([])
    with pytest.raises(BadArgument):
        query.detect_outliers([{"x": "a"}])
    with pytest.raises(BadValues, match="x of 1 is None"):
        query.detect_outliers([{"x": 1}, {"x": None}], ["x"])


def test_tables_of_outliers(filled):
    pandas = pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    table, _parts = query.detect_outlier_jobs(SIX)
    assert isinstance(table, pandas.DataFrame) and list(table["duration"]) == [0] * 5 + [2]
    records, _parts, scores, _tags, features = query.detect_outlier_ops(SIX)
    assert len(records) == 12 and list(scores.columns) == ["tags", *sorted(features)]
    procs = query.get_procs(SIX, tags="op:mv", fmt="pandas")
    assert list(query.detect_outlier_processes(procs)["duration"]) == [0] * 5 + [2]
    threads = query.get_thread_metrics(procs)
    assert len(query.detect_outlier_threads(threads)) == 12
    _true, causes, _ranked = query.detect_rootcause("1,2,3,4,5", "6")
    assert causes.loc["count", "duration"] == 5 and causes.loc["input", "num_procs"] == 2
    jobs = query.get_jobs(SIX, fmt="pandas")
    assert query.detect_outlier_jobs(jobs)[1] == query.detect_outlier_jobs(SIX)[1]


def test_causes(filled):
    is_done, table, ranked = query.detect_rootcause(list("12345"), "6", fmt="dict")
    assert is_done is True and [name for name, _ratio in ranked][-1] == "num_procs"
    assert list(table["mean"]) == ["duration", "cpu_time", "num_procs"]  # as in the settings
    assert table["input"]["duration"] == 3006_000_000 and table["count"]["cpu_time"] == 5
    assert ranked[0][1] == table["modified_z_score_ratio"][ranked[0][0]] > ranked[1][1] > 0
    _done, table, ranked = query.detect_rootcause(
        "1,2,3,4,5", "6", ["usertime"], ["z_score", "iqr"], fmt="dict"
    )
    assert list(table["mean"]) == ["usertime"] and ranked[0][0] == "usertime"
    assert {"ref_max_z_score", "iqr", "z_score_ratio"} <= set(table)


def test_causes_in_operations(filled):
    for tag in ("op:mv", {"op": "mv"}):
        _done, table, ranked = query.detect_rootcause_op("1,2,3,4,5", "6", tag, fmt="dict")
        assert {name for name, ratio in ranked if ratio} == {"duration", "cpu_time"}
        assert table["input"]["num_procs"] == 1
    with pytest.raises(CannotAnalyze, match='not all of the jobs have the operation {"op": "mv"}'):
        query.detect_rootcause_op("1,2,3,4,5", "7", "op:mv")
    with pytest.raises(CannotAnalyze, match="not all"):
        query.detect_rootcause_op("1,2,7", "6", "op:mv")
    for arguments in (("1,2", "3,4"), ("1,2", []), ([], "1")):
        with pytest.raises(BadArgument):
            query.detect_rootcause(*arguments)
