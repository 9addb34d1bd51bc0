"""PostgreSQL with a standby: what writes goes to the primary, wherever that stands."""

import tempfile
from pathlib import Path

import pytest

from tests import services
from tests.conftest import Site
from usagedb import errors
from usagedb.config import DatabaseConfig
from usagedb.database import Database

PRIMARY, STANDBY = "127.0.0.1", "127.0.0.2"
WHERE = "SELECT host(inet_server_addr())"


class Standby(services.PostgreSQLServer):
    """A streaming standby of another server, on the same port of an address of its own."""

    address = STANDBY

    def __init__(self, directory, primary):
        super().__init__(directory)
        self.port = primary.port

    def making(self):
        """Return the command that copies the primary's data."""
        program = services.find_program("pg_basebackup")
        return [program, "-R", "--no-sync", "-U", self.user, "-h", PRIMARY, "-p", str(self.port),
                "-D", str(self.datadir)]  # fmt: skip


@pytest.fixture(scope="module")
def servers():
    """A primary and its standby."""
    services.require_service("postgres", "initdb", "pg_basebackup", modules=["psycopg"])
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        primary = services.PostgreSQLServer(Path(directory, "primary"))
        primary.start(["-c", "fsync=off"])
        standby = Standby(Path(directory, "standby"), primary)
        standby.start(["-c", "fsync=off"])
        yield primary, standby
        standby.stop()
        primary.stop()


def server_of(config):
    """Return the address of the server that is taken."""
    database = Database(config)
    try:
        return database.rows(WHERE)[0][0]
    finally:
        database.close()


def knows_the_database(config):
    """Tell whether the standby has heard of the database."""
    try:
        return server_of(config.replaced(hosts=(STANDBY,))) == STANDBY
    except errors.UsageDBError:
        return False


@pytest.fixture
def config(servers):
    """The DatabaseConfig of an empty database, at the standby first."""
    primary, _standby = servers
    found = DatabaseConfig(
        "postgresql", "twohosts", "test", (STANDBY, PRIMARY), primary.port, user="postgres"
    )
    root = Database(found.replaced(hosts=(PRIMARY,), database="postgres"))
    root.run_ddl("DROP DATABASE IF EXISTS twohosts WITH (FORCE)")
    root.run_ddl("CREATE DATABASE twohosts")
    root.close()
    services.wait_until(lambda: knows_the_database(found), "the standby to know the database")
    return found


def test_the_primary_is_taken_wherever_it_stands(config, tmp_path):
    assert server_of(config) == PRIMARY
    assert server_of(config.replaced(hosts=(PRIMARY, STANDBY))) == PRIMARY
    site = Site(config, tmp_path)
    assert site.run("createDB", "--schema", "lmod").returncode == 0


def test_a_database_that_a_standby_does_not_know_yet_is_found(config):
    """The standby stands still while the database is made."""
    standby = Database(config.replaced(hosts=(STANDBY,), database="postgres"))
    primary = Database(config.replaced(hosts=(PRIMARY,), database="postgres"))
    standby.rows("SELECT pg_wal_replay_pause()")
    try:
        primary.run_ddl("CREATE DATABASE later")
        assert server_of(config.replaced(database="later")) == PRIMARY
        with pytest.raises(errors.NoDatabaseError):
            server_of(config.replaced(hosts=(STANDBY,), database="later"))
    finally:
        standby.rows("SELECT pg_wal_replay_resume()")
        primary.run_ddl("DROP DATABASE later WITH (FORCE)")
        standby.close()
        primary.close()


def test_a_standby_is_read_where_there_is_no_primary(servers, config):
    """One whose primary is away; and one that is named alone, as for reports: see the fixture."""
    primary, _standby = servers
    primary.stop()
    try:
        assert server_of(config) == STANDBY
    finally:
        primary.start(["-c", "fsync=off"])
