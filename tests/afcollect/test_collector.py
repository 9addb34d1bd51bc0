"""The command: documents key by key, exit codes, and where the secrets do not stand."""

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys

import pytest

from tests import services
from tests.afcollect.conftest import TOKEN
from tests.afcollect.stand_ins import put
from tests.conftest import CHECKOUT, heed_signals, run_command

HOST_KINDS = ["CPU", "MEM", "DISK"]
WHO = "printf 'otter pts/0 2026-01-01 10:00 (host)\\nstoat tty1\\notter x\\n'"
QUEUED = "otter 174100.63 177 2 \nstoat 174101.0 1 \n"
TOTALS = '[{"Idle": 2, "Running": 1, "Held": 0}]'
RUNNING = '[{"CpusProvisioned": 8, "MemoryProvisioned": 2048}]'
# The keys of each kind, besides kind and cluster, and the types of their values.
GOLDEN = {
    "ssh": {"login_node": str, "ssh_user_count": int, "users": list},
    "CPU": {"login_node": str, "load": float},
    "MEM": {"login_node": str, "total": int, "available": int},
    "NETWORK": {"login_node": str, "network": dict},
    "DISK": {
        "login_node": str, "mount": str, "total": int, "used": int, "free": int,
        "utilization": float,
    },
    "condorjob": {"users": str, "Id": str, "Runtime": int, "state": str},
    "condorqueue": {
        "queue": str, "idle": int, "running": int, "held": int, "allocated_cores": int,
        "allocated_mem": int,
    },
}  # fmt: skip


@pytest.fixture
def pool(machine):
    """A Machine with users, whose psutil knows nobody, and with HTCondor."""
    machine.more = ("--batch-system", "condor")  # Slurm may be there too
    put(machine.programs, "who", WHO)
    put(machine.programs, "condor_history", "echo 'mink 9.1 12 4 '")
    put(
        machine.programs, "condor_q",
        f"case \"$*\" in *-totals*) echo '{TOTALS}';; *-run*) echo '{RUNNING}';;"
        f" *) printf '{QUEUED}';; esac",
    )  # fmt: skip
    return machine


def lines(text):
    """Return the documents of a text with one JSON document a line."""
    return [json.loads(line) for line in text.splitlines()]


def assert_golden(document):
    """Make sure that a document has the keys of its kind, each of its type, and no others."""
    keys = {"kind": str, "cluster": str, **GOLDEN[document["kind"]]}
    extra = {"token", "device"} if document["kind"] == "DISK" else {"token"}
    assert set(document) - extra == set(keys)
    for name, kind in keys.items():
        assert type(document[name]) is kind, name
    if document["kind"] == "NETWORK":
        assert set(document["network"]) == {"interval", "sent", "received"}


def test_every_kind_has_exactly_its_documented_keys(pool):
    for _run in range(2):
        done = pool.send("-sb", "--host", "--mount", "/", "-q", "short:MaxTime < 60")
        assert (done.stderr, done.returncode) == ("", 0)
    taken = pool.server.taken
    assert {one["kind"] for one in taken} == set(GOLDEN)
    for one in taken:
        assert_golden(one)
        assert (one["token"], one["cluster"]) == (TOKEN, "MY-AF")


def test_the_documents_say_what_the_programs_said(pool):
    pool.send("-sb", "-q", "short:MaxTime < 60")
    of_kind = {}
    for one in pool.server.taken:
        of_kind.setdefault(one["kind"], []).append({**one, "login_node": ""})
    base = {"token": TOKEN, "cluster": "MY-AF", "login_node": ""}
    if of_kind["ssh"][0]["users"] == ["otter", "stoat"]:  # psutil knows nobody on this machine
        assert of_kind["ssh"][0]["ssh_user_count"] == 2
    job = {**base, "kind": "condorjob"}
    assert of_kind["condorjob"] == [
        {**job, "users": "otter", "Id": "174100.63", "Runtime": 177, "state": "running"},
        {**job, "users": "stoat", "Id": "174101.0", "Runtime": 0, "state": "idle"},
        {**job, "users": "mink", "Id": "9.1", "Runtime": 12, "state": "finished"},
    ]
    queue = {"queue": "short", "idle": 2, "running": 1, "held": 0, "allocated_cores": 8}
    assert of_kind["condorqueue"] == [
        {**base, "kind": "condorqueue", **queue, "allocated_mem": 2048}
    ]


def test_a_finished_job_is_sent_once_over_many_runs(pool):
    for _run in range(3):
        assert pool.send("-b").returncode == 0
    assert sum(one["state"] == "finished" for one in pool.server.taken) == 1


def test_options_cluster_as_documented(pool):
    done = pool.run("-sbvv", "--print", "--mount", "/", "--host", "-c", "X")
    assert done.returncode == 0
    kinds = [one["kind"] for one in lines(done.stdout)]
    assert kinds[:4] == ["ssh", *HOST_KINDS] and kinds.count("condorjob") == 3


def test_users_and_hosts_are_obfuscated_as_documented(pool):
    pool.send("-sb", "-o", "-z", "5tKC%>f&%#hg", "-O", "lab.example", "--host", "--mount", "/")
    shown = {hashlib.md5(f"5tKC%>f&%#hg{name}".encode()).hexdigest()[-8:]: name
             for name in ("otter", "stoat", "mink")}  # fmt: skip
    jobs = [one["users"] for one in pool.server.taken if one["kind"] == "condorjob"]
    assert [shown[name] for name in jobs] == ["otter", "stoat", "mink"]
    nodes = {one["login_node"] for one in pool.server.taken if "login_node" in one}
    assert len(nodes) == 1 and re.fullmatch(r"atlas\d*\.lab\.example", nodes.pop())
    text = json.dumps(pool.server.posts)
    assert not any(name in text for name in ("otter", "stoat", "mink"))


def test_what_waits_is_obfuscated_already_and_holds_no_secret(pool):
    pool.server.stop()
    done = pool.send("-sb", "-o", "-vv", env={"AFMETRICS_SALT": "pepper"})
    assert done.returncode == 75 and "Connection refused" in done.stderr
    stored = b"".join(path.read_bytes() for path in pool.state.glob("outbox.db*"))
    for secret in (TOKEN, "pepper", "otter"):
        assert secret.encode() not in stored and secret not in done.stdout + done.stderr
    assert b"condorjob" in stored


def test_the_token_stands_nowhere_it_should_not(pool):
    for arguments in (("-vv", "-sb"), ("-d", "-vv", "-sb"), ("--print", "-sb"), ("-s", "-j")):
        pool.server.answers = [401]
        done = pool.send(*arguments)
        assert TOKEN not in done.stdout + done.stderr
    for path in (*pool.work.iterdir(), *pool.state.iterdir()):
        assert TOKEN.encode() not in path.read_bytes()


def test_no_program_gets_the_secrets(pool):
    put(pool.programs, "condor_q", f"env > {pool.work}/environment; env | grep -c AFMETRICS; true")
    pool.send("-b", env={"AFMETRICS_SALT": "pepper"})
    assert "AFMETRICS" not in (pool.work / "environment").read_text()


def test_secrets_come_from_files_and_from_the_environment(pool):
    (pool.work / "token").write_text("from-a-file \nsecond line\n")
    (pool.work / "token").chmod(0o600)
    done = pool.run(*pool.arguments(), "-s", "--token-file", "token")
    assert (done.returncode, done.stderr) == (0, "")
    pool.send("-s")
    pool.run(*pool.arguments(), "-s", "-t", "from-an-option", env={"AFMETRICS_TOKEN": "x"})
    tokens = [one["token"] for one in pool.server.taken]
    assert tokens == ["from-a-file", TOKEN, "from-an-option"]


def test_a_file_of_secrets_that_others_may_read_is_warned_about(pool):
    (pool.work / "salt").write_text("pepper\n")
    (pool.work / "salt").chmod(0o644)
    done = pool.run("--print", "-s", "-o", "--salt-file", "salt")
    assert done.returncode == 0 and "chmod 0600" in done.stderr


def test_hashes_without_a_salt_are_warned_about(pool):
    done = pool.run("--print", "-s", "-o")
    assert done.returncode == 0 and "without a salt" in done.stderr


def test_debug_writes_one_document_a_line_and_sends_nothing(pool):
    done = pool.send("-d", "-sb", "--host", "--mount", "/")
    assert (done.returncode, done.stdout) == (0, "")
    assert pool.server.posts == [] and not pool.state.exists()
    assert {path.name for path in pool.work.iterdir()} == {"ssh.json", "host.json", "condor.json"}
    found = [one for path in pool.work.iterdir() for one in lines(path.read_text())]
    for one in found:
        assert_golden(one)
    assert {one["kind"] for one in found} == {"ssh", *HOST_KINDS, "condorjob"}


def test_debug_needs_no_token_and_takes_no_finished_job_from_the_next_run(pool):
    pool.send("-b")
    put(pool.programs, "condor_history", "echo 'mink 9.1 12 4 '; echo 'mink 9.2 12 4 '")
    for _run in range(2):
        done = pool.run("-d", "-b", "--state-dir", pool.state)
        assert done.returncode == 0
        found = lines((pool.work / "condor.json").read_text())
        assert [one["Id"] for one in found if one["state"] == "finished"] == ["9.2"]
    pool.server.taken.clear()
    pool.send("-b")
    assert [one["Id"] for one in pool.server.taken if one["state"] == "finished"] == ["9.2"]


def test_print_gives_json_and_nothing_else_on_stdout(pool):
    done = pool.run("-vv", "--print", "-sb")
    assert len(lines(done.stdout)) == 4 and "running condor_q" in done.stderr


def test_a_part_that_fails_keeps_no_other_from_being_sent(machine):
    put(machine.programs, "condor_q", "echo 'cannot reach the scheduler' >&2; exit 1")
    put(machine.programs, "condor_history", "echo garbage")
    machine.more = ("--batch-system", "condor")
    done = machine.send("-sbj", "--host", "--mount", "/none", "--mount", "/")
    assert done.returncode == 3 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 4 and done.stderr.count("Warning: ") == 4
    for word in ("DISK: /none: there is no such directory", "cannot reach the scheduler",
                 "printed what is no job", "jupyter: no Kubernetes configuration"):  # fmt: skip
        assert word in done.stderr
    assert [one["kind"] for one in machine.server.taken] == ["ssh", *HOST_KINDS]


def test_no_batch_system_is_a_failure_of_that_part(machine):
    done = machine.send("-sb", env={"PATH": str(machine.programs)})
    assert done.returncode == 3 and "neither condor_q nor squeue" in done.stderr


def test_an_unknown_group_names_no_user_and_sends_the_host(pool):
    done = pool.send("-sb", "--host", "--mount", "/", "-g", "no-such-group")
    assert done.returncode == 3 and done.stderr.count("there is no group no-such-group") == 2
    assert [one["kind"] for one in pool.server.taken] == HOST_KINDS


def test_only_members_of_the_group_are_sent(pool):
    put(pool.programs, "condor_q", "printf 'root 1.0 5 2 \\notter 2.0 5 2 \\n'")
    pool.send("-b", "-g", "root")
    assert [one["users"] for one in pool.server.taken] == ["root"]


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        ((), 2, "nothing to collect"),
        (("-s",), 2, "no token"),
        (("-s", "-t", "x", "-u", "http://127.0.0.1/"), 2, "--insecure-http"),
        (("-b", "-q", "short"), 2, "NAME:CONSTRAINT"),
        (("outbox", "empty"), 2, "only outbox"),
        (("-s", "-q", "short:true"), 2, "needs -b"),
        (("-s", "-c", ""), 2, "needs a name"),
        (("-s", "--host-template", "login{digit}"), 2, "{digits}, {host}"),
        (("-s", "--token-file", "none"), 66, "cannot read none"),
        (("-s", "-t", "x", "--ca-file", "none"), 78, "--ca-file"),
        (("-s", "--outbox-max", "0"), 2, "outbox-max"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(machine, arguments, status, words):
    done = machine.run(*arguments, "--state-dir", machine.state)
    assert (done.returncode, done.stdout) == (status, "") and words in done.stderr


def test_without_a_writable_place_it_sends_directly_and_says_so(machine):
    (machine.directory / "state").write_text("a file")
    # Without a place for it the lock is one of the whole machine, and of other tests.
    done = machine.send("-s", "--wait", "600")
    assert done.returncode == 3 and "what is not sent now is lost" in done.stderr
    assert [one["kind"] for one in machine.server.taken] == ["ssh"]
    machine.server.stop()
    done = machine.send("-s", "--wait", "600")
    assert done.returncode == 75 and "1 documents are lost" in done.stderr


def test_the_endpoint_is_away_for_many_runs_and_all_arrives_in_order_once(pool):
    pool.server.stop()
    for number in range(6):
        put(pool.programs, "condor_history", f"echo 'mink {number}.0 12 4 '")
        assert pool.send("-sb").returncode == 75
    pool.server.start()
    put(pool.programs, "condor_history", "true")
    assert pool.send("-sb").returncode == 0
    finished = [one["Id"] for one in pool.server.taken if one.get("state") == "finished"]
    assert finished == [f"{number}.0" for number in range(6)]
    assert [one["kind"] for one in pool.server.taken] == (
        ["ssh", "condorjob", "condorjob", "condorjob"] * 6 + ["ssh", "condorjob", "condorjob"]
    )
    late = [one for one in pool.server.taken if "collected_at" in one]
    assert len(late) == 24 == len({one["document_id"] for one in late})
    assert [one["collected_at"] for one in late] == sorted(one["collected_at"] for one in late)
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["collected_at"]) for one in late
    )


def test_a_full_outbox_drops_the_oldest_and_says_how_many(pool):
    pool.server.stop()
    assert pool.send("-sb", "--outbox-max", "6").returncode == 75
    done = pool.send("-sb", "--outbox-max", "6")
    assert "the 1 oldest documents were dropped" in done.stderr
    pool.server.start()
    pool.send("outbox", "flush")
    assert [one["kind"] for one in pool.server.taken] == ["condorjob"] * 3 + [
        "ssh",
        *["condorjob"] * 2,
    ]


def test_the_documents_of_a_run_are_sent_directly_when_the_disk_is_full(pool):
    pool.send("-s")
    database = sqlite3.connect(pool.state / "outbox.db")
    database.execute("CREATE TRIGGER full BEFORE INSERT ON afmetrics_document"
                     " BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END")  # fmt: skip
    database.close()
    done = pool.send("-s")
    assert done.returncode == 3 and "not in the outbox" in done.stderr
    assert [one["kind"] for one in pool.server.taken] == ["ssh", "ssh"]


def test_an_outbox_of_another_account_is_neither_shown_nor_in_the_way(pool, nobody):
    pool.send("-s")
    for arguments in (("outbox",), ("outbox", "flush")):
        done = run_command("afmetrics_collector", *arguments, "--state-dir", pool.state,
                           cwd="/", env={"AFMETRICS_TOKEN": "x"}, **nobody)  # fmt: skip
        assert (done.returncode, done.stdout) == (77, "") and "Error: " in done.stderr
    done = run_command("afmetrics_collector", "--print", "-s", "--state-dir", pool.state,
                       cwd="/", **nobody)  # fmt: skip
    assert done.returncode == 0 and lines(done.stdout)[0]["kind"] == "ssh"


def test_what_can_be_sent_is_not_dropped_though_it_is_more_than_may_wait(pool):
    done = pool.send("-sb", "--outbox-max", "1")
    assert (done.returncode, done.stderr) == (0, "") and len(pool.server.taken) == 4


def test_a_job_that_was_queued_again_ends_twice(pool):
    put(pool.programs, "condor_q", "true")
    for seconds in (3, 3, 12, 12):
        put(pool.programs, "condor_history", f"echo 'mink 9.1 {seconds} 4 '")
        assert pool.send("-b").returncode == 0
    assert [one["Runtime"] for one in pool.server.taken] == [3, 12]


def test_a_part_of_the_outbox_that_is_damaged_costs_no_run(pool):
    pool.server.stop()
    pool.send("-sb")
    path = pool.state / "outbox.db"
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"damaged " * 512)
    pool.server.start()
    done = pool.send("-s")
    assert "the outbox is damaged, and kept as" in done.stderr and "Traceback" not in done.stderr
    assert [one["kind"] for one in pool.server.taken] == ["ssh"]
    assert pool.send("-s").returncode == 0


def test_the_outbox_can_be_seen_sent_and_emptied(pool):
    done = pool.send("outbox")
    assert done.stdout.startswith("Kind") and str(pool.state) in done.stderr
    assert not pool.state.exists()
    pool.server.stop()
    pool.send("-sb")
    found = json.loads(pool.send("outbox", "--format", "json").stdout)
    assert {one["kind"]: one["documents"] for one in found} == {"condorjob": 3, "ssh": 1}
    pool.server.start()
    pool.server.answers = [200, 400]
    assert pool.send("outbox", "flush").returncode == 3
    assert "400 Bad Request" in pool.send("outbox").stdout
    assert pool.send("outbox", "flush", "--again").returncode == 0
    assert len(pool.server.taken) == 4
    pool.server.stop()
    pool.send("-s")
    done = pool.send("outbox", "drop")
    assert done.returncode == 2 and "--yes" in done.stderr
    assert pool.send("outbox", "drop", "--yes").stderr == "1 documents dropped\n"
    assert json.loads(pool.send("outbox", "--format", "json").stdout) == []


def start(machine, *arguments, **environment):
    """Start the command as a process."""
    command = [
        sys.executable,
        CHECKOUT / "bin" / "afmetrics_collector",
        *machine.arguments(),
        *machine.more,
    ]
    return subprocess.Popen(
        [*map(str, command), *arguments],
        env={**os.environ, "PATH": f"{machine.programs}:/usr/bin:/bin", "AFMETRICS_TOKEN": TOKEN,
             **environment},
        cwd=machine.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_signals,
    )  # fmt: skip


def test_a_run_never_overlaps_another(pool):
    put(
        pool.programs,
        "condor_q",
        "touch started; while [ -f started ] && [ ! -f go ]; do sleep 0.05; done",
    )
    first = start(pool, "-b")
    services.wait_until(lambda: (pool.work / "started").exists(), "the first run")
    second = pool.send("-s")
    assert second.returncode == 75 and "another afmetrics_collector is running" in second.stderr
    (pool.work / "go").touch()
    assert first.wait() == 0 and first.communicate()


def test_a_killed_run_loses_nothing_and_repeats_one_document_at_most(pool):
    jobs = "".join(f"otter {number}.0 1 2 \\n" for number in range(200))
    put(pool.programs, "condor_q", f"printf '{jobs}'")
    put(pool.programs, "condor_history", "true")
    wanted = [f"{number}.0" for number in range(200)]
    for kill_after in (1, 37, 120, 199):
        pool.server.taken.clear()
        pool.server.posts.clear()
        run = start(pool, "-b")
        services.wait_until(lambda after=kill_after: len(pool.server.posts) >= after, "posts")
        run.kill()
        run.communicate()
        put(pool.programs, "condor_q", "true")
        assert pool.send("-b").returncode == 0
        put(pool.programs, "condor_q", f"printf '{jobs}'")
        taken = [one["Id"] for one in pool.server.taken]
        assert list(dict.fromkeys(taken)) == wanted and len(taken) <= len(wanted) + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_run_and_what_was_not_sent_waits(pool, number):
    later = (503, {"Retry-After": "29"})  # it waits so long before it gives up by itself
    pool.server.always = lambda taken: later if taken[0]["kind"] == "condorjob" else 200
    run = start(pool, "-sb")
    services.wait_until(lambda: len(pool.server.posts) >= 2, "posts")
    run.send_signal(number)
    _out, said = run.communicate()
    assert run.returncode == 128 + number and "Traceback" not in said
    pool.server.always = None
    pool.send("outbox", "flush")
    assert [one["kind"] for one in pool.server.taken] == ["ssh"] + ["condorjob"] * 3


def test_every_run_leaves_a_row_for_usage_status(pool):
    pool.send("-s")
    pool.server.stop()
    pool.send("-sb")
    with sqlite3.connect(pool.state / "outbox.db") as database:
        rows = database.execute("SELECT exit_code, stored, waiting FROM usage_run").fetchall()
    assert rows == [(0, 1, 0), (75, 4, 4)]
