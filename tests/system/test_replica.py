"""Reports from a replica of MariaDB, set up as usagedb/README.md says; it takes no loads."""

import pytest

from tests import services
from tests.conftest import Site
from tests.lmodtrack.logs import assert_holds, log_of, make_loads
from tests.usagedb.conftest import drop_anonymous
from usagedb.config import DatabaseConfig
from usagedb.database import Database

NAME = "usage_replica"
REPLICATION = ("CREATE USER repl@'%'", "GRANT REPLICATION SLAVE ON *.* TO repl@'%'")
REPORTER = ("CREATE USER reporter@'%'", f"GRANT SELECT ON {NAME}.* TO reporter@'%'")
LOADER = (
    "CREATE USER loader@'%'", f"GRANT SELECT, INSERT, UPDATE, DELETE ON {NAME}.* TO loader@'%'",
)  # fmt: skip
BINARY_LOG = ("--server-id=1", "--log-bin=primary", "--binlog-format=ROW")


@pytest.fixture
def servers(tmp_path):
    """A primary and its replica."""
    services.require_service("mariadbd", "mariadb-install-db")
    primary = services.MariaDBServer(tmp_path / "primary")
    replica = services.MariaDBServer(tmp_path / "replica")
    primary.start([*BINARY_LOG, "--innodb-flush-log-at-trx-commit=2"])
    replica.start(["--server-id=2", "--read-only=1", "--innodb-flush-log-at-trx-commit=2"])
    yield primary, replica
    replica.stop()
    primary.stop()


def run(server, *statements):
    """Run statements as the server's owner."""
    database = Database(config_of(server, "root").replaced(select_database=False))
    for statement in statements:
        database.run_ddl(statement)
    database.close()


def config_of(server, user):
    """Return the DatabaseConfig of an account, with host and port alone."""
    return DatabaseConfig("mysql", NAME, "test", ("127.0.0.1",), server.port, user=user)


def site_of(server, user, directory):
    """Return the Site of an account."""
    directory.mkdir()
    return Site(config_of(server, user), directory)


def has_all(replica, count):
    """Tell whether the replica has so many rows."""
    database = Database(config_of(replica, "root").replaced(select_database=False))
    try:
        found = database.rows(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = %s"
            " AND table_name = 'lmod_use'", (NAME,)
        )  # fmt: skip
        if not found[0][0]:
            return False
        return database.rows(f"SELECT SUM(loads) FROM {NAME}.lmod_use")[0][0] == count  # noqa: S608
    finally:
        database.close()


def test_a_replica_gives_the_same_reports_and_takes_no_loads(servers, tmp_path):
    primary, replica = servers
    owner = Database(config_of(primary, "root").replaced(select_database=False))
    drop_anonymous(owner)
    owner.close()
    run(primary, *REPLICATION)
    run(
        replica,
        "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_USER = 'repl',"
        f" MASTER_PORT = {primary.port}, MASTER_USE_GTID = slave_pos",
        "START SLAVE",
    )
    run(primary, f"CREATE DATABASE {NAME}", *REPORTER, *LOADER)
    site_of(primary, "root", tmp_path / "root").create()
    loads = make_loads(3000, seed=5)
    log = tmp_path / "moduleUsage.log"
    log.write_bytes(log_of(loads))
    loader = site_of(primary, "loader", tmp_path / "loader")
    assert loader.run("store_module_data", log).returncode == 0
    services.wait_until(lambda: has_all(replica, len(loads)), "the replica to have all loads")
    at_replica = site_of(replica, "reporter", tmp_path / "reports")
    assert_holds(at_replica, loads)
    words = ("analyzeLmodDB", "counts", "--format", "csv")
    shown = at_replica.run(*words)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == loader.run(*words).stdout
    done = site_of(replica, "loader", tmp_path / "lost").run("store_module_data", log)
    assert done.returncode == 75 and "read-only" in done.stderr
