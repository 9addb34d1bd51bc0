"""get_procs and what is beside it: each argument means what it says, on each database."""

import math

import pytest

from epmtlite import query, verify
from epmtlite.analysis.errors import BadArgument
from epmtlite.query.arguments import MissingJob
from tests.epmtlite.made_jobs import BEGIN, BEGIN_MICROSECONDS, NAMES, contents, record
from tests.epmtlite.query.site import DAY, shifted, stored

ARGUMENTS = (
    ({}, [10, 11, 12, 13, 14]), ({"tags": "op:cp"}, [11, 12, 13]), ({"tags": ""}, [10]),
    ({"tags": {}}, [10]), ({"tags": {"op": "cp", "n": 1}}, [11, 13]), ({"tags": []},
    [10, 11, 12, 13, 14]), ({"tags": ["op:mv", "n:2"]}, [12, 14]), ({"tags": ["op:mv", ""]},
    [10, 14]), ({"tags": "op:cp", "exact_tag_only": True}, []), ({"tags": "n:1;op:cp",
    "exact_tag_only": True}, [11, 13]), ({"tags": "op:c%"}, []),
    ({"tags": {"op' OR 1=1": "x"}}, []),
    ({"hosts": "n1"}, [10, 11, 12, 13, 14]), ({"hosts": ["n2"]}, []), ({"hosts": ["a\0", 5]}, []),
    ({"order": "-start"}, [14, 13, 12, 11, 10]), ({"order": "duration"}, [13, 14, 11, 12, 10]),
    ({"order": "-cpu_time", "limit": 1, "offset": 4}, [12]), ({"order": "exename"},
    [10, 13, 11, 12, 14]), ({"limit": 2}, [10, 11]), ({"limit": 0, "offset": 3}, [13, 14]),
    ({"offset": 99}, []), ({"fltr": "exename = 'cp'"}, [11, 12]),
    ({"fltr": "exename = 'cp'", "limit": 1, "order": "-start"}, [12]),
    ({"when": BEGIN + 2 * DAY}, [10]), ({"when": "3"}, [10, 11, 12, 13, 14]), ({"when": "1"}, []),
    ({"when": (BEGIN_MICROSECONDS + 5200) / 1e6 + 2 * 86400}, [10, 14]),
)  # fmt: skip


def pids(processes):
    return [one["pid"] for one in processes]


def test_each_argument_means_the_same_on_each_database(filled):
    for arguments, wanted in ARGUMENTS:
        assert pids(query.get_procs("3", **arguments)) == wanted, arguments
        assert pids(query.each_proc("3", **arguments)) == wanted, arguments
        ids = query.get_procs("3", fmt="terse", **arguments)
        assert pids(query.conv_procs(ids, fmt="dict")) == wanted if wanted else ids == []


def test_processes_of_several_jobs(filled):
    found = query.get_procs(["3", "1"])
    assert [(one["jobid"], one["pid"]) for one in found] == [
        ("1", 10), ("1", 11), *(("3", pid) for pid in range(10, 15)),
    ]  # fmt: skip
    assert pids(query.get_procs(order="-pid", limit=3, offset=1)) == [13, 12, 11]
    assert len(query.get_procs()) == len(query.get_procs([])) == 10
    assert pids(query.get_procs(hosts="n2")) == [11]
    names = [one["exename"] for one in query.get_procs(order="exename")]
    assert names == sorted(names)
    while_12 = query.get_procs("3", when=query.get_procs("3", fltr="pid = 12")[0])
    assert pids(while_12) == [10, 11, 12, 13]


def test_the_order_of_names_is_that_of_their_characters(site, tmp_path):
    names = ["b", "B", "a", "\u00e4", "Z", "_", "\U0001f600", "a b", "\uffee", "ab"]
    records = [record(pid=10 + n, exename=name) for n, name in enumerate(names)]
    jobs = [shifted("1", 0, "", records=records), shifted("2", 1, "")]
    with stored(site, tmp_path, jobs):
        for job, wanted in (("1", sorted(names)), ("1,2", sorted([*names, "cp"]))):
            found = query.get_procs(job, order="exename")
            assert [one["exename"] for one in found] == wanted
            found = query.get_procs(job, order="-exename", limit=3)
            assert [one["exename"] for one in found] == wanted[::-1][:3]


WRONG = (
    {"order": "args"}, {"order": "--start"}, {"order": "start, (select 1)"}, {"limit": -1},
    {"limit": 1.5}, {"offset": -2}, {"offset": "1"}, {"tags": 5}, {"tags": ":x"}, {"hosts": 5},
    {"when": "never"}, {"when": object()}, {"fltr": "pid ="}, {"fltr": 5}, {"fmt": "orm"},
    {"jobs": object()}, {"jobs": [["3"]]},
)  # fmt: skip


def test_arguments_that_cannot_be_are_value_errors(sqlite_filled):
    for arguments in WRONG:
        with pytest.raises(BadArgument):
            print(arguments, query.get_procs(**arguments))
    with pytest.raises(MissingJob):
        query.get_procs("none")


def test_dictionaries_of_processes(filled):
    (one,) = query.get_procs("3", fltr="pid = 12")
    (parent,) = query.get_procs("3", fltr="pid = 10")
    assert (one["job"], one["jobid"], one["cluster"], one["user"]) == ("3", "3", "", "ann")
    assert (one["host"], one["exename"], one["path"], one["args"]) == (
        "n1",
        "cp",
        "/bin/cp",
        "-r a b",
    )
    assert one["start"] == BEGIN + 2 * DAY + 600e-6 * (DAY / 86400) and one["duration"] == 1000
    assert (one["numtids"], one["cpu_time"], one["inclusive_cpu_time"]) == (2, 33, 33)
    assert (one["usertime"], one["systemtime"], one["rssmax"]) == (11, 22, 33)
    assert (one["parent"], one["depth"], one["tags"]) == (parent["id"], 1, {"n": "2", "op": "cp"})
    assert parent["parent"] is None and parent["inclusive_cpu_time"] == 4 * 400 + 33
    assert "threads" not in one and "starttime" not in one and "threads_df" not in one
    (nested,) = query.get_procs("3", fltr="pid = 12", merge_threads_sums=False)
    assert nested["threads_sums"]["usertime"] == 11 and "usertime" not in nested


def test_tables_of_processes(filled):
    pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    frame = query.get_procs("3", fmt="pandas")
    assert list(frame["pid"]) == [10, 11, 12, 13, 14]
    assert list(frame["usertime"]) == [300, 300, 11, 300, 300]
    assert pids(query.conv_procs(frame, fmt="dict")) == [10, 11, 12, 13, 14]
    empty = query.get_procs("3", tags="op:none", fmt="pandas")
    assert len(empty) == 0 and {"pid", "usertime", "tags", "host"} <= set(empty.columns)


def test_threads_of_processes(filled):
    (one,) = query.get_procs("3", fltr="pid = 12")
    wanted = [{"process_pk": one["id"], **dict(zip(NAMES, values))}
              for values in ((1, 2, 3, 4, 5, 6), (10, 20, 30, 40, 50, 60))]  # fmt: skip
    for procs in (one, one["id"], [one], [one["id"]]):
        assert query.get_thread_metrics(procs, fmt="dict") == wanted
    assert len(query.get_thread_metrics(*query.get_procs("3"), fmt="dict")) == 6
    assert query.get_thread_metrics(one["id"] + 99, fmt="dict") == []
    assert query.get_thread_metrics(one, fmt="terse") == [one["id"]] * 2
    pandas = pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    frame = query.get_thread_metrics(query.get_procs("3", fmt="pandas"))
    assert isinstance(frame, pandas.DataFrame) and list(frame["usertime"])[2:4] == [1, 10]


def test_what_are_no_processes_is_refused(sqlite_filled):
    for procs in ([], (), "x", ["x"], [None], {}, [{}], -1, [2**63], 10**30, object(), math.nan):
        for function in (query.get_thread_metrics, query.conv_procs):
            with pytest.raises(BadArgument):
                function(procs)
    with pytest.raises(BadArgument, match="no process"):
        query.get_thread_metrics()


def test_processes_in_another_form(filled):
    found = query.get_procs("3,1")
    ids = [one["id"] for one in found]
    assert query.conv_procs(found[::-1], fmt="terse") == ids[::-1]
    assert pids(query.conv_procs(ids, fmt="dict", order="-pid"))[:3] == [14, 13, 12]
    assert query.conv_procs(ids, fmt="dict", order="parent")[0]["parent"] is None
    assert query.conv_procs([ids[0], 5, 99 << 24], fmt="dict") == found[:1]
    for order in ("none", "tags"):
        with pytest.raises(BadArgument, match=f"order={order}"):
            query.conv_procs(ids, order=order)


def test_roots(filled):
    assert query.root("3")["pid"] == 10 and query.root("3", fmt="terse") == query.get_procs(
        "3", limit=1, fmt="terse"
    )[0]  # fmt: skip
    assert pids(query.get_roots("3")) == [10] and pids(query.get_roots("1,3")) == [10, 11, 10]
    assert pids(query.op_roots("3", "op:cp")) == [11, 12]
    assert pids(query.op_roots("3", {"n": 1})) == [11, 14]
    assert pids(query.op_roots(["3", "1"], ["op:mv", "n:2"])) == [12, 14]
    assert query.op_roots("3", "op:none") == []
    for tag in ("", {}, None, []):
        with pytest.raises(BadArgument, match="no tag is named"):
            query.op_roots("3", tag)


def test_a_timeline_is_in_the_order_of_starts(filled):
    assert pids(query.timeline("3", fmt="dict")) == [10, 11, 12, 13, 14]
    assert pids(query.timeline("3", limit=2, fltr="exename = 'cp'", fmt="dict")) == [11, 12]
    assert pids(query.timeline(["1", "3"], hosts="n2", fmt="dict")) == [11]
    assert query.timeline("3", when="1", fmt="dict") == []


def test_histograms_and_sets(filled):
    assert query.procs_histogram("3") == {"bash": 1, "cp": 2, "cat": 1, "mv": 1}
    assert query.procs_histogram("3", metric="cpu_time")["cp"] == 433
    assert query.procs_histogram("1,3", attr="host") == {"n1": 6, "n2": 1}
    assert query.procs_set("1,3") == ["bash", "cat", "cp", "mv"]
    assert query.procs_set("3", "numtids") == [1, 2]
    assert query.procs_set("3", "parent")[0] is None and len(query.procs_set("3", "parent")) == 3
    for arguments, message in (
        ({"attr": "none"}, "none: processes have no such key"), ({"metric": "none"}, "no such key"),
        ({"attr": "tags"}, "cannot be told apart"), ({"metric": "args"}, "no number"),
        ({"metric": "start"}, "no number"), ({"metric": "tags"}, "no number"),
    ):  # fmt: skip
        with pytest.raises(BadArgument, match=message):
            query.procs_histogram("3", **arguments)


def test_features_are_added_to_tables_of_jobs(filled):
    pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    jobs = query.get_jobs("1,3", fmt="pandas")
    found, names = query.add_features_df(jobs)
    assert names == ["procs_histogram", "procs_set"]
    assert list(found["procs_set"]) == [["cp"], ["bash", "cat", "cp", "mv"]]
    assert found["procs_histogram"][1] == {"bash": 1, "cp": 2, "cat": 1, "mv": 1}
    assert "procs_set" not in jobs.columns
    counted, names = query.add_features_df(jobs, [lambda jobid: len(query.get_procs(jobid))])
    assert list(counted[names[0]]) == [2, 5]
    assert query.add_features_df(jobs, [])[1] == []


def test_jobs_are_verified(sqlite_site, tmp_path):
    wrong = record(pid=11, threads=[(-5, 1, 1, 1, 1, 9)])
    unknown = record(pid=12, threads=[(-1, 1, -1, 1, 1, 9)], exitcode=-1)
    cycles = record(pid=13, threads=[(1, 1, 1, 1, 1, 0)])
    jobs = [
        shifted("good", 0, "a:b", records=[record(), unknown]),
        shifted("bad", 0, "", records=[wrong]),
        shifted("cycles", 0, "", records=[cycles]),
    ]  # fmt: skip
    with stored(sqlite_site, tmp_path, jobs):
        assert query.verify_jobs("good") == (True, {})
        is_well, found = query.verify_jobs(["good", "bad", "cycles"])
        assert not is_well and set(found) == {"bad", "cycles"}
        assert "usertime is negative" in found["bad"]
        (bad,) = query.get_procs("bad", fmt="terse")
        assert f"Process[{bad}] >> usertime is negative" in found["bad"]
        assert all("rdtsc_duration is negative" in one for one in found["cycles"])


def test_problems_of_records():
    future = BEGIN.replace(year=2999)
    old = BEGIN.replace(year=2018)
    record = {
        "start": old, "end": future, "cpu_time": math.nan, "usertime": math.inf, "duration": -2,
        "rssmax": -1, "rdtsc_duration": -1, "exitcode": -9, "tags": {"x": -5}, "exename": "a",
        "submit": BEGIN, "annotations": {"y": math.nan}, "parent": None, "numtids": 0,
    }  # fmt: skip
    assert list(verify.problems(record)) == [
        "start is before 2019-01-01", "end is in the future", "cpu_time is not finite",
        "usertime is not finite", "duration is negative", "rdtsc_duration is negative",
    ]  # fmt: skip


def test_nothing_of_all_this_writes(filled):
    before = contents(filled)
    for function in (query.get_roots, query.procs_set, query.verify_jobs, query.job_proc_tags):
        function("1,2,3")
    query.get_ops("3", "op", full=True)
    assert contents(filled) == before


def test_the_version_is_of_numbers():
    assert all(isinstance(one, int) for one in query.version()) and len(query.version()) == 3
