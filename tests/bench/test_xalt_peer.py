"""The stand-in for today's loader and report of XALT does what its description says."""

import subprocess
import sys

import pymysql
import pytest

from tests.bench import xalt_peer
from tests.bench.xalt_records import directory_of, write_tree
from tests.conftest import CHECKOUT
from tests.services import MariaDBServer, require_service
from tests.xaltload.old_site import statements


@pytest.fixture(name="server", scope="module")
def private_server(tmp_path_factory):
    require_service("mariadbd", "mariadb-install-db")
    with MariaDBServer(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(name="peer")
def peer_on_empty_tables(server):
    """A function that runs the stand-in, and one that reads its tables."""
    connection = pymysql.connect(
        unix_socket=str(server.socket), user=server.user, autocommit=True
    )  # fmt: skip
    cursor = connection.cursor()
    cursor.execute("drop database if exists sites")
    cursor.execute("create database sites")
    cursor.execute("use sites")
    for statement in statements("mysql"):
        cursor.execute(statement)

    def call(*arguments):
        options = ["--socket", str(server.socket), "--database", "sites"]
        command = [sys.executable, "-m", xalt_peer.__name__, *options, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=CHECKOUT)

    def rows(query):
        cursor.execute(query)
        return cursor.fetchall()

    yield call, rows
    connection.close()


def test_a_tree_has_the_records_that_it_says(tmp_path):
    counts = write_tree(tmp_path, 100)
    names = [path.name for path in tmp_path.rglob("*.json")]
    assert len(names) == len(set(names)) == counts.records
    assert (counts.runs, counts.starts) == (100, 34)
    for path in tmp_path.rglob("*.json"):
        assert int(path.parent.name) == directory_of(path.name)


def test_the_loader_stores_each_record_once(peer, tmp_path):
    call, rows = peer
    counts = write_tree(tmp_path, 60)
    for _load in range(2):
        call("load", str(tmp_path))
        assert rows("select count(*), count(distinct run_uuid) from xalt_run") == ((60, 60),)
        assert rows("select count(*) from xalt_link") == ((counts.links,),)
    assert rows("select count(*) from xalt_run where end_time = 0") == ((0,),)
    libraries = rows("select count(*), count(distinct run_id) from join_run_object")[0]
    assert libraries[1] == 60 and libraries[0] > 60 * 15
    assert rows("select count(*) from xalt_pkg") == ((2 * counts.packages,),)  # its known fault


def test_every_query_of_the_report_runs(peer, tmp_path):
    call, rows = peer
    write_tree(tmp_path, 60)
    call("load", str(tmp_path))
    lines = [line.split("\t") for line in call("report").stdout.splitlines()]
    found = {name: int(count) for name, count, _seconds in lines}
    assert set(found) == {name for name, _query in xalt_peer.report_queries()}
    assert found["executables all"] >= 10 and found["overall usr"] == 1
