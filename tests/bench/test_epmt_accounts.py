"""What is measured of a command is that of all that ran, and of nothing that did not."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.bench import epmt_starter
from tests.bench.epmt_accounts import NoSuchAccount, ordinary_account, this_account
from tests.bench.epmt_collector import shells
from tests.bench.epmt_follow import TRUE, Starter, cost, loop
from tests.bench.measure import CommandFailed

# Its child is gone when the command ends, and a grandchild computes and holds memory after that.
LEAVES_ONE = """
import os, time
if not os.fork():
    if os.fork():
        os._exit(0)
    held = os.urandom(1 << 20) * 100
    while time.process_time() < 0.3:
        pass
    os._exit(0)
os.wait()
"""


@pytest.fixture(name="account")
def account_of_the_test(tmp_path):
    return this_account(tmp_path / "place")


def test_what_a_command_leaves_behind_is_measured_apart(account):
    ran = account.bare([sys.executable, "-c", LEAVES_ONE])
    assert ran.others.cpu_seconds >= 0.3 > ran.command.cpu_seconds
    assert ran.others.peak_megabytes > 100 > ran.command.peak_megabytes
    assert ran.wall_seconds > 0 and ran.command.waits > 0


def test_a_command_that_leaves_nothing_has_no_others(account):
    assert account.bare([TRUE]).others == (0, 0, 0)


def test_the_collector_is_measured_and_the_job_is_removed(account):
    ran = account.followed(["sh", "-c", f"{TRUE}; {TRUE}; exit 0"], 3)
    assert ran.others.cpu_seconds > 0 and ran.others.peak_megabytes > 1
    assert list(account.place.glob("jobs/*/*")) == []


def test_cant_measure_a_job_of_which_others_are_recorded(account):
    with pytest.raises(CommandFailed, match="1 of 2 processes of .* are recorded"):
        account.followed([TRUE], 2)


def test_cant_measure_a_command_that_fails(account):
    with pytest.raises(CommandFailed, match=re.escape("ended with 3: sorry")):
        account.bare(["sh", "-c", "echo sorry >&2; exit 3"])
    with pytest.raises(CommandFailed, match="ended with -9"):
        account.bare(["sh", "-c", "kill -9 $$"])
    with pytest.raises(CommandFailed, match="ended with 127: /no/such: No such file"):
        account.bare(["/no/such"])


def test_jobs_and_settings_of_who_measures_are_left_alone(account, monkeypatch, tmp_path):
    monkeypatch.setenv("EPMT_OUTPUT_PREFIX", str(tmp_path / "other"))
    monkeypatch.setenv("EPMT_SETTINGS", str(tmp_path / "missing.ini"))
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    account.followed([TRUE], 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place"]


@pytest.mark.parametrize("processes", [1, 2, 3, 10, 777])
def test_shells_start_the_number_of_processes_that_was_asked_for(account, processes):
    account.followed(shells(processes), processes)


def test_a_shell_and_what_it_starts_are_compared_alone_and_followed(account):
    found = cost(account, Starter("sh", ["sh", "-c", loop(TRUE, 20)], 20), 1)
    assert found.followed_seconds > found.bare_seconds > 0
    assert found.seconds == found.followed_seconds - found.bare_seconds
    assert found.followed_cpu_seconds > found.bare_cpu_seconds > 0
    assert found.cpu_seconds == found.followed_cpu_seconds - found.bare_cpu_seconds


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another account")
def test_an_ordinary_account_collects_its_own_jobs():
    try:
        with ordinary_account() as account:
            ran = account.followed(["sh", "-c", f'test "$(id -u)" != 0; {TRUE}'], 3)
            assert ran.others.cpu_seconds > 0
            account.bare(["sh", "-c", '! touch "$PYTHONPATH/x"'])
    except NoSuchAccount as reason:
        pytest.skip(str(reason))


def test_the_starter_needs_the_standard_library_alone(tmp_path):
    command = [sys.executable, "-I", "-S", epmt_starter.__file__, "-", TRUE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["wait_status"] == 0
