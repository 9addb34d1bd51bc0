"""What must not be lost, doubled or half there when a submission or a server dies."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import CHECKOUT, heed_signals
from tests.epmtlite.made_jobs import contents, epmt, made_job, random_records, write_job
from tests.fault_points import some_kills

JOB = made_job(random_records(60, seed=5), jobid="100")
KILLS = some_kills(25)  # per database and size

# epmt that takes a job of more than some rows for a large one.
DRIVER = f"""
import sys
sys.path.insert(0, {str(CHECKOUT)!r})
from epmtlite import command, load, partial, parts
if sys.argv.pop(1) == "large":
    parts.ROWS_PER_PART, load.MOST_PARTS_AT_ONCE, load.PARTS_PER_STEP = 3, 2, 2
    partial.PROCESSES_PER_STEP = 7
command.main()
"""


def driver(size, site, command, *arguments):
    """Start epmt; size is small or large."""
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, size, command, "--confFn", site.conf_path,
         *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        preexec_fn=heed_signals,
    )  # fmt: skip


def finished(process, status=0):
    """Wait for a process and check its status; return its output."""
    output, messages = process.communicate()
    assert process.returncode == status, (output, messages)
    return output


def partial_rows(site):
    """Return how many jobs are noted as there in part."""
    return site.rows("SELECT COUNT(*) FROM epmt_partial")[0][0]


@pytest.fixture
def directory(tmp_path):
    """The directory of JOB."""
    return write_job(JOB, tmp_path / "100")


@pytest.fixture
def wanted(site, directory):
    """What the database holds after JOB was submitted in one go; it is empty again."""
    site.create()
    epmt(site, "submit", directory)
    stored = contents(site)
    epmt(site, "delete", "100")
    assert contents(site) == ({}, [])
    return stored


def test_a_job_that_is_stored_in_steps_is_the_same(site, directory, wanted):
    finished(driver("large", site, "submit", directory))
    assert contents(site) == wanted
    finished(driver("large", site, "delete", "100"))
    assert contents(site) == ({}, [])


@pytest.mark.parametrize("size", ["small", "large"])
def test_kill_9_at_any_point_leaves_a_job_whole_or_absent(site, directory, wanted, size):
    source = random.Random(7)
    for _kill in range(KILLS):
        process = driver(size, site, "submit", directory)
        try:
            process.wait(timeout=source.uniform(0.08, 0.35))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        assert contents(site)[0] in ({}, wanted[0])
        assert len(epmt(site, "list").stdout.strip()) in (2, len("['100']"))
        if contents(site)[0]:
            epmt(site, "delete", "100")
    finished(driver(size, site, "submit", directory))
    assert contents(site) == wanted
    assert partial_rows(site) == 0


def test_kill_9_of_a_deletion_leaves_a_job_whole_or_absent(site, directory, wanted):
    source = random.Random(8)
    for _kill in range(KILLS // 3):
        finished(driver("large", site, "submit", directory))
        process = driver("large", site, "delete", "100")
        try:
            process.wait(timeout=source.uniform(0.08, 0.3))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        assert contents(site)[0] in ({}, wanted[0])
    epmt(site, "dbcare")
    assert contents(site)[1] == []


@pytest.mark.parametrize("size", ["small", "large"])
def test_the_same_job_submitted_at_once_is_stored_once(site, directory, wanted, size):
    processes = [driver(size, site, "submit", directory) for _number in range(4)]
    lines = sorted(finished(process).split(" - ")[0].strip() for process in processes)
    assert lines == ["Assuming job 100 is already in database"] * 3 + ["Imported successfully"]
    assert contents(site) == wanted and partial_rows(site) == 0


def test_rows_of_a_job_that_is_there_in_part_are_never_shown(site, directory, wanted):
    database = site.connect()
    finished(driver("large", site, "submit", directory))
    (number,) = database.rows("SELECT id FROM epmt_job")[0]
    database.execute("DELETE FROM epmt_job WHERE id = ?", (number,))
    database.execute("INSERT INTO epmt_partial (job_id, begun_at) VALUES (?, 1)", (number,))
    process_id = str((number << 24) + 1)
    database.close()
    assert epmt(site, "list").stdout == "[]\n"
    assert epmt(site, "list", "procs", status=1).stdout == "[]\n"
    assert epmt(site, "list", "thread_metrics", process_id, status=1).stdout == "[]\n"
    epmt(site, "submit", directory)
    assert contents(site) == wanted


def test_a_large_job_waits_for_another_one_and_says_so(site, directory, wanted):
    from epmtlite import partial
    from usagedb.locks import only_one

    database = site.connect()
    with only_one(database, partial.LOCK):
        process = driver("large", site, "submit", "--wait", "0", directory)
        _output, messages = process.communicate()
        assert process.returncode == 75 and "try again later" in messages
        epmt(site, "submit", directory)  # a small one does not wait
    database.close()
    assert contents(site) == wanted


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_submission_cleanly(sqlite_site, tmp_path, number):
    sqlite_site.create()
    directory = write_job(made_job(random_records(600, seed=5)), tmp_path / "100")
    process = driver("large", sqlite_site, "submit", directory)
    while process.poll() is None and not sqlite_site.rows("SELECT run_id FROM usage_run"):
        time.sleep(0.005)
    if process.poll() is None:
        os.kill(process.pid, number)
    _output, messages = process.communicate()
    assert process.returncode in (0, 128 + number) and messages == ""
    ((code,),) = sqlite_site.rows("SELECT exit_code FROM usage_run")
    assert code in (0, 128 + number)
    finished(driver("large", sqlite_site, "submit", directory))
    assert contents(sqlite_site)[1] == []


def test_a_server_that_stops_and_comes_back_loses_nothing(own_server, directory):
    server, site = own_server
    epmt(site, "submit", directory)
    wanted = contents(site)
    epmt(site, "delete", "100")
    process = driver("large", site, "submit", directory)
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        if site.rows("SELECT COUNT(*) FROM epmt_process")[0][0]:
            break
    server.stop()
    _output, messages = process.communicate()
    assert process.returncode in (0, 75), messages
    assert "Traceback" not in messages
    server.start()
    assert contents(site)[0] in ({}, wanted[0])
    finished(driver("large", site, "submit", directory))
    assert contents(site) == wanted
