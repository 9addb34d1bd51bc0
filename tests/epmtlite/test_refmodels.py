"""Reference models in each database: made, found, changed, kept with their jobs, deleted."""

import json
import math
import multiprocessing

import pytest

from epmtlite import query, refmodels, selection
from epmtlite.analysis.errors import BadArgument, CannotAnalyze
from tests.epmtlite.made_jobs import contents, epmt, record
from tests.epmtlite.query.site import asked, shifted, stored, submit
from usagedb import errors

OCEAN = "exp_name:ocean;exp_component:ice"
METHODS = {"iqr", "modified_z_score", "z_score"}


def job(number, usertime=300, tags=OCEAN, lasts=None):
    """Return a MadeJob with two operations; its processes take that many microseconds."""
    records = [
        record(pid=10, tags="op:cp", threads=[(usertime, 100, 2048, 0, 0, 9)]),
        record(pid=11, tags="op:mv", start=2000, lasts=usertime),
    ]
    return shifted(str(number), number, tags, records=records, lasts=lasts)


JOBS = (*(job(number, 300 + number, lasts=600 + number) for number in range(1, 5)),
        job(5, 90_000, lasts=3000), job(6, 301, lasts=600, tags="exp_name:sea"))  # fmt: skip


@pytest.fixture(name="filled")
def site_with_jobs(site, tmp_path):
    with stored(site, tmp_path, JOBS):
        yield site


@pytest.fixture(name="sqlite_filled")
def sqlite_site_with_jobs(sqlite_site, tmp_path):
    with stored(sqlite_site, tmp_path, JOBS):
        yield sqlite_site


def test_a_model_is_made_and_found(filled):
    model = query.create_refmodel("1,2,3", name="good", tag=OCEAN)
    assert (model["name"], model["jobs"], model["op_tags"]) == ("good", ["1", "2", "3"], [])
    assert model["tags"] == {"exp_name": "ocean", "exp_component": "ice"} and model["enabled"]
    assert set(model) >= METHODS
    assert set(model["iqr"]) == {"duration", "cpu_time", "num_procs"}
    assert list(model["z_score"]["num_procs"]) == [0, 2, 0]
    assert model["modified_z_score"]["duration"][1:] == [602_000_000, 1_000_000]
    assert query.get_refmodels() == [model] == query.get_refmodels("good")
    assert model["created_at"] == model["updated_at"]
    for tag, is_found in (
        ("exp_name:ocean", True), ({"exp_component": "ice"}, True), (OCEAN, True), ("", False),
        ({}, False), ("exp_name:sea", False), (["a:b", "exp_name:ocean"], True), (None, True),
    ):  # fmt: skip
        assert bool(query.get_refmodels(tag=tag)) is is_found, tag
    assert query.get_refmodels(tag="exp_name:ocean", exact_tag_only=True) == []
    assert query.get_refmodels(tag=OCEAN, exact_tag_only=True, fmt="terse") == [model["id"]]
    (nested,) = query.get_refmodels(merge_nested_fields=False)
    assert set(nested["computed"]) == METHODS and "iqr" not in nested


def test_models_are_listed_by_conditions(filled):
    first = query.create_refmodel(["1", "2", "3"], name="b", fmt="terse")
    second = query.create_refmodel(["2", "3", "4"], name="a", tag="x:y", enabled=False, fmt="terse")
    third = query.create_refmodel(["2", "3", "4"], name="C", fmt="terse")
    for arguments, wanted in (
        ({}, [first, second, third]), ({"order": "-id"}, [third, second, first]),
        ({"order": "name"}, [third, second, first]), ({"limit": 2}, [first, second]),
        ({"order": "-created_at", "limit": 1}, [third]), ({"limit": 0}, [first, second, third]),
        ({"before": 0}, [first, second, third]), ({"before": -1}, []),
        ({"after": -1}, [first, second, third]), ({"after": "2199-01-01"}, []),
        ({"fltr": "enabled = 0"}, [second]), ({"fltr": "name like 'a'"}, [second]),
        ({"fltr": "tags.x = 'y' or name = 'b'"}, [first, second]), ({"name": "c"}, []),
        ({"fltr": f"id > {first} and created_at > -1", "name": "C"}, [third]),
        ({"name": "x' OR 1=1 --"}, []), ({"name": "a\0"}, []), ({"name": "\udcff"}, []),
    ):  # fmt: skip
        assert query.get_refmodels(fmt="terse", **arguments) == wanted, arguments
    for arguments in (
        {"order": "computed"}, {"limit": -1}, {"limit": "1"}, {"fltr": "jobs = 1"},
        {"fltr": "annotations.x = 1"}, {"before": "x"}, {"tag": 5}, {"fmt": "orm"},
    ):  # fmt: skip
        with pytest.raises(BadArgument):
            query.get_refmodels(**arguments)


def test_models_have_names_that_can_be_printed(filled):
    for name in ("it's", "\u65e5\u672c \u00fc", "%", "a" * 255, "1a"):
        made = query.create_refmodel("1,2,3", name=name)
        assert made["name"] == name
        assert [one["name"] for one in query.get_refmodels(name)] == [name]
    for name, message in (
        ("a" * 256, "at most 255 bytes"), ("\u00fc" * 128, "at most 255 bytes"),
        ("a\0b", "that can be printed"), ("a\nb", "printed"), ("\x1b[2J", "printed"),
        ("\udcff", "printed"), ("17", "no number"), ("it's", "there is a model it's already"),
    ):  # fmt: skip
        with pytest.raises(BadArgument, match=message):
            query.create_refmodel("1,2,3", name=name)
    unnamed = [query.create_refmodel("1,2,3")["name"] for _count in range(3)]
    assert len(set(unnamed)) == 3 and all(name.startswith("model-") for name in unnamed)
    assert len(query.get_refmodels()) == 8


def test_what_no_model_can_be_made_of(sqlite_filled):
    for arguments, error, message in (
        (("1,2",), CannotAnalyze, "at least 3 jobs"), (("1,1,1",), CannotAnalyze, "3 jobs"),
        (("1,2,9",), KeyError, "no job 9"), (("1,2,3", "n", 5), ValueError, "no tag"),
        (("1,2,3", "n", "", "op:none"), RuntimeError, "no such operations"),
        (("1,2,3", "n", "", None, ["none"]), BadArgument, "none: no method"),
        (("1,2,3", "n", "", None, None, ["none"]), BadArgument, "none: no feature"),
        (("1,2,3", "n", "", None, None, ["user"]), ValueError, "user of 1 is ann"),
        (("1,2,3", "n", "", None, None, None, False, "orm"), BadArgument, "fmt='orm'"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            query.create_refmodel(*arguments)
    assert query.get_refmodels() == []


def test_a_model_of_jobs_finds_outliers(filled):
    model = query.create_refmodel("1,2,3,4", name="good")
    for trained_model in (model["id"], str(model["id"]), "good", model):
        _records, parts = query.detect_outlier_jobs("4,5", trained_model=trained_model, fmt="dict")
        assert parts == {
            "cpu_time": ({"4"}, {"5"}), "duration": ({"4"}, {"5"}),
            "num_procs": ({"4", "5"}, set()),
        }  # fmt: skip
    records, _parts = query.detect_outlier_jobs("5", "good", ["duration"], ["iqr"], fmt="dict")
    assert records == [{"jobid": "5", "duration": 1}]
    _records, parts = query.detect_outlier_jobs("1,2,3,4", trained_model="good", fmt="dict")
    assert all(not outliers for _good, outliers in parts.values())


def test_a_disabled_model_is_not_used(filled):
    model = query.create_refmodel("1,2,3", name="good", enabled=False)
    assert not model["enabled"] and not query.refmodel_is_enabled("good")
    for call in (query.detect_outlier_jobs, query.detect_outlier_ops):
        with pytest.raises(CannotAnalyze, match="model good is disabled") as caught:
            call("1,2,3,4", trained_model=model["id"])
        assert isinstance(caught.value, RuntimeError)
    changed = query.refmodel_set_enabled("good", True)
    assert changed["enabled"] and query.refmodel_is_enabled(model["id"])
    assert changed["updated_at"] > changed["created_at"]
    query.detect_outlier_jobs("1,2", trained_model="good", fmt="dict")
    assert query.refmodel_set_enabled(model["id"])["enabled"] is False


def test_active_metrics_are_those_that_are_used(filled):
    number = query.create_refmodel("1,2,3", fmt="terse")
    assert query.refmodel_get_metrics(number) == {"duration", "cpu_time", "num_procs"}
    assert query.refmodel_set_active_metrics(number, ["num_procs", "duration"]) == [
        "duration", "num_procs",
    ]  # fmt: skip
    assert query.refmodel_get_metrics(number, True) == {"duration", "num_procs"}
    assert len(query.refmodel_get_metrics(number)) == 3
    _records, parts = query.detect_outlier_jobs("5", trained_model=number, fmt="dict")
    assert set(parts) == {"duration", "num_procs"}
    with pytest.raises(BadArgument, match="has no usertime; it has cpu_time, duration, num_procs"):
        query.refmodel_set_active_metrics(number, ["usertime"])
    assert query.refmodel_set_active_metrics(number, []) == ["cpu_time", "duration", "num_procs"]
    assert query.refmodel_get_metrics(number, active_only=True) == query.refmodel_get_metrics(
        number
    )


def test_models_of_operations(filled):
    model = query.create_refmodel("1,2,3,4", name="ops", op_tags="*")
    assert model["op_tags"] == [{"op": "cp"}, {"op": "mv"}]
    assert {json.loads(key)["op"] for key in model if key[0] == "{"} == {"cp", "mv"}
    records, parts, scores, tags, features = query.detect_outlier_ops(
        ["4", "5"], trained_model="ops", fmt="dict"
    )
    assert parts == {'{"op": "cp"}': ({"4"}, {"5"}), '{"op": "mv"}': ({"4"}, {"5"})}
    assert len(records) == 4 and len(scores) == 2 and len(tags) == 2
    assert set(features) == {"cpu_time", "duration", "num_procs"}
    one = query.create_refmodel("1,2,3", name="one", op_tags=["op:mv"], features=["duration"])
    assert one["op_tags"] == [{"op": "mv"}] and query.refmodel_get_metrics("one") == {"duration"}
    assert list(query.detect_outlier_ops("5", trained_model="one", fmt="dict")[1]) == [
        '{"op": "mv"}'
    ]
    with pytest.raises(CannotAnalyze, match='knows nothing about the operation {"op": "cp"}'):
        query.detect_outlier_ops("5", tags="op:cp", trained_model="one")
    with pytest.raises(CannotAnalyze, match="knows nothing about whole jobs"):
        query.detect_outlier_jobs("5", trained_model="ops")


def test_a_model_of_jobs_says_nothing_about_operations(filled):
    query.create_refmodel("1,2,3", name="jobs")
    with pytest.raises(CannotAnalyze, match="model jobs knows nothing about the operation"):
        query.detect_outlier_ops("4,5", trained_model="jobs")


def test_unknown_models_are_told(filled):
    for model in ("none", 99, "99", 10**30, "a\0", "\udcff", {"id": 7}, "x' OR 1=1 --", "", None):
        calls = (
            query.refmodel_set_enabled, query.refmodel_is_enabled, query.refmodel_get_metrics,
            lambda one: query.refmodel_set_active_metrics(one, []),
            lambda one: refmodels.usable_model(query.current(), one),
        )  # fmt: skip
        for call in calls:
            with pytest.raises(refmodels.MissingModel, match="there is no model") as caught:
                call(model)
            assert isinstance(caught.value, KeyError)
            assert isinstance(caught.value, errors.MissingInputError)
            assert str(caught.value).endswith("see epmt list refmodels")
        assert query.delete_refmodels(model if isinstance(model, (str, int)) else 7) == 0


def test_models_are_deleted(filled):
    numbers = [query.create_refmodel("1,2,3", name=name, fmt="terse") for name in "abcd"]
    assert query.delete_refmodels() == 0
    assert query.delete_refmodels(numbers[0], "b", str(numbers[2]), "b", "none") == 3
    assert query.get_refmodels(fmt="terse") == numbers[3:]
    assert filled.rows("SELECT refmodel_id FROM epmt_refmodel_job") == [(numbers[3],)] * 3
    assert query.delete_refmodels("d") == 1 and query.get_refmodels() == []
    assert len(query.get_jobs()) == 6


def test_old_models_are_retired(filled):
    query.create_refmodel("1,2,3", name="old")
    number = query.create_refmodel("2,3,4", name="new", fmt="terse")
    database = query.current()
    sql = "UPDATE epmt_refmodel SET created_at = created_at - 864000 WHERE name = ?"
    database.execute(sql, ("old",))
    assert query.retire_refmodels() == query.retire_refmodels(0) == 0
    assert query.retire_refmodels(11) == 0 and query.retire_refmodels(9, dry_run=True) == 1
    assert query.retire_refmodels(9) == 1
    assert query.get_refmodels(fmt="terse") == [number]


def test_a_job_of_a_model_is_not_deleted(filled):
    query.create_refmodel("1,2,3", name="good")
    before = query.get_jobs(), query.get_procs()
    assert query.delete_jobs(["1", "4"], force=True, dry_run=True) == 1
    assert query.delete_jobs("1") == 0
    assert query.retire_jobs(1, dry_run=True) == 3
    done = epmt(filled, "delete", "1", "2", status=3)
    assert "2 jobs stay, since models were made of them; the first: 1 of model" in done.stderr
    assert (query.get_jobs(), query.get_procs()) == before
    epmt(filled, "delete", "3", "4", status=3)
    assert query.get_jobs(fmt="terse") == ["1", "2", "3", "5", "6"]
    assert query.retire_jobs(1) == 2
    assert query.get_jobs(fmt="terse") == ["1", "2", "3"]
    job = selection.select_jobs(query.current())[0]
    from epmtlite import deletion

    assert deletion.delete_jobs(query.current(), [job]) == 0  # who did not ask before, neither
    assert query.delete_jobs("1", remove_models=True, dry_run=True) == 1
    assert query.get_refmodels("good") and query.delete_jobs("1", remove_models=True) == 1
    assert query.get_refmodels() == [] and query.delete_jobs("2,3", force=True) == 2
    assert contents(filled) == ({}, [])


def test_delete_old_records_warns_once_of_the_jobs_of_a_model(filled):
    query.create_refmodel("1,2,3", name="good")
    words = ("delete_old_records", "--schema", "epmt", "--keepMonths", "0", "--yes")
    for more in (("--dry-run",), ()):
        done = filled.run(*words, *more)
        assert (done.returncode, done.stderr.count("3 jobs stay")) == (0, 1), done.stderr
    assert query.get_jobs(fmt="terse") == ["1", "2", "3"]


def test_the_command_deletes_models_if_asked(filled):
    query.create_refmodel("1,2,3", name="good")
    epmt(filled, "delete", "--remove-models", "1", "2")
    assert query.get_jobs(fmt="terse") == ["3", "4", "5", "6"] and query.get_refmodels() == []
    assert filled.rows("SELECT * FROM epmt_refmodel_job") == []


def create(config, barrier, names, found):
    """Make models of names in a process of its own; put how each went on a queue."""
    from tests.conftest import Site

    class Known(Site):
        def __init__(self, config):
            self.config = config

    with asked(Known(config)):
        for name in names:
            barrier.wait()
            try:
                found.put(query.create_refmodel("1,2,3", name=name, fmt="terse"))
            except BadArgument as error:
                found.put(str(error))


def test_of_two_processes_one_makes_a_model_of_a_name(filled):
    context = multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(2, timeout=120), context.Queue()
    names = [f"model {number}" for number in range(10)]
    processes = [
        context.Process(target=create, args=(filled.config, barrier, names, found), daemon=True)
        for _count in range(2)
    ]
    for process in processes:
        process.start()
    results = [found.get(timeout=120) for _count in range(20)]
    for process in processes:
        process.join(timeout=120)
        assert process.exitcode == 0
    made = [one for one in results if isinstance(one, int)]
    refused = sorted(one for one in results if isinstance(one, str))
    assert refused == sorted(f"there is a model {name} already" for name in names)
    assert sorted(made) == query.get_refmodels(fmt="terse")
    assert sorted(one["name"] for one in query.get_refmodels()) == names
    assert len(filled.rows("SELECT job_id FROM epmt_refmodel_job")) == 30


def test_a_job_that_is_deleted_meanwhile_makes_no_model(filled):
    database = query.current()
    jobs = selection.select_jobs(database)[:3]
    query.delete_jobs("2")
    with pytest.raises(errors.MissingInputError, match="was deleted meanwhile"):
        refmodels.create(database, jobs, {}, "late")
    assert query.get_refmodels() == [] and filled.rows("SELECT * FROM epmt_refmodel_job") == []


def test_models_of_jobs_of_several_clusters(sqlite_site, tmp_path):
    sqlite_site.create()
    for cluster in "ab":
        submit(sqlite_site, tmp_path / cluster, JOBS[:3], "--cluster", cluster)
    with asked(sqlite_site):
        model = query.create_refmodel(["a/1", "b/1", "b/2"], name="both")
        assert model["jobs"] == ["a/1", "b/1", "b/2"]
        _records, parts = query.detect_outlier_jobs(["a/3", "b/3"], "both", fmt="dict")
        assert {key for pair in parts.values() for one in pair for key in one} == {"a/3", "b/3"}


def test_tables_of_models(filled):
    pytest.importorskip("pandas", reason="pandas is of the extra analysis")
    frame = query.create_refmodel("1,2,3", name="good", fmt="pandas")
    assert list(frame["name"]) == ["good"] == list(query.get_refmodels(fmt="pandas")["name"])
    assert len(query.get_refmodels("none", fmt="pandas")) == 0


def test_infinite_scores_are_no_params_of_a_model():
    """Where all numbers but one are equal, the deviation is still one."""
    from epmtlite.analysis import scores

    for values in ([1] * 99 + [2], [0, 0, 0, 1], [5, 5, 5.5]):
        for scorer in (scores.z_score, scores.modified_z_score, scores.iqr):
            assert all(map(math.isfinite, scorer(values).params))
