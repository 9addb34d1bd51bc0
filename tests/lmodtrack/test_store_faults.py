"""What goes wrong at night has its exit code and its line, and loses nothing."""

import os
import threading
from pathlib import Path

import pytest

from tests.lmodtrack.logs import assert_holds, log_of, make_loads
from usagedb.config import write_config

COMMAND = "store_module_data"
LOADS = make_loads(60, seed=51)
LOG = log_of(LOADS)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "moduleUsage.log-20260104"
    path.write_bytes(LOG)
    return path


def test_one_missing_file_does_not_keep_the_others_from_being_loaded(site, log, tmp_path):
    done = site.create().run(COMMAND, tmp_path / "none", log, tmp_path)
    assert done.returncode == 66 and "none: No such file" in done.stderr
    assert "is a directory" in done.stderr and "Traceback" not in done.stderr
    assert_holds(site, LOADS)


def test_a_pattern_that_matches_no_file_is_nothing_to_do(site, tmp_path):
    done = site.create().run(COMMAND, tmp_path / "moduleUsage.log-*")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_named_pipe_is_loaded_as_it_comes(site, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(LOG,))
    writer.start()
    done = site.create().run(COMMAND, "--delete", tmp_path / "pipe")
    writer.join()
    assert done.returncode == 0 and "is kept: it is no file" in done.stderr
    assert (tmp_path / "pipe").is_fifo()
    assert_holds(site, LOADS)


def test_a_password_with_a_percent_sign_works(site, log):
    if site.config.backend != "mysql":
        pytest.skip("the PostgreSQL of the tests asks for no password, SQLite has none")
    database = site.connect()
    user = site.config.database  # a name of its own
    database.run_ddl(f"CREATE USER {user}@localhost IDENTIFIED BY 'p%s%%x;[#]\\\"'")
    database.run_ddl(f"GRANT ALL ON {site.config.database}.* TO {user}@localhost")
    try:
        changed = site.create().config.replaced(user=user, password='p%s%%x;[#]"')
        write_config(site.conf_path, changed)
        assert site.run(COMMAND, log).returncode == 0
        write_config(site.conf_path, changed.replaced(password="p%s"))
        done = site.run(COMMAND, log)
        assert done.returncode == 77 and "check user, password and grants" in done.stderr
        assert "p%s" not in done.stderr
    finally:
        database.run_ddl(f"DROP USER {user}@localhost")
    database.close()
    assert_holds(site, LOADS)


def test_a_configuration_that_cannot_be_read_is_refused(sqlite_site, log, nobody):
    sqlite_site.create()
    sqlite_site.conf_path.chmod(0o600)
    done = sqlite_site.run(COMMAND, log, **nobody)
    assert done.returncode == 77 and "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_in_a_read_only_directory_is_refused_and_the_log_is_kept(
    sqlite_site, log, nobody
):
    sqlite_site.create()
    os.chown(sqlite_site.conf_path, nobody["user"], nobody["group"])
    log.chmod(0o644)
    log.parent.chmod(0o755)
    done = sqlite_site.run(COMMAND, "--delete", log, **nobody)
    assert done.returncode in (74, 77) and done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr and log.read_bytes() == LOG
    assert sqlite_site.run(COMMAND, "--delete", log).returncode == 0
    assert_holds(sqlite_site, LOADS)


def test_a_log_that_cannot_be_read_is_missing_input(sqlite_site, log, nobody):
    sqlite_site.create()
    log.chmod(0o600)
    os.chown(sqlite_site.conf_path, nobody["user"], nobody["group"])
    log.parent.chmod(0o777)
    Path(sqlite_site.config.database).chmod(0o666)
    done = sqlite_site.run(COMMAND, log, **nobody)
    assert done.returncode == 66 and "Permission denied" in done.stderr
