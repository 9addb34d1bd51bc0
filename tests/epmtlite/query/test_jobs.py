"""get_jobs and what is beside it: each argument means what it says, on each database."""

import datetime
import time

import pytest

from epmtlite import query, selection
from epmtlite.analysis.errors import BadArgument, CannotAnalyze
from epmtlite.query.arguments import MissingJob
from tests.epmtlite.made_jobs import BEGIN, BEGIN_MICROSECONDS, epmt
from tests.epmtlite.query.conftest import JOBS
from tests.epmtlite.query.site import asked, submit
from usagedb import errors

DAY = datetime.timedelta(days=1)
NOON = BEGIN.replace(hour=12, minute=0, second=0, microsecond=0)
SECONDS = BEGIN_MICROSECONDS / 1e6

ARGUMENTS = (
    ({}, "12345"), ({"jobs": []}, "12345"), ({"jobs": None}, "12345"), ({"jobs": ()}, "12345"),
    ({"jobs": "1"}, "1"), ({"jobs": 1}, "1"), ({"jobs": "3, 1 ,"}, "13"),
    ({"jobs": ["3", 1]}, "13"), ({"jobs": {"2"}}, "2"), ({"jobs": ("2", "1")}, "12"),
    ({"jobs": ["/4"]}, "4"), ({"jobs": [{"jobid": "2"}, {"jobid": 3, "cluster": ""}]}, "23"),
    ({"jobs": {"jobid": "2"}}, "2"), ({"jobs": "none"}, ""), ({"jobs": ["1", "none"]}, "1"),
    ({"jobs": ["a\0b"]}, ""), ({"jobs": "\udcff"}, ""), ({"jobs": ["x' OR 1=1 --"]}, ""),
    ({"tags": "exp_name:ocean"}, "13"), ({"tags": {"exp_name": "ocean"}}, "13"),
    ({"tags": "part:1;exp_name:ocean"}, "3"), ({"tags": {"part": 1}}, "3"),
    ({"tags": ["part:1", {"exp_name": "ice"}]}, "23"), ({"tags": ""}, "4"), ({"tags": {}}, "4"),
    ({"tags": ["", "part:1"]}, "34"), ({"tags": None}, "12345"), ({"tags": []}, "12345"),
    ({"tags": "exp_name:OCEAN"}, ""), ({"tags": "exp_name:o%"}, ""), ({"tags": "x:y"}, ""),
    ({"tags": {"it's": '"a"'}}, "5"), ({"tags": {"a.b": "c.d"}}, "5"), ({"tags": {"a": "c"}}, ""),
    ({"tags": {"$[0]": "x%_"}}, "5"), ({"tags": {"\u00fc": "\u65e5\u2028x"}}, "5"),
    ({"tags": {"back\\slash": 1}}, "5"), ({"tags": {"a\0b": "\udcff"}}, ""),
    ({"tags": {"' OR 1=1 --": "x"}}, ""), ({"tags": "it's:\"a\";a.b:c.d"}, "5"),
    ({"tags": "exp_name:ocean", "exact_tag_only": True}, "1"),
    ({"tags": ["exp_name:ocean", ""], "exact_tag_only": True}, "14"),
    ({"before": "2026-03-02 12:00"}, "12"), ({"before": NOON}, "1"), ({"before": 0}, "12345"),
    ({"before": SECONDS + 3600}, "1"), ({"before": SECONDS + 3599.9}, ""), ({"before": -1e5}, ""),
    ({"after": "03/02/2026"}, "2345"), ({"after": NOON.replace(tzinfo=None)}, "2345"),
    ({"after": BEGIN}, "12345"), ({"after": BEGIN + datetime.timedelta(microseconds=1)}, "2345"),
    ({"after": SECONDS + 1e-6}, "2345"),
    ({"after": 0}, ""), ({"after": str(int(SECONDS))}, "12345"),
    ({"after": "2026-03-02", "before": "2026-03-03 23:00"}, "23"),
    ({"when": SECONDS + 60}, "1"), ({"when": BEGIN + 2 * DAY}, "3"), ({"when": "2"}, "2"),
    ({"when": "2026-03-01 08:30"}, "1"), ({"when": {"jobid": "1", "start": BEGIN, "end":
     BEGIN + DAY}}, "12"), ({"when": "2026-03-01"}, ""),
    ({"hosts": "n2"}, "1"), ({"hosts": ["n3", "n2"]}, "14"), ({"hosts": "n1, n3"}, "1234"),
    ({"hosts": "N1"}, "5"), ({"hosts": ["n%"]}, ""), ({"hosts": ["a\0"]}, ""), ({"hosts": [5]}, ""),
    ({"hosts": []}, "12345"), ({"hosts": ["n1' OR '1'='1"]}, ""),
    ({"annotations": "grade:5"}, "2"), ({"annotations": {"grade": 5}}, "2"),
    ({"annotations": {"grade": 5, "checked_by": "bob"}}, ""), ({"annotations": {}}, "4"),
    ({"annotations": {"EPMT_JOB_TAGS": "exp_name:ocean"}}, "1"),
    ({"analyses": {}}, "12345"), ({"analyses": "found:yes"}, ""),
    ({"order": "start"}, "12345"), ({"order": "-start"}, "54321"), ({"order": "jobid"}, "12345"),
    ({"order": "-num_procs"}, "31542"), ({"order": "duration"}, "31245"),
    ({"limit": 2}, "12"), ({"limit": 0}, "12345"), ({"limit": 2, "offset": 1}, "23"),
    ({"offset": 4}, "5"), ({"offset": 9}, ""), ({"limit": 99, "offset": 3}, "45"),
    ({"tags": "exp_name:ocean", "limit": 1, "offset": 1}, "3"),
    ({"fltr": "user = 'bob'"}, "1"), ({"fltr": ""}, "12345"), ({"fltr": None}, "12345"),
    ({"trigger_post_process": False, "limit": 1}, "1"),
)  # fmt: skip


def test_each_argument_means_the_same_on_each_database(filled):
    for arguments, wanted in ARGUMENTS:
        found = query.get_jobs(fmt="terse", **arguments)
        assert "".join(found) == wanted, arguments


WRONG = (
    {"order": "password"}, {"order": "--start"}, {"order": "start; DROP TABLE epmt_job"},
    {"order": ["start"]}, {"limit": -1}, {"limit": "5"}, {"limit": 1.5}, {"limit": True},
    {"offset": -1}, {"offset": "x"}, {"before": "yesterday"}, {"before": float("nan")},
    {"before": float("inf")}, {"after": -1e30}, {"after": []}, {"after": datetime.datetime.min},
    {"when": "never"}, {"when": ["1"]}, {"when": {}}, {"tags": 5}, {"tags": [5]},
    {"tags": "a:b:c"}, {"tags": ";:"}, {"tags": [["a:b"]]}, {"annotations": 5},
    {"annotations": "a:b:c"}, {"analyses": ["a:b"]}, {"hosts": 5}, {"jobs": 5.5},
    {"jobs": [None]}, {"jobs": [["1"]]}, {"jobs": True}, {"jobs": [{"id": 1}]}, {"jobs": b"1"},
    {"jobs": object()}, {"fltr": "x"}, {"fltr": 5}, {"fmt": "orm"}, {"fmt": None}, {"fmt": "DICT"},
)  # fmt: skip


def test_arguments_that_cannot_be_are_value_errors(sqlite_filled):
    for arguments in WRONG:
        with pytest.raises(BadArgument) as caught:
            print(arguments, query.get_jobs(**arguments))
        assert isinstance(caught.value, ValueError) and isinstance(caught.value, errors.UsageError)
        assert str(caught.value)


def test_the_time_of_python_is_a_moment(sqlite_filled):
    """It has more digits than moments have."""
    for now in (time.time(), 1772352000.1234567):
        assert len(query.get_jobs(after=now - 1e9, before=now + 1e9, fmt="terse")) == 5


def test_selected_jobs_and_tables_name_jobs(sqlite_filled):
    found = selection.select_jobs(query.current())
    assert query.get_jobs(found[:2], fmt="terse") == ["1", "2"]
    assert query.get_jobs(found[2], fmt="terse") == ["3"]
    assert query.get_jobs(when=found[2], fmt="terse") == ["3"]
    pandas = pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    frame = query.get_jobs(["1", "4"], fmt="pandas")
    assert query.get_jobs(frame, fmt="terse") == ["1", "4"]
    assert query.get_jobs(frame["jobid"], fmt="terse") == ["1", "4"]
    assert query.get_jobs(pandas.Series([3, 1]), fmt="terse") == ["1", "3"]
    assert query.get_jobs(before=pandas.Timestamp(NOON), fmt="terse") == ["1"]
    with pytest.raises(BadArgument):
        query.get_jobs(before=pandas.NaT)


def test_dictionaries_of_jobs(filled):
    (job,) = query.get_jobs("3")
    assert (job["jobid"], job["cluster"], job["user"], job["hosts"]) == ("3", "", "ann", ["n1"])
    assert job["start"] == BEGIN + 2 * DAY and job["duration"] == 60_000_000
    assert job["start"].tzinfo is not None and job["end"] - job["start"] == DAY / 1440
    assert (job["num_procs"], job["num_threads"], job["cpu_time"]) == (5, 6, 1633)
    assert (job["usertime"], job["systemtime"], job["rssmax"]) == (1211, 422, 8225)
    assert job["tags"] == {"exp_name": "ocean", "exp_component": "ice", "part": "1"}
    assert job["all_proc_tags"] == [
        {"n": "1", "op": "cp"}, {"n": "1", "op": "mv"}, {"n": "2", "op": "cp"},
    ]  # fmt: skip
    assert "proc_sums" not in job and job["analyses"] == {}
    (nested,) = query.get_jobs("3", merge_proc_sums=False)
    assert nested["proc_sums"]["usertime"] == 1211 and "usertime" not in nested
    assert nested["proc_sums"]["num_procs"] == 5
    assert query.get_jobs("5")[0]["tags"]["\u00fc"] == "\u65e5\u2028x"


def test_tables_of_jobs(filled):
    pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    frame = query.get_jobs(fmt="pandas")
    assert list(frame["jobid"]) == list("12345")
    assert list(frame["usertime"]) == [600, 300, 1211, 300, 300]
    assert frame["start"][0] == BEGIN and frame["cpu_time"].dtype.kind == "i"
    assert set(frame.columns) == set(query.get_jobs("1")[0])
    empty = query.get_jobs("none", fmt="pandas")
    assert len(empty) == 0 and "jobid" in empty.columns


EMPTY = ([], "", None, (), set(), " , ", iter(()))
FUNCTIONS = (
    query.conv_jobs, query.get_job_tags, query.comparable_job_partitions, query.are_jobs_comparable,
    query.get_features, query.get_job_status, query.job_proc_tags, query.rank_proc_tags_keys,
    query.get_ops, query.get_op_metrics, query.timeline, query.get_roots, query.root,
    query.procs_histogram, query.procs_set, query.verify_jobs, query.post_process_jobs,
    query.compute_process_trees, query.is_job_post_processed, query.is_job_in_staging,
    query.get_job_staging_ids, query.get_job_annotations, query.get_job_analyses,
    query.analyze_comparable_jobs, query.detect_outlier_jobs, query.detect_outlier_ops,
    query.partition_jobs, query.create_refmodel,
)  # fmt: skip


def test_no_jobs_are_refused_where_some_are_needed(sqlite_filled):
    for function in FUNCTIONS:
        for jobs in EMPTY:
            with pytest.raises(BadArgument, match="no job is named") as caught:
                function(jobs)
            assert isinstance(caught.value, ValueError)


def test_jobs_that_are_not_there_are_key_errors(filled):
    for function in FUNCTIONS:
        for name in ("none", "a\0b", "\udcff", 99, "1;DROP TABLE epmt_job"):
            with pytest.raises(MissingJob) as caught:
                function(name)
            assert isinstance(caught.value, KeyError)
            assert isinstance(caught.value, errors.MissingInputError)
            assert str(caught.value) == f"no job {name} is in the database"


def test_jobs_in_another_form(filled):
    assert query.conv_jobs(["3", "1"], fmt="terse") == ["3", "1"]
    found = query.conv_jobs("3,1")
    assert [job["jobid"] for job in found] == ["3", "1"]
    assert query.conv_jobs(found, fmt="terse") == ["3", "1"]
    assert "proc_sums" in query.conv_jobs("1", merge_sums=False)[0]


def test_tags_of_jobs(filled):
    assert query.get_job_tags("1,2,3") == {
        "exp_name": {"ocean", "ice"}, "exp_component": "ice", "part": "1",
    }  # fmt: skip
    assert query.get_job_tags(["2", "1", "1"], fold=False) == [
        {"exp_name": "ice"}, {"exp_name": "ocean"},
    ]  # fmt: skip
    assert query.get_job_tags("1,2,3", tag_filter="exp_name:ice") == {"exp_name": "ice"}
    assert query.get_job_tags("1,2", tag_filter={"a": "b"}, fold=False) == []
    assert query.get_job_tags("4", fold=False) == [{}] and query.get_job_tags("4") == {}


def test_comparable_jobs(filled):
    parts = query.comparable_job_partitions(list("54321"))
    assert parts == [
        ((None, None), ["5", "4"]), (("ice", None), ["2"]), (("ocean", None), ["1"]),
        (("ocean", "ice"), ["3"]),
    ]  # fmt: skip
    assert query.comparable_job_partitions("1,3", ["exp_name"]) == [(("ocean",), ["1", "3"])]
    assert query.are_jobs_comparable("1,3", ("exp_name",))
    assert not query.are_jobs_comparable("1,3")
    assert query.are_jobs_comparable("4,5") and query.are_jobs_comparable("3")


def test_features_are_the_numbers_that_jobs_have(filled):
    found = query.get_features("1,3")
    assert {"duration", "cpu_time", "num_procs", "usertime", "rssmax", "exitcode"} <= set(found)
    assert found == sorted(found) and not {"jobid", "start", "tags", "user"} & set(found)


def test_how_a_job_ended(filled):
    status = query.get_job_status("1")
    assert (status["exit_code"], status["exit_reason"]) == (0, "none")
    with pytest.raises(BadArgument, match="several are named"):
        query.get_job_status("1,2")


def test_a_job_id_of_several_clusters(sqlite_site, tmp_path):
    submit(sqlite_site.create(), tmp_path / "a", [JOBS[1]], "--cluster", "a")
    submit(sqlite_site, tmp_path / "b", [JOBS[1]], "--cluster", "b")
    with asked(sqlite_site):
        assert query.get_jobs(fmt="terse") == ["a/1", "b/1"]
        assert query.get_jobs("b/1")[0]["cluster"] == "b"
        assert query.conv_jobs(query.get_jobs(), fmt="terse") == ["a/1", "b/1"]
        assert {one["cluster"] for one in query.get_procs("a/1")} == {"a"}
        for function in (query.get_jobs, query.get_procs, query.conv_jobs):
            with pytest.raises(BadArgument, match="several clusters have a job 1"):
                function("1")


def test_jobs_are_deleted_only_with_force(filled):
    with pytest.raises(CannotAnalyze, match="5 jobs would be deleted: say force=True") as caught:
        query.delete_jobs([])
    assert isinstance(caught.value, RuntimeError)
    with pytest.raises(BadArgument):
        query.delete_jobs([], force=True, limit=-1)
    assert query.delete_jobs([], dry_run=True) == 5
    assert query.delete_jobs(["1", "2"], dry_run=True) == 2
    assert query.delete_jobs("none") == 0 and query.delete_jobs("a\0b", force=True) == 0
    assert query.get_jobs(fmt="terse") == list("12345")
    assert query.delete_jobs("2") == 1
    assert query.delete_jobs([], force=True, before="2026-03-02", after="2026-03-01") == 1
    assert query.delete_jobs([], force=True, limit=1, offset=1) == 1
    assert query.delete_jobs([], force=True, fltr="num_procs = 1") == 1
    assert query.get_jobs(fmt="terse") == ["3"]
    assert len(query.get_procs()) == 5


def test_old_jobs_are_retired(filled):
    days = (datetime.datetime.now(datetime.timezone.utc) - BEGIN).days
    if days < 5:
        pytest.skip("the jobs are of a day that this machine's clock has not reached")
    assert query.retire_jobs(0) == 0 and query.retire_jobs(-5) == 0
    assert query.retire_jobs(days - 2, dry_run=True) == query.retire_jobs(days - 2) > 0
    left = query.get_jobs(fmt="terse")
    assert 0 < len(left) < 5 and left == list("12345")[-len(left) :]
    assert query.retire_jobs() == len(left)  # 14 days, of the settings


def test_what_epmt_has_and_is_never_needed_here(filled):
    assert query.get_unprocessed_jobs() == []
    assert query.is_job_post_processed("1") is True
    assert query.is_job_in_staging("1") is False and query.get_job_staging_ids("1") == ()


def test_the_database_of_the_settings_is_asked(sqlite_site, tmp_path, monkeypatch):
    submit(sqlite_site.create(), tmp_path, JOBS[:1])
    monkeypatch.setenv("HPCUSAGE_CONF", str(sqlite_site.conf_path))
    query.close()
    try:
        assert query.get_jobs(fmt="terse") == ["3"]
        with query.connected():
            assert query.get_jobs(fmt="terse") == ["3"]
        assert query.get_jobs(fmt="terse") == ["3"]
    finally:
        query.close()
    assert epmt(sqlite_site, "list").stdout == "['3']\n"
