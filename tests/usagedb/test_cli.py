"""What all commands share: help, exit codes, one line for an error, a clean end by a signal."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.conftest import CHECKOUT, heed_signals
from usagedb import __version__, cli, errors

COMMANDS = sorted(path.name for path in (CHECKOUT / "bin").iterdir())
DOCUMENTED = ("conf_create.py", "createDB.py")


def run_python(code, *arguments, **options):
    """Run a command that is written for this test, in its own process."""
    options = {"stdin": subprocess.DEVNULL, "stdout": -1, "stderr": -1, "text": True, **options}
    program = [sys.executable, "-c", PROGRAM.format(code=code), CHECKOUT, *arguments]
    return subprocess.run(program, check=False, **options)


PROGRAM = """
import os, signal, sys
checkout = sys.argv.pop(1)
sys.path.insert(0, checkout)
import click
from usagedb import cli, errors

@click.command()
@cli.common_options
def command(quiet):
    {code}

cli.run(command)
"""


def error_classes(base=errors.UsageDBError):
    """Yield all classes of expected errors."""
    for one in base.__subclasses__():
        yield one
        yield from error_classes(one)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_in_100_columns(run, command):
    done = run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ")
    assert re.search(rf"^ +{command.removesuffix('.py')}\b", done.stdout, re.MULTILINE)
    before_settings = done.stdout.partition("\nconfiguration (")[0]  # whose lines are for grep
    assert max(map(len, before_settings.splitlines())) <= 100
    assert run(command, "-h").stdout == done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_its_version(run, command):
    done = run(command, "--version")
    assert (done.returncode, done.stderr) == (0, "") and __version__ in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_installed_and_executable(command):
    assert os.access(CHECKOUT / "bin" / command, os.X_OK)
    assert f"bin/{command}\n" in (CHECKOUT / "setup.cfg").read_text()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_documented_names_do_the_same(run, name):
    options = run(name, "--help").stdout.split("Options:")[1]
    assert options == run(name.removesuffix(".py"), "--help").stdout.split("Options:")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_ends_with_2_on_stderr(run, command):
    done = run(command, "--no-such-option")
    assert (done.returncode, done.stdout) == (2, "") and "--no-such-option" in done.stderr


def test_every_exit_code_is_documented():
    documented = (CHECKOUT / "README.md").read_text()
    codes = {one.exit_code for one in error_classes()}
    assert codes == {2, 65, 66, 74, 75, 77, 78}
    for code in codes:
        assert re.search(rf"\b{code}\b", documented), code


@pytest.mark.parametrize("name, code", [
    ("UsageError", 2), ("MalformedInputError", 65), ("MissingInputError", 66), ("WriteError", 74),
    ("UnavailableError", 75), ("ConflictError", 75), ("RefusedError", 77),
    ("ConfigurationError", 78),
])  # fmt: skip
def test_an_expected_error_is_one_line_and_its_code(name, code):
    done = run_python(f"raise errors.{name}('what\\nwhere \\x1b[2J')")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == "Error: what\\x0awhere \\x1b[2J\n"


def test_debug_shows_the_traceback_of_an_expected_error():
    done = run_python("raise errors.WriteError('full')", "--debug")
    assert done.returncode == 74 and "Traceback" in done.stderr
    assert done.stderr.endswith("Error: full\n")


def test_a_python_without_a_library_is_told_in_one_line():
    done = run_python("import nowhere.inside")
    text = f"nowhere is not installed for {sys.executable}: install hpcusage with its libraries"
    assert (done.returncode, done.stdout, done.stderr) == (78, "", f"Error: {text}\n")


@pytest.mark.parametrize("code", ["import usagedb.nothing", "raise ModuleNotFoundError('bug')"])
def test_an_import_that_is_a_bug_shows_its_traceback(code):
    done = run_python(code)
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_a_bug_shows_its_traceback_and_ends_with_1():
    done = run_python("raise KeyError('bug')")
    assert done.returncode == 1 and "Traceback" in done.stderr and "KeyError" in done.stderr


@pytest.mark.parametrize("code, status", [("return 0", 0), ("return 3", 3), ("return None", 0)])
def test_the_status_is_what_the_command_returns(code, status):
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


@pytest.mark.parametrize("name, status", [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_is_quiet_and_ends_with_128_and_its_number(name, status):
    code = f"os.kill(os.getpid(), signal.{name}); signal.pause()"
    done = run_python(code, preexec_fn=heed_signals)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


IN_A_FINALIZER = """
    class Last:
        def __del__(self):
            {code}
    Last()
    signal.pause()"""


@pytest.mark.parametrize("name, status", [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_that_comes_in_a_finalizer_ends_it_all_the_same(name, status):
    code = IN_A_FINALIZER.format(code=f"os.kill(os.getpid(), signal.{name})")
    done = run_python(code, preexec_fn=heed_signals)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def test_another_error_in_a_finalizer_is_told():
    code = IN_A_FINALIZER.format(code="raise ValueError('a bug')").replace("signal.pause()", "")
    done = run_python(code)
    assert done.returncode == 0 and "ValueError: a bug" in done.stderr


def test_a_signal_that_comes_when_the_work_is_done_is_ignored():
    code = "import atexit; atexit.register(os.kill, os.getpid(), signal.SIGTERM); return 5"
    done = run_python(code, preexec_fn=heed_signals)
    assert (done.returncode, done.stdout, done.stderr) == (5, "", "")


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT"])
def test_a_signal_that_the_caller_ignores_stays_ignored(name):
    def ignore():
        signal.signal(getattr(signal, name), signal.SIG_IGN)

    done = run_python(f"os.kill(os.getpid(), signal.{name}); return 5", preexec_fn=ignore)
    assert done.returncode == 5


def closed_pipe():
    """Return the writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("code", [
    "click.echo('x')", "print('x' * 10**6)", "print('x')", "[print(n) for n in range(10**5)]",
])  # fmt: skip
def test_a_closed_pipe_ends_quietly_with_141(code):
    pipe = closed_pipe()
    done = run_python(code, stdout=pipe)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("option", ["--help", "--version", "--dry-run", "--print-grants"])
def test_a_real_command_into_a_closed_pipe_ends_quietly(sqlite_site, option):
    pipe = closed_pipe()
    command = [sys.executable, CHECKOUT / "bin" / "createDB", "--confFn", sqlite_site.conf_path]
    done = subprocess.run([*command, option], stdout=pipe, stderr=-1, check=False)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("code", ["click.echo('x')", "print('x')", "print('x' * 10**6)"])
def test_output_to_a_full_disk_ends_with_74(code):
    with Path("/dev/full").open("w") as full:
        done = run_python(code, stdout=full)
    assert done.returncode == 74 and done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


def test_a_closed_standard_output_is_no_error():
    assert run_python("return 0", preexec_fn=lambda: os.close(1)).returncode == 0


def test_a_locale_that_cant_write_a_character_gets_an_escape():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = run_python("print('gr\\u00f6\\u00dfe')", env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "gr\\xf6\\xdfe\n", "")


@pytest.mark.parametrize("options, shown", [
    ((), "Warning: w\n"), (("-q",), ""), (("-v",), "Warning: w\ni\n"),
    (("-vv",), "Warning: w\ni\nd\n"), (("--debug",), "Warning: w\ni\nd\n"),
])  # fmt: skip
def test_verbosity_goes_to_stderr_in_steps(options, shown):
    code = "logger = cli.logger; logger.warning('w'); logger.info('i'); logger.debug('d')"
    done = run_python(code, *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", shown)


def test_a_log_line_cant_disturb_a_terminal():
    done = run_python("cli.logger.warning('%s', '\\x1b[2J\\n')")
    assert done.stderr == "Warning: \\x1b[2J\\x0a\n"


def test_who_can_not_be_asked_is_told_the_option():
    done = run_python("cli.confirm('Sure?', False, '--force')")
    assert done.returncode == 2 and done.stderr == (
        "Error: Sure? Nobody can be asked here: say --force\n"
    )
    assert run_python("cli.confirm('Sure?', True)").returncode == 0


def test_verbose_says_which_database(sqlite_site):
    done = sqlite_site.create().run("usage_status", "-v")
    assert f"database: {sqlite_site.config.database} ({sqlite_site.conf_path})" in done.stderr


def test_options_may_stand_after_the_command(sqlite_site):
    before = sqlite_site.run("analyzeLmodDB", "--format", "json", "counts")
    after = sqlite_site.run("analyzeLmodDB", "counts", "--format", "json")
    assert (before.returncode, before.stdout) == (after.returncode, after.stdout) == (0, "[]\n")


def test_shared_options_are_named_alike_everywhere():
    @click.command()
    @cli.common_options
    @cli.database_options()
    def command(**_options):
        pass

    names = {name for option in command.params for name in option.opts}
    assert names == {
        "-v", "--verbose", "-q", "--quiet", "-D", "--debug", "--version", "--confFn", "--dbname",
        "--show-config",
    }  # fmt: skip
