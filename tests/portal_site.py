"""A scratch portal for tests, and gunicorn as the shipped units start it."""

import configparser
import grp
import http.client
import os
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import CHECKOUT
from tests.services import CONF, Server, free_port, open_parents
from tests.slurm_cluster import CLUSTER

HOST, DOMAIN = "localhost", "example.org"
PASSWORD = "a-long-Pass-Phrase-7"  # noqa: S105 - of a test
WEB_ACCOUNT = "www-data"
UNIT, SOCKET_UNIT = "userportal.service", "userportal.socket"
PROGRAM = "/usr/local/bin/userportal"
# Headers with which a stranger may try to be somebody else.
FORGED = [
    {"X-Remote-User": "eve"},
    {"x-remote-user": "eve@example.org", "X-Remote-Affiliation": "staff@example.org"},
    {"X_Remote_User": "eve"},
    {"X-Remote_User": "eve"},
    {"Remote-User": "eve"},
    {"REMOTE_USER": "eve"},
    {"X-Forwarded-For": "127.0.0.1", "X-Remote-User": "eve"},
]
FORGED_NAMES = [" ".join(headers) for headers in FORGED]


class Site:
    """A scratch portal with its tables, static files and accounts."""

    def __init__(self, directory: Path, access: str) -> None:
        """Make it; access are lines of the section [access]."""
        self.directory = directory
        self.state = directory / "state"
        self.conf = directory / "portal.conf"
        # As the README makes them: the web server passes through to the static files, and no more.
        self.state.mkdir(parents=True)
        self.state.chmod(0o710)
        (self.state / "portal.db").touch(mode=0o600)
        if os.geteuid() == 0:
            shutil.chown(self.state, "root", WEB_ACCOUNT)
        self.conf.write_text(
            f"[portal]\ncluster = {CLUSTER}\nhosts = {HOST}\nstate = {self.state}\n"
            f"[access]\n{access}\n"
        )
        self.environment = {
            **os.environ, "HPCUSAGE_PORTAL_CONF": str(self.conf), "PYTHONPATH": str(CHECKOUT),
        }  # fmt: skip
        open_parents(self.state / "file")
        self.run("migrate", "-v", "0")
        self.run("collectstatic", "--noinput", "-v", "0")

    def run(self, *words: str, **options: Any) -> str:
        """Run the command userportal; return what it printed. Raises AssertionError."""
        done = self.try_to(*words, **options)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def try_to(self, *words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run the command userportal."""
        return subprocess.run(
            [sys.executable, CHECKOUT / "bin" / "userportal", *words],
            env={**self.environment, **options.pop("environment", {})}, cwd=self.directory,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options,
        )  # fmt: skip

    def add_staff(self, name: str) -> str:
        """Make an account of the staff with PASSWORD; return a token of the API for it."""
        words = ("--noinput", "--username", name, "--email", f"{name}@{DOMAIN}")
        self.run("createsuperuser", *words, environment={"DJANGO_SUPERUSER_PASSWORD": PASSWORD})
        return self.run("token", name, "--scope", "jobscripts").strip()

    def rows(self, sql: str) -> "list[tuple[Any, ...]]":
        """Return rows of the portal's own database."""
        connection = sqlite3.connect(self.state / "portal.db")
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def give_to(self, account: str) -> None:
        """Make everything the property of another account, where that can be done."""
        if os.geteuid() == 0:
            for path in [self.state, *self.state.rglob("*")]:
                shutil.chown(path, account, account)


# The program becomes what systemd starts: with the socket as its descriptor 3.
ACTIVATION = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Gunicorn(Server):
    """What userportal.service starts, at the socket of userportal.socket."""

    name = "gunicorn"

    def __init__(self, site: Site, command: "list[str]") -> None:
        """Make the two sockets that systemd makes: where it listens, and where it is told."""
        super().__init__(site.directory / "run")
        self.site, self.words = site, command
        self.path = self.directory / "portal.sock"
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(self.path))
        self.listening.listen()
        open_parents(self.path)
        mode = int(socket_unit()["SocketMode"], 8)
        self.path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(self.path, 0, grp.getgrnam(WEB_ACCOUNT).gr_gid)
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(self.directory / "notify.sock"))
        self.notified.setblocking(False)
        self.told = ""

    def command(self) -> "list[str]":
        descriptor = str(self.listening.fileno())
        return [sys.executable, "-c", ACTIVATION, descriptor, sys.executable, *self.words]

    def popen_options(self) -> "dict[str, Any]":
        environment = {
            **self.site.environment, "NOTIFY_SOCKET": str(self.directory / "notify.sock"),
            "HOME": str(self.directory),
        }  # fmt: skip
        return {"env": environment, "cwd": "/", "pass_fds": (self.listening.fileno(),)}

    def is_ready(self) -> bool:
        """Tell whether it has told systemd so, as Type=notify waits for."""
        try:
            self.told += self.notified.recv(4096).decode()
        except BlockingIOError:
            return False
        return "READY=1" in self.told

    def ask(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """Ask as the web server does."""
        connection = http.client.HTTPConnection(HOST)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.path))
        connection.request("GET", path, headers=headers)
        return connection.getresponse()


def unit(name: str) -> configparser.RawConfigParser:
    """Return a shipped unit, for what is not given several times."""
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(CONF / name)
    return parser


def service() -> configparser.SectionProxy:
    """Return the section [Service] of the portal's unit."""
    return unit(UNIT)["Service"]


def socket_unit() -> configparser.SectionProxy:
    """Return the section [Socket] of the portal's socket."""
    return unit(SOCKET_UNIT)["Socket"]


def words_of(setting: str) -> "list[str]":
    """Return the words of a command of the service, for this Python."""
    program, *words = shlex.split(service()[setting])
    assert program == PROGRAM
    return [str(CHECKOUT / "bin" / "userportal"), *words]


class DirectPortal(Server):
    """`userportal serve` at a port, as somebody may have put it there."""

    name = "serve"

    def __init__(self, site: Site, directory: Path, address: str) -> None:
        super().__init__(directory)
        self.site, self.address, self.port = site, address, free_port()

    def command(self) -> "list[str]":
        program = [sys.executable, str(CHECKOUT / "bin" / "userportal"), "serve"]
        return [*program, "--workers", "1", "--bind", f"{self.address}:{self.port}"]

    def popen_options(self) -> "dict[str, Any]":
        return {"env": {**self.site.environment, "HOME": str(self.directory)}, "cwd": "/"}

    def page(self, path: str) -> str:
        """Return a page."""
        connection = http.client.HTTPConnection(HOST, self.port)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def ask(self, address: str, headers: "dict[str, str]") -> "str | None":
        """Return where a request from an address to the own page is led."""
        connection = http.client.HTTPConnection(address, self.port, source_address=(address, 0))
        try:
            connection.request("GET", "/secure/jobstats/", headers={"Host": HOST, **headers})
            return connection.getresponse().getheader("Location")
        finally:
            connection.close()

    def is_ready(self) -> bool:
        try:
            return bool(self.ask("127.0.0.1", {}))
        except OSError:
            return False
