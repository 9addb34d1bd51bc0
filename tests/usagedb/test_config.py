"""The configuration is found in the documented order, read whole, and keeps its secrets."""

import base64
import logging
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb import config as configuration
from usagedb import errors
from usagedb.config import DatabaseConfig, find_config, read_config, shown, write_config

PASSWORD = "s3cret%word"
ENCODED = base64.b64encode(PASSWORD.encode()).decode()
MYSQL = f"[MYSQL]\nHOST = db1\nUSER = lmod\nPASSWD = {ENCODED}\nDB = lmodV2\n"
SQLITE = "[SQLITE]\nDB = {}\n"


@pytest.fixture
def conf(tmp_path):
    """A function that writes a configuration file of mode 0600 and returns its path."""

    def write(text, name="lmodV2_db.conf", mode=0o600):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return write


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    """Look for system files in an empty directory, and for others in tmp_path."""
    (tmp_path / "etc").mkdir()
    monkeypatch.setattr(configuration, "SYSTEM_DIRECTORY", tmp_path / "etc")
    monkeypatch.chdir(tmp_path)


def test_a_file_of_the_original_tools_is_read(conf):
    found = read_config(conf(MYSQL))
    assert (found.backend, found.hosts, found.user) == ("mysql", ("db1",), "lmod")
    assert (found.password, found.database, found.port) == (PASSWORD, "lmodV2", 0)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_password_comes_back_as_it_was_written(tmp_path_factory, password):
    path = tmp_path_factory.mktemp("conf") / "x.conf"
    write_config(path, DatabaseConfig("mysql", "db", "", ("h",), user="u", password=password))
    assert read_config(path).password == password


@pytest.mark.parametrize(
    "text, said",
    [
        (b"PASSWD = czNjcmV0\n", "no [SECTION] before line 1"),
        (b"[MYSQL]\nczNjcmV0\n", "cannot read line 2"),
        (b"[MYSQL]\nPASSWD = a\nPASSWD = czNjcmV0\n", "PASSWD stands twice"),
        (b"[MYSQL]\n[MYSQL]\n", "[MYSQL] stands twice"),
        (b"[MYSQL]\nDB = \xff\n", "not UTF-8"),
        (b"[OTHER]\nDB = x\n", "no section"),
        (b"", "no section"),
        (b"[MYSQL]\nHOST = x\n", "has no DB"),
        (b"[MYSQL]\nDB = x\nPORT = 70000\n", "PORT = 70000"),
        (b"[MYSQL]\nDB = x\nPASSWD = czNjcmV0!\n", "not base64"),
    ],
)
def test_a_broken_file_is_told_without_a_word_of_its_password(conf, run, text, said):
    path = conf(text)
    done = run("createDB", "--confFn", path)
    assert (done.returncode, done.stdout) == (78, "")
    assert said in done.stderr and str(path) in done.stderr
    assert "czNjcmV0" not in done.stderr and done.stderr.count("\n") == 1


def test_a_file_that_this_account_cant_read_ends_with_77(conf, run, nobody, tmp_path):
    path = conf(MYSQL)
    done = run("createDB", "--confFn", path, cwd="/", **nobody)
    assert (done.returncode, done.stderr) == (77, f"Error: cannot read {path}: Permission denied\n")


def test_a_missing_file_ends_with_78(run, tmp_path):
    done = run("createDB", "--confFn", tmp_path / "none.conf")
    assert done.returncode == 78
    assert done.stderr == f"Error: cannot read {tmp_path}/none.conf: No such file or directory\n"


def test_dbname_without_a_file_ends_with_78_and_names_conf_create(run):
    done = run("createDB", "--dbname", "other")
    assert done.returncode == 78 and "no other_db.conf" in done.stderr
    assert "conf_create" in done.stderr


def test_a_file_that_everyone_can_read_is_warned_about(conf, caplog):
    read_config(conf(MYSQL, mode=0o644))
    assert "can be read by everyone: chmod 640" in caplog.text


def test_a_file_without_a_password_may_be_read(conf, caplog):
    read_config(conf("[SQLITE]\nDB = /srv/usage.db\n", mode=0o644))
    assert caplog.text == ""


def test_a_file_that_its_group_can_read_is_not(conf, caplog):
    read_config(conf(MYSQL, mode=0o640))
    assert caplog.text == ""


def test_the_order_is_option_environment_directory_system(conf, monkeypatch, tmp_path):
    names = ["etc/lmodV2_db.conf", "lmodV2_db.conf", "env.conf", "option.conf"]
    for name in names:
        conf(SQLITE.format(tmp_path / name.replace("/", "-")), name)
    monkeypatch.setenv("HPCUSAGE_CONF", "env.conf")
    assert find_config("option.conf").source == "option.conf"
    assert find_config().source == "env.conf"
    monkeypatch.delenv("HPCUSAGE_CONF")
    assert find_config().source == "lmodV2_db.conf"
    (tmp_path / "lmodV2_db.conf").unlink()
    assert find_config().source == str(tmp_path / "etc/lmodV2_db.conf")


def test_dbname_chooses_the_file(conf):
    conf(MYSQL, "test_db.conf")
    assert find_config(dbname="test").source == "test_db.conf"


@pytest.mark.parametrize("by_environment", [False, True])
def test_dbname_chooses_the_database_of_a_named_file(conf, monkeypatch, by_environment):
    path = conf(MYSQL, "any.conf")
    if by_environment:
        monkeypatch.setenv("HPCUSAGE_CONF", str(path))
    assert find_config(None if by_environment else path, "xalt").database == "xalt"


def test_dbname_beside_a_named_sqlite_file_ends_with_2(conf, run):
    path = conf(SQLITE.format("usage.db"), "any.conf")
    done = run("createDB", "--confFn", path, "--dbname", "xalt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"Error: --dbname xalt: {path} names an SQLite file, which has one database only\n"
    )
    assert not (path.parent / "usage.db").exists()


def test_dbname_beside_the_sqlite_file_of_the_environment_means_that(conf, monkeypatch):
    """It holds the data of all commands, whose usual --dbname differ."""
    monkeypatch.setenv("HPCUSAGE_CONF", str(conf(SQLITE.format("usage.db"), "any.conf")))
    assert find_config(None, "xalt") == find_config(None, None)


def test_an_ordinary_user_gets_a_database_of_the_own(run, nobody, tmp_path):
    home = tmp_path / "data"
    home.mkdir()
    os.chown(home, nobody["user"], nobody["group"])
    environment = {"XDG_DATA_HOME": str(home), "PATH": os.environ["PATH"]}
    assert run("createDB", cwd=home, env=environment, **nobody).returncode == 0
    database = home / "hpcusage/usage.db"
    assert database.stat().st_mode & 0o777 == 0o640
    assert database.parent.stat().st_mode & 0o777 == 0o750


def test_a_directory_that_this_account_cant_look_into_holds_no_file(run, nobody, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    done = run("createDB", "--show-config", cwd=closed, env={"HOME": "/nowhere"}, **nobody)
    assert done.returncode == 0 and "/nowhere/.local/share/hpcusage/usage.db" in done.stdout


def test_an_account_without_a_home_is_told_to_name_a_database(run, nobody):
    nobody = {**nobody, "user": 54321}
    done = run("createDB", cwd="/", env={}, **nobody)
    assert done.returncode == 78 and "--confFn" in done.stderr


def test_several_hosts_are_kept_in_order(conf):
    path = conf(MYSQL.replace("db1", "db1, db2,,db3"))
    assert read_config(path).hosts == ("db1", "db2", "db3")


def test_a_relative_sqlite_path_is_beside_its_configuration(conf, tmp_path):
    assert read_config(conf(SQLITE.format("usage.db"))).database == str(tmp_path / "usage.db")


def test_show_config_hides_the_password(conf, run):
    done = run("createDB", "--confFn", conf(MYSQL), "--show-config")
    assert (done.returncode, done.stderr) == (0, "")
    assert "PASSWD = ***" in done.stdout and "HOST = db1" in done.stdout
    assert ENCODED not in done.stdout


def test_show_config_can_be_read_again(conf, tmp_path):
    site = "[SITE]\nTIMEZONE = America/Chicago\nCLUSTERS =\n    a: lmod=a\n    b: lmod=b\n"
    first = read_config(conf(SQLITE.format("usage.db") + site))
    second = read_config(conf(shown(first), "again.conf"))
    assert (second.site, second.database) == (first.site, first.database)


def test_no_password_in_a_repr_a_log_or_an_error(conf, run, caplog):
    path = conf(MYSQL.replace("db1", "127.0.0.1") + "PORT = 1\n")
    with caplog.at_level(logging.DEBUG):
        text = repr(find_config(path)) + find_config(path).describe() + caplog.text
    done = run("createDB", "--confFn", path, "--debug", "-vv")
    assert done.returncode == 75 and "Traceback" in done.stderr
    for secret in (PASSWORD, ENCODED):
        assert secret not in text + done.stderr + done.stdout


def test_a_written_file_is_for_its_owner_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "x.conf"
    path.write_text("old")
    path.chmod(0o666)
    write_config(path, DatabaseConfig("sqlite", "/x", ""))
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["etc", "x.conf"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    def fail(_handle):
        raise OSError(28, "No space left on device")

    path = tmp_path / "x.conf"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(errors.WriteError):
        write_config(path, DatabaseConfig("sqlite", "/x", ""))
    assert path.read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["etc", "x.conf"]


@pytest.mark.parametrize("name", ["~no-such-account-here/x.db", "~nul\0/x.db", "x\0.db"])
def test_the_home_of_nobody_and_a_nul_are_a_wrong_configuration(tmp_path, name):
    path = tmp_path / "x.conf"
    path.write_text(f"[SQLITE]\nDB = {name}\n")
    with pytest.raises(errors.ConfigurationError, match="no-such-account-here|has no NUL"):
        read_config(path)


def test_a_port_of_thousands_of_digits_is_a_wrong_configuration(tmp_path):
    path = tmp_path / "x.conf"
    path.write_text(f"[MYSQL]\nDB = x\nPORT = {'9' * 5000}\n")
    with pytest.raises(errors.ConfigurationError, match="no port number"):
        read_config(path)


def test_root_takes_no_file_that_somebody_else_has_put_into_the_directory(
    conf, run, nobody, tmp_path
):
    path = conf(SQLITE.format("mine.db"))
    os.chown(path, nobody["user"], nobody["group"])
    done = run("createDB", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (77, "") and "--confFn" in done.stderr
    assert not (tmp_path / "mine.db").exists()
    assert run("createDB", "--confFn", path).returncode == 0
    link = tmp_path / "xalt_db.conf"
    link.symlink_to(path)
    assert run("createDB", "--dbname", "xalt", cwd=tmp_path).returncode == 77


def test_a_user_takes_a_file_of_root_and_none_of_a_colleague(conf, run, nobody, tmp_path):
    path = conf(SQLITE.format("mine.db"), mode=0o644)
    shown_one = ("createDB", "--show-config", "-q")
    assert run(*shown_one, cwd=tmp_path, **nobody).returncode == 0
    os.chown(path, nobody["user"], nobody["group"])
    assert run(*shown_one, cwd=tmp_path, **nobody).returncode == 0
    os.chown(path, nobody["user"] - 1, nobody["group"])
    done = run(*shown_one, cwd=tmp_path, **nobody)
    assert (done.returncode, done.stdout) == (77, "") and "another account" in done.stderr


def test_a_file_in_etc_may_be_of_the_account_that_loads(conf, nobody, tmp_path):
    path = conf(SQLITE.format("usage.db"), "etc/lmodV2_db.conf")
    os.chown(path, nobody["user"], nobody["group"])
    assert find_config().source == str(path)
