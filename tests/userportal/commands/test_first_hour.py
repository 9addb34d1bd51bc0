"""What goes wrong in the first hour with a portal is told in a line, with what to do."""

import os
import pty
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

from tests.conftest import CHECKOUT, heed_signals, run_command
from tests.services import free_port

EMPTY = "[portal]\ncluster = demo\nstate = {state}\n"


@pytest.fixture
def fresh(userportal, tmp_path):
    """A function that runs `userportal` on a portal whose tables nobody has made."""
    (tmp_path / "state").mkdir()
    conf = tmp_path / "fresh.conf"
    conf.write_text(EMPTY.format(state=tmp_path / "state"))
    return lambda *words, **options: userportal(*words, conf=conf, **options)


def only_line(done):
    """Return the one line on stderr of what printed nothing else."""
    assert done.stdout == "" and done.stderr.count("\n") == 1, (done.stdout, done.stderr)
    return done.stderr


def test_a_token_before_the_tables_says_which_command_makes_them(fresh):
    assert only_line(fresh("token", "ann", status=78)).endswith(": run userportal migrate\n")


def test_missing_tables_are_told_to_who_starts_the_service(fresh):
    told = only_line(fresh("migrate", "--check", status=78))
    assert told.endswith("not up to date: run userportal migrate\n")


def test_check_tells_each_step_of_the_first_set_up(fresh, tmp_path):
    def own_tables():
        lines = fresh("check", "--format", "csv").stdout.splitlines()
        return next(line for line in lines if line.startswith("own tables,"))

    assert own_tables().endswith("portal.key is not there yet: run userportal migrate")
    assert list((tmp_path / "state").iterdir()) == []  # the wrong account may have asked
    fresh("migrate")
    assert own_tables().endswith("nobody can log in: userportal createsuperuser")
    superuser = {**os.environ, "DJANGO_SUPERUSER_PASSWORD": "a long word"}
    done = run_command(
        "userportal", "--conf", tmp_path / "fresh.conf", "createsuperuser", "--noinput",
        "--username", "ann", "--email", "", env=superuser,
    )  # fmt: skip
    assert done.returncode == 0
    assert own_tables() == f"own tables,ok,{tmp_path}/state/portal.db"


@pytest.mark.parametrize("name", ["createsuperuser", "changepassword", "collectstatic", "flush"])
def test_no_command_asks_without_a_terminal(fresh, name):
    assert "there is no terminal" in only_line(fresh(name, status=2))


def test_what_django_refuses_is_told_as_all_else_is(userportal, made_demo):
    done = userportal(
        "createsuperuser", "--noinput", "--username", made_demo.logins[-1].username, "--email", "",
        status=2,
    )  # fmt: skip
    assert only_line(done) == "Error: That username is already taken.\n"


def test_a_misspelt_command_is_found(userportal):
    told = only_line(userportal("chek", status=2))
    assert told == "Error: no command is called chek: check is meant?\n"


def test_a_state_directory_that_cannot_be_is_told_with_its_setting(userportal, tmp_path):
    (tmp_path / "file").write_text("")
    conf = tmp_path / "wrong.conf"
    conf.write_text(EMPTY.format(state="/proc/portal"))
    told = only_line(userportal("migrate", conf=conf, status=78))
    assert told.startswith("Error: cannot make /proc/portal/portal.key: ")
    assert "[portal] state names a directory" in told


def test_the_web_server_may_read_the_static_files_whatever_the_umask(fresh, tmp_path):
    fresh("collectstatic", "--noinput", "--verbosity", "0", umask=0o077)
    found = tmp_path / "state" / "portal-static"
    assert {stat.S_IMODE(one.stat().st_mode) for one in [found, *found.rglob("*")]} == {
        0o755, 0o644,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bind", "status", "told"),
    [
        ("nonsense", 2, "HOST:PORT or unix:PATH"),
        ("127.0.0.1:99999", 2, "HOST:PORT or unix:PATH"),
        ("unix:/nowhere/portal.sock", 78, "there is no directory /nowhere"),
    ],
)
def test_an_address_that_cannot_be_served_is_told_at_once(userportal, bind, status, told):
    assert told in only_line(userportal("serve", "--bind", bind, status=status))


def test_a_port_in_use_is_told_at_once(userportal):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = userportal("serve", "--bind", f"127.0.0.1:{port}", status=75)
    assert only_line(done) == (
        f"Error: port {port}: Address already in use: name another one with --bind\n"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["top", "--since", "0001-01-01"], "too long ago"),
        (["top", "--since", "9998-01-01"], "in the future"),
        (["top", "--since", "2026-03-02", "--until", "2026-03-01"], "is after --until 2026-03-01"),
        (["user", "mcedar", "--since", "2026-03-02", "--until", "2026-02-28"], "is after --until"),
    ],
)
def test_days_that_cannot_be_are_told(userportal, words, told):
    assert told in only_line(userportal(*words, status=2))


def test_no_hours_after_now_are_counted(userportal):
    now = userportal("top", "--format", "json").stdout
    later = userportal("top", "--until", "9999-12-30", "--format", "json").stdout
    assert later.count("core_hours") == now.count("core_hours") > 0
    most = [float(text.split('"core_hours": ')[1].split(",")[0]) for text in (now, later)]
    assert most[1] == pytest.approx(most[0], rel=0.01)


def test_an_empty_table_says_of_which_days_it_is(userportal, made_demo):
    name = made_demo.logins[0].username
    words = ("user", name, "--since", "2001-01-01", "--until", "2001-01-02")
    told = f"no job of {name} from 2001-01-01 to 2001-01-02: --since, --until choose\n"
    assert userportal(*words).stderr == told
    assert userportal(*words, "-q").stderr == ""
    done = userportal(*words, "--format", "json")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_more_jobs_of_an_account_than_asked_for_are_told(userportal):
    done = userportal("account", "def-ajuniper_cpu", "--jobs", "--limit", "1",
                      "--since", "2020-01-01")  # fmt: skip
    assert done.stderr.endswith(" more: raise --limit\n")


def test_a_token_cannot_last_longer_than_the_calendar(userportal):
    assert "is not in the range" in userportal("token", "x", "--days", "9" * 11, status=2).stderr


def test_another_cluster_is_told_with_those_that_are_there(userportal, made_demo):
    conf = made_demo.directory / "other.conf"
    conf.write_text(made_demo.configuration.read_text().replace("cluster = demo", "cluster = dmo"))
    try:
        done = userportal("check", "--format", "csv", conf=conf, status=75)
        told = only_line(userportal("job", "1", conf=conf, status=78))
    finally:
        conf.unlink()
    assert "no table dmo_job_table" in told and "(the database has demo)" in told
    assert "(the database has demo)" in done.stdout


def test_users_whom_the_machine_does_not_know_are_told(userportal, made_demo):
    conf = made_demo.directory / "unknown.conf"
    text = made_demo.configuration.read_text()
    conf.write_text(text.replace("users_file = passwd", ""))
    assert conf.read_text() != text
    try:
        done = userportal("check", "--format", "csv", conf=conf, status=75)
    finally:
        conf.unlink()
    line = next(line for line in done.stdout.splitlines() if line.startswith("names,"))
    assert line.startswith("names,failed,none of 12 users of Slurm is known to this machine")


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("[portal]\nhosts =\n", "[portal] hosts is empty"),
        ("[access]\ntrusted_proxies = 10.0.0.0/33\n", "trusted_proxies: 10.0.0.0/33 is no address"),
    ],
)
def test_settings_that_would_refuse_everybody_are_told(userportal, tmp_path, setting, told):
    (tmp_path / "wrong.conf").write_text(setting)
    assert told in only_line(userportal("check", conf=tmp_path / "wrong.conf", status=78))


def test_a_terminal_is_not_overrun(made_demo):
    environment = {**os.environ, "HPCUSAGE_PORTAL_CONF": str(made_demo.configuration),
                   "COLUMNS": "80", "LINES": "24"}  # fmt: skip
    ours, theirs = pty.openpty()
    command = [sys.executable, CHECKOUT / "bin" / "userportal", "check"]
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(command, env=environment, stdout=theirs)
        os.close(theirs)
        shown = read_to_end(terminal)
        assert process.wait() == 0
    lines = shown.decode().splitlines()
    assert len(lines) > 20 and max(map(len, lines)) <= 80


def read_to_end(terminal):
    """Return what comes from a terminal until its other side is closed."""
    found = b""
    while True:
        try:
            block = terminal.read(4096)
        except OSError:
            return found
        if not block:
            return found
        found += block


@pytest.mark.parametrize("words", ["check", "top", "job 1-2"])
def test_a_closed_stdout_is_no_fault(made_demo, words):
    environment = {**os.environ, "HPCUSAGE_PORTAL_CONF": str(made_demo.configuration)}
    command = f'"{sys.executable}" "{CHECKOUT}/bin/userportal" {words} >&-'
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode in (0, 66) and "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("check",), ("top", "cores"), ("job",)])
def test_ctrl_c_ends_at_once_what_waits_for_the_metrics(made_demo, words, slurm_job):
    conf = made_demo.directory / f"hanging-{words[0]}.conf"
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, answers nothing
        url = f"url = http://127.0.0.1:{silent.getsockname()[1]}"
        text = made_demo.configuration.read_text()
        conf.write_text(text.replace("history = metrics.db", f"{url}\ntimeout_seconds = 900"))
        command = [sys.executable, CHECKOUT / "bin" / "userportal", *words]
        command += [slurm_job] if words == ("job",) else []
        process = subprocess.Popen(
            command, env={**os.environ, "HPCUSAGE_PORTAL_CONF": str(conf)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_signals,
        )  # fmt: skip
        try:
            with silent.accept()[0]:
                process.send_signal(signal.SIGINT)
                began = time.monotonic()
                output = process.communicate()
        finally:
            conf.unlink()
    assert (process.returncode, *output) == (130, "", "")
    assert time.monotonic() - began < 600  # the metrics are waited for 900 s


@pytest.fixture
def slurm_job(made_demo):
    """The number of a job that has ended."""
    import sqlite3

    with sqlite3.connect(made_demo.directory / "slurm.db") as connection:
        sql = "SELECT id_job FROM demo_job_table WHERE state = 3 ORDER BY id_job LIMIT 1"
        return str(connection.execute(sql).fetchone()[0])


def test_the_demo_says_how_its_commands_are_called(userportal, tmp_path):
    port = free_port()
    done = userportal("demo", "--make-only", "--directory", tmp_path / "demo", "--port", port)
    assert f"  export HPCUSAGE_PORTAL_CONF={tmp_path}/demo/portal.conf\n" in done.stdout
