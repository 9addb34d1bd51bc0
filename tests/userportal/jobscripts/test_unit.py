"""The unit of the collector: systemd takes it, and its command is ours."""

import configparser
import os
import shlex
import shutil
import subprocess

import pytest

from tests.services import CONF
from userportal.jobscripts.command import jobscripts
from userportal.jobscripts.settings import DEFAULT_PATH, read_settings

UNIT, PROGRAM = "userportal-jobscripts.service", "/usr/local/bin/userportal"
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd is not installed"
)


def service():
    """Return the section [Service] of the unit."""
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(CONF / UNIT)
    return parser["Service"]


@pytest.fixture
def installed(tmp_path):
    """A copy of the unit whose program and account are there."""
    path = tmp_path / UNIT
    text = (CONF / UNIT).read_text()
    path.write_text(text.replace(PROGRAM, "/bin/true").replace("User=slurm", "User=nobody"))
    return path


@needs_systemd
def test_systemd_finds_no_fault(installed):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(installed)],
        check=False, capture_output=True, text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "userportal" in line]
    assert (done.returncode, ours) == (0, [])


@needs_systemd
def test_the_service_is_closed_to_most(installed):
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(installed)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert done.returncode == 0, done.stdout[-200:]


def test_its_command_is_one_of_ours():
    program, group, *words = shlex.split(service()["ExecStart"])
    assert (program, group) == (PROGRAM, "jobscripts")
    context = jobscripts.make_context("jobscripts", words)
    assert context.params["conf_path"] == str(DEFAULT_PATH)
    assert not (context.params["is_once"] or context.params["is_prolog"])


def test_it_has_the_directories_of_the_sample():
    settings = read_settings(CONF / "slurm-jobscripts.ini")
    assert service()["BindReadOnlyPaths"] == str(settings.spool)
    assert f"/var/lib/{service()['StateDirectory']}" == str(settings.state)
