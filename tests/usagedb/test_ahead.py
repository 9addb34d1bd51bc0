"""A generator that runs ahead in a child process gives what it would give here."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import services
from tests.conftest import CHECKOUT
from usagedb import errors
from usagedb.ahead import ahead


def children():
    """Return the ids of the living child processes of this one."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@given(st.lists(st.one_of(st.binary(), st.integers(), st.text())))
@settings(max_examples=25)
def test_all_items_come_in_their_order(items):
    assert list(ahead(iter(items))) == items


def test_items_larger_than_a_pipe_come_whole():
    assert [len(item) for item in ahead(bytes(size) for size in (5_000_000, 0, 70_000))] == [
        5_000_000, 0, 70_000,
    ]  # fmt: skip


def test_it_runs_in_a_process_of_its_own_that_is_gone_at_the_end():
    before = children()
    found = list(ahead(os.getpid() for _number in range(3)))
    assert len(set(found)) == 1 and found[0] != os.getpid()
    assert children() == before


def items_then(error):
    yield 1
    raise error


def test_an_expected_error_comes_after_the_items_before_it():
    items = ahead(items_then(errors.WriteError("disk full")))
    assert next(items) == 1
    with pytest.raises(errors.WriteError, match="^disk full$"):
        next(items)


def test_a_bug_in_the_child_is_shown_and_is_no_quiet_end(capfd):
    items = ahead(items_then(KeyError("bug")))
    assert next(items) == 1
    with pytest.raises(errors.UnavailableError, match="died"):
        next(items)
    assert "KeyError: 'bug'" in capfd.readouterr().err


def test_a_killed_child_is_no_quiet_end():
    items = ahead(os.getpid() for _number in range(10**9))
    os.kill(next(items), signal.SIGKILL)
    with pytest.raises(errors.UnavailableError, match="died"):
        list(items)


def test_a_generator_that_is_closed_leaves_no_process():
    before = children()
    items = ahead(iter(range(10**9)))
    assert next(items) == 0
    items.close()
    assert children() == before


ENDLESS = """
import os, sys
sys.path.insert(0, sys.argv[1])
from usagedb.ahead import ahead
def endless():
    while True:
        yield os.getpid()
for child in ahead(endless()):
    print(child, flush=True)
    sys.stdin.read()
"""


def test_a_killed_parent_takes_the_child_along():
    parent = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(CHECKOUT)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    services.wait_until(lambda: not is_running(child), "the child to end")


def is_running(number):
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"
