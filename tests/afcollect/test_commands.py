"""Programs are asked for no longer and no more than they may be, and get no secrets."""

import contextlib
import os
import signal
import time
import types

import pytest

from afcollect import commands, condor
from afcollect.children import is_alive, start_of
from afcollect.collect import Settings
from afcollect.collection import Collection
from afcollect.commands import Programs, TooSlow, output_of
from afcollect.failures import PartFailed
from afcollect.outbox import Outbox
from tests import services
from tests.afcollect.stand_ins import put

HANGS = 'echo started >> "$0.log"; exec sleep 1000'
LONG_SECONDS = 600.0


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Return a function that puts a program, written in shell, first on PATH."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return lambda name, text: put(tmp_path, name, text)


@pytest.fixture
def unkillable(monkeypatch):
    """Let SIGKILL be in vain, as it is while the kernel waits; after the test it is not."""
    started, killpg = [], os.killpg
    monkeypatch.setattr(os, "killpg", lambda number, _signal: started.append(number))
    monkeypatch.setattr(commands, "END_SECONDS", 0.2)
    yield
    for number in started:
        with contextlib.suppress(ChildProcessError):  # it has ended by itself
            if os.waitpid(number, os.WNOHANG) == (0, 0):
                killpg(number, signal.SIGKILL)
                os.waitpid(number, 0)


def end(process):
    """End a process of ours that hangs, by its identity."""
    os.kill(process[0], signal.SIGKILL)
    os.waitpid(process[0], 0)


def failure_of(name, *arguments):
    """Return what is said of a program that fails."""
    with pytest.raises(PartFailed) as caught:
        output_of([name, *arguments], LONG_SECONDS)
    return str(caught.value)


# One program ------------------------------------------------------------


def test_arguments_arrive_as_they_are(programs):
    programs("show", "printf '%s\\0' \"$@\"")
    arguments = ["-n", "--", "", "a 'b' \"c\"", "$HOME `id` * ; exit", "two\nlines\n", "\\n", "ä"]
    assert output_of(["show", *arguments], LONG_SECONDS) == "".join(f"{one}\0" for one in arguments)


def test_a_program_in_a_directory_with_blanks_is_found(monkeypatch, tmp_path):
    directory = tmp_path / "my  own programs"
    directory.mkdir()
    put(directory, "show", "echo here")
    assert output_of([str(directory / "show")], LONG_SECONDS) == "here\n"
    monkeypatch.setenv("PATH", str(directory))
    assert output_of(["show"], LONG_SECONDS) == "here\n"


def test_the_environment_is_ours_in_a_language_we_know_and_without_secrets(programs, monkeypatch):
    monkeypatch.setenv("AFMETRICS_TOKEN", "pepper")
    monkeypatch.setenv("AFMETRICS_SALT", "pepper")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("CONDOR_CONFIG", "/etc/of/the/site")
    programs("show", "env")
    found = output_of(["show"], LONG_SECONDS).splitlines()
    assert "LC_ALL=C" in found and "CONDOR_CONFIG=/etc/of/the/site" in found
    assert not any("AFMETRICS" in line or "pepper" in line for line in found)


def test_a_program_has_nothing_to_read(programs):
    programs("show", "cat; echo end")
    assert output_of(["show"], LONG_SECONDS) == "end\n"


def test_what_is_no_utf_8_is_shown_and_no_failure(programs):
    programs("show", r"printf '\344\n'")
    assert output_of(["show"], LONG_SECONDS) == "\\xe4\n"


def test_a_program_that_fails_says_why_in_one_line(programs):
    programs("show", "echo 'show: no utmp' >&2; echo more >&2; exit 1")
    assert failure_of("show") == "show ended with 1: show: no utmp"
    programs("show", "exit 1")
    assert failure_of("show") == "show ended with 1: it did not say why"


def test_a_program_that_is_not_there_or_cannot_be_run_is_not_on_path(programs, tmp_path):
    programs("show", "true")
    (tmp_path / "show").chmod(0o644)
    (tmp_path / "directory").mkdir()
    for name in ("no-such-program", "show", "directory", str(tmp_path / "none")):
        assert failure_of(name) == f"cannot run {name}: it is not on PATH"
    assert "ermission denied" in failure_of(str(tmp_path / "show"))


def test_a_script_without_its_interpreter_is_a_failure_of_one_line(tmp_path, programs):
    programs("show", "")
    (tmp_path / "show").write_text("#!/no/such/interpreter\n")
    said = failure_of("show")
    assert said.startswith("show ended with 12") and said.count("show") > 1 and "\n" not in said


def test_a_program_that_ends_as_if_it_were_missing_is_shown_with_its_words(programs):
    programs("show", "echo 'show: libcondor.so: not found' >&2; exit 127")
    assert failure_of("show") == "show ended with 127: show: libcondor.so: not found"


@pytest.mark.parametrize("stream", [1, 2])
def test_a_program_that_says_too_much_is_ended_while_it_runs(programs, monkeypatch, stream):
    monkeypatch.setattr(commands, "LONGEST_OUTPUT_BYTES", 8192)
    programs("show", f"exec yes >&{stream}")
    assert failure_of("show") == "show said more than 8192 bytes"


def test_what_is_said_too_much_by_a_program_of_a_script_ends_it_too(programs, monkeypatch):
    monkeypatch.setattr(commands, "LONGEST_OUTPUT_BYTES", 8192)
    programs("show", "yes")
    assert failure_of("show") == "show said more than 8192 bytes"


def test_as_much_as_a_program_may_say_is_read(programs, monkeypatch):
    monkeypatch.setattr(commands, "LONGEST_OUTPUT_BYTES", 8192)
    programs("show", "yes | head -c 8192")
    assert output_of(["show"], LONG_SECONDS) == "y\n" * 4096


def test_a_program_that_hangs_is_ended_and_what_it_has_started(programs, tmp_path, monkeypatch):
    programs(
        "show",
        f"sleep 1000 & echo $! $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/started; wait",
    )
    later = types.SimpleNamespace(
        monotonic=lambda: time.monotonic() + 1000 * (tmp_path / "started").exists()
    )
    monkeypatch.setattr(commands, "time", later)
    monkeypatch.setattr(commands, "END_SECONDS", 2000.0)
    with pytest.raises(TooSlow, match="^show did not end within 600 s$") as caught:
        output_of(["show"], LONG_SECONDS)
    assert caught.value.process is None
    for number in (tmp_path / "started").read_text().split():
        services.wait_until(lambda one=number: start_of(int(one)) is None, "its end")


def test_what_a_program_leaves_behind_is_ended_and_not_waited_for(programs, tmp_path):
    programs("show", f"sleep 1000 & echo $! > {tmp_path}/child; echo done")
    assert output_of(["show"], LONG_SECONDS) == "done\n"
    child = int((tmp_path / "child").read_text())
    services.wait_until(lambda: start_of(child) is None, "the child's end")


def test_a_process_that_cannot_be_ended_does_not_hold_up_the_run(programs, unkillable):
    programs("show", "exec sleep 1000")
    with pytest.raises(TooSlow, match="^show did not end within 0.2 s$") as caught:
        output_of(["show"], 0.2)
    assert is_alive(caught.value.process)
    end(caught.value.process)
    assert not is_alive(caught.value.process)


# All programs of a run ---------------------------------------------------


def started(directory, name):
    """Return how many times a program that hangs was started."""
    path = directory / f"{name}.log"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_all_programs_of_a_run_together_have_a_time(programs):
    programs("slow", "exec sleep 1000")
    programs("quick", "echo here")
    run = Programs(seconds=0.5)
    with pytest.raises(TooSlow, match="^slow did not end within 0"):
        run.output_of(["slow"], LONG_SECONDS)
    with pytest.raises(PartFailed, match="^it is left out: collecting took too long already$"):
        run.output_of(["quick"], LONG_SECONDS)
    with pytest.raises(PartFailed, match="took too long"):
        run.is_installed("quick")
    with pytest.raises(PartFailed, match="took too long"):
        run.left_seconds()
    assert Programs().output_of(["quick"], LONG_SECONDS) == "here\n"


def test_a_program_that_was_too_slow_is_not_asked_again_in_this_run(
    programs, tmp_path, monkeypatch
):
    monkeypatch.setattr(commands, "END_SECONDS", LONG_SECONDS)
    programs("slow", HANGS)
    programs("quick", "echo here")
    run = Programs()
    with pytest.raises(TooSlow):
        run.output_of(["slow", "x"], 0.5)
    for _again in range(3):
        with pytest.raises(PartFailed, match="^slow was too slow before, and is not asked again$"):
            run.output_of(["slow", "y"], LONG_SECONDS)
        assert run.output_of(["quick"], LONG_SECONDS) == "here\n"
    assert started(tmp_path, "slow") <= 1 and run.hanging == {}


def test_a_program_that_fails_is_asked_again(programs):
    programs("show", "exit 1")
    run = Programs()
    for _again in range(2):
        with pytest.raises(PartFailed, match="show ended with 1"):
            run.output_of(["show"], LONG_SECONDS)


def test_whether_a_program_is_installed_is_what_path_says(programs, tmp_path):
    programs("show", "exit 1")
    programs("plain", "true")
    (tmp_path / "plain").chmod(0o644)
    found = [Programs().is_installed(name) for name in ("show", "plain", "no-such-program")]
    assert found == [True, False, False]


def test_a_path_that_hangs_does_not_hold_up_the_run(programs, monkeypatch):
    monkeypatch.setattr(commands, "LAUNCH", "while :; do sleep 0.05; done")  # as the shell does
    monkeypatch.setattr(commands, "LOOK_UP_SECONDS", 0.2)
    with pytest.raises(TooSlow, match="did not end within 0.2 s"):
        Programs().is_installed("show")


def run_once(outbox):
    """Collect the jobs of HTCondor into an outbox, as one run."""
    settings = Settings("X", batch=True, batch_system="condor", queues=(("short", "true"),))
    return Collection(settings, outbox, outbox).run()


def test_what_cannot_be_ended_is_not_started_again_by_later_runs(
    programs, unkillable, monkeypatch, tmp_path, caplog
):
    monkeypatch.setattr(condor, "TIMEOUT_SECONDS", 0.5)
    programs("condor_q", HANGS)
    programs("condor_history", "exit 1")
    with contextlib.closing(Outbox(tmp_path / "state")) as outbox:
        assert run_once(outbox) == 3
        process = outbox.state()["hanging_programs"]["condor_q"]
        assert is_alive(process)
        for _later in range(3):
            caplog.clear()
            assert run_once(outbox) == 3
            hangs = f"condor_q of an earlier run hangs, process {process[0]}"
            assert [text for text in caplog.messages if "condor_q" in text] == [
                f"condor: {hangs}", f"condor, queue short: {hangs}",
            ]  # fmt: skip
            assert outbox.state()["hanging_programs"]["condor_q"] == process
        assert started(tmp_path, "condor_q") <= 1
        end(process)
        programs("condor_q", "true")
        programs("condor_history", "true")
        monkeypatch.setattr(condor, "TIMEOUT_SECONDS", LONG_SECONDS)
        assert run_once(outbox) == 0
