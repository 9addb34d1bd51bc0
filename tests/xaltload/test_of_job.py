"""What a job or a user ran is what reading the records independently gives."""

import collections
import zlib

import pytest

from tests.xaltload.loading import expected, make_records, write_records
from tests.xaltload.samples import PACKAGE, RUN, changed
from xaltload import of_job
from xaltload.of_job import Runs

START = 1767225600.1234
UUID = "0188a2f0-0000-7000-8000-{:012d}"


def run_record(number, path="/home/otter/prog", **changes):
    """Return (file name, record) of a run that begins `number` seconds after the first."""
    values = {
        "userT__run_uuid": UUID.format(number), "userT__exec_path": path,
        "userDT__start_time": START + number, "userDT__end_time": START + number + 10,
        "userDT__run_time": 10.0, **changes,
    }  # fmt: skip
    return f"run.aurora.2026.otter.zzz.{UUID.format(number)}.json", changed(RUN, **values)


def package_record(number, name, program="python", **changes):
    """Return (file name, record) of a package of the run of that number."""
    values = {"xalt_run_uuid": UUID.format(number), "package_name": name, "program": program}
    file_name = f"pkg.aurora.2026.otter.{UUID.format(number)}.{zlib.crc32(name.encode()):012x}.json"
    return file_name, changed(PACKAGE, **values, **changes)


@pytest.fixture
def load(site, tmp_path):
    """A function that loads records into a new database and opens it."""
    opened = []

    def loaded(records):
        write_records(tmp_path / "tree", records)
        assert site.create("xalt").run("xalt_file_to_db", tmp_path / "tree").returncode == 0
        opened.append(site.connect())
        return opened[-1]

    yield loaded
    for database in opened:
        database.close()


def counted(runs):
    """Return {exec_path: (runs, ended, seconds, most cores)} of runs as `expected` has them."""
    groups = collections.defaultdict(list)
    for run in runs:
        groups[run["columns"][16]].append(run["columns"])
    return {
        path: (
            len(some),
            sum(columns[4] > 0 for columns in some),
            pytest.approx(sum(columns[5] for columns in some)),
            max(columns[7] for columns in some),
        )
        for path, some in groups.items()
    }


def found(programs):
    """Return of_job.Programs in the form of `counted`."""
    return {
        one.exec_path: (one.runs, one.ended, one.run_seconds, one.most_tasks) for one in programs
    }


def test_every_job_has_the_programs_and_libraries_of_its_records(load):
    records = make_records(60, seed=12)
    database = load(records)
    jobs = collections.defaultdict(list)
    for run in expected(records)["runs"].values():
        jobs[run["columns"][11], run["columns"][14]].append(run)
    assert len(jobs) > 20
    for (job_id, user), runs in jobs.items():
        wanted = Runs(user, job_id)
        programs, count = of_job.programs(database, wanted, 50)
        assert found(programs) == counted(runs)
        assert count == len(programs)
        libraries = of_job.libraries(database, wanted, programs)
        for program in programs:
            same = [run for run in runs if run["columns"][16] == program.exec_path]
            paths = set().union(*(run["libraries"] for run in same))
            assert [path for path, _module in libraries[program.key]] == sorted(paths)


def test_what_is_left_out_is_counted(load):
    records = [run_record(number, f"/home/otter/prog{number}") for number in range(7)]
    records += [package_record(3, f"package{number}") for number in range(5)]
    database = load(records)
    wanted = Runs("otter", "4711")
    programs, count = of_job.programs(database, wanted, 3)
    assert (len(programs), count) == (3, 7)
    packages, package_count = of_job.packages(database, wanted, 2)
    assert (len(packages), package_count) == (2, 5)
    assert of_job.programs(database, wanted, 7)[1] == 7


def test_packages_are_those_of_the_runs_of_the_job(load):
    records = [run_record(number, "/usr/bin/python3.11") for number in (1, 2)]
    records += [run_record(3, "/usr/bin/Rscript", userT__job_id="99")]
    records += [package_record(number, "numpy") for number in (1, 2)]
    records += [package_record(1, "scipy"), package_record(3, "ggplot2", "R")]
    database = load(records)
    packages, count = of_job.packages(database, Runs("otter", "4711"), 10)
    assert [one[:2] + one[4:] for one in packages] == [
        ("python", "numpy", 2),
        ("python", "scipy", 1),
    ]
    assert count == 2
    assert packages[0].version == "3.11.2"
    ((one,), _count) = of_job.packages(database, Runs("otter", "99"), 10)
    assert (one.program, one.name) == ("R", "ggplot2")


def test_runs_of_others_are_not_those_of_a_job(load):
    day = 86400
    database = load(
        [
            run_record(1),
            run_record(2, "/other/user", userT__user="fox"),
            run_record(3, "/other/cluster", userT__syshost="polaris"),
            run_record(40 * day, "/other/time"),
        ]
    )
    wanted = Runs("otter", "4711", ("aurora", "aurora-old"), START - 60, START + day)
    programs, count = of_job.programs(database, wanted, 10)
    assert [one.exec_path for one in programs] == ["/home/otter/prog"]
    assert count == 1


def test_runs_in_no_job_are_not_those_of_a_job(load):
    database = load([run_record(1, userT__job_id=""), run_record(2, userT__job_id="unknown")])
    for job_id in ("", "unknown", "' OR 1=1 --"):
        wanted = Runs("otter", job_id)
        assert of_job.programs(database, wanted, 10) == ([], 0)
        assert of_job.packages(database, wanted, 10) == ([], 0)
        assert of_job.libraries(database, wanted, []) == {}


def test_runs_that_did_not_end_or_are_sampled_can_be_told(load):
    database = load(
        [
            run_record(1, "/a", userDT__end_time=0.0, userDT__run_time=0.0),
            run_record(2, "/a", userDT__probability=0.01, userT__container="singularity"),
            run_record(3, "/b"),
        ]
    )
    programs, _count = of_job.programs(database, Runs("otter", "4711"), 10)
    by_path = {one.exec_path: one for one in programs}
    assert (by_path["/a"].runs, by_path["/a"].ended) == (2, 1)
    assert (by_path["/a"].least_probability, by_path["/a"].container) == (0.01, "singularity")
    assert (by_path["/b"].least_probability, by_path["/b"].container) == (1.0, None)


def test_a_run_that_no_loader_prepared_has_its_program_and_libraries(load):
    database = load([run_record(1)])
    database.execute(
        "UPDATE xalt_run SET cluster_id = NULL, set_id = NULL, program_id = NULL, run_key = NULL"
    )
    wanted = Runs("otter", "4711")
    programs, _count = of_job.programs(database, wanted, 10)
    libraries = of_job.libraries(database, wanted, programs)
    assert [path for path, _module in libraries[programs[0].key]] == [
        "/apps/fftw3/3.3.10/lib/libfftw3.so.3",
        "/lib64/libc-2.28.so",
    ]


def test_no_question_reads_a_whole_table(sqlite_site):
    database = sqlite_site.create("xalt").connect()
    asked: list = []
    database.connection.set_trace_callback(asked.append)
    wanted = Runs("ann", "17", ("aurora",))
    of_job.programs(database, wanted, 10)
    of_job.packages(database, wanted, 10)
    database.connection.set_trace_callback(None)
    plans = [
        next(row[3] for row in database.rows(f"EXPLAIN QUERY PLAN {sql}") if " r " in row[3])
        for sql in asked
        if "xalt_run r" in sql
    ]
    database.close()
    assert [plan.split("(")[0] for plan in plans] == ["SEARCH r USING INDEX xalt_run_by_job "] * 2
