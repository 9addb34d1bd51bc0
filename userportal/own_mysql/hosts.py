"""Connect to that of several servers, such as the nodes of a Galera cluster, which can be used."""

import contextlib
import logging
import time
from typing import Any

import pymysql

from usagedb.dialects import mysql, mysql_connection

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5  # for the answer to a check: a node may be frozen
# So long a host that failed is asked after the others: one that is switched off does not refuse a
# connection, and each would wait for it.
LAST_SECONDS = 60
READ_ONLY_ERROR = 1290
WRITABLE = ("0", "OFF")

# When hosts failed last, by host and port; for all threads of this process.
failed_at: dict = {}


class Connection(mysql_connection.Connection):
    """A connection that can be checked within a few seconds."""

    is_hurried = False
    _read_timeout: Any  # that of PyMySQL, seconds

    def server_answers(self):
        """Tell whether it is worth while to go on waiting."""
        return not self.is_hurried and super().server_answers()

    @contextlib.contextmanager
    def hurried(self):
        """Wait for CHECK_SECONDS at most for an answer inside the block."""
        usual_seconds = self._read_timeout
        self._read_timeout, self.is_hurried = CHECK_SECONDS, True
        try:
            yield
        finally:
            self._read_timeout, self.is_hurried = usual_seconds, False

    def check(self):
        """Raise pymysql.Error unless the server takes writes; outside of transactions.

        A node that has lost its cluster, or was told to reject all, answers to a ping and to what
        needs no table; it refuses to begin a transaction, as it refuses tables.
        """
        with self.hurried():
            self.ask("BEGIN")
            ((value,),) = self.ask("SELECT @@read_only")
            self.ask("ROLLBACK")
        if str(value).upper() not in WRITABLE:
            raise pymysql.OperationalError(READ_ONLY_ERROR, f"{self.host} is read-only")


def connect_to_one(hosts, parameters):
    """Return a Connection to the first of several hosts that can be used; one that is read-only, or
    gives its state to another node, only if there is no better one.

    parameters are those of PyMySQL. Raises pymysql.Error: at once if a host refuses the account,
    else when none of them can be used.
    """
    last: Exception = pymysql.OperationalError(2003, "no HOST")
    spare = None
    for host in in_order(hosts, parameters.get("port")):
        try:
            connection = connect_to(host, parameters)
        except pymysql.Error as error:
            if not is_away(error):
                raise
            failed(host, parameters.get("port"), error)
            last = error
            continue
        if connection.is_preferred:
            return connection
        spare = spare or connection
    if spare is None:
        raise last
    return spare


def connect_to(host, parameters):
    """Return a Connection to a host that does what is asked of it. Raises pymysql.Error."""
    connection = Connection(**{**parameters, "host": host})
    try:
        connection.look_around()
        if connection.is_preferred:
            connection.check()
    except pymysql.Error:
        with contextlib.suppress(pymysql.Error, OSError):
            connection.close()
        raise
    return connection


def is_away(error):
    """Tell whether an error of PyMySQL means that another host should be asked."""
    return (bool(error.args) and error.args[0] in mysql.AWAY) or mysql.is_out_of_step(error)


def in_order(hosts, port):
    """Return the hosts in their order, those that failed a short while ago after the others."""
    now = time.monotonic()

    def is_last(host):
        return now - failed_at.get((host, port), -LAST_SECONDS) < LAST_SECONDS

    return sorted(hosts, key=is_last)


def failed(host, port, error):
    """Remember that a host could not be used, and say so."""
    logger.warning("the portal's own database on %s: %s", host, error)
    failed_at[host, port] = time.monotonic()
