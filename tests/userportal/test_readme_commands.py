"""What the README of the portal says of its command is what the command has."""

import importlib
import re

import click
import pytest

from tests.conftest import CHECKOUT
from userportal.command import COMMANDS, DJANGO_COMMANDS

README = (CHECKOUT / "userportal" / "README.md").read_text()
COMMON = {"--verbose", "--quiet", "--debug", "--help", "--version"}


def command_of(name):
    """Return the click command of that name."""
    return importlib.import_module(f"userportal.commands.{name}").command


def long_options(command):
    """Return the long options of a click command."""
    return {
        word
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for word in (*parameter.opts, *parameter.secondary_opts)
        if word.startswith("--")
    }


def shown_calls():
    """Return (command, rest of the line) of every call that is shown."""
    found = re.findall(r"(?:userportal|as_portal) (?:--conf \S+ )?([a-z_]+)([^\n`|#]*)", README)
    return [(name, rest) for name, rest in found if name not in ("and", "is", "userportal")]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_in_the_readme(name):
    missing = {word for word in long_options(command_of(name)) if word not in README}
    assert missing - COMMON == set()


def test_every_call_in_the_readme_is_of_a_command_that_is_there():
    from django.core.management import get_commands

    known = {*COMMANDS, *DJANGO_COMMANDS, *get_commands()}
    calls = shown_calls()
    assert len(calls) >= 20
    assert {name for name, _rest in calls} - known == set()


def test_every_option_in_a_call_of_ours_is_there():
    for name, rest in shown_calls():
        if name in COMMANDS:
            words = set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest))
            assert words <= long_options(command_of(name)), (name, rest)


def test_every_file_of_conf_that_it_names_is_there():
    names = set(
        re.findall(
            r"`((?:portal|slurm|userportal)[\w.-]*\.(?:conf|sample|ini|service|socket|yml|py)(?:\.sample)?)`",
            README,
        )
    )  # noqa: E501
    assert len(names) >= 10
    missing = {name for name in names if not (CHECKOUT / "conf" / name).exists()}
    assert missing - {"portal.conf"} == set()


def test_every_message_of_the_troubleshooting_is_one_of_the_program():
    sources = "\n".join(
        path.read_text() for path in (CHECKOUT / "userportal").rglob("*.py")
    ) + "\n".join(
        path.read_text() for path in (CHECKOUT / "userportal" / "templates").rglob("*.html")
    )  # noqa: E501
    for message in (
        "the web portal needs Django", "has no setting", "is meant?", "no trusted proxy: ignored",
        "is of a place that is not in user_suffixes", "unknown: not measured",
        "What this page shows cannot be reached now",
    ):  # fmt: skip
        assert message in README
        assert message in sources, message
