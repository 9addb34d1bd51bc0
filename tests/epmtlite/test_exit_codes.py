"""The exit code of a job: that of its first process, in its last program, a signal too."""

import pytest

from epmtlite import query
from epmtlite.exit_codes import last_status
from tests.conftest import run_command
from tests.epmtlite.made_jobs import epmt, made_job, record, write_job
from tests.epmtlite.query.site import shifted, stored
from tests.epmtlite.test_reading import read

GENERATIONS = [
    record(pid=10, start=900, generation=1, lasts=50, exitcode=0),
    record(pid=10, start=950, generation=2, lasts=50, exitcode=4),
    record(pid=11, ppid=10, start=960, exitcode=5),
    record(pid=10, start=100, generation=0, lasts=800, exitcode=0),
    record(pid=10, hostname="n2", start=200, generation=3, exitcode=6),
    record(pid=10, start=5000, generation=0, exitcode=7),  # another process of that number
]


@pytest.mark.parametrize("order", [1, -1])
def test_a_program_that_gave_way_to_another_does_not_hide_how_that_ended(order):
    assert read(*GENERATIONS[::order]).first_status() == 4


def test_a_later_process_of_the_same_number_is_another_one():
    assert last_status([(1, 0, 0), (2, 1, 3), (9, 0, 8)]) == 3
    assert last_status([(1, 0, 2), (9, 0, 8)]) == 2
    assert last_status([]) is None


@pytest.mark.parametrize(
    ("changes", "told", "expected"),
    [
        ({"exitsignal": 9}, 0, 137), ({"exitcode": 3}, 0, 3), ({"exitcode": 3}, 9, 3),
        ({}, 0, 0), ({}, 137, 137), ({"exitsignal": 1 << 20}, 0, 0), ({"exitsignal": -1}, 0, 0),
    ],
)  # fmt: skip
def test_a_failed_job_is_stored_as_failed_and_found_as_that(
    site, tmp_path, changes, told, expected
):
    site.create()
    job = made_job([record(**changes), record(pid=11, ppid=10, start=1200)], job_el_exitcode=told)
    epmt(site, "submit", write_job(job, tmp_path / "100"))
    assert site.rows("SELECT exitcode FROM epmt_job") == [(expected,)]
    found = epmt(site, "list", "jobs", "fltr=exitcode != 0").stdout
    assert found == ("['100']\n" if expected else "[]\n")


def test_what_is_added_up_anew_has_the_same_exit_code(site, tmp_path):
    jobs = [
        shifted("many", 0, "", records=GENERATIONS),
        shifted("killed", 1, "", records=[record(exitsignal=15)]),
        shifted("told", 2, "", job_el_exitcode=5),
    ]
    with stored(site, tmp_path, jobs):
        sql = "SELECT jobid, exitcode FROM epmt_job ORDER BY jobid"
        before = site.rows(sql)
        assert before == [("killed", 143), ("many", 4), ("told", 5)]
        query.current().execute("UPDATE epmt_job SET exitcode = 77", ())
        query.post_process_jobs(["many", "killed", "told"], check=False)
        assert site.rows(sql) == before


@pytest.mark.parametrize(
    ("command", "status", "shown"),
    [
        (["env", "/bin/false"], 1, 1), (["sh", "-c", "exec sh -c 'exit 5'"], 5, 5),
        (["sh", "-c", "kill -9 $$"], -9, 137),
    ],
)  # fmt: skip
def test_the_exit_code_of_a_recorded_command_is_that_of_its_job(
    sqlite_site, tmp_path, monkeypatch, command, status, shown
):
    settings = tmp_path / "epmt.ini"
    settings.write_text(f"[EPMT]\nepmt_output_prefix = {tmp_path}/out/\n")
    monkeypatch.setenv("EPMT_SETTINGS", str(settings))
    monkeypatch.setenv("SLURM_JOB_ID", "995")
    done = run_command("epmt", "run", "-a", "--", *command)
    assert done.returncode == status, done.stderr
    epmt(sqlite_site, "submit")
    assert sqlite_site.rows("SELECT exitcode FROM epmt_job") == [(shown,)]
