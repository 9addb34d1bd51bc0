"""What a run has collected is in the outbox at once, whatever happens to the run later."""

import json
import signal
import socket
import sqlite3

import pytest

from afcollect.children import start_of
from afcollect.host import network_key
from tests import services
from tests.afcollect.stand_ins import put
from tests.afcollect.test_collector import start

# It ends, too, when its directory goes with the test's.
HANGS = "echo $$ > number; touch started; while [ -f started ] && [ ! -f go ]; do sleep 0.05; done"
HOST = ("--host", "--mount", "/")
HOST_KINDS = ["CPU", "MEM", "DISK"]


@pytest.fixture
def pool(machine):
    """A Machine with HTCondor, whose condor_q hangs until the test has ended."""
    machine.more = ("--batch-system", "condor")
    put(machine.programs, "who", "echo 'otter pts/0'")
    put(machine.programs, "condor_q", HANGS)
    put(machine.programs, "condor_history", "echo 'mink 9.1 12 4 '")
    yield machine
    (machine.work / "go").touch()


def run_until_it_hangs(machine, *arguments):
    """Return a run that waits for a program which does not end."""
    run = start(machine, *arguments)
    services.wait_until(lambda: (machine.work / "started").exists(), "the program's start")
    return run


def kill(run):
    """End a run so that it can do nothing about it."""
    run.kill()
    run.communicate()


def kinds(documents):
    """Return the kinds of some documents."""
    return [one["kind"] for one in documents]


def numbers(documents):
    """Return the numbers of the jobs among some documents."""
    return [one["Id"] for one in documents if "Id" in one]


def state_of(machine):
    """Return what the outbox holds for the next run."""
    with sqlite3.connect(machine.state / "outbox.db") as database:
        rows = database.execute("SELECT name, value FROM afmetrics_state").fetchall()
    return {name: json.loads(value) for name, value in rows}


def test_what_a_killed_run_had_collected_is_sent_by_the_next(pool):
    kill(run_until_it_hangs(pool, "-sb", *HOST))
    assert pool.server.posts == []
    done = pool.send("-s")
    assert (done.returncode, done.stderr) == (0, "")
    assert kinds(pool.server.taken) == ["ssh", *HOST_KINDS, "ssh"]
    assert ["collected_at" in one for one in pool.server.taken] == [True] * 4 + [False]


def test_what_the_next_run_needs_to_know_is_kept_with_what_was_collected(pool):
    kill(run_until_it_hangs(pool, "-b", *HOST))
    assert {network_key(), "hanging"} <= set(state_of(pool))
    put(pool.programs, "condor_q", "true")
    assert pool.send(*HOST).returncode == 0
    assert kinds(pool.server.taken) == [*HOST_KINDS, "CPU", "MEM", "NETWORK", "DISK"]


def test_finished_jobs_that_a_killed_run_had_found_are_sent_once(pool):
    put(pool.programs, "condor_q", f'case "$*" in *-totals*) {HANGS};; esac')
    kill(run_until_it_hangs(pool, "-b", "-q", "short:true"))
    assert "finished.condor" in state_of(pool)
    put(pool.programs, "condor_q", "true")
    for _run in range(2):
        assert pool.send("-b").returncode == 0
    assert numbers(pool.server.taken) == ["9.1"]
    assert "collected_at" in pool.server.taken[0]


def test_finished_jobs_that_a_killed_run_had_not_found_are_sent_once(pool):
    kill(run_until_it_hangs(pool, "-b"))
    assert "finished.condor" not in state_of(pool)
    put(pool.programs, "condor_q", "true")
    for _run in range(2):
        assert pool.send("-b").returncode == 0
    assert numbers(pool.server.taken) == ["9.1"]


def test_a_killed_run_leaves_the_outbox_to_the_next_though_its_program_lives(pool):
    kill(run_until_it_hangs(pool, "-sb"))
    assert start_of(int((pool.work / "number").read_text()))
    assert pool.send("-s").returncode == 0
    assert kinds(pool.server.taken) == ["ssh", "ssh"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_program_that_is_waited_for_and_what_was_collected_waits(pool, number):
    put(pool.programs, "condor_q", f"sleep 0.5; {HANGS}")  # until it is waited for
    run = run_until_it_hangs(pool, "-sb")
    run.send_signal(number)
    _out, said = run.communicate()
    assert run.returncode == 128 + number and "Traceback" not in said
    program = int((pool.work / "number").read_text())
    services.wait_until(lambda: start_of(program) is None, "the program's end")
    assert pool.send("outbox", "flush").returncode == 0
    assert kinds(pool.server.taken) == ["ssh"]


# Lines that are no jobs ---------------------------------------------------


ODD = {
    "condor_q": "printf 'otter 1.0 5 2 \\nwhat is this\\nstoat 2.0 5 2 \\n'",
    "condor_history": "printf 'otter 3.0 5 4 \\n-- no schedd\\nstoat 4.0 5 4 \\n'",
    "squeue": "echo '17|ann|RUNNING|None|1:00|long|cpu=4|'; echo 'odd'; echo '18|ann|x|x|x|x|x|'",
    "sacct": "echo '15|ann|60|COMPLETED'; echo 'odd|'; echo '16|ann|60|COMPLETED'",
}


@pytest.mark.parametrize(
    "system, jobs",
    [("condor", ["1.0", "2.0", "3.0", "4.0"]), ("slurm", ["17", "18", "15", "16"])],
)
def test_lines_that_are_no_jobs_are_a_failure_each_and_the_jobs_are_sent(machine, system, jobs):
    for name, text in ODD.items():
        put(machine.programs, name, text)
    machine.more = ("--batch-system", system)
    done = machine.send("-b")
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 2
    assert done.stderr.count("printed what is no job: ") == 2
    assert numbers(machine.server.taken) == jobs
    first = state_of(machine)[f"finished.{system}"]["at"]
    machine.server.taken.clear()
    assert machine.send("-b").returncode == 3
    assert numbers(machine.server.taken) == jobs[:2]  # the others have ended once
    assert state_of(machine)[f"finished.{system}"]["at"] > first


# What a run leaves of itself ----------------------------------------------


@pytest.mark.parametrize("hidden", [True, False])
def test_the_row_of_a_run_names_the_machine_unless_it_is_hidden(machine, hidden):
    machine.send("-s", *(("-O", "example.org") if hidden else ()))
    with sqlite3.connect(machine.state / "outbox.db") as database:
        rows = database.execute("SELECT host, exit_code, stored FROM usage_run").fetchall()
    assert rows == [("" if hidden else socket.gethostname(), 0, 1)]
