"""The console examples of the READMEs are run, and print what they show: see readme_examples.py."""

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from release.describe import describe
from tests import readme_blocks, readme_examples, services
from tests.conftest import CHECKOUT
from tests.readme_blocks import Block, Example
from tests.readme_examples import Session

READMES = {
    "": (CHECKOUT / "README.md").read_text(),
    **{path.parent.name: path.read_text() for path in sorted(CHECKOUT.glob("*/README.md"))},
}
SECTIONS = [
    pytest.param(package, heading, id=f"{package or 'main'}: {heading}")
    for package, text in READMES.items()
    for heading in readme_blocks.sections(text)
]
SCRIPTS = readme_examples.scripts()
HAS_PORTAL = sys.version_info >= (3, 10) and importlib.util.find_spec("django") is not None
GROUPS = ("epmt", "userportal") if HAS_PORTAL else ("epmt",)
# Subcommands that no example can run.
NO_EXAMPLE = {"userportal changepassword": "asks at a terminal, and nowhere else"}
# Lines of blocks that are no console, in which a command of ours stands: why it is not run. Those
# of other programs are not looked at: README.md says so.
NOT_RUN = {
    r"^\./hpcusage-installer ": "tests/system/test_release*.py run it",
    r"\brunuser -u \w+ --": "as an account that a site makes",
    r"\bas_portal\b": "as an account that a site makes",
    r"^systemctl ": "needs systemd",
    r"\bconf_create$": "asks at a terminal",
    r"^conf_create --dbhost dbhost\.example\.org": "asks for the password",
    r'^epmt run -a --jobid "\$id" ': "in a job that Slurm has begun again",
    r"^srun epmt run -- ": "in a job that Slurm's prolog has begun",
    r"^afmetrics_collector outbox flush ": "sends to the endpoint of a site",
}
OURS = re.compile(
    rf"(?<![\w./\[-])(?:{'|'.join(sorted(map(re.escape, SCRIPTS), key=len, reverse=True))})"
    r"(?![\w.:/-])"
)
ALSO_OURS = re.compile(r"\bas_portal\b|\bhpcusage-(?:installer|uninstall)\b")
SEPARATOR = re.compile(r"\|\|?|&&?|;|\$\(|\bdo\b|\n")
BEFORE_A_COMMAND = re.compile(r"^(?:\s|\w+=\S*\s)+")


@pytest.mark.parametrize(("package", "heading"), SECTIONS)
def test_the_examples_print_what_they_show(package, heading, request):
    require(package, heading)
    from tests import readme_places

    # A short path: that of a socket is limited.
    with tempfile.TemporaryDirectory(prefix="readme-") as directory:
        session = Session(Path(directory).resolve())
        readme_places.prepare(session, package, heading, request.getfixturevalue)
        try:
            section = readme_blocks.sections(READMES[package])[heading]
            wrong = readme_examples.check(session, section)
        finally:
            session.close()
    assert not wrong, "\n\n".join(wrong)


def require(package, heading):
    """Skip the examples that need what is not here."""
    if package == "userportal" and not HAS_PORTAL:
        pytest.skip("the portal needs Python 3.10 and Django")
    if package == "userportal" and heading == "In the shell":
        services.require_service("curl")
    if package == "epmtlite" and heading == "Storing jobs":
        services.require_service(modules=["matplotlib", "jupyterlab", "pyarrow"])
    if package == "epmtlite" and heading == "Where it cannot follow":
        scope = Path("/proc/sys/kernel/yama/ptrace_scope")
        if scope.exists() and scope.read_text().strip() != "0" and os.geteuid() != 0:
            pytest.skip("the kernel lets nobody attach to a running process")


def commands_of(example):
    """Return the commands of ours that an example runs, with their subcommands."""
    found = set()
    for part in SEPARATOR.split(example.command):
        words = BEFORE_A_COMMAND.sub("", part).split()
        name = words[0].rpartition("/")[2] if words else ""
        if name in GROUPS:
            found |= {f"{name} {word}" for word in words[1:] if not word.startswith("-")}
        found.add(name)
    return found


def all_examples():
    return [
        example
        for text in READMES.values()
        for section in readme_blocks.sections(text).values()
        for example in section
    ]


def subcommands():
    """Return the subcommands of the two commands that have some."""
    return [one.name for group in GROUPS for one in describe(group).commands]


@pytest.mark.parametrize("name", [name for name in SCRIPTS if not name.endswith(".py")])
def test_every_command_has_an_example_that_is_run(name):
    assert any(name in commands_of(example) for example in all_examples())


@pytest.mark.parametrize("name", subcommands())
def test_every_subcommand_has_an_example_that_is_run(name):
    is_run = any(name in commands_of(example) for example in all_examples())
    assert is_run is not (name in NO_EXAMPLE), NO_EXAMPLE.get(name)


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name.endswith(".py")])
def test_a_documented_name_is_the_same_command(name):
    def imported(script):
        return re.search(r"from \w+\.\w+ import main", (CHECKOUT / "bin" / script).read_text())[0]

    assert imported(name) == imported(name[: -len(".py")])


def lines_not_run():
    """Return (package, number, line) of each line with a command of ours that is not run."""
    return [
        (package, number, line.strip())
        for package, text in READMES.items()
        for block in readme_blocks.blocks(text)
        if not block.is_console
        for number, line in enumerate(block.lines, block.line)
        if OURS.search(line.split(" # ")[0]) or ALSO_OURS.search(line)
    ]


def test_no_command_stands_in_a_block_that_is_not_run_without_a_reason():
    left = [one for one in lines_not_run() if not any(re.search(why, one[2]) for why in NOT_RUN)]
    assert left == []


@pytest.mark.parametrize("why", NOT_RUN)
def test_no_exception_is_left_over(why):
    assert any(re.search(why, line) for _package, _number, line in lines_not_run())


# The comparison itself.


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path / "root")


def run_one(session, command, *expected):
    """Return what is wrong with one example."""
    return readme_examples.check(session, [Example(1, command, list(expected))])


def test_an_output_that_differs_is_told(session):
    assert run_one(session, "echo a b", "a b") == []
    (wrong,) = run_one(session, "echo 'a  b'; echo c", "a b", "c")
    assert wrong.startswith("line 1: echo 'a  b'; echo c\nnot printed: a b\n")
    assert "-a b\n+a  b\n c" in wrong
    assert run_one(session, "true", "a")
    assert "more lines than shown" in run_one(session, "echo a")[0]


def test_a_status_that_is_not_shown_is_told(session):
    assert run_one(session, "echo a; (exit 3)", "a") == [
        "line 1: echo a; (exit 3)\nended with 3: show it with `echo $?`"
    ]
    section = [Example(1, "(exit 3)", []), Example(2, "echo $?", ["3"])]
    assert readme_examples.check(session, section) == []
    assert readme_examples.check(session, [section[0], Example(2, "echo $?", ["4"])])


def test_stand_ins_stand_for_what_they_say_and_no_more(session):
    assert run_one(session, "date -u '+%F %T now'", "2026-11-21 04:23:07 now") == []
    assert run_one(session, "echo 2001-01-01 04:23:07", "2026-11-21 04:23:07")
    assert run_one(session, "uname -n", "login1") == []
    assert run_one(session, "echo vega", "login1")
    assert run_one(session, "echo 17s", "2s") == [] and run_one(session, "echo 17m", "2s")
    assert run_one(session, "seq 5", "1", "...", "5") == []
    assert run_one(session, "seq 2", "1", "...", "2", "...") == []
    assert run_one(session, "seq 5", "1", "...", "4")
    assert run_one(session, "echo PID 712 runs", "PID ... runs") == []
    assert run_one(session, "printf 'PID\\n1 runs'", "PID ... runs")


def test_a_program_is_interrupted_after_its_lines(session):
    command = "python3 -c 'import time; print(\"on\", flush=True); time.sleep(600)' 2>/dev/null"
    assert run_one(session, command, "on", "^C") == []
    trap = "signal.signal(signal.SIGINT, lambda *_: sys.exit(4))"
    code = f'import signal, sys, time; {trap}; print("on", flush=True); time.sleep(600)'
    (wrong,) = run_one(session, f"python3 -c '{code}'", "on", "^C")
    assert wrong.endswith("ended with 4 after Ctrl-C")


def test_places_are_below_the_scratch_directory_and_not_shown(session):
    assert run_one(session, "echo a > /etc/hpcusage/a; ls /etc/hpcusage/a", "/etc/hpcusage/a") == []
    assert (session.root / "etc/hpcusage/a").read_text() == "a\n"
    assert not Path("/etc/hpcusage/a").exists()
    assert shutil.which("a", path=str(session.programs)) is None


README = """\
## One

    $ echo a \\
    >   b
    a b

    c
    $ echo d

1. In a list:

       $ echo e
       e

```
$ echo f
```

## Two

    no console
"""


def test_blocks_are_found_where_markdown_has_them():
    found = readme_blocks.blocks(README)
    assert [(block.heading, block.line, block.is_console) for block in found] == [
        ("One", 3, True), ("One", 12, True), ("One", 16, True), ("Two", 21, False),
    ]  # fmt: skip
    assert readme_blocks.sections(README) == {
        "One": [
            Example(3, "echo a \\\n  b", ["a b", "", "c"]), Example(8, "echo d", []),
            Example(12, "echo e", ["e"]), Example(16, "echo f", []),
        ]
    }  # fmt: skip
    assert found[3] == Block("Two", 21, ["no console"])
