"""The collector as a process: killed, interrupted, started twice, run once."""

import os
import re
import signal

import pytest

from tests.services import wait_until


def ended(process, number=signal.SIGTERM):
    """Send a signal; return (status, messages)."""
    process.send_signal(number)
    _output, messages = process.communicate()
    return process.returncode, messages


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_good_order(machine, server, number):
    machine.submit(1)
    process = machine.start("--verbose")
    wait_until(lambda: 1 in server.scripts, "the script")
    status, messages = ended(process, number)
    assert status == 0 and f"ended by signal {number}" in messages
    assert "Traceback" not in messages


def test_it_says_nothing_while_all_is_well(machine, server):
    machine.submit(1)
    process = machine.start()
    wait_until(lambda: 1 in server.scripts, "the script")
    assert ended(process) == (0, "")


def test_killed_at_any_moment_it_loses_nothing(machine, server):
    server.answers = [503] * 3
    for job_id in range(1, 151):
        machine.submit(job_id, f"script {job_id}")
    for reached in (20, 60, 100):
        process = machine.start()
        wait_until(lambda: len(server.scripts) >= reached, "scripts")  # noqa: B023
        status, _messages = ended(process, signal.SIGKILL)
        assert status == -signal.SIGKILL
    done = machine.run("--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert server.scripts == {job_id: f"script {job_id}" for job_id in range(1, 151)}
    again = [job_id for job_id, status in server.statuses() if status == 400]
    assert len(again) <= 3  # posted, and killed before that was noted


def test_killed_while_the_portal_is_away_it_keeps_what_ended(machine, server):
    server.stop()
    for job_id in range(1, 6):
        machine.submit(job_id, f"script {job_id}")
    process = machine.start("-v")
    for line in process.stderr:
        if "scripts wait" in line:
            break
    ended(process, signal.SIGKILL)
    for job_id in range(1, 6):
        machine.end(job_id)
    server.start()
    done = machine.run("--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert server.scripts == {job_id: f"script {job_id}" for job_id in range(1, 6)}


def test_ended_while_the_portal_holds_an_answer_back_it_does_not_hang(machine, server):
    machine.submit(1)
    server.hold.clear()
    process = machine.start()
    wait_until(lambda: server.received, "a post")
    status, messages = ended(process)
    assert (status, messages) == (0, "")
    server.hold.set()
    wait_until(lambda: 1 in server.scripts, "the script")  # it had been sent
    done = machine.run("--once", "-v")
    assert done.returncode == 0 and server.statuses()[-1] == (1, 400)


def test_a_portal_that_comes_back_is_found_by_itself(machine, server):
    server.stop()
    machine.submit(1)
    process = machine.start("-v")
    for line in process.stderr:
        if "scripts wait" in line:
            break
    server.start()
    assert any("well again: portal" in line for line in process.stderr)
    assert ended(process)[0] == 0 and server.scripts.keys() == {1}


def test_a_second_one_is_not_started(machine, server):
    machine.submit(1)
    process = machine.start()
    wait_until(lambda: 1 in server.scripts, "the script")
    done = machine.run()
    assert done.returncode == 75
    assert done.stderr == (
        f"Error: another collector uses {machine.state}; one is enough for a cluster\n"
    )
    assert ended(process)[0] == 0
    assert machine.run("--once").returncode == 0


def test_once_tells_what_waits(machine, server):
    machine.submit(1)
    server.answers = [503, 401]
    done = machine.run("--once")
    assert done.returncode == 75
    assert "Error: 1 scripts wait: 503 Service Unavailable" in done.stderr
    done = machine.run("--once")
    assert done.returncode == 77 and "Error: 1 scripts wait: 401" in done.stderr
    assert machine.run("--once").returncode == 0
    assert server.scripts.keys() == {1}


def test_once_in_the_file_does_as_the_option(machine, server):
    machine.ini.write_text(machine.ini.read_text() + "once = yes\n")
    machine.submit(1)
    assert machine.run().returncode == 0 and server.scripts.keys() == {1}


def test_once_waits_for_a_script_that_is_being_written(machine, server):
    machine.submit(1, b"#!/bin/sh\nno NUL")
    assert machine.run("--once").returncode == 0
    assert server.scripts == {1: "#!/bin/sh\nno NUL"}


def test_a_spool_that_is_not_there_is_told(machine):
    machine.spool.rmdir()
    done = machine.run("--once")
    assert done.returncode == 66
    assert done.stderr == f"Error: {machine.spool} is no directory: see [slurm] spool\n"


def test_its_files_are_for_its_account_alone(machine):
    machine.submit(1)
    machine.run("--once")
    modes = {path.name: path.stat().st_mode & 0o777 for path in machine.state.iterdir()}
    assert modes == {"jobscripts.db": 0o600, "jobscripts.lock": 0o600}
    assert machine.state.stat().st_mode & 0o777 == 0o700


def test_a_place_that_others_can_write_is_refused(machine):
    machine.state.mkdir()
    machine.state.chmod(0o777)
    done = machine.run("--once")
    assert done.returncode == 77 and "chmod go-w" in done.stderr


def test_a_damaged_file_is_put_aside(machine, server):
    machine.state.mkdir(mode=0o700)
    (machine.state / "jobscripts.db").write_bytes(b"x" * 5000)
    machine.submit(1)
    done = machine.run("--once")
    assert done.returncode == 0 and re.search("is damaged and kept as .*damaged-", done.stderr)
    assert server.scripts.keys() == {1}
    assert len([path for path in machine.state.iterdir() if "damaged" in path.name]) == 1


def test_neither_token_nor_script_is_told(machine, server):
    from tests.userportal.jobscripts.serving import TOKEN

    server.answers = [401, 413]
    machine.submit(1, "export PASSWORD=secret")
    for _ in range(2):
        done = machine.run("--once", "-vv", "--debug")
        assert TOKEN not in done.stderr + done.stdout
        assert "secret" not in done.stderr + done.stdout


def test_django_is_not_needed(machine, server):
    import subprocess
    import sys

    from tests.conftest import CHECKOUT

    program = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT)!r});"
        "import userportal.jobscripts.command, userportal.jobscripts.daemon,"
        " userportal.jobscripts.prolog;"
        "print([name for name in sys.modules if name.split('.')[0] in ('django', 'requests')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_help_has_examples(machine):
    done = machine.run("--help")
    assert done.returncode == 0 and "userportal jobscripts --verbose" in done.stdout
    assert os.environ.get("SLURM_JOB_ID") is None
