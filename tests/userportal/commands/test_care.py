"""userportal check, token, demo, serve and what it passes on to Django."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from tests.conftest import CHECKOUT, run_command
from tests.services import DEADLINE_SECONDS, free_port, wait_until


def test_all_sources_of_the_demo_answer(userportal):
    rows = json.loads(userportal("check", "--format", "json").stdout)
    states = {row["source"]: row["state"] for row in rows}
    assert set(states.values()) == {"ok"}
    assert {"slurm", "prometheus", "recording rules", "lmod", "xalt", "epmt", "accounts"} <= {
        *states
    }


def test_what_does_not_answer_is_told_with_what_will_be_missing(userportal, made_demo):
    port = free_port()
    text = made_demo.configuration.read_text()
    text = text.replace("history = metrics.db", f"url = http://127.0.0.1:{port}")
    text = text.replace("[epmt]\nconf_file = usage_db.conf", "")
    conf = made_demo.directory / "away.conf"
    conf.write_text(text)
    try:
        done = userportal("check", "--format", "json", conf=conf, status=75)
    finally:
        conf.unlink()
    rows = {row["source"]: row for row in json.loads(done.stdout)}
    assert rows["prometheus"]["state"] == "failed" and str(port) in rows["prometheus"]["text"]
    assert rows["epmt"] == {
        "source": "epmt", "state": "not set up", "text": "not shown: processes of jobs",
    }  # fmt: skip
    assert rows["slurm"]["state"] == "ok"
    assert done.stderr == "Error: no answer, or a wrong one: prometheus\n"


def test_nothing_is_set_up_without_a_configuration(userportal, tmp_path):
    (tmp_path / "empty.conf").write_text(f"[portal]\ncluster = none\nstate = {tmp_path}\n")
    rows = json.loads(userportal("check", "--format", "json", conf=tmp_path / "empty.conf").stdout)
    states = {row["source"]: row["state"] for row in rows}
    assert states["slurm"] == states["prometheus"] == states["lmod"] == "not set up"


def test_a_token_is_made_shown_once_listed_and_revoked(userportal, made_demo):
    staff = made_demo.logins[-1].username
    token = userportal("token", staff, "--scope", "jobs", "--days", "3").stdout.strip()
    assert re.fullmatch(r"[0-9a-f]{40}", token)
    listed = userportal("token", staff, "--list").stdout
    number = listed.split()[0]
    assert "jobs" in listed and token not in listed
    userportal("token", staff, "--revoke", number)
    assert userportal("token", staff, "--list").stdout == ""
    assert "has no token" in userportal("token", staff, "--revoke", number, status=66).stderr


def test_a_token_of_clients_is_adopted(userportal, made_demo):
    staff = made_demo.logins[-1].username
    userportal("token", staff, "--adopt", input="0123456789abcdef0123456789abcdef01234567\n")
    listed = userportal("token", staff, "--list").stdout
    assert "jobscripts" in listed and "0123456789abcdef" not in listed
    userportal("token", staff, "--revoke", listed.split()[0])


def test_a_token_needs_a_user(userportal):
    assert "no user stranger is known" in userportal("token", "stranger", status=66).stderr


def test_django_s_commands_are_passed_on(userportal):
    assert "No migrations to apply" in userportal("migrate").stdout
    assert "userportal.settings" in userportal("diffsettings").stdout
    done = userportal("migrate", "--nonsense", status=2)
    assert "Traceback" not in done.stderr


def test_the_models_have_their_migrations(userportal):
    userportal("makemigrations", "--check", "--dry-run")


def test_a_demo_is_made_and_replaces_nothing_else(userportal, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    done = userportal("demo", "--make-only", "--directory", "full", status=2)
    assert "holds other things than a demo" in done.stderr
    assert (tmp_path / "full" / "mine").read_text() == "x"


def test_the_portal_is_served_and_ends_with_a_signal(made_demo):
    port = free_port()
    command = [sys.executable, CHECKOUT / "bin" / "userportal", "serve", "--bind",
               f"127.0.0.1:{port}", "--workers", "1"]  # fmt: skip
    environment = {**os.environ, "HPCUSAGE_PORTAL_CONF": str(made_demo.configuration)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, "the portal")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/", timeout=30) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        _output, messages = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0 and "Traceback" not in messages


def answers(port):
    """Tell whether something answers on a port of this machine."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/", timeout=30) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.mark.parametrize("words", [["check"], ["serve"], ["migrate"]])
def test_a_wrong_configuration_is_told_in_one_line(userportal, tmp_path, words):
    (tmp_path / "wrong.conf").write_text("[portal]\nclustr = x\n")
    done = userportal(*words, status=78, conf=tmp_path / "wrong.conf")
    assert done.stderr.count("\n") == 1 and "cluster is meant?" in done.stderr


def test_the_help_imports_neither_django_nor_the_commands():
    code = (
        "import sys; from userportal.command import userportal\n"
        "try: userportal(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'django', 'plotly', 'urllib3', 'ldap3', 'pymysql', 'numpy'}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    assert done.stderr == "[]\n"


def test_every_command_has_help_with_an_example():
    for name in ("job", "user", "account", "top", "token"):
        done = run_command("userportal", name, "--help")
        assert done.returncode == 0 and f"  userportal {name} " in done.stdout
