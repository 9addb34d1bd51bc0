"""What was added up over a job, and its process tree, come back as they were when something else
has changed them, in each database."""

import pytest

from epmtlite import query, recompute, selection
from tests.epmtlite.made_jobs import contents, random_records, record
from tests.epmtlite.query.site import shifted, stored

MANY = recompute.ROWS_PER_PART + 7
CYCLES = [record(pid=10, threads=[(1, 1, 1, 1, 1, 0)]), record(pid=11, exitcode=4, start=10)]
OTHER_NAMES = record(pid=12, hostname="n9", names=("usertime", "systemtime"), threads=[(7, 8)])
JOBS = (
    shifted("many", 0, "a:b", records=[*random_records(MANY, 3), OTHER_NAMES]),
    shifted("cycles", 1, "", records=CYCLES, annotations={"mine": 1}),
    shifted("one", 2, ""),
)
SUMS = ("num_procs", "num_threads", "cpu_time", "peak_rss", "exitcode")
TREE = ("depth", "inclusive_cpu_time", "tree_number", "descendants")


@pytest.fixture(name="filled")
def site_with_jobs(site, tmp_path):
    with stored(site, tmp_path, JOBS):
        yield site


def number_of(jobid):
    return selection.named_jobs(query.current(), [jobid])[0].number


def change(sql, *values):
    query.current().execute(sql, values)


def test_sums_that_were_changed_come_back(filled):
    before = contents(filled)
    for name in SUMS:
        change(f"UPDATE epmt_job SET {name} = {name} + 5")
    change("UPDATE epmt_job SET proc_sums = ?", '{"usertime": 1}')
    assert contents(filled) != before
    assert query.post_process_jobs(["many", "cycles", "one"]) == []  # they count as processed
    assert contents(filled) != before
    ids = query.post_process_jobs(["one", "many", "cycles"], check=False)
    assert ids == ["one", "many", "cycles"]
    assert contents(filled) == before


def test_only_the_named_jobs_are_added_up(filled):
    before = contents(filled)[0]
    change("UPDATE epmt_job SET cpu_time = 1")
    query.post_process_jobs("many", check=False)
    after = contents(filled)[0]
    assert after["", "many"] == before["", "many"]
    assert after["", "one"] != before["", "one"]


def test_sums_follow_the_threads(filled):
    number = number_of("one")
    change("UPDATE epmt_process SET threads = ?, cpu_time = 70 WHERE job_id = ?",
           "50,20,30,0,0,9", number)  # fmt: skip
    query.post_process_jobs("one", check=False)
    (job,) = query.get_jobs("one")
    assert (job["usertime"], job["systemtime"], job["rssmax"], job["cpu_time"]) == (50, 20, 30, 70)


def test_what_was_noted_stays_and_errors_of_papiex_are_found_anew(filled):
    notes = query.get_job_annotations("cycles")
    assert notes["mine"] == 1 and notes["papiex-error-process-ids"] == [10]
    query.annotate_job("cycles", {"papiex-error-process-ids": [99], "more": "x"})
    query.post_process_jobs("cycles", check=False)
    assert query.get_job_annotations("cycles") == {**notes, "more": "x"}
    number = number_of("cycles")
    change("UPDATE epmt_process SET threads = ? WHERE job_id = ?", "1,1,1,1,1,5", number)
    query.post_process_jobs("cycles", check=False)
    assert query.get_job_annotations("cycles") == {"mine": 1, "more": "x"}
    assert query.get_jobs("cycles")[0]["rdtsc_duration"] == 10


def test_wrecked_trees_come_back(filled):
    before = contents(filled)
    for name in TREE:
        change(f"UPDATE epmt_process SET {name} = 77")
    change("UPDATE epmt_process SET parent_id = NULL")
    assert contents(filled) != before
    query.compute_process_trees(["many", "cycles", "one"])
    assert contents(filled) == before
    database = query.current()
    jobs = selection.select_jobs(database)
    assert [recompute.rebuild_tree(database, job) for job in jobs] == [0, 0, 0]


def test_one_wrong_place_of_a_tree_is_mended_alone(filled):
    before = contents(filled)
    number = number_of("many")
    change("UPDATE epmt_process SET depth = 9999 WHERE job_id = ? AND pid = 1500", number)
    (job,) = selection.named_jobs(query.current(), ["many"])
    assert recompute.rebuild_tree(query.current(), job) == 1
    assert contents(filled) == before


def test_a_job_without_processes(site, tmp_path):
    with stored(site, tmp_path, [shifted("empty", 0, "")._replace(records={})]):
        before = contents(site)
        assert query.post_process_jobs("empty", check=False) == ["empty"]
        query.compute_process_trees("empty")
        assert contents(site) == before
        (job,) = query.get_jobs("empty")
        assert (job["num_procs"], job["cpu_time"]) == (0, 0)
        assert query.root("empty") is None and query.procs_histogram("empty") == {}


def test_a_job_that_is_deleted_meanwhile(filled):
    database = query.current()
    (job,) = selection.named_jobs(database, ["cycles"])
    aggregate = recompute.aggregate_of(database, job)
    assert aggregate.num_procs == 2
    query.delete_jobs("cycles")
    assert recompute.rebuild_tree(database, job) == 0
