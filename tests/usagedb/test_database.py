"""One connection: transactions are whole, errors say what to do, a lost server is found again."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path

import pytest

from tests import services
from tests.conftest import Site
from tests.mysql_server import is_mysql, mysql_family_server
from usagedb import database as module
from usagedb import errors, making
from usagedb.database import Database, with_conflict_retries
from usagedb.dialects import sqlite
from usagedb.dialects.base import TEXT
from usagedb.mounts import Mount

USERS = (("user_name", TEXT), ("user_folded", TEXT))
INSERT = "INSERT INTO lmod_user (user_name, user_folded) VALUES (?, ?)"
COUNT = "SELECT COUNT(*) FROM lmod_user"


@pytest.fixture
def other(site, database):
    """A second connection to the same database."""
    opened = site.connect()
    yield opened
    opened.close()


@pytest.mark.parametrize("error", [ValueError, errors.RunInterrupted, KeyboardInterrupt])
def test_a_transaction_is_undone_by_any_exception(database, error):
    with pytest.raises(error), database.transaction():
        database.execute(INSERT, ("a", "a"))
        raise error(2)
    assert database.rows(COUNT)[0][0] == 0
    with database.transaction():
        database.execute(INSERT, ("b", "b"))
    assert database.rows(COUNT)[0][0] == 1


def test_a_transaction_is_undone_by_its_own_errors(database):
    with pytest.raises(errors.ConflictError), database.transaction():
        database.execute(INSERT, ("a", "a"))
        database.execute(INSERT, ("a", "a"))
    assert database.rows(COUNT)[0][0] == 0


def test_a_statement_that_the_server_ends_can_be_tried_later(database):
    """An administrator's KILL QUERY, or the server's own limit."""
    backend = database.config.backend
    if backend == "sqlite":
        pytest.skip("SQLite has no server")
    limit, slow = "SET statement_timeout = 100", "SELECT pg_sleep(60)"
    if backend == "mysql":
        limit = "max_execution_time = 100" if is_mysql() else "max_statement_time = 0.1"
        limit, columns = f"SET SESSION {limit}", "information_schema.columns"
        slow = f"SELECT COUNT(*) FROM {columns} a JOIN {columns} b JOIN {columns} c"
    database.execute(limit)
    with pytest.raises(errors.UnavailableError, match="try again later"):
        database.rows(slow)


def test_others_see_nothing_before_the_commit(database, other):
    with database.transaction():
        database.execute(INSERT, ("a", "a"))
        assert other.rows(COUNT)[0][0] == 0
    assert other.rows(COUNT)[0][0] == 1


def test_all_reads_of_a_snapshot_see_one_state(database, other):
    database.execute(INSERT, ("before", ""))
    with database.snapshot():
        assert database.rows(COUNT)[0][0] == 1
        other.execute(INSERT, ("meanwhile", ""))
        assert database.rows(COUNT)[0][0] == 1
        assert [row[0] for row in database.stream("SELECT user_name FROM lmod_user")] == ["before"]
    assert database.rows(COUNT)[0][0] == 2
    with pytest.raises(ValueError, match="of the block"), database.snapshot():
        raise ValueError("of the block")
    with database.transaction():
        database.execute(INSERT, ("after", ""))
    assert other.rows(COUNT)[0][0] == 3


def test_statements_outside_a_transaction_are_committed(database, other):
    assert database.execute(INSERT, ("a", "a")) == 1
    assert other.rows(COUNT)[0][0] == 1


def test_a_percent_sign_is_only_a_percent_sign(database):
    assert database.rows("SELECT 7 % 4, '100%'")[0] == (3, "100%")


def test_a_duplicate_key_is_a_conflict(database):
    database.execute(INSERT, ("a", "a"))
    with pytest.raises(errors.ConflictError):
        database.insert_rows("lmod_user", USERS, [("a", "a")])


def test_a_missing_table_says_create_db(database):
    with pytest.raises(errors.ConfigurationError, match="run createDB"):
        database.rows("SELECT 1 FROM lmod_nothing")


def test_a_deadlock_is_a_conflict_for_one_and_no_harm_for_the_other(database, other):
    if database.config.backend == "sqlite":
        pytest.skip("SQLite has one writer at a time: no deadlock can be")
    for name in "ab":
        database.execute(INSERT, (name, ""))
    update = "UPDATE lmod_user SET user_folded = ? WHERE user_name = ?"
    caught = []

    def cross(connection, first, second, barrier):
        try:
            with connection.transaction():
                connection.execute(update, (first, first))
                barrier.wait()
                connection.execute(update, (first, second))
        except errors.ConflictError as error:
            caught.append(error)

    barrier = threading.Barrier(2)
    thread = threading.Thread(target=cross, args=(other, "b", "a", barrier))
    thread.start()
    cross(database, "a", "b", barrier)
    thread.join()
    assert len(caught) == 1
    found = {row[0] for row in database.rows("SELECT user_folded FROM lmod_user")}
    assert len(found) == 1 and found < {"a", "b"}


WAIT_NO_LONGER = {
    "sqlite": "PRAGMA busy_timeout = 0",
    "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
    "postgresql": "SET lock_timeout = '1ms'",
}


def test_a_lock_wait_is_a_conflict(database, other):
    database.execute(INSERT, ("a", ""))
    other.run_ddl(WAIT_NO_LONGER[database.config.backend])
    with database.transaction():
        database.execute("UPDATE lmod_user SET user_folded = 'x'")
        with pytest.raises(errors.ConflictError), other.transaction():
            other.execute("UPDATE lmod_user SET user_folded = 'y'")
    assert other.rows("SELECT user_folded FROM lmod_user")[0][0] == "x"


@pytest.fixture
def read_database(sqlite_site, monkeypatch):
    """A database without WAL, as on a network file system, and a connection that reads it, so that
    no commit can be."""
    monkeypatch.setattr(sqlite, "mount_of", lambda path: Mount("/", "nfs4", "server:/x"))
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0)
    writer, reader = sqlite_site.create().connect(), sqlite_site.connect()
    reader.run_ddl("BEGIN")
    reader.rows(COUNT)
    yield writer, reader
    reader.close()
    writer.close()


def test_a_commit_that_a_reader_forbids_is_undone_and_tried_again(read_database, monkeypatch):
    database, reader = read_database
    end_reading = types.SimpleNamespace(sleep=lambda seconds: reader.connection.rollback())
    monkeypatch.setattr(module, "time", end_reading)
    module.in_transaction(database, lambda: database.execute(INSERT, ("a", "a")))
    assert reader.rows(COUNT)[0][0] == 1


def test_a_bulk_insert_that_a_reader_forbids_leaves_no_transaction_open(read_database):
    database, reader = read_database
    with pytest.raises(errors.ConflictError):
        database.insert_rows("lmod_user", USERS, [("a", "a")])
    assert not database.connection.in_transaction
    reader.connection.rollback()
    database.insert_rows("lmod_user", USERS, [("a", "a")])
    assert reader.rows(COUNT)[0][0] == 1


@pytest.fixture
def pauses(monkeypatch):
    """The pauses that were asked for, none of them taken."""
    taken = []
    monkeypatch.setattr(module, "time", types.SimpleNamespace(sleep=taken.append))
    return taken


def test_a_conflict_is_tried_again_and_forgotten(pauses):
    answers = iter([errors.ConflictError("1"), errors.ConflictError("2"), None])

    def action():
        answer = next(answers)
        if answer:
            raise answer
        return "done"

    assert with_conflict_retries(action) == "done" and pauses == [0.05, 0.1]


def test_conflicts_without_end_are_told(pauses):
    def action():
        raise errors.ConflictError("again")

    with pytest.raises(errors.ConflictError):
        with_conflict_retries(action)
    assert len(pauses) == module.CONFLICT_TRIES - 1


def test_other_errors_are_not_tried_again(pauses):
    def action():
        raise errors.UnavailableError("away")

    with pytest.raises(errors.UnavailableError):
        with_conflict_retries(action)
    assert pauses == []


# --- servers of their own, to be stopped -----------------------------------------------------

SCRAM = "local all all trust\nhost all guarded 127.0.0.1/32 scram-sha-256\nhost all all all trust\n"


def start_own(backend, directory):
    """Start a server that a test may stop; return it and the options to start it again."""
    if backend == "mysql":
        services.require_service("mariadbd", "mariadb-install-db")
        server, options = mysql_family_server(directory), ()
    else:
        services.require_service("postgres", "initdb", modules=["psycopg"])
        server = services.PostgreSQLServer(directory)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "hba").write_text(SCRAM)
        (directory / "hba").chmod(0o644)
        options = ("-c", f"hba_file={directory / 'hba'}")
    server.start(options)
    return server, options


@pytest.fixture(scope="module", params=["mysql", "postgresql"])
def own_server(request):
    """A private server, its backend and options; each test leaves it running.

    Not below pytest's own directory: see the fixture postgresql.
    """
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        server, options = start_own(request.param, Path(directory, "server"))
        yield server, request.param, options
        server.stop()


@pytest.fixture
def own_site(own_server, tmp_path):
    """A Site on a server that the test may stop."""
    server, backend, options = own_server
    config = module_config(backend, server)
    root = Database(config.replaced(select_database=False))
    root.run_ddl(f"DROP DATABASE IF EXISTS {config.database}")
    root.run_ddl(f"CREATE DATABASE {config.database}")
    root.close()
    yield Site(config, tmp_path).create()
    if server.process is None:
        server.start(options)


def module_config(backend, server):
    """Return the configuration of a database on a test's server, by TCP."""
    from usagedb.config import DatabaseConfig

    return DatabaseConfig(
        backend, "own", "test", ("127.0.0.1",), server.port, user=server.user
    )  # fmt: skip


def test_a_killed_server_is_unavailable_and_found_again(own_site, own_server, pauses):
    server, backend, options = own_server
    database = own_site.connect()
    database.execute(INSERT, ("before", ""))
    with pytest.raises(errors.UnavailableError), database.transaction():
        database.execute(INSERT, ("lost", ""))
        server.kill()
        database.execute(INSERT, ("lost too", ""))
    with pytest.raises(errors.UnavailableError):
        database.reconnect()
    assert pauses == list(module.RECONNECT_PAUSES_SECONDS)
    server.start(options)
    database.reconnect()
    database.execute(INSERT, ("after", ""))
    found = [row[0] for row in database.rows("SELECT user_name FROM lmod_user ORDER BY user_id")]
    assert found == ["before", "after"]
    database.close()


def test_a_server_that_is_away_ends_with_75(own_site, own_server, write_log):
    server, _backend, _options = own_server
    server.stop()
    log = write_log(("a", "m/1", "c", 1))
    for arguments in (("createDB",), ("store_module_data", "--delete", log)):
        done = own_site.run(*arguments)
        assert done.returncode == 75 and done.stderr.startswith("Error: "), arguments
        assert done.stderr.count("\n") == 1 and "try again later" in done.stderr
    assert log.exists()
    assert own_site.run("usage_status").returncode == 2


def test_a_stopped_session_is_connected_anew(own_site):
    database, killer = own_site.connect(), own_site.connect()
    if own_site.config.backend == "mysql":
        killer.run_ddl(f"KILL {database.rows('SELECT CONNECTION_ID()')[0][0]}")
    else:
        killer.rows("SELECT pg_terminate_backend(?)", database.rows("SELECT pg_backend_pid()")[0])
    with pytest.raises(errors.UnavailableError):
        database.rows(COUNT)
    database.reconnect()
    assert database.rows(COUNT)[0][0] == 0
    database.close()
    killer.close()


def test_the_second_host_answers_when_the_first_is_dead(own_site):
    config = own_site.config.replaced(hosts=("nowhere.invalid", "127.0.0.1"))
    with contextlib.closing(Database(config)) as database:
        assert database.rows(COUNT)[0][0] == 0


def test_a_host_without_the_database_tells_so_though_another_may_have_it(own_site):
    """Then a loader waits; createDB, which somebody has to call, makes it."""
    away = ("127.0.0.1", "nowhere.invalid")
    config = own_site.config.replaced(hosts=away, database="not_made_yet")
    with pytest.raises(errors.PartlyAwayError, match=r"createDB, if it is in no other place"):
        Database(config)
    with pytest.raises(errors.NoDatabaseError):
        Database(config.replaced(hosts=("127.0.0.1", "127.0.0.1")))
    told = []
    making.make_database(config, told.append)
    assert told == ["made the database not_made_yet"]
    with contextlib.closing(Database(config.replaced(select_database=False))) as database:
        database.run_ddl("DROP DATABASE not_made_yet")


def test_a_wrong_password_ends_with_77(own_site):
    database = own_site.connect()
    if own_site.config.backend == "mysql":
        for host in ("'127.0.0.1'", "localhost"):
            database.run_ddl(f"DROP USER IF EXISTS guarded@{host}")
            database.run_ddl(f"CREATE USER guarded@{host} IDENTIFIED BY 'right'")
    else:
        database.run_ddl("DROP ROLE IF EXISTS guarded")
        database.run_ddl("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    database.close()
    for user in ("guarded", "nobody_of_that_name"):
        wrong = own_site.config.replaced(user=user, password="wr0ng")
        with pytest.raises(errors.RefusedError) as caught:
            Database(wrong)
        assert "wr0ng" not in str(caught.value)


def test_an_unknown_database_ends_with_78(own_site):
    with pytest.raises(errors.ConfigurationError, match="run createDB"):
        Database(own_site.config.replaced(database="nothing_here"))


def test_a_signal_in_the_middle_of_a_query_leaves_a_recorded_run(own_site, monkeypatch):
    from usagedb.runs import recorded
    from usagedb.signals import interrupt

    database, watcher = own_site.connect(), own_site.connect()
    is_mysql = own_site.config.backend == "mysql"
    query = "SELECT SLEEP(100)" if is_mysql else "SELECT pg_sleep(100)"
    processes = (
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info = ?"
        if is_mysql
        else "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query = ?"
    )

    def stop_when_it_runs():
        services.wait_until(lambda: watcher.rows(processes, (query,))[0][0], "the query")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop_when_it_runs)
    old = signal.signal(signal.SIGTERM, interrupt)
    try:
        with pytest.raises(errors.RunInterrupted), recorded(database, "sleeper"):
            thread.start()
            with database.transaction():
                database.rows(query)
    finally:
        signal.signal(signal.SIGTERM, old)
        thread.join()
    database.close()
    watcher.close()
    assert own_site.rows("SELECT exit_code, message FROM usage_run") == [
        (143, "ended by signal 15")
    ]


# --- SQLite's files --------------------------------------------------------------------------


def test_a_new_file_is_for_owner_and_group(sqlite_site, tmp_path):
    old = os.umask(0o022)
    sqlite_site.create()
    os.umask(old)
    for path in tmp_path.glob("usage.db*"):
        assert path.stat().st_mode & 0o777 == 0o640, path


def test_missing_directories_are_made(sqlite_site, tmp_path):
    config = sqlite_site.config.replaced(database=str(tmp_path / "a/b/usage.db"))
    Database(config).close()
    assert (tmp_path / "a/b").stat().st_mode & 0o007 == 0


@pytest.fixture
def readable(sqlite_site, nobody, tmp_path):
    """An SQLite Site that the account nobody may read, in a directory that it cannot write."""
    sqlite_site.create()
    with contextlib.closing(sqlite_site.connect()) as database:
        database.execute(INSERT, ("a", "a"))
    os.chown(sqlite_site.config.database, 0, nobody["group"])
    sqlite_site.conf_path.chmod(0o644)
    return sqlite_site


def test_a_reader_of_the_group_can_report_and_not_write(readable, nobody, write_log):
    done = readable.run("analyzeLmodDB", "counts", "-q", "--format", "json", cwd="/", **nobody)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    log = write_log(("a", "m/1", "c", 1))
    log.chmod(0o644)
    done = readable.run("store_module_data", "-q", log, cwd="/", **nobody)
    assert done.returncode == 77 and "Permission denied" in done.stderr
    assert readable.rows("SELECT COUNT(*) FROM lmod_use") == [(0,)]


def test_a_reader_beside_a_writer_sees_what_is_committed(readable, nobody):
    writer = readable.connect()
    sql = "INSERT INTO usage_run (command, host, started_at, message) VALUES ('cmd', 'h', 1, '')"
    writer.execute(sql)
    options = ("-q", "--format", "csv")
    done = readable.run("usage_status", *options, cwd="/", **nobody)
    writer.close()
    assert done.returncode == 2 and "cmd,h," in done.stdout and done.stderr == ""


@pytest.fixture
def still(sqlite_site, monkeypatch):
    """An SQLite database opened as an account does that can only read it."""
    sqlite_site.create()
    os.utime(sqlite_site.config.database, (1, 1))  # what is written from now on is later
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    return sqlite_site.connect()


def test_a_file_that_changes_while_it_is_read_is_told(still, sqlite_site):
    assert still.rows(COUNT)[0][0] == 0
    with contextlib.closing(sqlite3.connect(sqlite_site.config.database)) as writer, writer:
        writer.execute("INSERT INTO lmod_user (user_name, user_folded) VALUES ('a', 'a')")
    with pytest.raises(errors.UnavailableError, match="was written while it was read"):
        still.close()


def test_a_file_that_stays_is_closed_without_a_word(still):
    assert still.rows(COUNT)[0][0] == 0
    still.close()


def test_a_reader_cant_write(still):
    with pytest.raises(errors.RefusedError):
        still.execute(INSERT, ("a", "a"))
    still.close()


def test_a_database_that_cant_be_read_ends_with_77(sqlite_site, nobody):
    sqlite_site.create()
    sqlite_site.conf_path.chmod(0o644)
    done = sqlite_site.run("usage_status", cwd="/", **nobody)
    assert done.returncode == 77 and "cannot read the database" in done.stderr


def test_a_directory_that_cant_be_looked_into_ends_with_77(sqlite_site, nobody, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    conf = tmp_path / "other.conf"
    conf.write_text(f"[SQLITE]\nDB = {closed}/usage.db\n")
    done = sqlite_site.run("createDB", "--confFn", conf, cwd="/", **nobody)
    assert done.returncode == 77 and done.stderr.count("\n") == 1 + done.stderr.count("Warning")


@pytest.fixture
def small_disk(tmp_path):
    """A directory on a file system of 300 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root outside a container can mount a small file system")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_ends_with_74_and_loses_nothing(sqlite_site, small_disk, write_log, tmp_path):
    config = sqlite_site.config.replaced(database=str(small_disk / "usage.db"))
    site = Site(config, tmp_path).create("lmod")
    log = write_log(*((f"user{n}", f"m/{n}", "c", 12_000 + n % 5000) for n in range(20_000)))
    done = site.run("store_module_data", "--delete", log)
    assert done.returncode == 74 and "make room" in done.stderr and log.exists()
    subprocess.run(["mount", "-o", "remount,size=100m", small_disk], check=True)
    assert site.run("store_module_data", "--delete", log).returncode == 0
    assert site.rows("SELECT COUNT(*), SUM(loads) FROM lmod_use") == [(20_000, 20_000)]


def test_a_read_only_file_system_ends_with_74(sqlite_site, small_disk, tmp_path):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    site = Site(sqlite_site.config.replaced(database=str(small_disk / "usage.db")), tmp_path)
    done = site.run("createDB")
    assert done.returncode == 74 and "Read-only file system" in done.stderr


def test_a_directory_that_cant_be_written_ends_with_77(sqlite_site, nobody, tmp_path):
    sqlite_site.conf_path.chmod(0o644)
    done = sqlite_site.run("createDB", "-q", cwd="/", **nobody)
    assert done.returncode == 77 and "cannot write the database" in done.stderr


def test_a_file_that_is_no_database_ends_with_78(sqlite_site, tmp_path):
    (tmp_path / "usage.db").write_text("this is no database, whatever its name may be\n" * 99)
    done = sqlite_site.run("createDB")
    assert done.returncode == 78 and "not a database" in done.stderr


def test_a_copied_database_is_whole(sqlite_site, tmp_path):
    with contextlib.closing(sqlite_site.create().connect()) as database:
        database.execute(INSERT, ("a", "a"))
    shutil.copy(tmp_path / "usage.db", tmp_path / "copy.db")
    copy = sqlite_site.config.replaced(database=str(tmp_path / "copy.db"))
    with contextlib.closing(Database(copy)) as database:
        assert database.rows(COUNT)[0][0] == 1


def test_is_still_means_that_nobody_writes(tmp_path):
    assert not sqlite.DIALECT.is_still(tmp_path / "none")


@pytest.mark.parametrize("read_only", [False, True])
def test_a_connection_takes_no_locks_from_another_of_its_process(sqlite_site, read_only):
    """Where it did, the next program that ended would delete the WAL under the other one."""
    config = sqlite_site.create("usage").config
    first = Database(config)
    first.execute("CREATE TABLE t (x)")
    first.execute("INSERT INTO t VALUES (1)")
    for _ in range(2):
        Database(config.replaced(read_only=read_only)).close()
        code = (
            "import sqlite3, sys; other = sqlite3.connect(sys.argv[1])\n"
            "other.execute('INSERT INTO t VALUES (2)'); other.commit(); other.close()"
        )
        subprocess.run([sys.executable, "-c", code, config.database], check=True, timeout=60)
        first.execute("INSERT INTO t VALUES (3)")
    code = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT x FROM t'))"
    done = subprocess.run(
        [sys.executable, "-c", code, config.database], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["(1,)", "(2,)", "(3,)", "(2,)", "(3,)"]
    first.close()


def test_a_file_to_read_that_is_not_there_is_told_and_not_made(tmp_path):
    from usagedb.config import DatabaseConfig

    config = DatabaseConfig("sqlite", str(tmp_path / "gone.db"), "test", read_only=True)
    with pytest.raises(errors.UnavailableError, match=r"there is no database .*gone\.db"):
        Database(config)
    assert list(tmp_path.iterdir()) == []
