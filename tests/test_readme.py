"""What README.md shows is what the commands do."""

import configparser
import os
import re
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, run_command

README = (CHECKOUT / "README.md").read_text()
SESSION = re.compile(r"^    \$ (.+)\n((?:    (?!\$ ).*\n)*)", re.MULTILINE)


def commands():
    """Return the names of all installed commands."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    return sorted(line.rpartition("/")[2] for line in setup["options"]["scripts"].split())


def package_readmes():
    return {path.parent.name: path.read_text() for path in CHECKOUT.glob("*/README.md")}


def test_the_tour_prints_what_it_says(tmp_path):
    (tmp_path / "conf").symlink_to(CHECKOUT / "conf")
    (tmp_path / "db.conf").write_text("[SQLITE]\nDB = usage.db\n")  # root's own has one place only
    (tmp_path / "db.conf").chmod(0o600)
    environment = {**os.environ, "TZ": "UTC", "HPCUSAGE_CONF": str(tmp_path / "db.conf")}
    shown = SESSION.findall(README)
    assert len(shown) >= 6
    for command, output in shown:
        done = subprocess.run(
            ["bash", "-c", with_this_python(command)], cwd=tmp_path, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        expected = re.sub("^    ", "", output, flags=re.MULTILINE)
        assert comparable(done.stdout) == comparable(expected), command


def comparable(text):
    """Return the lines of an output, in no order, but for the one that says where the data are."""
    lines = text.rstrip().splitlines()
    return sorted(line for line in lines if not line.startswith("database: "))


def with_this_python(command):
    """Return a shell command whose first words that are ours run with this Python."""
    for name in commands():
        path = CHECKOUT / "bin" / name
        command = re.sub(rf"(^|\| ){re.escape(name)} ", rf"\1{sys.executable} {path} ", command)
    return command


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
