"""The prolog: it sends the script, and never holds a job or a node up."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.services import CONF
from userportal.jobscripts import prolog

DOCUMENTED = "slurm_prolog_userportal.py"


@pytest.fixture
def node(machine, tmp_path):
    """Run the prolog on a node whose slurmd has a script for job 4711."""
    directory = tmp_path / "slurmd" / "job04711"
    directory.mkdir(parents=True)
    (directory / "slurm_script").write_text("#!/bin/sh\nsrun ./model\n")
    shutil.copy(machine.ini, tmp_path / "api_config.ini")

    def run(name=DOCUMENTED, job_id="4711", **changed):
        program = tmp_path / name
        shutil.copy(CONF / "slurm-prolog-userportal.py", program)
        path = os.pathsep.join([str(CONF.parent), *sys.path])
        environment = {**os.environ, "PYTHONPATH": path, **changed}
        if job_id is not None:
            environment["SLURM_JOB_ID"] = job_id
        done = subprocess.run(
            [sys.executable, str(program)], cwd=tmp_path, env=environment, check=False,
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


def test_the_script_arrives_without_a_word(node, server):
    assert node() == (0, "")
    assert server.scripts == {4711: "#!/bin/sh\nsrun ./model\n"}
    assert node() == (0, "")  # requeued: the portal has it


@pytest.mark.parametrize("job_id", [None, "", "x", "0", "-1", "1;2", "99999999999", "../../etc"])
def test_without_a_job_it_ends_with_1(node, server, job_id):
    status, messages = node(job_id=job_id)
    assert (status, messages) == (1, "Warning: SLURM_JOB_ID names no job\n")
    assert server.posts == []


def test_without_a_script_it_ends_with_2(node, tmp_path):
    status, messages = node(job_id="4712")
    assert status == 2
    assert messages == f"Warning: job 4712 has no script below {tmp_path}/slurmd\n"


def test_by_another_name_it_never_fails(node):
    for job_id in (None, "4712"):
        status, messages = node("50-userportal", job_id)
        assert status == 0 and messages.startswith("Warning: ")


@pytest.mark.parametrize("status", [401, 403, 413, 500, 503])
def test_what_the_portal_refuses_holds_nothing_up(node, server, status):
    server.answers = [status]
    code, messages = node()
    assert code == 0 and f"job 4711: {status}" in messages


def test_a_portal_that_is_away_holds_nothing_up(node, server):
    server.stop()
    code, messages = node()
    assert code == 0 and "refused" in messages


def test_a_portal_that_does_not_answer_holds_the_job_up_for_seconds_only(node, server, monkeypatch):
    server.hold.clear()
    code, messages = node()
    assert code == 0
    assert messages == "Warning: no answer within 4 s: the job begins without its script\n"


def test_a_configuration_that_is_wrong_holds_nothing_up(node, tmp_path):
    (tmp_path / "api_config.ini").write_text("nonsense")
    code, messages = node()
    assert code == 0 and "is no INI file" in messages


def test_a_configuration_that_others_could_write_is_not_used(node, server, tmp_path):
    (tmp_path / "api_config.ini").chmod(0o666)
    code, messages = node()
    assert code == 0 and "is not used: others can write it" in messages
    assert server.posts == []


def test_a_link_in_the_place_of_the_script_is_not_followed(node, server, tmp_path):
    script = tmp_path / "slurmd" / "job04711" / "slurm_script"
    script.unlink()
    script.symlink_to("/etc/passwd")
    assert node()[0] == 2 and server.posts == []


def test_the_option_of_the_command_does_the_same(machine, node, server):
    environment = {**os.environ, "SLURM_JOB_ID": "4711"}
    done = machine.run("--prolog", env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.scripts.keys() == {4711}
    environment["SLURM_JOB_ID"] = "4712"
    done = machine.run("--prolog", env=environment)
    assert done.returncode == 0 and "has no script" in done.stderr


def test_what_is_said_of_the_time_is_so():
    assert prolog.MOST_SECONDS == 4
    assert "It takes 4 seconds at the most" in (CONF / "slurm-prolog-userportal.py").read_text()
