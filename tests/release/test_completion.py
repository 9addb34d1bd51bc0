"""TAB finds commands, options and values in real shells, and starts no program for it."""

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import time

import pytest

from release import of_installer
from release.describe import describe, walk
from tests import services
from tests.conftest import CHECKOUT, run_command

NAMES = sorted(path.name for path in (CHECKOUT / "bin").iterdir())
COMPLETE = """
source {file}
function=$(complete -p {name}); function=${{function#*-F }}; function=${{function%% *}}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
$function
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
LOOP = "for ((i = 0; i < {times}; i++)); do $function; done\n"


def complete(shared, *words, directory=None, prologue="", times=0):
    """Return what bash finds for the last of the words."""
    file = shared / "bash-completion" / "completions" / words[0]
    script = prologue + COMPLETE.format(
        file=shlex.quote(str(file)), name=words[0], words=shlex.join(words)
    )
    done = subprocess.run(
        [shutil.which("bash"), "--norc", "-c", script + LOOP.format(times=times)], cwd=directory,
        capture_output=True, text=True, check=False, env={"PATH": "/nonexistent"},
    )  # fmt: skip
    assert done.stderr == ""
    return sorted(line for line in done.stdout.splitlines() if line)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_of_every_command_is_found(shared, name):
    for command in walk(describe(name)):
        words = command.name.split()
        wanted = sorted({one for option in command.options for one in option.names})
        assert complete(shared, *words, "-") == wanted, words


@pytest.mark.parametrize("command", of_installer.describe_all(), ids=lambda one: one.name)
def test_options_of_the_installer_are_found(shared, tmp_path, command):
    (tmp_path / "hpcusage-1.0.tgz").write_text("")
    wanted = sorted(name for option in command.options for name in option.names)
    assert complete(shared, command.name, "-") == wanted
    found = complete(shared, command.name, "hpc", directory=tmp_path)
    assert found == ["hpcusage-1.0.tgz"] * bool(command.arguments)


def test_the_options_are_those_of_the_help(shared):
    for words in (["store_module_data"], ["epmt", "submit"], ["userportal", "top"]):
        told = run_command(*words, "--help").stdout
        options = set(re.findall(r"^ +(?:-\w, )?(--[\w-]+)", told, re.MULTILINE))
        assert options <= set(complete(shared, *words, "--"))


@pytest.mark.parametrize(
    "words, found",
    [
        (["epmt", "outl"], ["outliers"]),
        (["epmt", "-v", "s"], ["schema", "settings", "show", "source", "stage", "start", "stop",
                               "submit"]),
        (["epmt", "list", "--format", "j"], ["json"]),
        (["epmt", "list", "--format", "=", "j"], ["json"]),
        (["epmt", "list", "--format", "="], ["csv", "json", "markdown", "python", "table"]),
        (["epmt", "refmodel", ""], ["create", "delete", "disable", "enable", "show"]),
        (["epmt", "run", "--", "--co"], []),
        (["analyzeLmodDB", "u"], ["unused", "usernames"]),
        (["analyzeLmodDB", "trend", "--period", ""], ["day", "month", "week"]),
        (["userportal", "--conf", "job", "t"], ["token", "top"]),
        (["userportal", "top", "g"], ["gpus"]),
        (["usage_status", "--format", "m"], ["markdown"]),
        (["xalt_usage_report.py", "--form"], ["--format"]),
        (["store_module_data", "--wait", ""], []),
        (["epmt", "nonsense", ""], []),
    ],
)  # fmt: skip
def test_bash_finds_what_fits(shared, words, found):
    assert complete(shared, *words) == found


def test_bash_finds_files_and_directories(shared, tmp_path):
    (tmp_path / "usage one.log").write_text("")
    (tmp_path / "usage").mkdir()
    found = complete(shared, "store_module_data", "us", directory=tmp_path)
    assert found == ["usage", "usage one.log"]
    found = complete(shared, "store_module_data", "--archive", "us", directory=tmp_path)
    assert found == ["usage"]


def test_bash_finds_the_command_that_is_run(shared):
    assert "printf" in complete(shared, "epmt", "run", "-a", "printf")


def test_tab_takes_far_less_time_than_help(shared):
    """Both by the time of the processor, of 50 of the one and 3 of the other."""
    before = os.times()
    complete(shared, "epmt", "list", "--format", "j", times=50)
    between = os.times()
    for _time in range(3):
        assert run_command("epmt", "--help").returncode == 0
    after = os.times()
    one_tab = children(between, before) / 50
    one_help = children(after, between) / 3
    assert one_tab < one_help / 2


def children(later, earlier):
    return (later.children_user - earlier.children_user) + (
        later.children_system - earlier.children_system
    )


class Shell:
    """An interactive shell on a terminal, in which a command prints its words."""

    def __init__(self, command, directory):
        self.shown = ""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(directory)
            environment = {"PATH": "/usr/bin:/bin", "TERM": "xterm", "HOME": str(directory)}
            os.execvpe(command[0], command, {**environment, "LC_ALL": "C.UTF-8"})

    def wait_for(self, text):
        """Read until a text is shown."""
        deadline = time.monotonic() + services.DEADLINE_SECONDS
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self.terminal], [], [], 0.2)[0]:
                self.shown += os.read(self.terminal, 4096).decode(errors="replace")

    def type(self, text):
        self.shown = ""
        os.write(self.terminal, text.encode())

    def close(self):
        self.type("\x03exit\n")
        os.close(self.terminal)
        os.waitpid(self.process, 0)


@pytest.fixture(params=["bash", "zsh"])
def shell(request, shared, tmp_path):
    """A Shell with the completion of all commands."""
    services.require_service(request.param)
    if request.param == "bash":
        opened = Shell(["bash", "--norc", "--noprofile", "-i"], tmp_path)
        files = shared / "bash-completion" / "completions"
        opened.type(f"for file in {shlex.quote(str(files))}/*; do source $file; done\n")
    else:
        opened = Shell(["zsh", "-f", "-i"], tmp_path)
        functions = shlex.quote(str(shared / "zsh" / "site-functions"))
        opened.type(f"fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D\n")
    for name in ("epmt", "analyzeLmodDB", "store_module_data"):
        os.write(opened.terminal, f'{name}() {{ printf "GO""T:%s\\n" "$*"; }}\n'.encode())
    os.write(opened.terminal, b"PS1='REA''DY '\n")
    opened.wait_for("READY")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "typed, shown, words",
    [
        ("epmt outl", "outliers", "outliers"),
        ("epmt list --format js", "json", "list --format json"),
        ("epmt list --format=js", "json", "list --format=json"),
        ("analyzeLmodDB --loa", "loads", "--loads"),
        ("analyzeLmodDB usern", "usernames", "usernames"),
        ("store_module_data --archive old", "old records", "--archive old records"),
    ],
)
def test_a_person_who_presses_tab_gets_it(shell, tmp_path, typed, shown, words):
    (tmp_path / "old records").mkdir()
    (tmp_path / "old.log").write_text("")
    shell.type(typed + "\t")
    shell.wait_for(shown.replace(" ", "\\ "))
    os.write(shell.terminal, b"\n")
    shell.wait_for("GOT:")
    shell.wait_for("READY")
    found = re.search(r"GOT:(.*?)\r", shell.shown).group(1)
    assert found.rstrip().rstrip("/") == words  # zsh takes it away again


def test_zsh_knows_every_command(shared):
    services.require_service("zsh")
    functions = shared / "zsh" / "site-functions"
    for name in (*NAMES, *of_installer.NAMES):
        file = functions / f"_{name}"
        assert file.read_text().startswith(f"#compdef {name}\n")
        assert subprocess.run([shutil.which("zsh"), "-n", file]).returncode == 0
