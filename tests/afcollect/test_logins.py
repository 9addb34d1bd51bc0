"""Who is logged in is found on every kind of system, whatever lines there are."""

import datetime

import psutil
import pytest

from afcollect import logins
from afcollect.failures import PartFailed
from tests.afcollect.stand_ins import put

NOW = 1_769_000_000.0


class Session:
    """What psutil knows of a login."""

    def __init__(self, name):
        self.name = name


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Return a function that puts a program, written in shell, first on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return lambda name, text: put(tmp_path, name, text)


def test_users_are_those_of_psutil_once_each(programs, monkeypatch):
    monkeypatch.setattr(psutil, "users", lambda: [Session("stoat"), Session("otter")] * 2)
    programs("who", "exit 1")
    assert logins.present() == ["otter", "stoat"]


@pytest.mark.parametrize("problem", [lambda: [], lambda: 1 / 0])
def test_who_is_asked_where_psutil_knows_nobody(programs, monkeypatch, problem):
    def users():
        try:
            return problem()
        except ZeroDivisionError:
            raise RuntimeError("utmp is damaged") from None

    monkeypatch.setattr(psutil, "users", users)
    programs("who", "printf 'otter pts/0 2026-01-01 10:00 (host)\\n\\n \\nstoat tty1\\notter x\\n'")
    assert logins.present() == ["otter", "stoat"]


def test_nobody_is_no_failure(programs, monkeypatch):
    monkeypatch.setattr(psutil, "users", lambda: [])
    programs("who", "true")
    assert logins.present() == []


def test_a_failure_says_why_in_one_line(programs, monkeypatch):
    monkeypatch.setattr(psutil, "users", lambda: [])
    programs("who", "echo 'who: no utmp' >&2; echo more >&2; exit 1")
    with pytest.raises(PartFailed, match="^who ended with 1: who: no utmp$"):
        logins.present()


def last_line(name, seconds_ago, tail="still logged in"):
    """Return a line of `last --time-format iso`."""
    begin = datetime.datetime.fromtimestamp(NOW - seconds_ago, datetime.timezone.utc)
    return f"{name:<12} pts/3        192.0.2.7        {begin.isoformat()}   {tail}"


def test_logins_of_the_last_five_minutes_are_found_and_no_others(programs):
    ended = datetime.datetime.fromtimestamp(NOW - 10, datetime.timezone.utc).isoformat()
    lines = [
        last_line("otter", 20), last_line("stoat", 299, f"- {ended}  (00:04)"),
        last_line("mink", 301), last_line("reboot", 30), last_line("otter", 40), "",
        "wtmp begins 2026-01-01T00:00:00+00:00",
    ]  # fmt: skip
    text = "\n".join(lines)
    programs("last", f"cat <<'END'\n{text}\nEND")
    assert logins.recent(NOW) == ["otter", "stoat"]


def test_the_real_last_can_be_asked():
    assert isinstance(logins.recent(NOW), list)
