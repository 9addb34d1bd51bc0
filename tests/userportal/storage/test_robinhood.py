"""Robinhood's table: in MariaDB names are bytes, and sums are decimals."""

import pytest

from tests.userportal.storage.account_table import make_table
from usagedb.database import Database
from userportal.storage import robinhood
from userportal.storage.robinhood import OnTape, Stored


@pytest.fixture(params=["sqlite", "mysql"])
def empty(request, tmp_path):
    """The configuration of an empty database: in a file, or in a real MariaDB."""
    import os

    from usagedb.config import DatabaseConfig

    if request.param == "sqlite":
        yield DatabaseConfig("sqlite", str(tmp_path / "robinhood.db"), "test")
        return
    server = request.getfixturevalue("mariadb")
    name = f"robinhood_{os.getpid()}"
    config = DatabaseConfig(
        "mysql", name, "test", ("127.0.0.1",), server.port, user="root", socket=str(server.socket)
    )
    root = Database(config.replaced(select_database=False))
    root.run_ddl(f"CREATE DATABASE {name}")
    yield config
    root.run_ddl(f"DROP DATABASE {name}")
    root.close()


@pytest.fixture
def database(empty):
    """The open database with the table."""
    make_table(empty)
    opened = Database(empty)
    yield opened
    opened.close()


def test_users_have_their_blocks_without_root_tiny_ones_and_what_is_on_tape(database):
    assert robinhood.users_of_group(database, "def-ann") == [
        Stored("ann", 3, 200 * 512),
        Stored("bob", 8, 38 * 512),
    ]


def test_the_total_counts_root_and_the_tiny_ones_too(database):
    assert robinhood.total_of_group(database, "def-ann") == Stored("", 63, 2138 * 512)


def test_of_released_files_the_size_counts_and_of_others_the_blocks(database):
    assert robinhood.tape_of_group(database, "def-ann") == [
        OnTape("ann", 5, 20 * 512, 6, 3 * 2**20),
        OnTape("bob", 0, 0, 7, 50),
    ]


@pytest.mark.parametrize("group", ["nobody", "", "def-ann' OR '1'='1", "%", "def\\ann"])
def test_an_unknown_group_has_nothing(database, group):
    assert robinhood.users_of_group(database, group) == []
    assert robinhood.total_of_group(database, group) == Stored("", 0, 0)
    assert robinhood.tape_of_group(database, group) == []


def test_names_that_are_no_text_are_shown_as_what_they_are(empty):
    name = b"b\xe9a<b>" if empty.backend == "mysql" else "b<b>"
    make_table(empty, [(name, "g", "file", "", 1, 2, 3)])
    opened = Database(empty)
    (found,) = robinhood.users_of_group(opened, "g")
    opened.close()
    assert found.user == ("b\\xe9a<b>" if empty.backend == "mysql" else "b<b>")


def test_at_most_a_thousand_users_are_listed(empty):
    make_table(empty, [(f"u{n:04}", "g", "file", "", 1, n, 3) for n in range(1005)])
    opened = Database(empty)
    found = robinhood.users_of_group(opened, "g")
    opened.close()
    assert (len(found), found[0], found[-1]) == (
        1000, Stored("u1004", 3, 1004 * 512), Stored("u0005", 3, 5 * 512),
    )  # fmt: skip
