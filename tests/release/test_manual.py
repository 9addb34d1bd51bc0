"""Every command and every option stands in a manual page, which man shows without a warning."""

import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from release import help_texts, manual
from release.describe import Command, Option
from tests import services
from tests.conftest import CHECKOUT, run_command

NAMES = sorted(path.name for path in (CHECKOUT / "bin").iterdir())
OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*(?<!-)\b")
SECTIONS = [
    "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "FILES", "SEE ALSO",
]  # fmt: skip
# Of Django: these hand all that follows to it.
OF_DJANGO = {"migrate", "createsuperuser", "changepassword", "collectstatic", "runserver"}
# What the commands print with --help: tests/test_help_texts.py compares it.
HELP = re.compile(r"^##+ ([^\n]+)\n\n```text\n(.+?)\n```$", re.MULTILINE | re.DOTALL)
DESCRIBED = re.compile(r"^  (?: {2})?([a-z]\w*)(?:  |$)", re.MULTILINE)


def below(name):
    """Return the commands below a command, by its help."""
    text = run_command(name, "--help").stdout
    if name == "epmt":
        return DESCRIBED.findall(text.partition("\ncommands:\n")[2].partition("\nexamples:")[0])[1:]
    if name == "userportal":
        return DESCRIBED.findall(text.partition("\nCommands:\n")[2])
    return []


def all_commands():
    """Return every command line that has a help of its own, as a list of words."""
    whole = [name for name in NAMES if f"{name.removesuffix('.py')}" == name or
             name.removesuffix(".py") not in NAMES]  # fmt: skip
    return [[name] for name in whole] + [
        [name, word] for name in ("epmt", "userportal") for word in below(name)
    ]


def rendered(path):
    """Return a page as text in one line, as man shows it without a terminal."""
    done = subprocess.run(
        ["man", "-E", "UTF-8", "-l", path], capture_output=True, check=True,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "2000", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    return re.sub(".\b", "", done.stdout.decode())


def test_every_command_and_every_option_has_its_place(shared):
    services.require_service("man")
    commands = all_commands()
    assert len(commands) > 50
    texts = "".join(path.read_text() for path in CHECKOUT.glob(f"*/{help_texts.FILE}"))
    helps = dict(HELP.findall(texts))

    def missing(words):
        path = shared / "man" / "man1" / f"{'-'.join(words)}.1"
        if not path.is_file():
            return [words]
        page = rendered(path)
        if words[-1] in OF_DJANGO:
            return []
        told = helps[" ".join(words)].partition("\nexamples:")[0]
        told = re.sub(r"(?s)^Usage:.*?\n\n", "", told)
        options = {one for one in OPTION.findall(told) if one != "-vv"}
        listed = page.partition("\nOPTIONS\n")[2].partition("\nEXIT STATUS\n")[0]
        assert "--help" in options
        return [[*words, one] for one in options if one not in OPTION.findall(listed + page)]

    with ThreadPoolExecutor(3) as pool:
        assert [one for found in pool.map(missing, commands) for one in found] == []


def test_the_installer_and_what_removes_an_installation_have_pages(shared):
    services.require_service("man")
    command = [sys.executable, CHECKOUT / "release" / "installer", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    page = rendered(shared / "man" / "man1" / "hpcusage-installer.1")
    options = set(OPTION.findall(told))
    assert options > {"--help", "--upgrade"} and options <= set(OPTION.findall(page))
    examples, codes = told.partition("\nexamples:\n")[2].split("\n\nexit status:\n")
    for text in (*examples.splitlines(), *codes.splitlines()[:-1]):
        assert re.search(re.sub(r"\s+", r"\\s+", re.escape(text.strip()).replace("\\ ", " ")), page)
    page = rendered(shared / "man" / "man1" / "hpcusage-uninstall.1")
    found = set(OPTION.findall(page.partition("\nOPTIONS\n")[2].partition("\nEXIT STATUS\n")[0]))
    assert found == {"-h", "--help", "--yes", "--dry-run"} <= options


def pages(shared):
    return sorted(path for path in (shared / "man" / "man1").iterdir()
                  if not path.read_text().startswith(".so "))  # fmt: skip


def test_every_page_has_all_sections_with_something_in_them(shared):
    for path in pages(shared):
        text = path.read_text()
        assert re.findall(r"^\.SH (.+)$", text, re.MULTILINE) == SECTIONS, path.name
        bodies = re.split(r"^\.SH .+$", text, flags=re.MULTILINE)[1:]
        assert all(re.search(r"\w{2}", body) for body in bodies), path.name


@pytest.mark.parametrize("program", ["man", "mandoc"])
def test_no_page_has_a_fault(shared, program):
    services.require_service(program)
    command = {
        "man": ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"],
        "mandoc": ["mandoc", "-T", "lint", "-W", "warning"],
    }[program]

    def faults(path):
        done = subprocess.run([*command, path], capture_output=True, text=True)
        return done.stderr if program == "man" else done.stdout + done.stderr

    with ThreadPoolExecutor(3) as pool:
        assert "".join(pool.map(faults, pages(shared))) == ""


def test_the_documented_names_lead_to_the_same_pages(shared):
    for name in NAMES:
        short = name.removesuffix(".py")
        if name != short and short in NAMES:
            page = shared / "man" / "man1" / f"{name}.1"
            assert page.read_text() == f".so man1/{short}.1\n"
            assert (shared / "man" / "man1" / f"{short}.1").is_file()


def test_the_pages_that_one_refers_to_are_there(shared):
    for path in pages(shared):
        for name in re.findall(r"^\.BR (\S+) \(1\)", path.read_text(), re.MULTILINE):
            assert (path.parent / f"{name}.1".replace("\\-", "-")).is_file(), (path.name, name)


def test_no_text_is_taken_for_a_request(tmp_path):
    services.require_service("man")
    strange = r".SH EVIL \fBx\n 'quoted' `tick` ~/a ^b \$(id) -- --a-b"
    command = Command("strange", strange, strange, [(strange, False), (strange, True)], [strange],
                      [Option(["-a", "--all"], strange, strange)])  # fmt: skip
    path = tmp_path / "strange.1"
    path.write_text(manual.page(command, "1", [("0", strange)], ["strange"]))
    shown = rendered(path)
    assert shown.count(strange) == 8
    assert "\nEVIL" not in shown


def test_no_page_says_anything_of_the_machine_that_made_it(shared):
    words = (str(CHECKOUT), sys.prefix, socket.gethostname() + ".")
    for path in shared.rglob("*"):
        if path.is_file():
            assert not any(word in path.read_text() for word in words), path
