"""Progress is shown to people who look at it, and to nobody else."""

import io
import types

import pytest

from usagedb import progress


class Terminal(io.StringIO):
    """A standard error that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal, and a clock that tests set."""
    stream, now = Terminal(), [100.0]
    monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=stream))
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("TERM", "xterm")
    stream.now = now
    return stream


def test_a_counter_is_silent_for_two_seconds_and_then_tells_number_and_speed(terminal):
    counter = progress.Counter("records")
    counter.add(500)
    assert terminal.getvalue() == ""
    terminal.now[0] += 4
    counter.add(1500)
    assert terminal.getvalue() == "\r2,000 records, 500/s "
    counter.close()
    assert terminal.getvalue().endswith("\n")


@pytest.mark.parametrize("how", ["quiet", "dumb", "no terminal"])
def test_a_counter_is_silent_where_nobody_looks(terminal, monkeypatch, how):
    stream = terminal
    if how == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    elif how == "no terminal":
        stream = io.StringIO()
        monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=stream))
    counter = progress.Counter("records", quiet=how == "quiet")
    terminal.now[0] += 10
    counter.add(1)
    counter.close()
    assert stream.getvalue() == ""


def test_a_short_count_leaves_no_line(terminal):
    counter = progress.Counter("records")
    counter.add(1)
    counter.close()
    assert terminal.getvalue() == ""
