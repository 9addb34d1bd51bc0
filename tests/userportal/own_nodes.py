"""Several servers for the portal's own database, and a portal that is asked again and again."""

import contextlib
import subprocess
import sys

import pymysql

from tests.services import MariaDBServer
from usagedb.config import write_config

NAME = "portal"
# A line of Python is a request: what it prints is the answer. Django closes and checks connections
# at the begin and the end of each.
SERVING = """
import sys
import django
django.setup()
from django.contrib.auth.models import Group
from django.core.signals import request_finished, request_started
from django.db import DatabaseError, connection
from userportal.access.retries import with_retries

def ask(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]

for line in sys.stdin:
    request_started.send(None)
    try:
        answer = eval(line)
    except DatabaseError as error:
        answer = type(error).__name__
    request_finished.send(None)
    print(answer, flush=True)
"""


class Node(MariaDBServer):
    """One of several MariaDB servers: all have one port, each an address of its own."""

    def __init__(self, directory, number, port):
        """number is the last part of the address, and the server's number."""
        super().__init__(directory)
        self.port, self.number, self.host = port, number, f"127.0.0.{number}"

    def command(self):
        """Return the command line of mariadbd."""
        return [*super().command(), f"--bind-address={self.host}", f"--server-id={self.number}"]

    def is_ready(self):
        """Tell whether the server takes connections at its address."""
        with contextlib.suppress(pymysql.Error):
            self.run("SELECT 1")
            return True
        return False

    def run(self, *statements):
        """Run some statements on this node alone, as it is; return the rows of the last."""
        with (
            pymysql.connect(host=self.host, port=self.port, user="root", autocommit=True) as link,
            link.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()


class Portal:
    """A process of the portal, asked line by line; a context manager."""

    def __init__(self, path):
        """path is that of portal.conf."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVING], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, bufsize=1,
            env={"HPCUSAGE_PORTAL_CONF": str(path), "PATH": "/usr/bin:/bin",
                 "DJANGO_SETTINGS_MODULE": "userportal.settings"},
        )  # fmt: skip

    def ask(self, line):
        """Return what one request prints."""
        self.process.stdin.write(f"{line}\n")
        answer = self.process.stdout.readline()
        assert answer, self.process.stderr.read()
        return answer.rstrip("\n")

    def node(self):
        """Return the number of the server that answers a request."""
        return self.ask("ask('SELECT @@server_id')")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """End the process; its standard error is kept."""
        _, self.said = self.process.communicate()


def configured(directory, config):
    """Write portal.conf for a portal whose own database is that of a DatabaseConfig."""
    write_config(directory / "own_db.conf", config)
    path = directory / "portal.conf"
    path.write_text(
        f"[portal]\nhttps = no\nstate = {directory}\n"
        f"[database]\nconf_file = {directory / 'own_db.conf'}\n"
    )
    return path
