"""Jobs are analyzed once, with those of their kind; notes about them are changed by many."""

import logging
import multiprocessing

import pytest

from epmtlite import annotations, query, selection
from epmtlite.analysis.errors import BadArgument, CannotAnalyze
from epmtlite.query.analyses import groups_of
from tests.conftest import Site
from tests.epmtlite.made_jobs import record
from tests.epmtlite.query.site import asked, shifted, stored
from usagedb import errors

OCEAN, SEA = "exp_name:ocean;exp_component:ice", "exp_name:sea;exp_component:ice"


def job(number, tags=OCEAN, usertime=300, lasts=600):
    """Return a MadeJob of one process that takes that many microseconds."""
    records = [record(threads=[(usertime + number, 100, 2048, 0, 0, 9)])]
    return shifted(str(number), number, tags, records=records, lasts=lasts + number)


JOBS = (*(job(number) for number in range(1, 5)), job(5, usertime=90_000, lasts=3000),
        job(6, SEA), job(7, SEA), job(8, ""))  # fmt: skip


@pytest.fixture(name="filled")
def site_with_jobs(site, tmp_path):
    with stored(site, tmp_path, JOBS):
        yield site


def outliers_of(jobid):
    """Return {model: {feature: ids of outliers}} of what is noted on a job."""
    ((key, found),) = query.get_job_analyses(jobid).items()
    assert key == "outlier_detection"
    return {
        one["model_id"]: {name: parts[1] for name, parts in one["results"].items()} for one in found
    }


def test_jobs_are_compared_with_those_of_their_kind(filled):
    assert query.get_unanalyzed_jobs() == list("12345678")
    assert sorted(query.analyze_jobs()) == [list("12345"), ["6", "7"], ["8"]]
    for jobid in "12345":
        assert outliers_of(jobid) == {None: {"cpu_time": ["5"], "duration": ["5"], "num_procs": []}}
    for jobid in "678":  # too few, and analyzed all the same
        assert query.get_job_analyses(jobid) == {"outlier_detection": []}
    assert query.get_unanalyzed_jobs() == [] == query.analyze_jobs()
    assert sorted(query.analyze_jobs("6,1", check=False)) == [["1"], ["6"]]
    query.remove_job_analyses("7")
    assert query.get_unanalyzed_jobs() == ["7"] == query.get_unanalyzed_jobs(["7", "1"])
    assert query.get_unanalyzed_jobs("1") == []
    assert query.analyze_jobs() == [["7"]]


def test_forms_of_unanalyzed_jobs(filled):
    query.set_job_analyses("1", {"found": "yes", "n": 5})
    assert "".join(query.get_unanalyzed_jobs(analyses_filter={"found": "yes"})) == "2345678"
    assert "".join(query.get_unanalyzed_jobs("1,2", analyses_filter="n:5")) == "2"
    assert "".join(query.get_unanalyzed_jobs("1,2", analyses_filter="n:6")) == "12"
    assert [one["jobid"] for one in query.get_unanalyzed_jobs("1,2", fmt="dict")] == ["2"]
    assert query.get_unanalyzed_jobs("1", fmt="dict") == []
    assert query.get_jobs(analyses={"found": "yes"}, fmt="terse") == ["1"]
    assert query.get_jobs(fltr="analyses.n = 5", fmt="terse") == ["1"]
    done = query.analyze_jobs(analyses_filter="found:yes")
    assert sorted(one for some in done for one in some) == list("2345678")
    with pytest.raises(BadArgument):
        query.get_unanalyzed_jobs("1", fmt="orm")
    pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    assert len(query.get_unanalyzed_jobs("1", fmt="pandas")) == 0


def test_a_new_job_is_compared_with_the_latest_of_its_kind(filled):
    query.analyze_jobs("1,2,3,4")
    before = query.get_job_analyses("1")
    assert query.analyze_jobs("5") == [["5"]]
    assert outliers_of("5") == {None: {"cpu_time": ["5"], "duration": ["5"], "num_procs": []}}
    assert query.get_job_analyses("1") == before
    assert query.analyze_jobs("6") == [["6"]]
    assert query.get_job_analyses("6") == {"outlier_detection": []}


def test_large_kinds_are_analyzed_in_groups(filled):
    done = query.analyze_jobs(max_comparable=4)
    assert sorted(map(len, done)) == [1, 2, 2, 3]
    assert sorted(one for some in done for one in some) == list("12345678")
    for count in range(1, 40):
        for most in (1, 4, 7):
            groups = list(groups_of(list(range(count)), most))
            assert [one for group in groups for one in group] == list(range(count))
            assert max(map(len, groups)) <= max(most, 4)
            assert max(map(len, groups)) - min(map(len, groups)) <= 1


def test_models_of_the_kind_are_used(filled):
    good = query.create_refmodel("1,2,3,4", name="good", tag=OCEAN, fmt="terse")
    wide = query.create_refmodel("1,2,3", name="wide", tag=f"{OCEAN};x:y", fmt="terse")
    query.create_refmodel("1,2,3", name="off", tag=OCEAN, enabled=False)
    query.create_refmodel("1,2,3", name="sea", tag=SEA)
    query.create_refmodel("1,2,3", name="none")
    assert query.analyze_jobs("5") == [["5"]]
    assert set(outliers_of("5")) == {good, wide}
    assert outliers_of("5")[good] == {"cpu_time": ["5"], "duration": ["5"], "num_procs": []}
    assert [one["model_id"] for one in query.analyze_comparable_jobs("6")] != [None]


def test_a_model_that_says_nothing_stops_no_analysis(filled, caplog):
    query.create_refmodel("1,2,3", name="other", tag=OCEAN, features=["usertime"])
    with caplog.at_level(logging.WARNING):
        assert query.analyze_jobs("5") == [["5"]]
    assert "no feature is left" in caplog.text
    assert query.get_job_analyses("5") == {"outlier_detection": []}


def test_comparable_jobs_are_analyzed_together(filled):
    found = query.analyze_comparable_jobs(list("12345"))
    assert found[0]["model_id"] is None
    assert found[0]["results"]["duration"] == [list("1234"), ["5"]]
    assert query.get_job_analyses("3") == {"outlier_detection": found}
    with pytest.raises(CannotAnalyze, match="differ in exp_name and exp_component") as caught:
        query.analyze_comparable_jobs("1,2,3,6")
    assert isinstance(caught.value, RuntimeError)
    assert query.analyze_comparable_jobs("1,2,3,6", check_comparable=False)
    assert query.analyze_comparable_jobs("1,6", keys=["exp_component"]) == []


def test_analyses_are_kept_beside_others(filled):
    assert query.set_job_analyses("1", {"a": [1, {"b": None}]}) == {"a": [1, {"b": None}]}
    assert query.set_job_analyses("1", {"c": "it's \u65e5 \\"}) == {
        "a": [1, {"b": None}], "c": "it's \u65e5 \\",
    }  # fmt: skip
    assert query.set_job_analyses("1", {"c": 2}, replace=True) == {"c": 2}
    query.analyze_jobs("1,2,3,4")
    assert set(query.get_job_analyses("1")) == {"c"}  # it counted as analyzed
    assert query.remove_job_analyses("1") == {} == query.get_job_analyses("1")


def test_analyses_have_a_size(filled):
    query.set_job_analyses("1", {"a": "x" * 65_000})
    for arguments in (
        ({"b": "x" * 1000},), ({"a": "x" * 65_536}, True), ({"b": 1}, False, 10),
        ({"\u00fc": "\u65e5" * 30_000}, True),
    ):  # fmt: skip
        with pytest.raises(BadArgument, match=r"the analyses of job 1 take \d+ bytes, more than"):
            query.set_job_analyses("1", *arguments)
    assert set(query.get_job_analyses("1")) == {"a"}
    assert query.set_job_analyses("1", {"b": "x" * 90_000}, True, 100_000)
    assert query.set_job_analyses("1", {"b": "x" * 200_000}, True, size_limit=None)


def test_jobs_are_tagged(filled):
    assert query.tag_job("8", "a:1;b:2") == {"a": "1", "b": "2"}
    assert query.tag_job("8", {"b": 3, "it's": "\u65e5"}) == {"a": "1", "b": "3", "it's": "\u65e5"}
    assert query.get_job_annotations("8")["EPMT_JOB_TAGS"] == "a:1;b:3;it's:\u65e5"
    assert query.get_jobs(tags={"it's": "\u65e5"}, fmt="terse") == ["8"]
    assert query.tag_job("8", "c", replace=True) == {"c": "1"}
    assert query.tag_job("8", "") == {"c": "1"} and query.tag_job("8", {}, replace=True) == {}
    assert query.get_jobs(tags="", fmt="terse") == ["8"]
    for wrong in (5, None, ["a:b"], "a:b:c", ";:"):
        with pytest.raises(BadArgument):
            query.tag_job("8", wrong)
    for several in ("1,2", ["1", "2"]):
        with pytest.raises(BadArgument, match="one job is asked for"):
            query.tag_job(several, "a:b")


def test_jobs_are_annotated(filled):
    before = query.get_job_annotations("1")
    plain = {"text": "it's \\ \u65e5\0", "n": [1, 2.5, None, True], "nested": {"a": {"b": []}}}
    assert query.annotate_job("1", plain) == {**before, **plain}
    assert query.annotate_job("1", "a:1") == {**before, **plain, "a": "1"}
    assert query.annotate_job("1", {"EPMT_JOB_TAGS": "x:y"}, replace=True) == {
        "EPMT_JOB_TAGS": "x:y",
    }  # fmt: skip
    assert query.get_jobs("1")[0]["tags"] == {"x": "y"}
    assert query.remove_job_annotations("1") == {}
    for wrong in ({"a": float("nan")}, {"a": float("inf")}, {(1, 2): 3}, 5, ["a"], "a:b:c", None):
        for function in (query.annotate_job, query.set_job_analyses):
            with pytest.raises(BadArgument):
                function("1", wrong)
    assert query.get_job_annotations("1") == {}
    assert query.get_job_annotations("2") == query.get_jobs("2")[0]["annotations"]


class KnownSite(Site):
    """A Site of a database whose configuration is known."""

    def __init__(self, config):
        self.config = config


def note(config, barrier, who):
    """Note ten things about a job, in a process of its own."""
    with asked(KnownSite(config)):
        for number in range(10):
            barrier.wait()
            query.annotate_job("1", {f"{who}-{number}": number})
            query.set_job_analyses("1", {f"{who}-{number}": number})
            query.tag_job("1", {f"{who}{number}": "x"})


def test_nothing_is_lost_when_several_change_a_job_at_once(filled):
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3, timeout=120)
    before = query.get_jobs("1")[0]
    processes = [
        context.Process(target=note, args=(filled.config, barrier, who), daemon=True)
        for who in "abc"
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=300)
        assert process.exitcode == 0
    job = query.get_jobs("1")[0]
    wanted = {f"{who}-{number}": number for who in "abc" for number in range(10)}
    assert job["analyses"] == wanted
    tags = {**before["tags"], **{f"{who}{n}": "x" for who in "abc" for n in range(10)}}
    assert job["tags"] == tags
    text = ";".join(f"{key}:{tags[key]}" for key in sorted(tags))
    assert job["annotations"] == {**before["annotations"], **wanted, "EPMT_JOB_TAGS": text}


def test_a_change_sees_what_another_one_wrote_before_it(filled):
    database = query.current()
    (job,) = selection.named_jobs(database, ["1"])
    tries = []

    def change(fields):
        # Somebody else, between our reading and our writing; the first locks an SQLite file.
        if not tries and database.config.backend != "sqlite":
            with asked(filled) as other:
                sql = "UPDATE epmt_job SET annotations = ? WHERE id = ?"
                other.execute(sql, ('{"theirs": 1}', job.number))
        tries.append(dict(fields["annotations"]))
        fields["annotations"]["ours"] = 2

    found = annotations.changed(database, job, ("annotations",), change)
    assert found["annotations"] == {**tries[-1], "ours": 2} == query.get_job_annotations("1")
    if database.config.backend != "sqlite":
        assert len(tries) == 2 and found["annotations"] == {"theirs": 1, "ours": 2}


def test_who_is_always_too_late_is_told(filled):
    database = query.current()
    if database.config.backend == "sqlite":
        pytest.skip("the first who changes an SQLite file keeps all others waiting")
    (job,) = selection.named_jobs(database, ["1"])
    count = []

    def change(fields):
        count.append(1)
        with asked(filled) as other:
            sql = "UPDATE epmt_job SET annotations = ? WHERE id = ?"
            other.execute(sql, (f'{{"theirs": {len(count)}}}', job.number))
        fields["annotations"]["ours"] = 2

    with pytest.raises(errors.UnavailableError, match="others are changing job 1: try again"):
        annotations.changed(database, job, ("annotations",), change)
    assert query.get_job_annotations("1") == {"theirs": annotations.TRIES}


def test_a_job_that_was_deleted_is_told(filled):
    (job,) = selection.named_jobs(query.current(), ["1"])
    query.delete_jobs("1")
    with pytest.raises(errors.MissingInputError, match="job 1 was deleted meanwhile"):
        annotations.annotate(query.current(), job, {"a": 1})


@pytest.mark.parametrize(
    "wrong", [{"univariate_classifiers": ["nonsense"]}, {"outlier_features": ["nonsense"]}]
)
def test_jobs_that_wrong_settings_say_nothing_about_stay_unanalyzed(filled, caplog, wrong):
    with asked(filled, **wrong), caplog.at_level(logging.WARNING):
        assert query.analyze_jobs(list("12345")) == []
        assert "jobs stay unanalyzed" in caplog.text
        assert set("12345") <= set(query.get_unanalyzed_jobs())
    assert query.analyze_jobs(list("12345")) == [list("12345")]


def test_a_job_without_a_number_keeps_nobody_from_being_judged(sqlite_site, tmp_path, caplog):
    bare = shifted("9", 9, OCEAN)
    bare.records.clear()
    wanted = {"outlier_features": ["duration", "usertime"]}
    with stored(sqlite_site, tmp_path, (*JOBS[:5], bare), **wanted):
        assert query.analyze_jobs() == [["1", "2", "3", "4", "5", "9"]]
        assert "1 jobs are left out: usertime of 9 is None" in caplog.text
        for jobid in "12345":
            assert outliers_of(jobid) == {None: {"duration": ["5"], "usertime": ["5"]}}
        assert query.get_job_analyses("9") == {"outlier_detection": []}
