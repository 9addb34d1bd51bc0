"""Operations are what an obvious evaluation of the processes says, on each database."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epmtlite import operations, query
from epmtlite.analysis.errors import BadArgument
from tests.epmtlite.made_jobs import BEGIN, random_records, record
from tests.epmtlite.query.site import DAY, shifted, stored

METHODS = ("sum", "sum-minus-overlap", "finish-minus-start")
MICROSECOND = datetime.timedelta(microseconds=1)


def naive_duration(some, method):
    """Return the microseconds of processes: counted one by one."""
    if method == "sum":
        return sum(end - start for start, end in some)
    if method == "finish-minus-start":
        return max(end for _start, end in some) - min(start for start, _end in some)
    return len({moment for start, end in some for moment in range(start, end)})


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), min_size=1, max_size=9)


@given(SPANS)
def test_intervals_are_the_moments_at_which_something_ran(spans):
    some = [(start, start + lasts) for start, lasts in spans]
    starts, ends = zip(*some)
    found = operations.intervals(starts, ends)
    assert operations.covered(starts, ends) == naive_duration(some, "sum-minus-overlap")
    assert all(one[1] < other[0] for one, other in zip(found, found[1:]))
    assert all(any(b <= start and end <= e for b, e in found) for start, end in some)
    assert found[0][0] == min(starts) and found[-1][1] == max(ends)


def test_operations_by_each_method(filled):
    for method, durations in zip(METHODS, ((2100, 500), (1500, 500), (1500, 500))):
        found = query.get_ops("3", "op", op_duration_method=method)
        assert [op["duration"] for op in found] == list(durations)
        assert [op["tags"] for op in found] == [{"op": "cp"}, {"op": "mv"}]
        assert all(op["op_duration_method"] == method and op["jobs"] == ["3"] for op in found)
    copies = found[0]
    assert copies["start"] == BEGIN + 2 * DAY + 100 * MICROSECOND
    assert copies["finish"] == BEGIN + 2 * DAY + 1600 * MICROSECOND
    sums = copies["proc_sums"]
    assert (sums["num_procs"], sums["numtids"], sums["cpu_time"]) == (3, 4, 833)
    assert (sums["usertime"], sums["systemtime"], sums["duration"]) == (611, 222, 1500)
    assert set(copies) == {"jobs", "tags", "exact_tag_only", "op_duration_method", "start",
                           "finish", "duration", "proc_sums"}  # fmt: skip


def test_operations_in_full(filled):
    (op,) = query.get_ops("3", "n:1", full=True, op_duration_method="sum-minus-overlap")
    start = BEGIN + 2 * DAY
    assert op["intervals"] == (
        (start + 100 * MICROSECOND, start + 1100 * MICROSECOND),
        (start + 5000 * MICROSECOND, start + 5500 * MICROSECOND),
    )  # fmt: skip
    assert (op["num_runs"], op["contiguous"], op["duration"]) == (2, False, 1500)
    assert op["processes"] == query.get_procs("3", tags="n:1", fmt="terse")
    (op,) = query.get_ops("3", "op:mv", full=True)
    assert (op["num_runs"], op["contiguous"]) == (1, True)


def test_tags_of_operations(filled):
    def tags(*arguments, **more):
        return query.get_ops("3", *arguments, fmt="terse", **more)

    copy, move = {"op": "cp"}, {"op": "mv"}
    assert tags() == tags([]) == tags("n") == [{"n": "1"}, {"n": "2"}]  # of two, the first
    assert tags("op") == tags(["op"]) == tags(["op", "op:cp"]) == [copy, move]
    assert tags(["op:mv", copy]) == [move, copy] and tags(move) == [move]
    assert tags("op:cp;n:1") == [{"op": "cp", "n": "1"}] == tags({"op": "cp", "n": 1})
    assert tags("op:none") == tags("none") == tags(["none", "op:x"]) == []
    assert tags("op:cp", exact_tag_only=True) == []
    assert tags("op:mv;n:1", exact_tag_only=True) == [{"op": "mv", "n": "1"}]
    assert query.get_ops("1") == [] and query.get_op_metrics("1", fmt="dict") == []


def test_combined_operations_count_each_process_once(filled):
    (op,) = query.get_ops("3", ["op:cp", "n:1"], combine=True)
    assert op["tags"] == [{"op": "cp"}, {"n": "1"}]
    assert op["proc_sums"]["num_procs"] == 4 and op["proc_sums"]["usertime"] == 911
    assert op["duration"] == 2600
    assert query.get_ops("3", "none", combine=True) == []


def test_wrong_arguments_of_operations(sqlite_filled):
    for function in (query.get_ops, query.get_op_metrics):
        for arguments in (
            {"op_duration_method": "none"}, {"fmt": "orm"}, {"tags": 5}, {"tags": [5]},
            {"tags": "a:b:c"}, {"tags": [["op"]]},
        ):  # fmt: skip
            with pytest.raises(BadArgument):
                print(arguments, function("3", **arguments))


JOBS = tuple(
    shifted(str(seed), seed, "exp_name:a", records=random_records(40, seed)) for seed in (1, 2, 3)
)


def test_operations_over_random_jobs_are_those_of_python(site, tmp_path):
    """What the records say, added up one by one."""
    with stored(site, tmp_path, JOBS):
        for method in ("sum", "finish-minus-start"):
            ops = query.get_ops(["1", "2", "3"], "op", op_duration_method=method, full=True)
            assert [op["tags"] for op in ops] == [{"op": "1"}, {"op": "cp"}, {"op": "mv"}]
            for op in ops:
                check_operation(op, records_of(op["tags"]["op"]), method)
        rows = query.get_op_metrics("1,2,3", "op", fmt="dict")
        assert len(rows) == 9
        for row in rows:
            some = records_of(row["tags"]["op"], JOBS[int(row["jobid"]) - 1])
            assert row["num_procs"] == len(some) and row["job"] == row["jobid"]
            assert row["systemtime"] == sum(v[1] for one in some for v in one.threads)
            assert row["duration"] == naive_duration([(o.start, o.end) for o in some], "sum")
        by_tag = query.get_op_metrics("1,2,3", "op", fmt="dict", group_by_tag=True)
        assert [row["tags"] for row in by_tag] == [op["tags"] for op in ops]
        for row in by_tag:
            assert row["cpu_time"] == sum(r["cpu_time"] for r in rows if r["tags"] == row["tags"])
            assert "jobid" not in row


def records_of(value, *jobs):
    """Return the ProcessRecords with the tag op of a value."""
    texts = {"1": ("op",), "cp": ("op:cp",)}.get(value)
    return [
        one
        for job in jobs or JOBS
        for records in job.records.values()
        for one in records
        if (one.tags in texts if texts else one.tags.startswith(f"op:{value};"))
    ]


def check_operation(op, some, method):
    sums = op["proc_sums"]
    assert sums["num_procs"] == len(some) == len(op["processes"])
    assert sums["numtids"] == sum(one.numtids for one in some)
    assert sums["usertime"] == sum(values[0] for one in some for values in one.threads)
    assert sums["cpu_time"] == sum(sum(values[:2]) for one in some for values in one.threads)
    assert op["duration"] == naive_duration([(one.start, one.end) for one in some], method)
    assert op["num_runs"] == len(op["intervals"])


def test_metrics_without_tags_are_those_of_all_tags(filled):
    rows = query.get_op_metrics("3", fmt="dict")
    assert [(row["tags"], row["num_procs"]) for row in rows] == [
        ({"n": "1", "op": "cp"}, 2), ({"n": "1", "op": "mv"}, 1), ({"n": "2", "op": "cp"}, 1),
    ]  # fmt: skip


def test_tables_of_operations(filled):
    pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    frame = query.get_op_metrics(["3", "1"], "op")
    assert list(frame["tags"]) == [{"op": "cp"}, {"op": "mv"}]
    assert list(frame["duration"]) == [2100, 500] and list(frame["jobid"]) == ["3", "3"]
    assert len(query.get_ops("3", "op", fmt="pandas")) == 2
    assert query.get_op_metrics("3", "op", fmt="terse") == ['{"op": "cp"}', '{"op": "mv"}']


def test_tags_of_processes(filled):
    all_tags = [{"n": "1", "op": "cp"}, {"n": "1", "op": "mv"}, {"n": "2", "op": "cp"}]
    assert query.job_proc_tags(["1", "3"]) == all_tags == query.get_job_proc_tags("3")
    assert query.job_proc_tags("3", fold=True) == {"n": ["1", "2"], "op": ["cp", "mv"]}
    assert query.job_proc_tags("3", exclude=["n"]) == [{"op": "cp"}, {"op": "mv"}]
    assert query.job_proc_tags("3", tag_filter="op:cp") == [all_tags[0], all_tags[2]]
    assert query.job_proc_tags("3", tag_filter={"op": "mv"}, fold=True) == {"n": "1", "op": "mv"}
    assert query.job_proc_tags("3", exclude=("n", "op")) == [] == query.job_proc_tags("1")


def test_keys_of_tags_are_ranked(sqlite_site, tmp_path):
    tags = ["a:1;b:1", "a:2;b:1", "a:3;c:1", "d:1", "c:2;d:2;a:3"]
    records = [record(pid=10 + n, tags=one) for n, one in enumerate(tags)]
    with stored(sqlite_site, tmp_path, [shifted("1", 0, "", records=records)]):
        wanted = {"a": {"1", "2", "3"}, "b": {"1"}, "c": {"1", "2"}, "d": {"1", "2"}}
        ranked = query.rank_proc_tags_keys("1")
        assert ranked == [(key, wanted[key]) for key in "bcda"]
        ranked = query.rank_proc_tags_keys("1", order="frequency", exclude=["d"])
        assert [key for key, _values in ranked] == ["a", "b", "c"]
        with pytest.raises(BadArgument, match="one of cardinality, frequency"):
            query.rank_proc_tags_keys("1", order="size")


def test_costs_of_operations(filled):
    pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    percent, ops, total, by_job = query.ops_costs(["1", "3"])
    assert total == 800 + 1633 and percent == round(100 * 1233 / total, 3)
    assert sorted(op["op"] for op in ops["tags"]) == ["cp", "mv"]
    assert by_job.to_dict("list") == {
        "jobid": ["1", "3"], "dm_cpu_time": [0, 1233], "job_cpu_time": [800, 1633],
        "dm_cpu_time%": [0, 76],
    }  # fmt: skip
    percent, _ops, total, _by_job = query.ops_costs("3", tags=["op:cp", "n:1"], metric="duration")
    assert (percent, total) == (round(100 * 2600 / 60_000_000, 3), 60_000_000)
    with pytest.raises(BadArgument, match="cpu_time or duration"):
        query.ops_costs("3", metric="rssmax")
