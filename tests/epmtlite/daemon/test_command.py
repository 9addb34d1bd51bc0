"""epmt daemon as a process: it starts once, tells what it does, and ends when it is asked."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.epmtlite.daemon.runs import DaemonSite, heed_all_signals
from tests.services import wait_until

HINT = "EPMT daemon not running, start with: epmt daemon -s\n"
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT, signal.SIGINT, signal.SIGUSR1)
SERVERS = pytest.mark.parametrize("site", ["mysql", "postgresql"], indirect=True)


@pytest.fixture
def place(sqlite_site, tmp_path):
    """A DaemonSite on SQLite; a daemon that it started in the background is ended."""
    found = DaemonSite(sqlite_site.create(), tmp_path)
    yield found
    if found.is_ready():
        found.epmt("-S")


def pid_of(place):
    """Return the PID that the status tells."""
    first = place.epmt().stdout.splitlines()[0]
    assert first.startswith("EPMT daemon running PID ")
    return int(first.split()[-1])


def test_without_a_daemon_status_and_stop_say_so(place):
    assert place.epmt(status=255).stdout == HINT
    done = place.epmt("-S", status=255)
    assert (done.stdout, done.stderr) == ("", "Error: EPMT daemon not running\n")
    assert not place.state.exists()


def test_it_starts_once_and_stops(place):
    done = place.epmt("-s", "--ingest", "--interval", "60")
    assert (done.stdout, done.stderr) == ("", "")
    pid = pid_of(place)
    for option in ("-s", "-D"):
        done = place.epmt(option, status=75)
        assert done.stderr.startswith(
            f"Error: a daemon of this account and database runs already: PID {pid} on "
        )
    status = place.epmt().stdout
    assert f"work      ingest {place.inbox}\n" in status
    assert f"database  {place.site.config.database}\n" in status
    assert place.epmt("--stop").stdout == ""
    assert place.epmt(status=255).stdout == HINT
    place.epmt("-s")
    assert "work      analyze\n" in place.epmt().stdout


def test_of_many_that_start_at_once_one_runs(place):
    place.put(1)
    processes = [place.popen("-i", "--interval", "0.2") for _number in range(5)]
    try:
        wait_until(place.jobs, "the job")
        wait_until(lambda: sum(one.poll() is None for one in processes) == 1, "the others to end")
        assert sorted(one.poll() or 0 for one in processes) == [0, 75, 75, 75, 75]
        place.epmt("-S")
    finally:
        for one in processes:
            one.kill()
            one.wait()
    assert place.messages().count("runs already: PID") == 4


def test_paths_are_those_of_where_it_was_started(place, tmp_path):
    place.write_settings(ingest_failed_dir="failed", logfile="log")
    place.environment["EPMT_DB_URL"] = "sqlite:///usage.db"
    place.put(1)
    place.put_bad("bad.tgz")
    words = [sys.executable, CHECKOUT / "bin" / "epmt", "daemon"]
    options = {"cwd": tmp_path, "env": place.environment, "check": True}
    subprocess.run([*words, "-s", "-i", "inbox", "--interval", "0.2"], **options)
    wait_until(lambda: not place.names(), "the archives")
    subprocess.run([*words, "-S"], **options)
    place.write_settings()  # what is asked now comes from another directory
    assert place.jobs() == ["1"] and "bad.tgz" in place.failed_names()
    assert "bad.tgz" in (tmp_path / "log").read_text()


def test_in_the_background_it_has_no_terminal_and_holds_nothing_of_its_caller(place):
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    place.epmt("-s", close_fds=False)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b""  # at once: nobody has the other end
    pid = pid_of(place)
    assert os.getsid(pid) not in (os.getsid(0), pid)
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    streams = {Path(f"/proc/{pid}/fd/{number}").readlink() for number in range(3)}
    assert streams == {Path(os.devnull)}


def test_its_lock_is_private_and_a_killed_daemon_does_not_hold_it(place):
    place.epmt("-s")
    (lock,) = (place.state / "hpcusage").iterdir()
    assert lock.stat().st_mode & 0o777 == 0o600
    assert lock.parent.stat().st_mode & 0o777 == 0o700
    os.kill(pid_of(place), signal.SIGKILL)
    wait_until(lambda: not place.is_ready(), "the kill")
    assert place.epmt(status=255).stdout == HINT
    place.epmt("-S", status=255)
    place.epmt("-s")
    place.epmt("-S")


def test_a_lock_where_others_can_write_is_refused(place):
    directory = place.state / "hpcusage"
    directory.mkdir(parents=True)
    directory.chmod(0o777)
    for words in ((), ("-s",), ("-D",), ("-S",)):
        assert "others can write into it" in place.epmt(*words, status=77).stderr


def test_each_database_has_a_daemon_of_its_own(place, tmp_path):
    place.epmt("-s")
    other = {**place.environment, "EPMT_DB_URL": f"sqlite:///{tmp_path}/other.db"}
    command = [sys.executable, CHECKOUT / "bin" / "epmt", "daemon"]
    done = subprocess.run(command, env=other, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (255, HINT)


def test_it_logs_to_the_file_of_the_settings(place, tmp_path):
    log = tmp_path / "log"
    place.write_settings(logfile=log)
    place.put(1)
    place.put_bad("bad.tgz")
    place.epmt("-s", "-v", "-i", "--interval", "0.2")
    wait_until(lambda: not place.names(), "the archives")
    place.epmt("-S")
    text = log.read_text()
    assert "Imported successfully - job: 1 processes: 5" in text
    assert f"{place.inbox}/bad.tgz is damaged" in text
    assert "ends, asked by signal 10" in text


def test_it_is_silent_unless_something_is_wrong(place):
    with place.foreground("-i", "--interval", "0.2") as process:
        place.put(1)
        wait_until(place.jobs, "the job")
        process.terminate()
        assert process.wait() == 0
    assert place.messages() == ""


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["-s", "--no-analyze"], 2, "--no-analyze goes with --post-process"),
        (["-D", "-k"], 2, "-k, -m and -r go with --ingest"),
        (["--ingest"], 2, "say -s or -D with what the daemon is to do"),
        (["-S", "--retire"], 2, "say -s or -D"),
        (["-s", "-S"], 2, "not allowed with"),
        (["-s", "--interval", "0"], 2, "invalid interval value"),
        (["-s", "-i", "nowhere"], 66, "nowhere is no directory"),
        (["-D", "-i", "epmt.ini"], 66, "epmt.ini is no directory"),
        (["-s", "-i", "failed"], 78, "ingest_failed_dir is what is ingested"),
        (["-s", "-i", "--cluster", "a/b"], 2, "cannot be the name of a cluster"),
        (["-s", "word"], 2, "unrecognized arguments"),
    ],
)
def test_what_cannot_be_is_refused_as_it_starts(place, tmp_path, words, status, text):
    assert text in place.epmt(*words, status=status, cwd=tmp_path).stderr
    place.epmt(status=255)


def test_nothing_to_retire_is_refused(place):
    place.write_settings(retire_jobs_ndays=0, retire_models_ndays=0)
    assert "retire_models_ndays are 0" in place.epmt("-s", "--retire", status=2).stderr


@SERVERS
def test_a_database_without_tables_is_told_as_it_starts(site, tmp_path):
    place = DaemonSite(site, tmp_path)
    for option in ("-s", "-D"):
        done = place.epmt(option, status=78)
        assert "epmt migrate" in done.stderr and done.stderr.count("\n") == 1
    place.epmt(status=255)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_at_once_between_rounds(place, number):
    with place.foreground("--interval", "3600") as process:
        process.send_signal(number)
        assert process.wait(timeout=60) == 0
    assert place.messages() == ""


LOCKS = {
    "mysql": (["LOCK TABLES epmt_user WRITE"], "UNLOCK TABLES"),
    "postgresql": (["BEGIN", "LOCK TABLE epmt_user IN ACCESS EXCLUSIVE MODE"], "COMMIT"),
}
# Which statements wait for a lock.
WAITING_STATEMENTS = {
    "mysql": (
        "SELECT id FROM information_schema.processlist WHERE LEFT(state, 17) = 'Waiting for table'"
    ),
    "postgresql": "SELECT pid FROM pg_locks WHERE NOT granted",
}


@pytest.fixture
def blocked(site, tmp_path):
    """(DaemonSite, daemon that waits in the middle of one of two archives, what lets it go on)."""
    place = DaemonSite(site.create(), tmp_path)
    database = site.connect()
    statements, release = LOCKS[site.config.backend]
    for statement in statements:
        database.run_ddl(statement)
    place.put(1)
    place.put(2)
    with place.foreground("-i", "--interval", "0.2") as process:
        sql = WAITING_STATEMENTS[site.config.backend]
        wait_until(lambda: site.rows(sql), "the first archive")
        yield place, process, lambda: database.run_ddl(release)
    database.close()


@SERVERS
@pytest.mark.parametrize("number", SIGNALS)
def test_the_archive_in_work_is_stored_before_it_ends(blocked, number):
    place, process, release = blocked
    process.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1.5)
    release()
    assert process.wait() == 0
    assert place.jobs() == ["1"] and place.names() == ["2.tgz"]
    assert place.runs() == [(0, 1, 0, 0)]


@SERVERS
def test_a_second_signal_ends_it_at_once_and_nothing_is_half_done(blocked):
    place, process, release = blocked
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    release()
    assert place.names() == ["1.tgz", "2.tgz"] and place.jobs() == []
    with place.foreground("-i", "--interval", "0.2"):
        wait_until(lambda: not place.names(), "the archives")
    assert place.jobs() == ["1", "2"]


WAITING = """
import os, sqlite3, sys
sys.path.insert(0, sys.argv[1])
from epmtlite.daemon.signals import Signals
with Signals():
    connection = sqlite3.connect(sys.argv[2], timeout=600, isolation_level=None)
    os.write(1, b"ready")
    connection.execute("BEGIN IMMEDIATE")
"""


def test_a_second_signal_ends_it_while_an_sqlite_file_is_locked(place):
    """There no code of Python runs."""
    database = place.site.connect()
    with database.transaction():
        process = subprocess.Popen(
            [sys.executable, "-c", WAITING, CHECKOUT, place.site.config.database],
            stdout=subprocess.PIPE, preexec_fn=heed_all_signals,
        )  # fmt: skip
        assert process.stdout.read(5) == b"ready"
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 128 + signal.SIGINT
    process.stdout.close()
    database.close()


def test_a_signal_that_nohup_has_it_ignore_does_not_end_it(place):
    command = ["nohup", sys.executable, CHECKOUT / "bin" / "epmt", *place.words("-D")]
    process = subprocess.Popen(
        command, env=place.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, preexec_fn=heed_all_signals,
    )  # fmt: skip
    wait_until(place.is_ready, "the daemon")
    process.send_signal(signal.SIGHUP)
    assert place.is_ready() and Path(f"/proc/{process.pid}").exists()
    process.terminate()
    assert process.wait() == 0
