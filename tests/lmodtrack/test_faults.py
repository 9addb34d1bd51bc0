"""What must not be lost or doubled when a loader or a server dies."""

import random
import subprocess
import sys

import pytest

from tests import services
from tests.conftest import CHECKOUT, Site, run_command
from tests.fault_points import some_kills
from tests.lmodtrack.logs import assert_holds, log_of, make_loads, stored_use, use_of
from usagedb.config import DatabaseConfig

COMMAND = "store_module_data"
LOADS = make_loads(3000, seed=8, days=4, users=40, modules=30)
KILLS = some_kills(70)  # per database

# A loader with small batches; given `alone`, without the lock, so that only the ledger protects.
DRIVER = """
import contextlib, sys
sys.path.insert(0, {checkout!r})
from lmodtrack import load, reading, store
from tests import commit_points
from usagedb import source
load.BYTES_FOR_A_PROCESS = 0
reading.PART_ROWS = 50
source.BLOCK_BYTES = 4096
if sys.argv.pop(1) == "unlocked":
    store.only_one = lambda *arguments: contextlib.nullcontext()
if sys.argv[1] == "held":
    commit_points.arrange(commit_points.STAND_STILL, commit_points.AFTER, 20)
    sys.argv.pop(1)
store.main()
"""


def driver(mode, site, *arguments, stdin=subprocess.DEVNULL):
    """Start the loader with small batches; after "locked" or "unlocked" it may be "held": it waits
    half-way for a line on its standard input."""
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(checkout=str(CHECKOUT)), *mode.split(), "--store_all",
         "--confFn", site.conf_path, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=stdin, text=True,
    )  # fmt: skip


def progress_of(site):
    """Return how many lines the ledger says are loaded."""
    return sum(row[0] for row in site.rows("SELECT line_count FROM lmod_log"))


def assert_single_loads(site, loads):
    rows = site.rows("SELECT line, load_time FROM lmod_load ORDER BY line")
    assert rows == [(line, load.time) for line, load in enumerate(loads, 1)]


def test_kill_9_at_any_point_leaves_a_prefix_and_the_next_run_ends_the_work(site, tmp_path):
    site.create()
    log = tmp_path / "moduleUsage.log-20260105"
    log.write_bytes(log_of(LOADS))
    source = random.Random(9)
    for _kill in range(KILLS):
        process = driver("locked", site, log)
        try:
            process.wait(timeout=source.uniform(0.15, 0.6))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        if progress_of(site) == len(LOADS):
            clear(site)
    process = driver("locked", site, "--wait", "60", log)
    _out, messages = process.communicate()
    assert (process.returncode, messages) == (0, "")
    assert_holds(site, LOADS)
    assert_single_loads(site, LOADS)


def clear(site):
    """Check a load that went through, and begin anew."""
    assert_holds(site, LOADS)
    assert_single_loads(site, LOADS)
    database = site.connect()
    for table in ("lmod_log", "lmod_use", "lmod_month", "lmod_load"):
        database.execute("DELETE FROM " + table)
    database.close()


@pytest.mark.parametrize("mode", ["locked", "unlocked"])
def test_two_loaders_at_once_store_what_one_would(site, tmp_path, mode):
    site.create()
    log = tmp_path / "moduleUsage.log-20260105"
    log.write_bytes(log_of(LOADS))
    other = make_loads(500, seed=10, users=40, modules=30)
    second = tmp_path / "other.log-20260105"
    second.write_bytes(log_of(other))
    processes = [driver(mode, site, "--wait", "60", *files) for files in (
        (log,), (log,), (second, log))]  # fmt: skip
    ends = [(process.communicate()[1], process.returncode) for process in processes]
    assert ends == [("", 0)] * 3
    assert_holds(site, LOADS + other)


def test_a_second_loader_ends_with_75_while_the_lock_is_held(site, tmp_path):
    site.create()
    (tmp_path / "a.log").write_bytes(log_of(LOADS[:5]))
    holder = site.connect()
    assert holder.dialect.lock(holder, COMMAND)
    done = site.run(COMMAND, tmp_path / "a.log")
    assert done.returncode == 75
    assert "another store_module_data is running" in done.stderr
    holder.dialect.unlock(holder, COMMAND)
    holder.close()
    assert site.run(COMMAND, tmp_path / "a.log").returncode == 0


def test_a_server_that_stops_in_the_middle_loses_nothing(own_server, tmp_path):
    server, site = own_server
    log = tmp_path / "moduleUsage.log-20260105"
    log.write_bytes(log_of(LOADS))
    process = driver("locked held", site, "--delete", log, stdin=subprocess.PIPE)
    services.wait_until(lambda: progress_of(site) > 100, "the load to be under way")
    server.kill()
    _out, messages = process.communicate("\n")
    assert process.returncode == 75
    assert "try again later" in messages
    assert log.exists()
    server.start()
    done = progress_of(site)
    assert 0 < done < len(LOADS)
    assert stored_use(site) == use_of(LOADS[:done])
    assert site.run(COMMAND, "--store_all", "--delete", log).returncode == 0
    assert not log.exists()
    assert_holds(site, LOADS)
    assert_single_loads(site, LOADS)


def test_a_server_that_is_away_is_75_and_without_tables_78(own_server, tmp_path):
    server, site = own_server
    (tmp_path / "a.log").write_bytes(log_of(LOADS[:5]))
    assert site.run("createDB", "--schema", "lmod", "--drop", "--yes").returncode == 0
    done = site.run(COMMAND, tmp_path / "a.log")
    assert done.returncode == 78
    assert "run createDB" in done.stderr
    server.stop()
    assert site.run(COMMAND, tmp_path / "a.log").returncode == 75


def test_a_full_disk_is_74_and_the_load_goes_on_when_there_is_room(tmp_path):
    directory = tmp_path / "small"
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", directory], capture_output=True
    )
    if mounted.returncode:
        services.give_up("a small file system can be mounted by root only")
    try:
        config = DatabaseConfig("sqlite", str(directory / "usage.db"), "test")
        site = Site(config, tmp_path).create("lmod")
        log = tmp_path / "a.log"
        loads = make_loads(30000, seed=11, users=400, modules=300)
        log.write_bytes(log_of(loads))
        done = site.run(COMMAND, log)
        assert done.returncode == 74
        assert "make room" in done.stderr
        subprocess.run(["mount", "-o", "remount,size=50m", directory], check=True)
        assert site.run(COMMAND, log).returncode == 0
        assert_holds(site, loads)
    finally:
        subprocess.run(["umount", directory], check=True)


def test_a_signal_ends_the_loader_cleanly(sqlite_site, tmp_path):
    sqlite_site.create()
    reader = subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE)
    process = subprocess.Popen(
        [sys.executable, CHECKOUT / "bin" / COMMAND, "--confFn", sqlite_site.conf_path, "-"],
        stdin=reader.stdout, stderr=subprocess.PIPE,
    )  # fmt: skip
    services.wait_until(
        lambda: sqlite_site.rows("SELECT * FROM usage_run"), "the loader to have begun"
    )
    process.terminate()
    assert process.wait() == 143
    reader.kill()
    reader.communicate()
    assert sqlite_site.rows("SELECT exit_code FROM usage_run") == [(143,)]


def test_wrong_configurations_end_with_78_or_77(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(log_of(LOADS[:5]))
    empty = tmp_path / "empty.conf"
    empty.write_text("HOST = here\n")
    for path in (empty, tmp_path / "missing.conf"):
        assert run_command(COMMAND, "--confFn", path, log).returncode == 78
