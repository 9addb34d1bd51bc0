"""The command, when it cannot send, note or hash: what is collected waits, and comes once."""

import contextlib
import json
import os
import pwd
import re
import sqlite3
import time

import pytest

from afcollect import delivery
from afcollect.delivery import waits_until
from tests.afcollect.conftest import TOKEN
from tests.afcollect.serving import Server
from tests.afcollect.stand_ins import put
from tests.conftest import run_command

HOST_KINDS = ["CPU", "MEM", "DISK"]
USERS = ("otter", "stoat", "mink")
ASKS_FOR_TIME = (503, {"Retry-After": "600"})


@pytest.fixture
def pool(machine):
    """A Machine with users and with HTCondor."""
    machine.more = ("--batch-system", "condor")  # Slurm may be there too
    put(machine.programs, "who", "printf 'otter pts/0 2026-01-01 10:00 (host)\\nstoat tty1\\n'")
    put_jobs(machine, queued=["1.0"])
    return machine


def put_jobs(machine, queued=(), finished=()):
    """Let HTCondor know these jobs."""
    for program, owner, jobs, words in (
        ("condor_q", "otter", queued, "5 2"), ("condor_history", "mink", finished, "12 4"),
    ):  # fmt: skip
        lines = "".join(f"{owner} {one} {words} \\n" for one in jobs)
        put(machine.programs, program, f"printf '{lines}'")


def waiting(machine):
    """Return {kind: how many wait}, as `outbox` shows it."""
    found = json.loads(machine.send("outbox", "--format", "json").stdout)
    return {one["kind"]: one["documents"] for one in found}


def kinds(server):
    """Return the kinds of what came, in order."""
    return [one["kind"] for one in server.taken]


@contextlib.contextmanager
def full_disk(machine, event, table):
    """Let nothing of a kind be written to a table of the outbox in the block."""
    with contextlib.closing(sqlite3.connect(machine.state / "outbox.db")) as database:
        database.execute(f"CREATE TRIGGER is_full BEFORE {event} ON {table}"
                         " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END")  # fmt: skip
        yield
        database.execute("DROP TRIGGER is_full")


# An endpoint that asks for time --------------------------------------------


def test_an_endpoint_that_asks_to_be_left_alone_is_and_what_is_collected_waits(pool):
    pool.server.answers = [ASKS_FOR_TIME]
    assert pool.send("-s").returncode == 75
    done = pool.send("-sb")
    assert done.returncode == 75 and len(pool.server.posts) == 1
    said = r"asked to be left alone until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: documents wait"
    assert re.search(said, done.stderr)
    assert waiting(pool) == {"ssh": 2, "condorjob": 1}


def test_another_endpoint_did_not_ask_for_it(pool, tmp_path):
    """Nor does what it answers end the wait of the first one."""
    (tmp_path / "other").mkdir()
    other = Server(tmp_path / "other").start()
    try:
        pool.server.answers = [ASKS_FOR_TIME]
        assert pool.send("-s").returncode == 75
        words = ("-s", "--url", other.url, "--ca-file", other.ca_file)
        done = pool.send(*words)
        assert (done.returncode, done.stderr) == (0, "") and kinds(other) == ["ssh", "ssh"]
        done = pool.send("-s")
        assert done.returncode == 75 and f":{pool.server.port} asked to be" in done.stderr
        assert len(pool.server.posts) == 1
        other.answers = [ASKS_FOR_TIME]
        assert pool.send(*words).returncode == 75  # now both have
        assert pool.send("-s").returncode == pool.send(*words).returncode == 75
        assert len(pool.server.posts) == 1
    finally:
        other.stop()


def test_flush_asks_it_all_the_same(pool):
    pool.server.answers = [ASKS_FOR_TIME]
    pool.send("-sb")
    assert pool.send("outbox", "flush").returncode == 0
    assert kinds(pool.server) == ["ssh", "condorjob"] and waiting(pool) == {}


def test_a_time_that_is_past_or_that_no_endpoint_can_have_asked_for_is_none():
    state = {delivery.ENDPOINT_WAITS: {"https://a": 10_000.0}}
    for now in (9_999.0, 6_400.0):
        assert waits_until(state, "https://a", now) == 10_000.0
        assert waits_until(state, "https://b", now) == 0.0
    for now in (10_000.0, 6_399.0):
        assert waits_until(state, "https://a", now) == 0.0
    for state in ({}, {delivery.ENDPOINT_WAITS: 10_000.0}):  # the latter of an older release
        assert waits_until(state, "https://a", 9_999.0) == 0.0


@pytest.mark.parametrize("ahead_seconds", [-1, 3700])
def test_a_run_heeds_no_such_time(pool, ahead_seconds):
    pool.server.answers = [ASKS_FOR_TIME]
    pool.send("-s")
    with contextlib.closing(sqlite3.connect(pool.state / "outbox.db")) as database, database:
        (raw,) = database.execute(
            "SELECT value FROM afmetrics_state WHERE name = ?", (delivery.ENDPOINT_WAITS,)
        ).fetchone()
        (shown,) = json.loads(raw)
        value = json.dumps({shown: time.time() + ahead_seconds}).encode()
        sql = "UPDATE afmetrics_state SET value = ? WHERE name = ?"
        assert database.execute(sql, (value, delivery.ENDPOINT_WAITS)).rowcount == 1
    assert pool.send("-s").returncode == 0 and kinds(pool.server) == ["ssh"] * 2


# What is wrong with a file is found when it is needed ----------------------


def test_what_cannot_be_sent_for_a_wrong_file_waits_until_the_file_is_right(pool):
    for name, text in (("empty", "\n"), ("no.pem", "nothing"), ("good", "of-a-file\n")):
        (pool.work / name).write_text(text)
        (pool.work / name).chmod(0o600)
    for number, (option, name, status) in enumerate(
        (
            ("--token-file", "none", 66), ("--token-file", "empty", 78), ("--token-file", ".", 66),
            ("--ca-file", "none", 78), ("--ca-file", "no.pem", 78),
        ),
        start=1,
    ):  # fmt: skip
        done = pool.send("-s", option, name)
        assert (done.returncode, done.stderr.count("\n")) == (status, 1) and name in done.stderr
        if number in (1, 5):
            assert waiting(pool) == {"ssh": number}
    assert pool.server.connections == 0
    assert pool.send("-s", "--token-file", "good").returncode == 0
    assert [one["token"] for one in pool.server.taken] == ["of-a-file"] * 6
    assert ["collected_at" in one for one in pool.server.taken] == [True] * 5 + [False]


def test_a_token_that_this_account_may_not_read_keeps_nothing_from_being_collected(pool, nobody):
    (pool.work / "token").write_text(TOKEN)
    (pool.work / "token").chmod(0o600)
    pool.state.mkdir()
    os.chown(pool.state, pwd.getpwnam("nobody").pw_uid, -1)
    done = run_command("afmetrics_collector", *pool.arguments(), "--host", "--mount", "/",
                       "--token-file", pool.work / "token", cwd="/", **nobody)  # fmt: skip
    assert done.returncode == 77 and "token: Permission denied" in done.stderr
    with contextlib.closing(sqlite3.connect(pool.state / "outbox.db")) as database:
        found = database.execute("SELECT kind FROM afmetrics_document ORDER BY number").fetchall()
    assert [kind for (kind,) in found] == HOST_KINDS and pool.server.connections == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("-t", ""), "no token"),
        (("-u", "ftp://af.example.org/"), "--url"),
        (("-u", "https://af.example.org:99999/"), "--url"),
        (("-u", "http://af.example.org/"), "--insecure-http"),
    ],
)
def test_what_never_can_be_sent_is_not_collected(pool, arguments, words):
    put(pool.programs, "condor_q", "touch collected")
    done = pool.send("-sb", *arguments)
    assert done.returncode == 2 and words in done.stderr
    assert not (pool.work / "collected").exists() and not pool.state.exists()


@pytest.mark.parametrize("salt", ["none", "empty"])
def test_without_its_salt_no_name_of_a_user_is_sent_and_the_host_is(pool, salt):
    (pool.work / "empty").touch(mode=0o600)
    put_jobs(pool, ["1.0"], ["9.0"])
    pool.server.answers = [200, 401]
    for status in (77, 3):  # some of the first run's waits, and all is seen below
        done = pool.send("-sSbj", "--host", "--mount", "/", "-o", "--salt-file", salt, "-vv")
        assert done.returncode == status
        stored = b"".join(path.read_bytes() for path in pool.state.iterdir())
        text = json.dumps(pool.server.posts) + done.stdout + done.stderr + repr(stored)
        assert not any(name in text for name in USERS)
    said = [line for line in done.stderr.splitlines() if "there is no salt" in line]
    assert [re.findall(r"(?<= )\w+(?=: there is no salt)", line) for line in said] == [
        ["ssh"], ["batch"], ["jupyter"],
    ]  # fmt: skip
    assert all(salt in line for line in said)
    assert kinds(pool.server) == [*HOST_KINDS, *HOST_KINDS[:2], "NETWORK", "DISK"]


def test_a_salt_that_nobody_needs_is_not_read(pool):
    done = pool.send("-s", "--salt-file", "none")
    assert (done.returncode, done.stderr) == (0, "")


# A disk that is full -------------------------------------------------------


@pytest.mark.parametrize("table", ["afmetrics_document", "usage_run"])
def test_bytes_of_the_network_are_told_once_though_no_run_can_be_noted(pool, table):
    words = ("--host", "--mount", "/")
    begin = time.monotonic()
    assert pool.send(*words).returncode == 0
    first_ended = time.monotonic()
    with full_disk(pool, "INSERT", table):
        for _run in range(3):
            assert pool.send(*words).returncode == 3
    assert kinds(pool.server) == HOST_KINDS * 4
    fifth_began = time.monotonic()
    for _run in range(2):
        assert pool.send(*words).returncode == 0
    told = [one["network"]["interval"] for one in pool.server.taken if one["kind"] == "NETWORK"]
    assert len(told) == 2 and told[0] > fifth_began - first_ended - 0.01
    assert sum(told) < time.monotonic() - begin


def test_a_run_that_cannot_be_noted_sends_what_it_collects_and_nothing_else(pool):
    put_jobs(pool, ["1.0"], ["9.1"])
    pool.server.answers = [401]
    assert pool.send("-b", "--host", "--mount", "/").returncode == 77
    put_jobs(pool, ["2.0"], ["9.1", "9.2"])
    with full_disk(pool, "INSERT", "usage_run"):
        done = pool.send("-b", "--host", "--mount", "/")
    assert done.returncode == 3 and "what waits is not sent" in done.stderr
    assert "finished jobs are left to a run that can note them" in done.stderr
    assert kinds(pool.server) == [*HOST_KINDS, "condorjob"]  # NETWORK would be told twice
    assert pool.server.taken[-1]["Id"] == "2.0"
    assert not any("collected_at" in one for one in pool.server.taken)
    put_jobs(pool, [], ["9.1", "9.2"])
    for _run in range(2):
        assert pool.send("-b").returncode == 0
    assert kinds(pool.server)[4:] == [*HOST_KINDS, *["condorjob"] * 3]
    assert [one["Id"] for one in pool.server.taken[7:]] == ["1.0", "9.1", "9.2"]


def test_beside_an_outbox_that_cannot_be_opened_finished_jobs_wait_for_it(pool):
    put_jobs(pool, [], ["9.0"])
    assert pool.send("-b").returncode == 0
    put_jobs(pool, ["1.0"], ["9.0", "9.1"])
    pool.state.chmod(0o777)  # it is refused, as a full disk does
    for _run in range(2):
        # Its lock is one of the whole machine then, and of other tests.
        done = pool.send("-b", "--wait", "600")
        assert done.returncode == 3 and "finished jobs are left" in done.stderr
    pool.state.chmod(0o700)
    put_jobs(pool, [], ["9.0", "9.1"])
    assert pool.send("-b").returncode == 0
    assert [one["Id"] for one in pool.server.taken] == ["9.0", "1.0", "1.0", "9.1"]


def test_while_nothing_can_be_removed_each_run_repeats_one_document_at_most(pool):
    put_jobs(pool, ["1.0", "2.0", "3.0"])
    pool.server.answers = [401]
    assert pool.send("-b").returncode == 77
    with full_disk(pool, "DELETE", "afmetrics_document"):
        for _run in range(2):
            done = pool.send("-s")
            assert done.returncode == 74 and "disk is full" in done.stderr
    assert len(pool.server.taken) == 2 and waiting(pool) == {"condorjob": 3, "ssh": 2}
    assert pool.send("-s").returncode == 0
    taken = pool.server.taken
    assert [one.get("Id") for one in taken] == ["1.0"] * 3 + ["2.0", "3.0"] + [None] * 3
    assert len({one["document_id"] for one in taken[:3]}) == 1 and waiting(pool) == {}


def test_while_nothing_can_be_counted_all_waits_and_comes_once(pool):
    pool.send("-s")
    put_jobs(pool, ["1.0", "2.0", "3.0"])
    pool.server.answers = [200, ASKS_FOR_TIME]
    with full_disk(pool, "UPDATE", "afmetrics_document"):
        assert pool.send("-sb").returncode == 75
        assert waiting(pool) == {"condorjob": 3}
        assert pool.send("outbox", "flush").returncode == 0
    assert [one.get("Id") for one in pool.server.taken] == [None, None, "1.0", "2.0", "3.0"]


def test_after_a_flush_the_endpoint_is_asked_again_at_once(pool):
    pool.server.answers = [ASKS_FOR_TIME]
    assert pool.send("-s").returncode == 75
    assert pool.send("outbox", "flush").returncode == 0
    assert pool.send("-s").returncode == 0
    assert kinds(pool.server) == ["ssh", "ssh"]
