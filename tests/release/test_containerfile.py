"""What the Containerfile copies and calls is there; that it fails else is seen by changing it.

tests/system/test_release_bare_root.py takes its steps, in a bare Debian."""

import re

import pytest

from release.installer import command_line
from tests.conftest import CHECKOUT
from tests.release import containerfile
from tests.release_site import delivered_names

TEXT = containerfile.PATH.read_text()
DELIVERED = {*delivered_names("1.0"), "SHA256SUMS"}
COMMANDS = {path.name for path in (CHECKOUT / "bin").iterdir()}
OPTIONS = containerfile.OPTION.findall(command_line.make_parser().format_usage().replace("[", " "))


def faults(text):
    return containerfile.faults(text, DELIVERED, COMMANDS, OPTIONS)


def test_all_that_it_names_is_there():
    assert faults(TEXT) == []


@pytest.mark.parametrize(
    "text, other, told",
    [
        ("COPY hpcusage-installer", "COPY installer", "COPY installer: nothing of that name"),
        ("hpcusage-*.tgz /tmp", "hpcusage_*.tgz /tmp", "COPY hpcusage_*.tgz: nothing of that name"),
        ("/tmp/release/\n", "/tmp/release\n", "COPY to /tmp/release: no directory"),
        ("--yes ", "--agree ", "the installer has no --agree"),
        ("python:3.12", "python:3.8", "FROM python:3.8-slim-bookworm: a Python of the release"),
        ("-bookworm", "", "FROM python:3.12-slim: a Python of the release"),
        ('CMD ["usage_status"]', 'CMD ["status"]', "status: no command"),
        ("store_module_data", "load_module_data", "load_module_data: no command"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_told(text, other, told):
    assert text in TEXT
    found = faults(TEXT.replace(text, other))
    assert any(one.startswith(told) for one in found), found


def test_the_main_readme_builds_it_as_it_says_itself():
    (line,) = containerfile.shown_lines(TEXT, "podman build")
    assert f"`{line}`" in (CHECKOUT / "README.md").read_text()
    file, context = re.search(r"-f (\S+) (\S+)$", line).groups()
    assert CHECKOUT / file == containerfile.PATH
    assert f"--output {context} " in (CHECKOUT / "Makefile").read_text()
