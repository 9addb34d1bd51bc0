"""What is asked in a process of its own is answered, or holds up nothing."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from afcollect.children import NoAnswer, Question, identity, is_alive, start_of
from tests import services

LONG_SECONDS = 600.0


def descriptors(_argument=None):
    """Return which descriptors this process has, one of them only to tell."""
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def hanging(_argument):
    """Never return."""
    while True:
        time.sleep(0.01)


@pytest.fixture
def unkillable(monkeypatch):
    """Let signals be in vain, as they are while the kernel waits; after the test they are not."""
    asked, kill = [], os.kill
    monkeypatch.setattr(os, "kill", lambda number, _signal: asked.append(number))
    monkeypatch.setattr(os, "killpg", lambda _number, _signal: None)
    yield
    for number in asked:
        kill(number, signal.SIGKILL)
        os.waitpid(number, 0)


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None]}, "ä\n", 0, [], ""])
def test_the_answer_is_what_the_function_returned(value):
    assert Question(lambda one: [one], value).answer(LONG_SECONDS) == [value]


def test_it_is_asked_in_another_process():
    assert Question(lambda _one: os.getpid(), None).answer(LONG_SECONDS) != os.getpid()


def raising(_argument):
    raise ZeroDivisionError("a fault of the function")


def dying(_argument):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("function", [raising, dying, lambda _one: {1, 2}])
def test_a_function_that_raises_dies_or_returns_what_is_no_json_has_no_answer(function, capfd):
    assert Question(function, None).answer(LONG_SECONDS) is None
    assert capfd.readouterr() == ("", "")


def test_a_function_that_hangs_is_ended():
    question = Question(hanging, None)
    with pytest.raises(NoAnswer) as caught:
        question.answer(0.1)
    process = caught.value.process
    services.wait_until(lambda: not is_alive(process), "its end")


def test_a_function_that_cannot_be_ended_is_known_again(unkillable):
    question = Question(hanging, None)
    with pytest.raises(NoAnswer) as caught:
        question.answer(0.1)
    assert is_alive(caught.value.process)


def test_one_that_hangs_keeps_no_other_from_answering():
    first, second = Question(hanging, None), Question(str, 5)
    assert second.answer(LONG_SECONDS) == "5"
    with pytest.raises(NoAnswer):
        first.answer(0.0)


def test_no_descriptor_of_ours_is_held_but_its_own_pipe():
    reading, writing = os.pipe()
    ours = [os.open("/dev/null", os.O_RDONLY) for _count in range(20)]
    question = Question(hanging, None)
    os.close(writing)
    assert os.read(reading, 1) == b""  # the end: nobody else could write there
    with pytest.raises(NoAnswer):
        question.answer(0.0)
    for descriptor in (reading, *ours):
        os.close(descriptor)
    # /dev/null three times, the pipe, and the one by which it tells them
    assert len(Question(descriptors, None).answer(LONG_SECONDS)) == 5


def test_questions_leave_no_descriptor_open():
    before = descriptors()
    for _count in range(5):
        assert Question(str, 5).answer(LONG_SECONDS) == "5"
        with pytest.raises(NoAnswer):
            Question(hanging, None).answer(0.0)
    assert descriptors() == before


def test_a_process_is_known_by_its_start_whatever_its_name(tmp_path):
    program = tmp_path / ") R 1 (x"
    shutil.copy(shutil.which("sleep"), program)
    process = subprocess.Popen([program, "1000"])
    known = identity(process.pid)
    assert is_alive(known) and start_of(os.getpid()) <= start_of(process.pid)
    assert not is_alive([known[0], known[1] + 1])
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(known)  # though it is still in the table of processes
    process.wait()
    assert not is_alive(known) and not is_alive(None)
