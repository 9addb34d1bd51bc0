"""What goes wrong with the portal's own database is a line, a status and a 503, no traceback."""

import pytest

from tests.conftest import run_command
from tests.system.portal_process import LOGIN, PortalServer, Visitor
from tests.userportal.pages.tiny_portal import write_conf_of_nowhere

CONF = "[portal]\nhttps = no\nhosts = 127.0.0.1\nstate = {state}\n[database]\nconf_file = {own}\n"


def written(directory, own):
    """Return the path of a configuration whose own database is that of another file."""
    path = directory / "portal.conf"
    path.write_text(CONF.format(state=directory, own=own))
    return path


def run(conf, *words):
    """Run a command on a configuration; return (status, the one line on stderr)."""
    done = run_command("userportal", "--conf", conf, *words, cwd=conf.parent)
    assert done.stdout == "" and done.stderr.count("\n") == 1, (done.stdout, done.stderr)
    return done.returncode, done.stderr


def test_a_database_without_tables_is_told_on_each_backend(site, tmp_path):
    conf = written(tmp_path, site.conf_path)
    status, told = run(conf, "token", "ann")
    assert status == 78 and told.endswith(": run userportal migrate\n"), told
    status, told = run(conf, "migrate", "--check")
    assert status == 78 and told.endswith(": run userportal migrate\n"), told


@pytest.mark.parametrize("words", [("token", "ann"), ("migrate",), ("migrate", "--check")])
def test_a_server_that_is_away_is_told(tmp_path, words):
    write_conf_of_nowhere(tmp_path / "own.conf")
    status, told = run(written(tmp_path, tmp_path / "own.conf"), *words)
    assert status == 75 and told.startswith("Error: mysql database db on 127.0.0.1: Can't connect")


def test_a_password_that_is_refused_is_told(mariadb, tmp_path):
    (tmp_path / "own.conf").write_text(
        f"[MYSQL]\nHOST = 127.0.0.1\nPORT = {mariadb.port}\nUSER = nobody\nPASSWD = eA==\nDB = x\n"
    )
    (tmp_path / "own.conf").chmod(0o600)
    status, told = run(written(tmp_path, tmp_path / "own.conf"), "migrate")
    assert status == 77 and told.endswith(": check user, password and grants\n")


def test_pages_say_that_it_is_away_and_the_log_says_why_in_a_line_each(tmp_path):
    write_conf_of_nowhere(tmp_path / "own.conf")
    conf = written(tmp_path, tmp_path / "own.conf")
    portal = PortalServer(tmp_path / "server", conf)
    portal.start()
    try:
        visitor = Visitor(portal.url)
        answer = visitor.post(LOGIN, username="ann", password="x")
        assert answer.status == 503 and "cannot be reached now" in answer.text
    finally:
        portal.stop()
    log = portal.log.read_text()
    assert "Traceback" not in log
    (line,) = [line for line in log.splitlines() if line.startswith("Service Unavailable: ")]
    assert f"{LOGIN}: mysql database db on 127.0.0.1: Can't connect to MySQL server" in line


def test_a_stranger_fills_the_log_with_lines_alone(tmp_path):
    portal = PortalServer(tmp_path / "server", tmp_path / "portal.conf")
    (tmp_path / "portal.conf").write_text(
        f"[portal]\nhttps = no\nhosts = 127.0.0.1\nstate = {tmp_path}\n"
    )
    portal.start()
    try:
        url = f"http://localhost:{portal.port}"
        assert Visitor(url).get("/").status == 400
    finally:
        portal.stop()
    log = portal.log.read_text()
    assert "Traceback" not in log and "ALLOWED_HOSTS" not in log
    assert "You may need to add 'localhost' to [portal] hosts." in log
