"""The READMEs name every command and option; tests/test_readme_examples.py runs their examples."""

import configparser
import re

import pytest

from tests.conftest import CHECKOUT, run_command

README = (CHECKOUT / "README.md").read_text()


def commands():
    """Return the names of all installed commands."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    return sorted(line.rpartition("/")[2] for line in setup["options"]["scripts"].split())


def package_readmes():
    return {path.parent.name: path.read_text() for path in CHECKOUT.glob("*/README.md")}


@pytest.mark.parametrize("name", commands())
def test_every_command_is_in_the_table_and_in_bin(name):
    assert re.search(rf"`{re.escape(name)}`", README)
    assert (CHECKOUT / "bin" / name).is_file()


@pytest.mark.parametrize("name", [name for name in commands() if not name.endswith(".py")])
def test_every_option_of_a_command_is_documented_in_a_package(name):
    text = "".join(package_readmes().values())
    done = run_command(name, "--help")
    options = set(re.findall(r"--[A-Za-z][\w-]*", done.stdout)) - COMMON
    assert done.returncode == 0 and options
    missing = sorted(option for option in options if option not in text)
    assert missing == []


COMMON = {"--version", "--help"}


def test_every_link_leads_to_a_file():
    for text, base in [(README, CHECKOUT)] + [
        (text, CHECKOUT / name) for name, text in package_readmes().items()
    ]:
        for target in re.findall(r"\]\(([^)#]+)", text):
            if "://" not in target:
                assert (base / target).exists(), target
