"""The stand-in for today's loader does what its description says, on a real server."""

import subprocess
import sys

import pymysql
import pytest

from tests.bench import gen2_peer
from tests.services import MariaDBServer, require_service

LINE = (
    "Jan  1 00:00:00 login1 ModuleUsageTracking: user={user} module=gcc/13.2.0 "
    "path=/apps/gcc/13.2.0.lua host=login1.{cluster}.example.org time={time}\n"
)
LINES = [
    LINE.format(user="otter", cluster="aurora", time="1767225603.000000"),
    LINE.format(user="otter", cluster="aurora", time="1767225601.000000"),
    LINE.format(user="otter", cluster="cirrus", time="1767225602.000000"),
    LINE.format(user="lynx", cluster="aurora", time="1767225600.500000"),
]


@pytest.fixture(name="server", scope="module")
def private_server(tmp_path_factory):
    require_service("mariadbd", "mariadb-install-db")
    with MariaDBServer(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(name="peer")
def peer_on_an_empty_table(server):
    with pymysql.connect(unix_socket=str(server.socket), user=server.user) as connection:
        connection.cursor().execute("drop database if exists flat")
        connection.cursor().execute("create database flat")

    def call(*arguments):
        options = ["--socket", str(server.socket), "--database", "flat"]
        command = [sys.executable, gen2_peer.__file__, *options, *arguments]
        return subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env={"TZ": "UTC"}
        ).stdout

    call("create")
    return call


@pytest.fixture(name="log")
def small_log(tmp_path):
    path = tmp_path / "moduleUsage.log"
    path.write_text("".join(LINES))
    return str(path)


def stored_rows(server):
    query = "select user, path, module, syshost, date_format(date, '%T') from moduleT order by id"
    connection = pymysql.connect(unix_socket=str(server.socket), user=server.user, database="flat")
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        return [(row[0], row[3], row[4]) for row in cursor.fetchall()]


def test_a_line_becomes_a_row():
    assert gen2_peer.parse(LINES[0]) == (
        "otter", "/apps/gcc/13.2.0.lua", "gcc/13.2.0", "aurora", "1767225603.000000",
    )  # fmt: skip


def test_the_first_line_of_each_user_module_and_cluster_is_stored_by_date(peer, server, log):
    peer("load", log)
    assert stored_rows(server) == [
        ("lynx", "aurora", "00:00:00"),
        ("otter", "cirrus", "00:00:02"),
        ("otter", "aurora", "00:00:03"),
    ]


def test_store_all_stores_every_line(peer, server, tmp_path):
    log = tmp_path / "long.log"
    log.write_text("".join(LINES) * 600)
    peer("--store_all", "load", str(log))
    assert len(stored_rows(server)) == 2400


def test_counts_are_distinct_users_by_path(peer, log):
    peer("load", log)
    assert peer("counts", "%GCC%") == "/apps/gcc/13.2.0.lua\t2\n"
    assert peer("counts", "%fftw%") == ""


def test_flat_rows_are_filled_in(peer, server, tmp_path):
    flat_rows = tmp_path / "rows.tsv"
    flat_rows.write_text("otter\t/apps/gcc.lua\tgcc\taurora\t2026-01-01 10:00:00\n")
    peer("fill", str(flat_rows))
    assert stored_rows(server) == [("otter", "aurora", "10:00:00")]
