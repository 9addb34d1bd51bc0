"""What all tests share: a fresh database on each of the three backends, and the commands."""

import contextlib
import logging
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck

from tests import forked_commands, services
from tests.mysql_server import mysql_family_server
from usagedb import schema
from usagedb.config import DatabaseConfig, write_config
from usagedb.database import Database

# No time limits: machines are shared and noisy. A database of a test serves all its examples.
hypothesis.settings.register_profile(
    "hpcusage",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("hpcusage")

CHECKOUT = Path(__file__).parent.parent
BACKENDS = ("sqlite", "mysql", "postgresql")
CONFS_OF_SERVERS = ("mysql_db.conf", "postgresql_db.conf")
FORK_ALL = os.environ.get("HPCUSAGE_FORK_ALL") == "1"
EMPTY_FILES: dict = {}  # of SQLite, with tables; see copy_tables
# Files of a minute and more among the last ones.
LONG = tuple(
    f"tests/{name}.py"
    for name in (
        "usagedb/test_copy_work", "usagedb/test_usage_copy", "usagedb/test_usage_person",
        "userportal/security/test_hostile_texts", "userportal/web/test_browser",
        "xaltload/test_faults", "xaltload/test_load", "xaltload/test_load_syslog",
        "xaltload/test_reports",
    )
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """Begin with what takes long: else one process is left with it when the others have ended."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in LONG)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable():
    """Make what a process of tests tells the one that started it text that can be sent."""
    return sendable((yield))


def sendable(value):
    """Return a value of a report; what is not UTF-8 in a name of a file, say, as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {sendable(key): sendable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(sendable, value))
    return value


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """Keep the settings of whoever runs the tests out of them; the clock is in UTC."""
    for name in ("HPCUSAGE_CONF", "XDG_DATA_HOME", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture(autouse=True)
def plain_logging():
    """Keep what a command that ran in this process has set up out of the next test."""
    logging.disable(logging.NOTSET)
    logging.getLogger().setLevel(logging.WARNING)
    for name in ("usagedb", "epmtlite"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.NOTSET)
        logger.handlers, logger.propagate = [], True


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory):
    """A private MariaDB server."""
    services.require_service("mariadbd", "mariadb-install-db")
    server = mysql_family_server(tmp_path_factory.mktemp("mariadb"))
    server.start(["--innodb-flush-log-at-trx-commit=2"])  # survives a kill, not a power cut
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgresql():
    """A private PostgreSQL server.

    Not below pytest's own directory: each pytest that starts closes that to other accounts again,
    such as the one that the server runs as.
    """
    services.require_service("postgres", "initdb", modules=["psycopg"])
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        server = services.PostgreSQLServer(Path(directory, "server"))
        server.start(["-c", "fsync=off"])  # survives a kill, not a power cut
        yield server
        server.stop()


@pytest.fixture(scope="module")
def browser():
    """A browser without a window, or the test is skipped.

    Ended with the module: as long as it is there, an event loop of asyncio runs in this thread.
    """
    services.require_service("chromium", modules=["playwright"])
    from playwright import sync_api

    path = services.find_program("chromium")
    arguments = ["--disable-gpu", "--disable-background-networking"]
    arguments += ["--no-sandbox"] if os.geteuid() == 0 else []
    sync_api.expect.set_options(timeout=services.PAGE_MILLISECONDS)
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path, args=arguments, timeout=services.PAGE_MILLISECONDS
        )
        make_context = opened.new_context

        def patient_context(**options):
            context = make_context(**options)
            context.set_default_timeout(services.PAGE_MILLISECONDS)
            return context

        opened.new_context = patient_context
        yield opened
        opened.close()


class Site:
    """One fresh database, its configuration file, and the commands that use it."""

    count = 0

    def __init__(self, config, directory):
        self.config, self.directory = config, directory
        self.conf_path = directory / f"{config.backend}_db.conf"
        write_config(self.conf_path, config)

    def connect(self):
        """Return an open Database."""
        return Database(self.config)

    def create(self, *names):
        """Make the tables of all schemas, or of those named; return self."""
        known = schema.known_schemas()
        wanted = [known[name] for name in dict.fromkeys(("usage", *(names or known)))]
        path = Path(self.config.database)
        if self.config.backend == "sqlite" and not path.exists():
            copy_tables(path, wanted)
        else:
            make_tables(self.config, wanted)
        return self

    def rows(self, sql, parameters=()):
        """Return the rows of a query."""
        database = self.connect()
        try:
            return [tuple(row) for row in database.rows(sql, parameters)]
        finally:
            database.close()

    def run(self, command, *arguments, **options):
        """Run a command on this database as its own process; return the CompletedProcess."""
        return run_command(command, "--confFn", self.conf_path, *arguments, **options)


def make_tables(config, schemas):
    """Make the tables of some Schemas."""
    database = Database(config)
    for one in schemas:
        schema.upgrade(database, one)
    database.close()


def copy_tables(path, schemas):
    """Make an SQLite file with the tables of some Schemas: once, and copies of that."""
    key = tuple(map(id, schemas))
    if key not in EMPTY_FILES:
        # Not at path: a killed command may have left its -wal beside that.
        with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
            made = Path(directory, "usage.db")
            make_tables(DatabaseConfig("sqlite", str(made), "test"), schemas)
            EMPTY_FILES[key] = made.read_bytes(), made.stat().st_mode & 0o777, schemas
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    content, mode, _schemas = EMPTY_FILES[key]
    path.write_bytes(content)
    path.chmod(mode)


def run_command(command, *arguments, **options):
    """Run bin/<command> with this Python as its own process and return the CompletedProcess.

    Options are those of subprocess.run; standard input is empty unless given. python is the
    beginning of the command line, by default this Python. What works on the database of a server
    is forked: that commands start as others do, those on files show.
    """
    words = [CHECKOUT / "bin" / command, *map(str, arguments)]
    python = options.pop("python", None)
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("text", True)
    is_forked = FORK_ALL or any(str(word).endswith(CONFS_OF_SERVERS) for word in words)
    if is_forked and python is None and forked_commands.can_fork(options):
        return forked_commands.run(words, options)
    return subprocess.run(
        [*(python or (sys.executable,)), *words],
        capture_output=True,
        check=False,
        **options,
    )


def heed_signals():
    """Let a command that a test starts heed all signals, though nohup may have started the tests:
    a preexec_fn of subprocess."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def run():
    """The function `run_command`."""
    return run_command


@pytest.fixture
def sqlite_site(tmp_path):
    """A Site on SQLite, without tables."""
    return Site(DatabaseConfig("sqlite", str(tmp_path / "usage.db"), "test"), tmp_path)


@pytest.fixture(params=BACKENDS)
def site(request, tmp_path):
    """A Site with an empty database, without tables, on each backend in turn."""
    return new_site(request, request.param, tmp_path)


def new_site(request, backend, directory):
    """Return a Site with an empty database on a backend; a server's is dropped after the test."""
    if backend == "sqlite":
        return Site(DatabaseConfig("sqlite", str(directory / "usage.db"), "test"), directory)
    Site.count += 1
    name = f"test_{os.getpid()}_{Site.count}"
    if backend == "mysql":
        server = request.getfixturevalue("mariadb")
        config = DatabaseConfig(
            "mysql", name, "test", ("127.0.0.1",), server.port, user="root",
            socket=str(server.socket),
        )  # fmt: skip
    else:
        server = request.getfixturevalue("postgresql")
        config = DatabaseConfig(
            "postgresql", name, "test", ("127.0.0.1",), server.port, user="postgres"
        )
    root = Database(config.replaced(select_database=False))
    root.run_ddl(f"CREATE DATABASE {name}")
    request.addfinalizer(lambda: drop_database(config))
    root.close()
    return Site(config, directory)


def drop_database(config):
    """Remove a test's database from its server."""
    root = Database(config.replaced(select_database=False))
    force = " WITH (FORCE)" if config.backend == "postgresql" else ""
    root.run_ddl(f"DROP DATABASE IF EXISTS {config.database}{force}")
    root.close()


@pytest.fixture
def database(site):
    """An open Database with all tables, on each backend in turn."""
    opened = site.create().connect()
    yield opened
    opened.close()


@pytest.fixture(params=["mysql", "postgresql"])
def own_server(request, tmp_path):
    """A server of the test's own, with a Site on it."""
    if request.param == "mysql":
        services.require_service("mariadbd", "mariadb-install-db")
        server, user = mysql_family_server(tmp_path / "server"), "root"
    else:
        services.require_service("postgres", "initdb", modules=["psycopg"])
        directory = Path(tempfile.mkdtemp(prefix="hpcusage-test-"))
        request.addfinalizer(lambda: shutil.rmtree(directory))
        server, user = services.PostgreSQLServer(directory / "server"), "postgres"
    server.start()
    config = DatabaseConfig(
        request.param, "usage_test", "test", ("127.0.0.1",), server.port, user=user
    )
    root = Database(config.replaced(select_database=False))
    root.run_ddl("CREATE DATABASE usage_test")
    root.close()
    yield server, Site(config, tmp_path).create()
    server.stop()


@pytest.fixture(scope="module")
def faults(request, tmp_path_factory):
    """The Commands of tests.fault_points of a module, which names in FAULT_PACKAGES what they
    import before the first run."""
    from tests.fault_points import Commands

    commands = Commands(tmp_path_factory.mktemp("faults"), *request.module.FAULT_PACKAGES)
    yield commands
    commands.close()


@pytest.fixture
def nobody(tmp_path):
    """Options for run_command that make the command run as the account nobody."""
    if os.geteuid() != 0:
        pytest.skip("only root can run a command as another account")
    account = pwd.getpwnam("nobody")
    options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    services.open_parents(tmp_path / "file")
    # This Python may be where only root can read it; the system's of the same version can take the
    # same libraries.
    libraries = sysconfig.get_paths()["purelib"]
    same = "/usr/bin/python{}.{}".format(*sys.version_info)
    for python in ([sys.executable], ["env", f"PYTHONPATH={libraries}", same]):
        command = [*python, CHECKOUT / "bin" / "createDB", "--version"]
        with contextlib.suppress(OSError):
            if subprocess.run(command, check=False, capture_output=True, **options).returncode == 0:
                return {**options, "python": python}
    pytest.skip(f"the account nobody cannot read {CHECKOUT} and {sys.prefix}")
