"""The programs of a job and a user are those of the records."""

import datetime

from tests.xaltload.test_of_job import START, package_record, run_record
from userportal.suite import programs
from xaltload.applications import NameMap

DAY = 86400
MAP = "alder: xalt=aurora slurm=fr timezone=UTC"


def of_job(database, job_id=4711, user="otter", start=START, end=START + DAY, **options):
    """Return the ProgramsOfJob on the cluster that Slurm calls fr."""
    return programs.programs_of_job(database, "fr", job_id, user, start, end, **options)


def test_a_job_has_its_programs_libraries_and_packages(filled):
    records = [
        run_record(1, "/opt/lmp_intel"),
        run_record(2, "/opt/lmp_intel", userDT__end_time=0.0, userDT__run_time=0.0),
        run_record(3, "/usr/bin/python3.11", libA=[], userDT__num_threads=8.0),
        run_record(4, "/other", userT__user="fox"),
        package_record(3, "numpy"),
    ]
    found = of_job(filled.records(records).open(MAP))
    first, second = found.programs
    assert (first.path, first.application, first.kind) == ("/opt/lmp_intel", "LAMMPS*", "binary")
    assert (first.runs, first.unfinished, first.run_seconds) == (2, 1, 10.0)
    assert first.core_hours == 160 / 3600
    assert (first.tasks, first.nodes, first.threads, first.gpus) == (16, 1, 2, 0)
    assert first.first_start == START + 1
    assert [one.path for one in first.libraries] == [
        "/apps/fftw3/3.3.10/lib/libfftw3.so.3",
        "/lib64/libc-2.28.so",
    ]
    assert (second.threads, second.libraries, second.more_libraries) == (8, (), 0)
    assert found.packages == (
        programs.UsedPackage("python", "numpy", "3.11.2", "/apps/py/numpy/__init__.py", 1),
    )
    assert (found.more, found.more_packages) == (0, 0)


def test_applications_are_called_as_the_map_of_the_site_says(sqlite_filled):
    import re

    database = sqlite_filled.records([run_record(1, "/opt/prog.x")]).open(MAP)
    own = NameMap([("Our Program", re.compile("^prog"))])
    assert of_job(database, name_map=own).programs[0].application == "Our Program"


def test_more_programs_libraries_and_packages_than_fit_are_counted(sqlite_filled, monkeypatch):
    monkeypatch.setattr(programs, "MOST_LIBRARIES", 2)
    monkeypatch.setattr(programs, "MOST_PACKAGES", 1)
    libraries = [[f"/lib/lib{number}.so", "0"] for number in range(5)]
    records = [run_record(number, f"/p{number}", libA=libraries) for number in range(4)]
    records += [package_record(1, name) for name in ("numpy", "scipy", "pandas")]
    found = of_job(sqlite_filled.records(records).open(MAP), most=3)
    assert (len(found.programs), found.more) == (3, 1)
    assert (len(found.packages), found.more_packages) == (1, 2)
    one = found.programs[0]
    assert ([some.path for some in one.libraries], one.more_libraries) == (
        ["/lib/lib0.so", "/lib/lib1.so"],
        3,
    )


def test_a_job_of_another_time_user_or_cluster_is_not_shown(filled):
    records = [run_record(1), run_record(2, "/polaris", userT__syshost="polaris")]
    database = filled.records(records).open(MAP)
    assert [one.path for one in of_job(database).programs] == ["/home/otter/prog"]
    nothing = programs.ProgramsOfJob((), 0, (), 0)
    assert of_job(database, start=START + 10 * DAY, end=START + 11 * DAY) == nothing
    assert of_job(database, start=None, end=None) == nothing
    for user in ("fox", "' OR '1'='1", "otter\0", "%", "\udcff", "x" * 100_000, "", "OTTER"):
        assert of_job(database, user=user) == nothing
    for job_id in ("", "unknown", "4711' OR 1=1 --", None, "%", "4711 "):
        assert of_job(database, job_id) == nothing


def test_a_running_job_has_what_was_recorded_so_far(sqlite_filled):
    database = sqlite_filled.records([run_record(1)]).open(MAP)
    assert len(of_job(database, end=None).programs) == 1


def test_all_clusters_are_meant_where_the_records_know_none_of_that_name(sqlite_filled):
    records = [run_record(1), run_record(2, "/polaris", userT__syshost="polaris")]
    database = sqlite_filled.records(records).open()
    assert {one.path for one in of_job(database).programs} == {"/home/otter/prog", "/polaris"}
    found = programs.programs_of_job(database, "polaris", 4711, "otter", START, START + DAY)
    assert [one.path for one in found.programs] == ["/polaris"]


def test_a_user_uses_most_what_took_most_core_hours(filled):
    records = [
        run_record(0, "/before"),
        run_record(DAY, "/short", userT__job_id="1"),
        run_record(DAY + 1, "/short", userT__job_id="2"),
        run_record(DAY + 2, "/long", userDT__run_time=3600.0),
        run_record(DAY + 3, "/fox", userT__user="fox", userDT__run_time=9999.0),
    ]
    database = filled.records(records).open(MAP)
    since = datetime.date(2026, 1, 2)
    found = programs.most_used_programs(database, "fr", "otter", since)
    assert [(one.path, one.runs, one.jobs) for one in found.programs] == [
        ("/long", 1, 1),
        ("/short", 2, 2),
    ]
    assert found.programs[0].core_hours == 16.0
    assert found.programs[0].last_day == since
    assert (found.since, found.more) == (since, 0)
    assert programs.most_used_programs(database, "fr", "otter", since, most=1).more == 1


def test_control_characters_in_names_are_escapes(sqlite_filled):
    evil = "/opt/\x1b]0;evil\u202ename"
    records = [
        run_record(1, evil, libA=[[evil, "0"]], userT__container="\x1b[2J"),
        package_record(1, "\x07bell", package_path=evil),
    ]
    found = of_job(sqlite_filled.records(records).open(MAP))
    (one,) = found.programs
    assert one.path == one.libraries[0].path == "/opt/\\x1b]0;evil\\u202ename"
    assert one.container == "\\x1b[2J"
    assert (found.packages[0].name, found.packages[0].path) == ("\\x07bell", one.path)
