"""One loader per command and database: the second is turned away, or waits."""

import os
import signal
import subprocess
import sys
import time
import types

import pytest

from lmodtrack import purge
from tests.conftest import CHECKOUT
from usagedb import errors, locks
from usagedb.database import Database
from usagedb.locks import only_one
from usagedb.retention import PurgeOptions

HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from usagedb.config import read_config
from usagedb.database import Database
from usagedb.locks import only_one
with only_one(Database(read_config(sys.argv[2])), "store_module_data"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(site):
    """Another process that holds the lock of store_module_data."""
    command = [sys.executable, "-c", HOLDER, CHECKOUT, site.create().conf_path]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_loader_ends_with_75_at_once(site, holder, write_log):
    log = write_log(("a", "m/1", "c", 20000))
    done = site.run("store_module_data", "--delete", log)
    assert done.returncode == 75 and log.exists()
    assert done.stderr.startswith("Error: another store_module_data is running on ")
    assert "--wait" in done.stderr
    assert site.rows("SELECT COUNT(*) FROM usage_run") == [(0,)]


def test_deleting_waits_for_a_loader_only_with_what_the_loader_remembers(
    site, holder, monkeypatch, caplog
):
    monkeypatch.setattr(purge, "LOADER_WAIT_SECONDS", 0.1)
    caplog.set_level("INFO", logger="lmodtrack")
    database = site.connect()
    purged = purge.purge(database, PurgeOptions(20200101, 20200131), print)
    database.close()
    assert purged.describe() == "nothing"
    assert "stays until the next time: another store_module_data is running" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_holder_holds_nothing(site, holder, number):
    holder.send_signal(number)
    holder.wait()
    database = site.connect()
    with only_one(database, "store_module_data", wait_seconds=60):
        pass
    database.close()


def test_who_waits_gets_the_lock_when_it_is_free(site, monkeypatch):
    first, second = site.create().connect(), site.connect()
    holding = only_one(first, "load")
    holding.__enter__()
    release = types.SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda seconds: holding.__exit__(None, None, None)
    )
    monkeypatch.setattr(locks, "time", release)
    with only_one(second, "load", wait_seconds=60):
        pass
    first.close()
    second.close()


def test_who_waits_too_long_is_told(site, monkeypatch):
    first, second = site.create().connect(), site.connect()
    clock = iter(range(100))
    fast = types.SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda seconds: None)
    monkeypatch.setattr(locks, "time", fast)
    with only_one(first, "load"), pytest.raises(errors.UnavailableError, match="another load"):
        only_one(second, "load", wait_seconds=5).__enter__()
    assert next(clock) < 15
    first.close()
    second.close()


@pytest.mark.parametrize("error", [None, ValueError, errors.RunInterrupted])
def test_the_lock_is_given_back_however_the_block_ends(site, error):
    first, second = site.create().connect(), site.connect()
    try:
        with only_one(first, "load"):
            if error:
                raise error(15)
    except (ValueError, errors.RunInterrupted):
        pass
    with only_one(second, "load"):
        assert second.held_locks == ["load"]
    assert first.held_locks == second.held_locks == []
    first.close()
    second.close()


def test_two_databases_of_a_server_have_locks_of_their_own(site, request):
    from tests.conftest import Site, drop_database
    from usagedb.database import Database

    other = site.config.replaced(database=f"{site.config.database}_b")
    if site.config.backend != "sqlite":
        root = Database(site.config.replaced(select_database=False))
        root.run_ddl(f"CREATE DATABASE {other.database}")
        root.close()
        request.addfinalizer(lambda: drop_database(other))
    first, second = site.connect(), Site(other, site.directory).connect()
    with only_one(first, "load"), only_one(second, "load"):
        pass
    first.close()
    second.close()


def test_a_lock_file_is_not_for_everyone(sqlite_site, tmp_path):
    database = sqlite_site.create().connect()
    with only_one(database, "load"):
        path = tmp_path / "usage.db.load.lock"
        assert path.stat().st_mode & 0o007 == 0
    database.close()


def test_a_link_to_a_database_has_the_same_lock(sqlite_site, tmp_path):
    first = sqlite_site.create().connect()
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(sqlite_site.config.database)
    second = Database(sqlite_site.config.replaced(database=str(link)))
    with only_one(first, "load"), pytest.raises(errors.UnavailableError, match="another load"):
        only_one(second, "load").__enter__()
    with only_one(second, "load"):
        pass
    second.close()
    first.close()
    assert list(link.parent.iterdir()) == [link]


def test_a_lock_file_that_root_makes_is_the_account_s_that_loads(sqlite_site, tmp_path, nobody):
    database = sqlite_site.create().connect()
    os.chown(tmp_path / "usage.db", nobody["user"], nobody["group"])
    with only_one(database, "load"):
        made = (tmp_path / "usage.db.load.lock").stat()
        assert (made.st_uid, made.st_gid) == (nobody["user"], nobody["group"])
        assert made.st_mode & 0o777 == 0o640
    (tmp_path / "roots").touch()
    os.link(tmp_path / "roots", tmp_path / "usage.db.other.lock")
    with only_one(database, "other"):
        assert (tmp_path / "roots").stat().st_uid == 0
    database.close()
