"""FAULTS.md promises what tests show, about every command that changes something."""

import re

import pytest

from release.describe import describe
from release.help_texts import packages
from tests.conftest import CHECKOUT
from tests.named_tests import is_there, named_tests, rows_of

TEXT = (CHECKOUT / "FAULTS.md").read_text()
# What can stop any command in the middle: each that writes has a row about both.
SECTIONS = ("Killed at every step", "The file system refuses")
# They change nothing; a file that one writes by an option is written whole, or not at all.
READ = (
    "analyzeLmodDB", "usage_status", "xalt_find_records", "xalt_library_usage",
    "xalt_scalar_bins_usage_report", "xalt_usage_report", "epmt source", "epmt detach", "epmt dump",
    "epmt check", "epmt settings", "epmt help", "epmt dbsize", "epmt schema", "epmt list",
    "epmt show", "epmt export", "epmt outliers", "epmt explore", "epmt plot", "epmt gui",
    "epmt notebook", "userportal job", "userportal user", "userportal account", "userportal top",
    "userportal check",
)  # fmt: skip
# Commands that write and have no row, and why.
EXCEPTIONS = {
    "epmt attach": "its collector writes as that of `epmt run`",
    "epmt drop": "drops as createDB --drop",
    "epmt migrate": "makes tables as createDB, and with --from stores jobs as epmt submit",
    "epmt refmodel": "one transaction: a second run says that the model is there, or gone",
    "userportal token": "one transaction of the portal's own database",
    "userportal createsuperuser": "one transaction of the portal's own database",
    "userportal changepassword": "one transaction of the portal's own database",
    "userportal collectstatic": "copies files, and the next run those that are missing",
    "userportal demo": "makes all of its data anew, in a directory of its own",
    "userportal serve": "what a request changes is one transaction",
    "userportal runserver": "what a request changes is one transaction",
}


def every_command():
    """Return the names of all commands, those of epmt and userportal each."""
    names = [name for some in packages().values() for name in some]
    below = {name: [one.name for one in describe(name).commands] for name in names}
    return [one for name in names for one in below[name] or [name]]


def section(title):
    """Return the text of a section."""
    return TEXT.partition(f"\n## {title}")[2].partition("\n## ")[0]


def named_commands(title):
    """Return the words between backquotes in the first cells of the rows of a section."""
    return [word for row in rows_of(section(title)) for word in re.findall("`([^`]+)`", row[0])]


def is_named(command, words):
    """Tell whether a command is among some words, perhaps with options or arguments."""
    return any(f"{word} ".startswith(f"{command} ") for word in words)


@pytest.mark.parametrize("path, name", named_tests(TEXT))
def test_every_test_that_is_named_is_there(path, name):
    assert is_there(path, name)


def test_every_row_of_a_fault_names_a_test():
    rows = rows_of(TEXT)
    assert len(rows) > 50
    assert [row for row in rows if "::test_" not in row[-1]] == []


@pytest.mark.parametrize("title", SECTIONS)
def test_every_command_that_writes_has_a_row_or_a_reason_why_not(title):
    words = named_commands(title)
    without = [one for one in every_command() if not is_named(one, words)]
    assert sorted(without) == sorted([*READ, *EXCEPTIONS])


def test_all_tests_of_fault_points_are_named():
    for path in (CHECKOUT / "tests").rglob("test_fault_points.py"):
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE):
            assert f"::{name}`" in TEXT, (path, name)
