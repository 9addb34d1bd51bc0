"""conf_create writes a file that only its owner reads, asks at a terminal, and never hangs."""

import os

import pytest

from tests.terminal import at_a_terminal
from usagedb.config import read_config

SERVER = ("--dbhost", "db1", "--dbuser", "lmod", "--dbname", "lmodV2")
QUESTIONS = [
    ((), "--dbhost"),
    (("--dbhost", "h"), "--dbuser"),
    (("--dbhost", "h", "--dbuser", "u"), "--passwd-file"),
    (("--dbhost", "h", "--dbuser", "u", "--passwd", "p"), "--dbname"),
    (("--backend", "sqlite"), "--dbname"),
]


def test_it_asks_at_a_terminal_and_does_not_show_the_password(tmp_path):
    answers = [(b"host", b"db1"), (b"user", b"lmod"), (b"pass", b"s3cret"), (b"name", b"lmodV2")]
    status, screen = at_a_terminal(["conf_create"], answers, tmp_path)
    assert status == 0 and "wrote lmodV2_db.conf" in screen
    assert "db1" in screen and "s3cret" not in screen
    found = read_config(tmp_path / "lmodV2_db.conf")
    assert (found.hosts, found.user, found.password) == (("db1",), "lmod", "s3cret")


@pytest.mark.parametrize("arguments, option", QUESTIONS)
def test_without_a_terminal_it_ends_with_2_and_names_the_option(run, tmp_path, arguments, option):
    done = run("conf_create", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"say {option}\n") and list(tmp_path.iterdir()) == []


def test_a_closed_standard_input_is_no_terminal(run, tmp_path):
    def close_input():
        os.close(0)

    done = run("conf_create", cwd=tmp_path, stdin=None, preexec_fn=close_input)
    assert done.returncode == 2 and "--dbhost" in done.stderr


def test_the_file_has_mode_0600_and_the_password_in_base64(run, tmp_path):
    done = run("conf_create", *SERVER, "--passwd", "a%b", "--port", "3307", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrote lmodV2_db.conf\n", "")
    path = tmp_path / "lmodV2_db.conf"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "PASSWD = YSVi\n" in path.read_text() and "PORT = 3307\n" in path.read_text()


@pytest.mark.parametrize("written, password", [("p w\n", "p w"), ("p\n\n", "p\n"), ("", "")])
def test_the_password_comes_from_a_file_or_from_stdin(run, tmp_path, written, password):
    (tmp_path / "pw").write_text(written)
    run("conf_create", *SERVER, "--passwd-file", "pw", cwd=tmp_path)
    assert read_config(tmp_path / "lmodV2_db.conf").password == password
    run("conf_create", *SERVER, "--passwd-file", "-", "--force", cwd=tmp_path, input=written)
    assert read_config(tmp_path / "lmodV2_db.conf").password == password


def test_a_missing_password_file_ends_with_66(run, tmp_path):
    done = run("conf_create", *SERVER, "--passwd-file", "none", cwd=tmp_path)
    assert done.returncode == 66 and "none" in done.stderr


def test_a_file_that_is_there_is_kept_without_force(run, tmp_path):
    path = tmp_path / "lmodV2_db.conf"
    path.write_text("old")
    done = run("conf_create", *SERVER, "--passwd", "", cwd=tmp_path)
    assert done.returncode == 2 and "--force" in done.stderr and path.read_text() == "old"
    assert run("conf_create", *SERVER, "--passwd", "", "--force", cwd=tmp_path).returncode == 0
    assert read_config(path).user == "lmod"


OTHERS = """\

# of this site
[SITE]
USER_PATTERN = a%b
    second line
[RETENTION]
lmod = 24
"""
CERTIFICATES = "SSL_CA = /ca.pem\nSSL_CERT = /me.pem\nSSL_KEY = /me.key\n"


def replaced_file(run, directory, beginning, *more, others=OTHERS, warned=""):
    """Return the text of a file that was replaced with a new password."""
    path = directory / "lmodV2_db.conf"
    path.write_text(beginning + others)
    path.chmod(0o600)
    done = run("conf_create", *SERVER, "--passwd", "new", "--force", *more, cwd=directory)
    assert (done.returncode, done.stdout) == (0, "wrote lmodV2_db.conf\n")
    assert warned in done.stderr if warned else done.stderr == ""
    return path.read_text()


def test_force_keeps_what_it_does_not_set(run, tmp_path):
    old = "[MYSQL]\nHOST = db1\nPORT = 3307\nUSER = old\nPASSWD = b2xk\nDB = lmodV2\n"
    assert replaced_file(run, tmp_path, old + CERTIFICATES) == (
        "[MYSQL]\nHOST = db1\nPORT = 3307\nUSER = lmod\nPASSWD = bmV3\nDB = lmodV2\n"
        + CERTIFICATES
        + "\n[SITE]\nUSER_PATTERN = a%b\n    second line\n[RETENTION]\nlmod = 24\n"
    )


def test_a_port_is_not_kept_for_another_host_nor_a_certificate_for_another_server(run, tmp_path):
    old = "[MYSQL]\nHOST = db9\nPORT = 3307\nSOCKET = /s\nDB = lmodV2\n" + CERTIFICATES
    new = "HOST = db1\nUSER = lmod\nPASSWD = bmV3\nDB = lmodV2\n"
    assert replaced_file(run, tmp_path, old, others="") == "[MYSQL]\n" + new + CERTIFICATES
    found = replaced_file(run, tmp_path, old, "--backend", "postgresql", others="")
    assert found == "[POSTGRESQL]\n" + new


def test_force_says_that_it_keeps_nothing_of_a_broken_file(run, tmp_path):
    found = replaced_file(run, tmp_path, "old\n", warned="nothing of it is kept")
    assert found == "[MYSQL]\nHOST = db1\nUSER = lmod\nPASSWD = bmV3\nDB = lmodV2\n"


def test_nothing_of_a_strangers_file_is_kept(run, nobody, tmp_path):
    path = tmp_path / "lmodV2_db.conf"
    path.write_text("[MYSQL]\nDB = lmodV2\n" + CERTIFICATES + OTHERS)
    os.chown(path, nobody["user"], nobody["group"])
    done = run("conf_create", *SERVER, "--passwd", "new", "--force", cwd=tmp_path)
    assert done.returncode == 0 and "belongs to another account: nothing" in done.stderr
    assert path.read_text() == "[MYSQL]\nHOST = db1\nUSER = lmod\nPASSWD = bmV3\nDB = lmodV2\n"


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a/b", "a\nHOST = evil"])
def test_a_name_cant_lead_out_of_the_directory_or_the_line(run, tmp_path, name):
    below = tmp_path / "below"
    below.mkdir()
    server = ("--dbhost", "h", "--dbuser", "u", "--passwd", "", "--dbname", name)
    assert run("conf_create", *server, cwd=below).returncode == 2
    assert list(below.iterdir()) == [] and list(tmp_path.iterdir()) == [below]


def test_the_sqlite_file_may_be_anywhere_and_its_configuration_is_here(run, tmp_path):
    done = run("conf_create", "--backend", "sqlite", "--dbname", "/srv/usage.db", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "wrote usage_db.conf\n")
    assert read_config(tmp_path / "usage_db.conf").database == "/srv/usage.db"


def test_a_directory_that_cant_be_written_ends_with_77(run, nobody, tmp_path):
    done = run("conf_create", *SERVER, "--passwd", "p", cwd=tmp_path, **nobody)
    assert done.returncode == 77 and "cannot write lmodV2_db.conf" in done.stderr
