"""A connection to MySQL or MariaDB that waits as long as its server lives, and no longer."""

import io
import socket
import time
from typing import Any

import pymysql
from pymysql.constants import CLIENT

CONNECT_SECONDS = 10
# After so long without a byte, a second connection is tried: does the server still answer?
SILENCE_SECONDS = 10
ANSWER_SECONDS = 3600  # the longest statement: a report over years
SEND_SECONDS = 300  # the longest time to send one statement
# The kernel asks the other machine whether it still knows the connection, and gives up after 90 s.
KEEPALIVE_SECONDS, KEEPALIVE_INTERVAL_SECONDS, KEEPALIVE_TRIES = 60, 10, 3
NO_ANSWER = {2002, 2003, 2006, 2013}
SETTINGS = (
    "SHOW VARIABLES WHERE Variable_name IN"
    " ('max_allowed_packet', 'read_only', 'wsrep_on', 'wsrep_provider')"
)
CLUSTER_STATE = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_local_state_comment')"
)
NO_TLS = 2026  # as PyMySQL's own
NO_PLUGIN = 2059  # "authentication plugin cannot be loaded"
NEEDS_TLS = (
    "the account's caching_sha2_password needs TLS (SSL_CA), or pip install 'hpcusage[mysql8]'"
)
NEEDS_SHORTER = (
    "the password is longer than the server's RSA key takes, or that key cannot be read: give"
    " SSL_CA, over TLS any length goes"
)
NOT_READY = 1047  # the number that the server gives to statements then


class Connection(pymysql.connections.Connection):
    """A connection that notices when its server stops to answer.

    A statement may take as long as ANSWER_SECONDS on a server that lives; on a server that was
    stopped, or whose machine is gone, it ends after SILENCE_SECONDS and a try to connect anew.
    """

    # Of pymysql.
    _sock: socket.socket
    _rfile: Any
    server_capabilities: int

    def __init__(self, **arguments):
        """Take the arguments of pymysql, and connect."""
        if isinstance(arguments.get("password"), str):
            # pymysql would take Latin-1, the server has UTF-8.
            arguments["password"] = arguments["password"].encode()
        self.arguments = {
            **arguments,
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": SILENCE_SECONDS,
            "write_timeout": SEND_SECONDS,
        }
        self.most_statement_bytes = 0  # how large a statement the server takes
        self.is_in_cluster = False  # of Galera
        self.is_preferred = True  # False: it is read-only, or gives its state to another node
        super().__init__(**self.arguments)

    def connect(self, sock=None):
        """Connect as pymysql does, then read through an AnswerReader."""
        super().connect(sock)
        set_keepalive(self._sock)
        self._rfile.close()
        self._rfile = io.BufferedReader(AnswerReader(self, self._sock))

    def _request_authentication(self):
        """Log in; without the TLS that was asked for, not a byte of the password is sent, whatever
        the version of PyMySQL."""
        if self.arguments.get("ssl") and not self.server_capabilities & CLIENT.SSL:
            raise pymysql.OperationalError(NO_TLS, "TLS is wanted, the server doesn't support it")
        try:
            super()._request_authentication()  # type: ignore[misc]  # it is not in the stubs
        except RuntimeError as error:  # a library is missing
            raise pymysql.OperationalError(NO_PLUGIN, NEEDS_TLS) from error
        except ValueError as error:
            if isinstance(error, OSError):  # of TLS
                raise
            raise pymysql.OperationalError(NO_PLUGIN, NEEDS_SHORTER) from error

    def server_answers(self):
        """Tell whether the server still takes connections, or at least refuses them."""
        try:
            pymysql.connections.Connection(**self.arguments).close()
        except pymysql.Error as error:
            return bool(error.args) and error.args[0] not in NO_ANSWER
        return True

    def ask(self, statement):
        """Return the rows of a statement without parameters."""
        with self.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def look_around(self):
        """Note what the server can do; on a Galera node let reads see all that was committed before
        them on any node.

        Raises OperationalError if the node is outside its cluster.
        """
        settings = dict(self.ask(SETTINGS))
        self.most_statement_bytes = int(settings["max_allowed_packet"])
        self.is_preferred = settings.get("read_only") in (None, "OFF")
        if settings.get("wsrep_on") != "ON" or settings.get("wsrep_provider") in (None, "none"):
            return
        self.is_in_cluster = True
        state = dict(self.ask(CLUSTER_STATE))
        if state.get("wsrep_ready") != "ON":
            raise pymysql.OperationalError(NOT_READY, "the node is not ready, or outside a cluster")
        self.is_preferred &= state.get("wsrep_local_state_comment") == "Synced"
        self.ask("SET SESSION wsrep_sync_wait = 1")


class AnswerReader(io.RawIOBase):
    """The bytes that come from a server; a pause in them is no error as long as it lives."""

    def __init__(self, connection, sock):
        super().__init__()
        self._connection, self._socket = connection, sock

    def readable(self):
        """Say that it can be read."""
        return True

    def readinto(self, buffer):
        """Wait for some bytes and return how many came, 0 at the end.

        Raises TimeoutError when the server answers no more, or after ANSWER_SECONDS.
        """
        until = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                return self._socket.recv_into(buffer)
            except socket.timeout:
                if time.monotonic() > until or not self._connection.server_answers():
                    raise


def set_keepalive(sock):
    """Let the kernel notice when the other machine is gone, or was started anew."""
    if sock.family == socket.AF_UNIX or not hasattr(socket, "TCP_KEEPIDLE"):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_TRIES)
