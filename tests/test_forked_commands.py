"""A command in a fork ends as one that was started."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from tests import forked_commands

PROGRAMS = {
    "well": "print('a'); print('b', file=sys.stderr)",
    "with a status": "sys.exit(65)",
    "with a text": "sys.exit('no such thing')",
    "with an exception": "raise ValueError",
    "with a signal": "os.kill(os.getpid(), 9)",
    "interrupted": "os.kill(os.getpid(), 2)",
    "arguments": "print(sys.argv[1:], sys.path[0])",
    "place": "print(os.getcwd(), os.environ.get('HPCUSAGE_FORK'), time.strftime('%Z'))",
    "mask": "print(oct(os.umask(0)))",
    "input": "print(repr(sys.stdin.read()), sys.stdout.isatty())",
    "at exit": "atexit.register(print, 'end'); threading.Timer(0.05, print, ['later']).start()",
    "line ends": "sys.stdout.buffer.write(b'a\\r\\nb\\rc\\n')",
    "to the place of output": "open('/dev/stdout', 'a').write('there'); print('then')",
}


@pytest.fixture
def program(tmp_path):
    """Return a function that writes a program; it gives the words that run it."""

    def write(text):
        path = tmp_path / "program"
        path.write_text(f"import atexit, os, sys, threading, time\n{text}\n")
        return [path, "--option", "wörd", "\udcff"]

    return write


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS)
def test_it_ends_as_a_process_of_its_own(program, text, tmp_path, monkeypatch):
    monkeypatch.setenv("HPCUSAGE_FORK", "ä")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    words, options = program(text), {"text": True, "cwd": tmp_path, "stdin": subprocess.DEVNULL}
    assert forked_commands.can_fork(options)
    forked = forked_commands.run(words, options)
    plain = subprocess.run([sys.executable, *words], capture_output=True, check=False, **options)
    assert (forked.returncode, forked.stdout) == (plain.returncode, plain.stdout)
    assert forked.stderr.splitlines()[-1:] == plain.stderr.splitlines()[-1:]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("disposition", [signal.SIG_IGN, signal.SIG_DFL])
def test_signals_are_ignored_as_by_the_tests(program, number, disposition):
    before = signal.signal(number, disposition)
    try:
        words = program(f"os.kill(os.getpid(), {int(number)}); print('on')")
        forked = forked_commands.run(words, {"text": True})
    finally:
        signal.signal(number, before)
    is_ignored = disposition == signal.SIG_IGN
    assert (forked.returncode, forked.stdout) == ((0, "on\n") if is_ignored else (-number, ""))


def test_several_run_at_once(program):
    meeting = "p = sys.argv[1]; open(p, 'a').write('x'); t = time.monotonic()\n"
    meeting += "while len(open(p).read()) < 3: time.sleep(0.01)"
    path, *_rest = program(meeting)
    ended = []

    def run():
        ended.append(forked_commands.run([path, path.parent / "seen"], {}).returncode)

    threads = [threading.Thread(target=run) for _number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [0, 0, 0]


@pytest.mark.parametrize(
    "options",
    [
        {"input": "text"}, {"user": 1}, {"timeout": 3}, {"stdin": subprocess.PIPE},
        {"env": {**os.environ, "PYTHONUNBUFFERED": "1"}}, {"env": {}},
    ],
    ids=["input", "user", "timeout", "stdin", "variable of Python", "no environment"],
)  # fmt: skip
def test_what_a_fork_cannot_give_is_not_forked(options, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert not forked_commands.can_fork(options)


def test_the_environment_may_say_how_python_starts(program, monkeypatch):
    monkeypatch.setenv("PYTHONUTF8", "1")
    assert forked_commands.run(program("print(sys.flags.utf8_mode)"), {}).stdout == b"1\n"
