"""A clock that is wrong, or set while a command runs, changes nothing that is stored."""

import dataclasses
import time

import pytest

from tests.conftest import run_command
from tests.fault_points import JUMP, Fault
from tests.lmodtrack.logs import START, assert_holds, log_of, make_loads
from tests.system.test_file_systems import Job, Log, Tree

FAULT_PACKAGES = ("usagedb", "usagedb.dialects", "lmodtrack", "xaltload", "epmtlite")
YEARS = 365 * 86400
RUNS = "SELECT ended_at - started_at, exit_code FROM usage_run ORDER BY run_id"


@pytest.fixture(params=[Log, Tree, Job], ids=["log", "tree", "job"])
def loaded(request, tmp_path):
    """An Input of each kind."""
    return request.param(tmp_path)


@pytest.mark.parametrize("seconds", [-10 * YEARS, 10 * YEARS], ids=["back", "ahead"])
def test_a_clock_that_is_set_in_the_middle_of_a_load_changes_no_row(
    loaded, faults, seconds
):  # fmt: skip
    done = faults.run(*loaded.words(), fault=Fault(20, JUMP, jump_seconds=seconds))
    assert (done.returncode, done.stderr) == (0, "")
    loaded.check()
    assert not loaded.is_left()
    ((lasted, status),) = loaded.site.rows(RUNS)
    assert status == 0 and abs(lasted - seconds) < YEARS
    # A run that seems to have ended long ago is an alarm until the next one.
    status = 2 if seconds < 0 else 0
    assert loaded.site.run("usage_status").returncode == status
    command, *words = loaded.words()
    run_command(command, *words[:-1], loaded.again())
    assert loaded.site.run("usage_status").returncode == 0


@pytest.mark.parametrize("seconds", [-20 * YEARS, 10 * YEARS], ids=["behind", "ahead"])
def test_a_clock_that_is_wrong_changes_no_row(loaded, faults, seconds):
    done = faults.run(*loaded.words(), fault=Fault(clock_seconds=seconds))
    assert (done.returncode, done.stderr) == (0, "")
    loaded.check()
    assert not loaded.is_left()


def test_a_log_of_the_future_is_stored_at_its_times_and_once(sqlite_site, tmp_path):
    sqlite_site.create("lmod")
    ahead = round(time.time()) + 5 * YEARS
    made = make_loads(50, seed=81)
    loads = [dataclasses.replace(one, time=one.time - START + ahead) for one in made]
    log = tmp_path / "moduleUsage.log-20260101"
    log.write_bytes(log_of(loads))
    for _run in range(2):
        done = sqlite_site.run("store_module_data", log)
        assert (done.returncode, done.stderr) == (0, "")
    assert_holds(sqlite_site, loads)


def test_a_clock_that_is_behind_deletes_nothing_that_is_to_be_kept(
    sqlite_site, faults, tmp_path
):  # fmt: skip
    sqlite_site.create("lmod")
    loads = make_loads(50, seed=82)
    log = tmp_path / "moduleUsage.log-20260101"
    log.write_bytes(log_of(loads))
    assert sqlite_site.run("store_module_data", log).returncode == 0
    words = ("--confFn", sqlite_site.conf_path, "--keepMonths", "1", "--yes")
    done = faults.run("delete_old_records", *words, fault=Fault(clock_seconds=-20 * YEARS))
    assert done.returncode == 0, done.stderr
    assert_holds(sqlite_site, loads)
