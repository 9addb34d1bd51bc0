"""Logins by REMOTE_USER of the environment, and by headers, as real web servers hand them on."""

import http.client
import json
import os
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT
from tests.services import Server, free_port, wait_until

SETTINGS = "tests.userportal.access.site_settings"


class PortalServer(Server):
    """A process that serves the pages of these tests on a port of its own."""

    def __init__(self, directory, methods="password", environment=None, address="127.0.0.1"):
        super().__init__(directory)
        self.address, self.port = address, free_port()
        conf = self.directory / "portal.conf"
        conf.write_text(
            f"[portal]\nstate = {self.directory / 'state'}\nhttps = no\nhosts = *\n"
            f"[access]\nmethods = {methods}\nuser_suffixes = example.org\n"
        )
        names = ("REMOTE_USER", "affiliation")
        kept = {name: value for name, value in os.environ.items() if name not in names}
        self.environment = {
            **kept, "HPCUSAGE_PORTAL_CONF": str(conf), "DJANGO_SETTINGS_MODULE": SETTINGS,
            "PYTHONPATH": str(CHECKOUT), **(environment or {}),
        }  # fmt: skip

    def popen_options(self):
        return {"cwd": self.directory, "env": self.environment}

    def prepare(self):
        """Make the tables."""
        manage = [sys.executable, str(CHECKOUT / "userportal" / "manage.py")]
        subprocess.run([*manage, "migrate", "--skip-checks", "-v", "0"], check=True,
                       **self.popen_options())  # fmt: skip

    def is_ready(self):
        try:
            return self.who()["name"] is not None
        except OSError:
            return False

    def who(self, headers=(), address="127.0.0.1"):
        """Return what the first page says of who looks; headers go out as they are."""
        connection = http.client.HTTPConnection(address, self.port, timeout=30)
        try:
            connection.putrequest("GET", "/")
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


class DevelopmentServer(PortalServer):
    """manage.py runserver."""

    name = "runserver"

    def command(self):
        manage = str(CHECKOUT / "userportal" / "manage.py")
        return [sys.executable, manage, "runserver", "--noreload", "--skip-checks",
                f"{self.address}:{self.port}"]  # fmt: skip


class Gunicorn(PortalServer):
    """gunicorn, as the portal is served."""

    name = "gunicorn"

    def command(self):
        return [sys.executable, "-m", "gunicorn", "userportal.wsgi:application", "--workers", "1",
                "--timeout", "600",
                "--bind", f"{self.address}:{self.port}"]  # fmt: skip


STAFF = {"name": "ann", "full_name": "", "roles": ["helper", "staff", "user"]}
NOBODY = {"name": "", "full_name": "", "roles": []}
ANN = {"REMOTE_USER": "ann@example.org", "affiliation": "staff@example.org"}


def test_the_environment_of_runserver_logs_in(tmp_path):
    with DevelopmentServer(tmp_path, environment=ANN) as server:
        assert server.who() == STAFF
        # What a proxy on this machine hands on came from somewhere else.
        assert server.who([("X-Forwarded-For", "192.0.2.1")]) == NOBODY
        assert server.who([("Via", "1.1 proxy")]) == NOBODY
        assert server.who([("Remote-User", "eve"), ("Affiliation", "member")]) == STAFF


@pytest.mark.parametrize("program", ["userportal/manage.py", "bin/userportal"])
def test_runserver_warns_that_everybody_of_this_machine_is_the_user(tmp_path, program):
    def told(*words, **more):
        environment = {**DevelopmentServer(tmp_path).environment, **more}
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / program), *words], cwd=tmp_path, env=environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return [line for line in done.stderr.splitlines() if line.startswith("Warning:")]

    # It ends at once: there is no such address.
    start = ("runserver", "--noreload", "--skip-checks", "no address")
    assert told(*start, REMOTE_USER="ann@example.org\x1b[2J") == [
        "Warning: REMOTE_USER is set: every account of this machine that connects to this server is"
        " ann@example.org\\x1b[2J on its pages, with that user's roles. Use it only where nobody"
        " else is logged in."
    ]
    assert told(*start) == []
    assert told("diffsettings", REMOTE_USER="ann") == []


def test_without_the_environment_a_client_cant_say_who_it_is_to_runserver(tmp_path):
    with DevelopmentServer(tmp_path, methods="password, remote_user") as server:
        for name in ("Remote-User", "REMOTE_USER", "REMOTE-USER", "affiliation"):
            assert server.who([(name, "ann@example.org")]) == NOBODY


def own_address():
    """Return an address of this machine that is not loopback, or None."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith(("127.", "0.")) else address


def test_the_environment_of_runserver_is_not_for_others(tmp_path):
    address = own_address()
    if address is None:
        pytest.skip("this machine has the loopback address only")
    with DevelopmentServer(tmp_path, environment=ANN, address="0.0.0.0") as server:  # noqa: S104
        assert server.who() == STAFF
        assert server.who(address=address) == NOBODY


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory):
    """A gunicorn that believes the headers of 127.0.0.1, and has REMOTE_USER in its environment."""
    pytest.importorskip("gunicorn")
    directory = tmp_path_factory.mktemp("gunicorn")
    with Gunicorn(directory, "headers, remote_user", ANN) as server:
        yield server


def test_a_header_of_the_proxy_arrives_through_gunicorn(gunicorn):
    headers = [("X-Remote-User", "bob@example.org"), ("X-Remote-Affiliation", "member")]
    assert gunicorn.who(headers) == {"name": "bob", "full_name": "", "roles": ["user"]}


def test_the_environment_of_gunicorn_is_no_login(gunicorn):
    assert gunicorn.who() == NOBODY


@pytest.mark.parametrize(
    "headers",
    [
        [("X_Remote_User", "eve@example.org")],
        [("X-Remote_User", "eve@example.org")],
        [("x_remote_user", "eve@example.org")],
        [("X-Remote-User", "bob@example.org"), ("X-Remote-User", "eve@example.org")],
        [("X-Remote-User", "eve@example.org,bob@example.org")],
        [("REMOTE_USER", "eve@example.org")],
        [("Remote-User", "eve@example.org")],
    ],
)
def test_a_smuggled_header_logs_nobody_in(gunicorn, headers):
    assert gunicorn.who(headers) == NOBODY


def test_a_smuggled_affiliation_gives_no_role(gunicorn):
    own = [("X-Remote-User", "bob@example.org"), ("X-Remote-Affiliation", "member")]
    assert gunicorn.who([*own, ("X_Remote_Affiliation", "staff")])["roles"] == ["user"]
    assert gunicorn.who([*own, ("X-Remote-Affiliation", "staff@example.org")]) == NOBODY


def test_what_was_refused_is_in_the_log(gunicorn):
    gunicorn.who([("X-Remote-User", "eve@elsewhere.example")])
    wait_until(lambda: "user_suffixes" in gunicorn.log.read_text(), "the log to be written")
