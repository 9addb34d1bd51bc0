"""Every run leaves a row, however it ends."""

import fcntl
import signal
import struct
import subprocess
import sys
import termios

import pytest

from tests import services
from tests.conftest import CHECKOUT, heed_signals
from usagedb import errors, runs
from usagedb.runs import Run, recorded

COLUMNS = (
    "command, exit_code, message, usage_run.stored, duplicates, ignored, rejected, waiting,"
    " read_bytes"
)
SELECT = f"SELECT {COLUMNS} FROM usage_run ORDER BY run_id"


def test_a_run_keeps_its_counters_and_times(database):
    clock = iter([100.25, 160.5])
    run = Run(database, "load", lambda: next(clock)).begin()
    started = database.rows("SELECT started_at, ended_at, exit_code FROM usage_run")
    assert tuple(started[0]) == (100.25, None, None)
    run.stored, run.duplicates, run.ignored = 2**40, 2, 3
    run.rejected, run.waiting, run.read_bytes = 4, 5, 6
    run.finish(3, "some were rejected")
    values = tuple(database.rows(SELECT)[0])
    assert values == ("load", 3, "some were rejected", 2**40, 2, 3, 4, 5, 6)
    assert database.rows("SELECT ended_at FROM usage_run")[0][0] == 160.5


def test_a_row_for_which_there_is_no_room_leaves_the_connection_as_it_is(database, monkeypatch):
    run, connection = Run(database, "load").begin(), database.connection

    def refused(*_arguments):
        raise errors.WriteError("the disk is full")

    monkeypatch.setattr(database, "execute", refused)
    run.finish(0)
    assert database.connection is connection and database.rows("SELECT 1")[0][0] == 1


@pytest.mark.parametrize(
    "error, exit_code, message",
    [
        (errors.WriteError("disk full"), 74, "disk full"),
        (errors.RunInterrupted(15), 143, "ended by signal 15"),
        (ValueError("a bug"), 1, "ValueError('a bug')"),
        (SystemExit(5), 5, ""),
    ],
)
def test_an_error_is_recorded_and_passed_on(database, error, exit_code, message):
    with pytest.raises(type(error)), recorded(database, "load"):
        raise error
    assert tuple(database.rows(SELECT)[0])[1:3] == (exit_code, message)


def test_a_good_run_is_recorded_with_its_own_code(database):
    with recorded(database, "load") as run:
        run.exit_code, run.message = 3, "fine"
    assert tuple(database.rows(SELECT)[0])[1:3] == (3, "fine")


def test_a_signal_while_the_run_begins_is_recorded(database, monkeypatch):
    """After its row was written, before anybody knows the number of that."""

    def interrupted(self):
        monkeypatch.undo()
        raise errors.RunInterrupted(15)

    monkeypatch.setattr(Run, "_number", interrupted)
    with pytest.raises(errors.RunInterrupted), recorded(database, "load"):
        raise AssertionError("it has not begun")
    assert tuple(database.rows(SELECT)[0])[1:3] == (143, "ended by signal 15")


def test_a_run_that_could_not_begin_tries_nothing_more(database, monkeypatch):
    def away(*_arguments):
        raise errors.UnavailableError("away")

    monkeypatch.setattr(runs, "with_reconnects", away)
    monkeypatch.setattr(database, "reconnect", None)
    with pytest.raises(errors.UnavailableError), recorded(database, "load"):
        raise AssertionError("it has not begun")
    assert not database.rows(SELECT)


def test_a_message_is_cut_and_made_harmless(database):
    for message in ("x" * 5000, "\0\x1b[2J", "name \udcff is no UTF-8", "😀" * 1200):
        Run(database, "load").begin().finish(1, message)
    found = [row[0] for row in database.rows("SELECT message FROM usage_run ORDER BY run_id")]
    assert found[0] == "x" * 1000 and found[1] == "\\x00\\x1b[2J"
    assert found[2] == "name \\udcff is no UTF-8" and found[3] == "😀" * 1000


def test_two_runs_at_once_have_rows_of_their_own(site):
    first, second = site.create().connect(), site.connect()
    one, two = Run(first, "load").begin(), Run(second, "load").begin()
    one.finish(1)
    two.finish(2)
    assert site.rows("SELECT exit_code FROM usage_run ORDER BY run_id") == [(1,), (2,)]
    first.close()
    second.close()


def test_a_run_that_begins_between_two_steps_of_another_cant_take_its_row(site, monkeypatch):
    first, second = site.create().connect(), site.connect()
    insert = first.insert_rows
    others = []

    def insert_and_let_another_begin(*arguments):
        insert(*arguments)
        others.append(Run(second, "load", clock=lambda: 200.0).begin())

    monkeypatch.setattr(first, "insert_rows", insert_and_let_another_begin)
    Run(first, "load", clock=lambda: 100.0).begin().finish(3)
    others[0].finish(0)
    found = site.rows("SELECT started_at, exit_code FROM usage_run ORDER BY started_at")
    assert found == [(100.0, 3), (200.0, 0)]
    first.close()
    second.close()


def test_a_run_that_lost_its_database_keeps_its_error(database):
    with pytest.raises(errors.UnavailableError, match="gone"), recorded(database, "load"):
        database.connection.close()
        database.dialect = Deaf(database.dialect)
        raise errors.UnavailableError("gone")
    database.dialect = database.dialect.real
    database.reconnect()
    assert tuple(database.rows(SELECT)[0])[1] is None


class Deaf:
    """A dialect whose server does not answer."""

    def __init__(self, real):
        self.real = real

    def __getattr__(self, name):
        return getattr(self.real, name)

    def connect_again(self, config, lost):
        raise errors.UnavailableError("no answer")

    def translate_error(self, error, config):
        return errors.UnavailableError("no answer")


def test_a_run_is_recorded_though_a_signal_came_in_the_middle_of_an_answer(database, monkeypatch):
    if not hasattr(database.connection, "_read_packet"):
        pytest.skip("only the driver of MySQL reads answers packet by packet, in Python")
    read, packets = database.connection._read_packet, []

    def interrupted(*arguments, **names):
        packets.append(read(*arguments, **names))
        if len(packets) == 2:
            raise SystemExit(143)
        return packets[-1]

    with pytest.raises(SystemExit), recorded(database, "load"):
        monkeypatch.setattr(database.connection, "_read_packet", interrupted)
        database.rows("SELECT 1 UNION SELECT 2 UNION SELECT 3")
    assert [row[1] for row in database.rows(SELECT)] == [143]


def unread_bytes(pipe):
    """Return how many bytes are in a pipe that its reader has not read."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


@pytest.mark.parametrize(
    "number, status", [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_ends_a_loader_cleanly_and_is_recorded(site, number, status):
    command = [sys.executable, CHECKOUT / "bin" / "store_module_data", "--confFn"]
    process = subprocess.Popen(
        [*command, site.create().conf_path, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_signals,
    )
    process.stdin.write(b"a line\n")
    process.stdin.flush()
    services.wait_until(lambda: unread_bytes(process.stdin) == 0, "the loader to read")
    process.send_signal(number)
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout, stderr) == (status, b"", b"")
    assert site.rows("SELECT exit_code, usage_run.stored FROM usage_run") == [(status, 0)]
