"""What must not be lost or doubled when a loader or a server dies."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import CHECKOUT, heed_signals
from tests.fault_points import some_kills
from tests.xaltload.loading import (
    assert_sets_hold,
    contents,
    expected,
    make_records,
    shuffled,
    write_records,
)
from tests.xaltload.test_load_syslog import lines_of, write_log

RECORDS = make_records(120, seed=8)
KILLS = some_kills(40)  # per database

# A loader with small batches; given `unlocked`, only the keys protect.
DRIVER = """
import contextlib, sys
sys.path.insert(0, {checkout!r})
from xaltload import load_files, load_syslog, loading, reading
reading.PART_RECORDS = 12
if sys.argv.pop(1) == "unlocked":
    loading.only_one = lambda *arguments: contextlib.nullcontext()
{{"files": load_files, "syslog": load_syslog}}[sys.argv.pop(1)].main()
"""


def driver(mode, command, site, *arguments):
    """Start a loader with small batches."""
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(checkout=str(CHECKOUT)), mode, command,
         "--confFn", site.conf_path, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
        preexec_fn=heed_signals,
    )  # fmt: skip


def assert_whole(site, records):
    """Make sure that the database holds what the records say, and nothing else."""
    assert contents(site) == expected(records)
    assert_sets_hold(site)


def assert_part(site, records):
    """Make sure that the database holds nothing that the records do not say."""
    found, wanted = contents(site), expected(records)
    for key, run in found["runs"].items():
        assert run["columns"][:3] == wanted["runs"][key]["columns"][:3]
        if run["records"] == wanted["runs"][key]["records"]:
            assert run == wanted["runs"][key]
    assert found["links"].items() <= wanted["links"].items()
    assert set(found["packages"]) <= set(wanted["packages"])


def clear(site):
    """Empty the tables of records."""
    database = site.connect()
    for table in ("join_run_object", "join_run_env", "join_link_object", "join_link_function",
                  "xalt_run", "xalt_link", "xalt_pkg", "xalt_pkg_waiting"):  # fmt: skip
        database.execute("DELETE FROM " + table)
    database.close()


def test_kill_9_at_any_point_leaves_whole_records_and_the_next_run_ends_the_work(site, tmp_path):
    site.create()
    tree = tmp_path / "tree"
    source = random.Random(9)
    write_records(tree, shuffled(RECORDS))
    for _kill in range(KILLS):
        process = driver("locked", "files", site, "--delete", tree)
        try:
            process.wait(timeout=source.uniform(0.15, 0.7))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        if not list(tree.rglob("*.json")):
            assert_whole(site, RECORDS)
            clear(site)
            write_records(tree, shuffled(RECORDS, _kill))
        else:
            assert_part(site, RECORDS)
    process = driver("locked", "files", site, "--wait", "600", "--delete", tree)
    _out, messages = process.communicate()
    assert (process.returncode, messages) == (0, "")
    assert_whole(site, RECORDS)
    assert list(tree.rglob("*.json")) == []


def test_kill_9_of_the_syslog_loader_loses_nothing(site, tmp_path):
    site.create()
    lines = lines_of(RECORDS)
    source = random.Random(10)
    source.shuffle(lines)
    half = len(lines) // 2
    logs = [write_log(tmp_path / f"xalt.log-{number}", part)
            for number, part in enumerate((lines[:half], lines[half:]))]  # fmt: skip
    for log in logs:
        for _kill in range(KILLS // 4):
            process = driver("locked", "syslog", site, "--leftover", tmp_path / "left",
                             "--syslog", log)  # fmt: skip
            try:
                process.wait(timeout=source.uniform(0.15, 0.6))
                break
            except subprocess.TimeoutExpired:
                process.kill()
            finally:
                process.communicate()
        process = driver("locked", "syslog", site, "--wait", "600", "--leftover",
                         tmp_path / "left", "--syslog", log)  # fmt: skip
        assert (process.communicate()[1], process.returncode) == ("", 0)
    assert_whole(site, RECORDS)


@pytest.mark.parametrize("mode", ["locked", "unlocked"])
def test_loaders_at_once_store_what_one_would(site, tmp_path, mode):
    site.create()
    write_records(tmp_path / "one", RECORDS)
    write_records(tmp_path / "two", shuffled(RECORDS))
    log = write_log(tmp_path / "xalt.log-1", lines_of(shuffled(RECORDS, 3)))
    processes = [
        driver(mode, "files", site, "--wait", "600", tmp_path / "one"),
        driver(mode, "files", site, "--wait", "600", tmp_path / "two"),
        driver(mode, "syslog", site, "--wait", "600", "--leftover", tmp_path / "left",
               "--syslog", log),
    ]  # fmt: skip
    ends = [(process.communicate()[1], process.returncode) for process in processes]
    assert ends == [("", 0)] * 3
    assert_whole(site, RECORDS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_load_cleanly(site, tmp_path, number):
    site.create()
    write_records(tmp_path / "tree", RECORDS)
    process = driver("locked", "files", site, tmp_path / "tree")
    while process.poll() is None and not site.rows("SELECT run_id FROM xalt_run"):
        time.sleep(0.01)
    if process.poll() is None:
        os.kill(process.pid, number)
    _out, messages = process.communicate()
    assert process.returncode in (0, 128 + number) and "Traceback" not in messages
    process = driver("locked", "files", site, "--wait", "600", tmp_path / "tree")
    assert (process.communicate()[1], process.returncode) == ("", 0)
    assert_whole(site, RECORDS)


def test_a_server_that_stops_in_the_middle_loses_nothing(own_server, tmp_path):
    server, site = own_server
    tree, log = tmp_path / "tree", tmp_path / "xalt.log-1"
    write_records(tree, RECORDS)
    write_log(log, lines_of(RECORDS))
    process = driver("locked", "files", site, "--delete", tree)
    while not site.rows("SELECT COUNT(*) FROM xalt_run")[0][0]:
        time.sleep(0.02)
    server.stop()
    _out, messages = process.communicate()
    assert process.returncode in (0, 75), messages
    syslog = ("--leftover", tmp_path / "left", "--syslog", log)
    done = driver("locked", "syslog", site, *syslog)
    _out, messages = done.communicate()
    assert (done.returncode, messages.count("\n")) == (75, 1)
    assert not (tmp_path / "left").exists()
    server.start()
    left = {path.name for path in tree.rglob("*.json")}
    gone = [record for record in RECORDS if record[0] not in left]
    assert_part(site, RECORDS)
    assert contents(site)["runs"].keys() >= expected(gone)["runs"].keys()
    for command, arguments in (("files", ("--delete", tree)), ("syslog", syslog)):
        process = driver("locked", command, site, *arguments)
        assert (process.communicate()[1], process.returncode) == ("", 0)
    assert_whole(site, RECORDS)


def test_a_directory_that_became_a_link_keeps_what_it_leads_to(sqlite_site, tmp_path):
    """Records are removed only in the directories in which they were found."""
    from xaltload import dispose, files
    from xaltload.tree import record_files

    tree, victim = tmp_path / "tree", tmp_path / "victim"
    (path, *_others) = write_records(tree, RECORDS[:5], places=1)
    found = []
    for one in record_files(str(tree)):
        _text, status = one.read()
        found.append(files.InputFile(one.directory, one.file_name, files.state_of(status)))
    (tree / "000").rename(victim)
    (tree / "000").symlink_to(victim)
    assert dispose.remove(found) == 0
    assert dispose.remove(found, tmp_path / "archive") == 0
    assert len(list(victim.rglob("*.json"))) == 5 and path.exists()
