"""A connection waits as long as its server lives, and no longer."""

import os
import signal
import subprocess

import pymysql
import pytest

from tests import services
from tests.mysql_server import mysql_family_server
from usagedb import errors
from usagedb.config import DatabaseConfig
from usagedb.database import Database
from usagedb.dialects import mysql_connection


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Paths of a certificate for localhost, which is its own authority, and of its key."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "server.pem", directory / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture(scope="module")
def server(tmp_path_factory, certificate):
    """A MariaDB server that tests may freeze; it offers TLS."""
    services.require_service("mariadbd", "mariadb-install-db", "openssl")
    started = mysql_family_server(tmp_path_factory.mktemp("own"))
    path, key = certificate
    started.start([f"--ssl-cert={path}", f"--ssl-key={key}", f"--ssl-ca={path}"])
    yield started
    started.process.send_signal(signal.SIGCONT)
    started.stop()


@pytest.fixture(params=["plain", "tls", "socket"])
def config(request, server, certificate):
    """The configuration of a connection, in each of three ways."""
    plain = DatabaseConfig("mysql", "mysql", "test", ("localhost",), server.port, user="root")
    if request.param == "tls":
        return plain.replaced(ssl_ca=str(certificate[0]))
    return plain.replaced(socket=str(server.socket)) if request.param == "socket" else plain


def doubting(config):
    """Return a Database that doubts its server after a second of silence, and then gives it as long
    to answer as always: it lives, however slow it is."""
    database = Database(config)
    database.connection._read_timeout = 1
    return database


@pytest.fixture
def frozen(server, monkeypatch):
    """A function that freezes the server, which goes on after the test; what connects after it has
    no patience."""

    def freeze():
        monkeypatch.setattr(mysql_connection, "CONNECT_SECONDS", 1)
        monkeypatch.setattr(mysql_connection, "SILENCE_SECONDS", 1)
        server.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, server.process.pid, os.WSTOPPED)  # all its threads

    yield freeze
    server.process.send_signal(signal.SIGCONT)


def test_a_long_answer_is_waited_for_as_long_as_the_server_lives(config):
    database = doubting(config)
    assert database.rows("SELECT SLEEP(3.5)") == ((0,),)
    assert [row[0] for row in database.stream("SELECT SLEEP(2.5)")] == [0]
    assert database.rows("SELECT 1") == ((1,),)
    database.close()


def test_a_frozen_server_cant_hold_up_a_statement(config, frozen):
    database = doubting(config)
    database.connection.arguments.update(connect_timeout=1, read_timeout=1)
    frozen()
    with pytest.raises(errors.UnavailableError, match="try again later"):
        database.rows("SELECT 1")


def test_a_frozen_server_cant_hold_up_who_connects(config, frozen):
    frozen()
    with pytest.raises(errors.UnavailableError, match="try again later"):
        Database(config)


def test_a_server_without_a_place_for_one_more_connection_lives(config, server):
    database = Database(config)
    database.execute("SET GLOBAL max_connections = 10")
    others = []
    with pytest.raises(pymysql.OperationalError, match="Too many connections"):
        for _number in range(12):
            others.append(pymysql.connect(unix_socket=str(server.socket), user="root"))
    assert database.connection.server_answers()
    for other in others:
        other.close()
    database.execute("SET GLOBAL max_connections = 151")
    database.close()


def test_a_large_answer_arrives_whole(config):
    database = doubting(config)
    text = "x" * 3_000_000
    assert database.rows("SELECT REPEAT('x', 3000000), 1 UNION ALL SELECT 'y', SLEEP(1.5)") == (
        (text, 1), ("y", 0),
    )  # fmt: skip
    database.close()


def test_the_kernel_asks_after_the_server_of_a_silent_connection(server):
    import socket

    config = DatabaseConfig("mysql", "mysql", "test", ("127.0.0.1",), server.port, user="root")
    database = Database(config)
    sock = database.connection._sock
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    database.close()


def test_what_is_read_only_is_noted_and_used_where_there_is_no_other(config):
    database = Database(config)
    assert database.connection.is_preferred
    database.execute("SET GLOBAL read_only = 1")
    other = Database(config)
    assert not other.connection.is_preferred and other.rows("SELECT 1") == ((1,),)
    other.close()
    database.execute("SET GLOBAL read_only = 0")
    database.close()
