"""What the processes of a job did is what counting its records gives."""

import datetime

import pytest

from epmtlite import of_job, selection
from tests.epmtlite.made_jobs import (
    BEGIN,
    BEGIN_MICROSECONDS,
    HOUR,
    epmt,
    made_job,
    random_records,
    record,
    write_job,
)


@pytest.fixture
def store(site, tmp_path):
    """A function that stores MadeJobs, each with the options of submit, and opens the database."""
    opened = []
    site.create("epmt")

    def stored(*jobs, options=()):
        paths = [write_job(job, tmp_path / f"job{len(opened)}-{n}") for n, job in enumerate(jobs)]
        epmt(site, "submit", "-q", *options, *paths)
        opened.append(site.connect())
        return opened[-1]

    yield stored
    for database in opened:
        database.close()


def job_of(database, name="100"):
    """Return the selection.Job of an id."""
    (job,) = selection.named_jobs(database, [name])
    return job


def test_programs_are_the_sums_of_their_processes(store):
    records = [
        record(pid=1, exename="cp", lasts=500),
        record(pid=2, exename="cp", lasts=900, exitcode=1),
        record(pid=3, exename="cp", exitsignal=9, lasts=100),
        record(pid=4, exename="model", lasts=10, threads=[(10**6, 0, 9000, 0, 0, 9)] * 2),
    ]
    database = store(made_job(records))
    assert of_job.programs(database, job_of(database)) == [
        of_job.Program("model", 1, 0, 2 * 10**6, 10, 10, 9000),
        of_job.Program("cp", 3, 2, 1200, 1500, 900, 2048),
    ]


def test_the_longest_processes_are_kept_and_know_their_nearest_ancestor_that_is(store):
    records = random_records(120, seed=3)
    database = store(made_job(records))
    job = job_of(database)
    everything = of_job.longest_processes(database, job, 1000)
    assert len(everything) == 120
    some = of_job.longest_processes(database, job, 25)
    assert [one.start for one in some] == sorted(one.start for one in some)
    longest = sorted((one.end - one.start for one in records), reverse=True)
    assert sorted((one.duration for one in some), reverse=True) == longest[:25]
    kept = {(one.host, one.pid): place for place, one in enumerate(some)}
    whole = {(one.host, one.pid): one for one in everything}
    for one in some:
        above = whole[one.host, one.pid]
        while above.parent >= 0:
            above = everything[above.parent]
            if (above.host, above.pid) in kept:
                break
        else:
            assert one.parent == -1
            continue
        assert one.parent == kept[above.host, above.pid]


def test_parents_are_those_of_the_records(store):
    records = [
        record(pid=10, ppid=1, start=0, lasts=9000),
        record(pid=11, ppid=10, start=10, lasts=5000),
        record(pid=12, ppid=11, start=20, lasts=10),
        record(pid=13, ppid=10, start=6000, lasts=1000),
    ]
    database = store(made_job(records))
    found = of_job.longest_processes(database, job_of(database), 10)
    assert [(one.pid, one.parent, one.depth, one.descendants) for one in found] == [
        (10, -1, 0, 3),
        (11, 0, 1, 1),
        (12, 1, 2, 0),
        (13, 0, 1, 0),
    ]
    without_11 = of_job.longest_processes(database, job_of(database), 2)
    assert [(one.pid, one.parent) for one in without_11] == [(10, -1), (11, 0)]


def test_processes_of_one_lane_never_ran_at_the_same_time(store):
    records = [
        record(
            pid=number, start=number * 100, lasts=number % 7 * 90 + 10, hostname=f"n{number % 2}"
        )
        for number in range(1, 80)
    ]
    database = store(made_job(records))
    ends: dict = {}
    found = of_job.longest_processes(database, job_of(database), 60)
    assert len({(one.host, one.lane) for one in found}) < len(found)
    for one in found:
        assert ends.get((one.host, one.lane), 0) <= one.start
        ends[one.host, one.lane] = one.start + one.duration


def test_a_job_is_that_of_its_user_cluster_and_time(store):
    store(made_job(), options=("--cluster", "aurora"))
    database = store(made_job([record(pid=77)]), options=("--cluster", "polaris"))
    begin = BEGIN_MICROSECONDS
    found = of_job.find(database, "100", "ann", ("polaris",))
    assert found.cluster == "polaris"
    assert of_job.find(database, "100", "ann").cluster == "aurora"
    assert of_job.find(database, "100", "ann", ("vesta", "")) is None
    assert of_job.find(database, "100", "bob") is None
    assert of_job.find(database, "100' OR '1'='1", "ann") is None
    assert of_job.find(database, "100", "ann", times=(begin + HOUR // 2, begin + 2 * HOUR))
    assert of_job.find(database, "100", "ann", times=(begin - HOUR, begin - 1)) is None
    assert of_job.find(database, "100", "ann", times=(begin + HOUR + 1, begin + 2 * HOUR)) is None


def test_a_run_after_a_requeue_is_found_by_the_number_of_its_job(store):
    later = {
        key: BEGIN + datetime.timedelta(hours=hours)
        for key, hours in (("job_pl_start_ts", 2), ("job_pl_submit_ts", 2), ("job_el_stop_ts", 3))
    }
    database = store(made_job(), made_job([], jobid="100-r1", **later), made_job(jobid="1001"))
    begin = BEGIN_MICROSECONDS

    def found(begin_hours, end_hours):
        times = begin + int(begin_hours * HOUR), begin + int(end_hours * HOUR)
        return of_job.find(database, "100", "ann", times=times).jobid

    assert (found(0, 1), found(2, 3), found(0, 3)) == ("100", "100-r1", "100-r1")
    assert of_job.find(database, "100", "ann").jobid == "100-r1"
    assert of_job.find(database, "10", "ann") is None
    assert of_job.find(database, "100", "bob") is None


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], []),
        ([(1, 3), (2, 0), (3, 1), (4, 0)], [-1, 0, 0, 2]),
        ([(4, 0), (1, 3)], [1, -1]),
        ([(1, 1), (2, 0), (3, 0)], [-1, 0, -1]),
    ],
)
def test_the_nearest_ancestor_is_that_of_a_nested_set(places, expected):
    assert of_job.nearest_ancestors(places) == expected


JOB = selection.Job(1, "aurora", "100", 0, 0, 1)


def noted(results, model=None):
    """Return analyses as `epmt` notes them."""
    return {"outlier_detection": [{"model_id": model, "results": results}]}


@pytest.mark.parametrize(
    ("analyses", "expected"),
    [
        ({}, None),
        ({"outlier_detection": []}, None),
        (noted({"duration": [["99"], ["100"]]}), {"duration": True}),
        (noted({"duration": [["99"], ["aurora/100"]]}), {"duration": True}),
        (noted({"duration": [["100"], ["polaris/100", "1000"]]}), {"duration": False}),
        (noted({"a": [[], ["100"]], "b": [["100"], []]}), {"a": True, "b": False}),
        ("hostile", None),
        ({"outlier_detection": "x"}, None),
        ({"outlier_detection": [3, {"results": 4}, {"results": {"a": 5, "b": [[], 6]}}]}, None),
    ],
)
def test_the_features_of_an_outlier_are_those_that_were_noted(analyses, expected):
    assert of_job.outlier_features(analyses, JOB) == expected
