"""A metric's name can replace nothing else that is known of jobs and processes."""

import csv
import io
import json

import pytest

from epmtlite import export_command, jobs, processes, query, selection, values
from epmtlite.collect import metric_names, metrics
from epmtlite.collect.papiex import PER_PROCESS
from epmtlite.filtering import JOB_COLUMNS, OF_THE_JOB, OTHER_NAMES, PROCESS_COLUMNS
from tests.epmtlite.made_jobs import contents, epmt, made_job, record, write_job, write_v1
from tests.epmtlite.query.site import asked

REAL = ("usertime", "systemtime", "rssmax")
ODD = "ev\x1b]0;il\x07"


def with_metric(name, jobid="200"):
    """Return a MadeJob with a metric of that name, which is 5."""
    names = (*REAL, *(name if isinstance(name, tuple) else (name,)))
    values_ = (1, 1, 1, *[5] * (len(names) - 3))
    return made_job([record(names=names, threads=[values_])], jobid=jobid)


def test_all_keys_of_ours_are_reserved_and_no_real_metric_is():
    own = {*jobs.KEYS, *jobs.COLUMNS, *processes.COLUMNS, *PER_PROCESS, processes.SUMS_KEY}
    own |= {*JOB_COLUMNS, *PROCESS_COLUMNS, *OTHER_NAMES, *OF_THE_JOB}
    absent = {"start", "end", "num_threads", "mpinumranks", "mpirank"}
    assert own - metric_names.RESERVED == absent
    assert absent - values.NOT_SUMMED == {"mpinumranks", "mpirank"}
    assert metric_names.refusal([*metrics.NAMES, "rdtsc_duration", "PERF_COUNT_SW_CPU_CLOCK"]) == ""


@pytest.mark.parametrize("name", ["parent", "user", "duration", "num_procs", ODD])
@pytest.mark.parametrize("write", [write_job, write_v1])
def test_a_new_job_cant_have_such_a_metric(sqlite_site, tmp_path, name, write):
    sqlite_site.create()
    bad = write(with_metric(name), tmp_path / "bad")
    good = write(made_job(jobid="8"), tmp_path / "8")
    done = epmt(sqlite_site, "submit", bad, good, status=3)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: {bad}/") and "line 1: " in line and "\x1b" not in line
    assert ("cannot be printed" if name == ODD else f"the name {name}") in line
    assert set(contents(sqlite_site)[0]) == {("", "8")} and bad.exists()


@pytest.fixture
def odd_site(site, tmp_path):
    """A Site with a good job and one of an older release whose metrics have names of ours."""
    site.create()
    names = ("tags", "user", "duration", "exitcode", "process_pk", ODD)
    places = tuple(f"m{number}" for number in range(len(names)))
    paths = [with_metric(places), made_job(jobid="8")]
    epmt(site, "submit", *(write_job(job, tmp_path / str(n)) for n, job in enumerate(paths)))
    database = site.connect()
    for place, name in zip(places, names):
        for table, column, new in (
            ("epmt_metric_names", "names", name),
            ("epmt_job", "proc_sums", json.dumps(name)[1:-1]),
        ):
            sql = f"UPDATE {table} SET {column} = REPLACE({column}, ?, ?)"  # noqa: S608
            database.execute(sql, (place, new))
    database.close()
    return site


def test_of_a_stored_one_our_own_keys_win(odd_site):
    with asked(odd_site):
        for job in query.get_jobs(fmt="dict"):
            assert job["tags"] == {"exp_name": "ocean", "exp_component": "ice"}
            assert (job["user"], job["duration"], job["exitcode"]) == ("ann", 3_600_000_000, 0)
        for process in query.get_procs(fmt="dict"):
            assert (process["tags"], process["user"], process["duration"]) == ({}, "ann", 500)
        threads = query.get_thread_metrics(query.get_procs(fmt="terse"), fmt="dict")
        assert [one["process_pk"] for one in threads] == query.get_procs(fmt="terse")
        assert query.get_procs(fltr="duration = 500 and usertime = 1", fmt="terse") != []
        assert query.get_jobs(fltr="tags.exp_name = 'ocean' and rssmax > 0", fmt="terse") == [
            "200", "8",
        ]  # fmt: skip


def test_of_a_stored_one_exports_have_our_own_keys_once(odd_site, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    for kind in ("jobs", "procs"):
        epmt(odd_site, "export", kind, "-o", tmp_path / f"{kind}.parquet")
        table = parquet.read_table(tmp_path / f"{kind}.parquet")
        assert table.column("user").to_pylist() == ["ann", "ann"]
        assert len(table.column_names) == len(set(table.column_names))


def test_no_command_writes_controls_of_a_stored_one(odd_site):
    for words in (
        ["export"], ["export", "procs"], ["list", "--format", "csv", "procs"],
        ["list", "--format", "csv", "jobs", "fmt=dict"],
        ["list", "--format", "markdown", "jobs", "fmt=dict"],
        ["list", "--format", "table", "jobs", "fmt=dict"],
    ):  # fmt: skip
        done = epmt(odd_site, *words)
        assert "\x1b" not in done.stdout and "\x07" not in done.stdout, words
        assert "ev\\x1b]0;il\\x07" in done.stdout
    assert export_command.JOBS in export_command.KINDS
    rows = list(csv.DictReader(io.StringIO(epmt(odd_site, "export").stdout)))
    assert [row["user"] for row in rows] == ["ann", "ann"]


def test_a_job_that_was_deleted_meanwhile_is_left_out(odd_site):
    from epmtlite import outliers

    database = odd_site.connect()
    found = selection.select_jobs(database)
    gone = [selection.Job(99_999, "", "gone", *found[0][3:])]
    assert [job["jobid"] for job in jobs.job_dicts(database, gone + found)] == ["200", "8"]
    rows, names = outliers.job_table(database, gone + found)
    assert [row["jobid"] for row in rows] == names == ["200", "8"]
    database.close()
