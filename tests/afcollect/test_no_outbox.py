"""Without a writable place one run at a time sends what it can, and says what is lost."""

import contextlib
import os
import subprocess
import sys
import uuid

import pytest

from afcollect.no_outbox import NoOutbox, only_process
from afcollect.schema import COLLECTOR
from tests.conftest import CHECKOUT
from usagedb import errors

LONG_SECONDS = 600.0
HOLDS = """
import pathlib, sys
from afcollect.no_outbox import only_process
name, wait_seconds, path = sys.argv[1:]
with only_process(name, float(wait_seconds)):
    print(f"entered, and {pathlib.Path(path).exists()}", flush=True)
    sys.stdin.read()
    pathlib.Path(path).touch()
"""
# A program of whoever else: it knows nothing of ours but the name.
TAKES = """
import socket, sys
taken = socket.socket(socket.AF_UNIX)
taken.bind("\\0" + sys.argv[1])
if sys.argv[2] == "listens":
    taken.listen(1)
print("entered", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def name():
    """The name of a lock that nobody else has."""
    return f"test-{uuid.uuid4()}"


@pytest.fixture
def start():
    """A function that starts Python with some text, and ends it after the test."""
    with contextlib.ExitStack() as stack:

        def start_python(text, *arguments, python=(sys.executable,), **options):
            command = [*python, "-c", text, *map(str, arguments)]
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, **options)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start_python


@pytest.fixture
def holder(start, name, tmp_path):
    """A process of this account that is in the block."""
    process = start(HOLDS, name, 0, tmp_path / "left", cwd=CHECKOUT)
    assert process.stdout.readline() == "entered, and False\n"
    return process


def is_free(name, wait_seconds=0.0):
    """Tell whether this process comes into the block."""
    try:
        with only_process(name, wait_seconds):
            return True
    except errors.UnavailableError:
        return False


def test_a_second_process_is_refused_until_the_first_has_ended(holder, name):
    with pytest.raises(errors.UnavailableError, match="is running"), only_process(name):
        pass
    holder.communicate()
    assert is_free(name) and is_free(name)


def test_other_names_are_other_locks(holder, name):
    assert is_free(f"{name}-2")


def test_a_killed_process_leaves_no_lock(holder, name):
    holder.kill()
    holder.wait()
    assert is_free(name)


def test_however_often_it_is_asked_the_lock_is_held(holder, name, caplog):
    assert [is_free(name) for _time in range(5)] == [False] * 5
    assert not is_free(name, 2.0) and caplog.messages == []


def test_a_second_process_waits_until_the_first_has_left(holder, name, start, tmp_path):
    waiting = start(HOLDS, name, LONG_SECONDS, tmp_path / "left", cwd=CHECKOUT)
    holder.communicate()
    assert waiting.communicate()[0] == "entered, and True\n"


def test_an_error_in_the_block_frees_the_lock(name):
    with pytest.raises(ZeroDivisionError), only_process(name):
        raise ZeroDivisionError
    assert is_free(name)


@pytest.mark.parametrize("how", ["listens", "does not listen"])
def test_a_stranger_who_holds_the_name_is_not_heeded(start, name, nobody, caplog, how):
    address = f"hpcusage-{name}-{os.geteuid()}"
    stranger = start(TAKES, address, how, **nobody)
    assert stranger.stdout.readline() == "entered\n"
    assert is_free(name)
    assert caplog.messages == [f"another account holds the lock of {name}: it is not heeded"]


def test_an_account_has_its_own_lock(holder, name, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert is_free(name)


def test_documents_wait_in_order_until_they_are_taken():
    outbox = NoOutbox()
    outbox.add([{"kind": "ssh"}, {"kind": "CPU"}], 5.0, {"network": {}}, {("condor", "1.0")}, 1)
    outbox.add([{"kind": "MEM"}], 6.0, {})
    first, second, third = outbox.waiting()
    assert [one.kind for one in (first, second, third)] == ["ssh", "CPU", "MEM"]
    assert len({one.document_id for one in (first, second, third)}) == 3
    with outbox.sending():
        outbox.remove([first])
        outbox.count_try([second])
        outbox.set_aside(second, "400 Bad Request")
    assert list(outbox.waiting()) == [third] and outbox.counts() == (1, 1)
    assert (outbox.state(), outbox.reported("condor", ["1.0"]), outbox.last_number()) == (
        {},
        set(),
        0,
    )


# The command, where no place can be written ------------------------------


@pytest.fixture
def placeless(machine):
    """A Machine without a place for an outbox; other tests may run beside this one."""
    (machine.directory / "state").write_text("a file")
    machine.more = ("--wait", "600")
    return machine


def test_what_is_refused_is_lost_and_counted(placeless):
    placeless.server.answers = [400]
    done = placeless.send("-s", "--host", "--mount", "/")
    assert done.returncode == 3 and "1 documents are lost" in done.stderr
    assert [one["kind"] for one in placeless.server.taken] == ["CPU", "MEM", "DISK"]


def test_what_cannot_be_sent_is_lost_and_counted(placeless):
    placeless.server.answers = [200, 400]
    placeless.server.always = 401
    done = placeless.send("-s", "--host", "--mount", "/")
    assert done.returncode == 77 and "3 documents are lost" in done.stderr


def test_nothing_is_lost_where_all_is_taken(placeless):
    done = placeless.send("-s", "--host", "--mount", "/")
    assert done.returncode == 3 and "are lost" not in done.stderr
    assert len(placeless.server.taken) == 4


def test_a_second_run_is_refused_and_sends_nothing(placeless):
    with only_process(COLLECTOR, LONG_SECONDS):
        done = placeless.send("-s", "--wait", "0")
    assert done.returncode == 75 and f"another {COLLECTOR} is running" in done.stderr
    assert placeless.server.posts == []
