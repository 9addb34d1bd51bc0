"""The shipped files of the portal: web servers, units and lines for Slurm, as a site uses them.

nginx, Apache, gunicorn, mod_wsgi, MariaDB and Slurm are real; of the files only paths, names,
addresses and ports are replaced. Single sign-on needs an identity provider, which is not here: in
its place stands HTTP's own basic authentication, which sets REMOTE_USER as Shibboleth, Mellon and
OpenID Connect do, and for nginx a small service that is asked about each request. What mod_shib,
mod_auth_openidc and mod_auth_mellon say of the files is tested where they are installed.
"""

import base64
import configparser
import contextlib
import grp
import http.client
import json
import os
import pwd
import re
import shlex
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import CHECKOUT
from tests.services import (
    CONF,
    Server,
    find_program,
    free_port,
    open_parents,
    replaced,
    require_service,
)
from tests.slurm_cluster import CLUSTER, DATABASE, PROGRAMS, SlurmCluster
from usagedb import errors
from usagedb.config import DatabaseConfig
from usagedb.database import Database

pytestmark = pytest.mark.skipif(sys.version_info < (3, 10), reason="Django needs Python 3.10")

HOST, DOMAIN = "localhost", "example.org"
PASSWORD = "a-long-Pass-Phrase-7"  # noqa: S105 - of a test
WEB_ACCOUNT = "www-data"
UNIT, SOCKET_UNIT = "userportal.service", "userportal.socket"
PROGRAM = "/usr/local/bin/userportal"
APACHE_MODULES = Path("/usr/lib/apache2/modules")
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd is not installed"
)
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


# the portal -------------------------------------------------------------


class Site:
    """A scratch portal with its tables, static files and accounts."""

    def __init__(self, directory: Path, access: str) -> None:
        """Make it; access are lines of the section [access]."""
        self.directory = directory
        self.state = directory / "state"
        self.conf = directory / "portal.conf"
        self.state.mkdir(parents=True, mode=0o711)
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


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """Give a directory with a short path, as sockets need it, that other accounts may enter."""
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


@pytest.fixture(scope="module")
def site(scratch: Path) -> Site:
    """Give a portal for web servers that are proxies."""
    require_service(modules=["django", "gunicorn"])
    return Site(scratch / "proxied", "methods = password, headers\ntrusted_proxies = unix")


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    """Give a token of the account carol, of the staff, for the job scripts."""
    return site.add_staff("carol")


@pytest.fixture(scope="module")
def gunicorn(site: Site) -> Iterator[Gunicorn]:
    """Give the portal as its service runs it."""
    with Gunicorn(site, words_of("ExecStart")) as server:
        yield server


# web servers ------------------------------------------------------------


class Certificate(NamedTuple):
    """Of the web servers, by an authority of their own."""

    chain: Path
    key: Path
    authority: Path


@pytest.fixture(scope="module")
def certificate(scratch: Path) -> Certificate:
    """Give a certificate for this machine."""
    import trustme

    authority = trustme.CA()
    made = authority.issue_cert(HOST)
    files = Certificate(*(scratch / name for name in ("portal.crt", "portal.key", "ca.pem")))
    for number, blob in enumerate(made.cert_chain_pems):
        blob.write_to_path(str(files.chain), append=bool(number))
    made.private_key_pem.write_to_path(str(files.key))
    authority.cert_pem.write_to_path(str(files.authority))
    return files


class Answer(NamedTuple):
    """What a web server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class WebServer(Server):
    """nginx or Apache, with one of the shipped files."""

    def __init__(self, directory: Path, certificate: Certificate) -> None:
        """Choose two ports."""
        super().__init__(directory)
        self.certificate, self.port, self.plain_port = certificate, free_port(), free_port()
        self.conf = self.directory / "main.conf"
        open_parents(self.directory / "file")

    def fill(self, text: str, static: Path) -> str:
        """Return a shipped file with the names, files and directories of this test."""
        text = replaced(text, "portal.example.org;", f"{HOST};") if "listen" in text else text
        text = text.replace("portal.example.org", HOST)
        text = replaced(text, f"/etc/pki/tls/certs/{HOST}.crt", str(self.certificate.chain))
        text = replaced(text, f"/etc/pki/tls/private/{HOST}.key", str(self.certificate.key))
        text = replaced(text, "/var/lib/hpcusage-portal/portal-static", str(static))
        return re.sub(r"/var/log/(nginx|httpd)", str(self.directory), text)

    def is_ready(self) -> bool:
        try:
            return bool(self.get("/health/").status)
        except OSError:
            return False

    def get(self, path: str, headers: "dict[str, str] | None" = None, **options: Any) -> Answer:
        """Ask by TLS; headers go out as they are written. Redirections are not followed."""
        context = ssl.create_default_context(cafile=str(self.certificate.authority))
        connection = http.client.HTTPSConnection(HOST, self.port, context=context)
        try:
            method, body = options.get("method", "GET"), options.get("body")
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get_plain(self, path: str) -> Answer:
        """Ask without TLS."""
        connection = http.client.HTTPConnection(HOST, self.plain_port)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def whose(self, headers: "dict[str, str] | None" = None) -> str:
        """Return the name of the user whom the portal takes the request for, "" for nobody."""
        answer = self.get("/secure/jobstats/", headers)
        assert answer.status == 302, answer
        found = re.fullmatch(r"/secure/jobstats/([^/]+)/", answer.headers["Location"])
        if found:
            return found[1]
        assert answer.headers["Location"].startswith("/accounts/login/"), answer.headers
        return ""


class Nginx(WebServer):
    """nginx with portal-nginx.conf."""

    name = "nginx"

    def configure(self, socket_path: Path, static: Path, sign_on_port: "int | None" = None) -> None:
        """Write the configuration, with single sign-on if the port of a service is given."""
        text = (CONF / "portal-nginx.conf").read_text()
        if sign_on_port:
            before, heading, after = text.partition("    # Single sign-on")
            assert heading
            after = re.sub(r"^( +)#(?=\S|    )", r"\1", after, flags=re.MULTILINE)
            text = before + heading + after
            text = replaced(text, "127.0.0.1:4180", f"127.0.0.1:{sign_on_port}")
        text = self.fill(text, static)
        text = replaced(text, "/run/hpcusage-portal/portal.sock", str(socket_path))
        # Not every machine has IPv6: a second address of this one stands for it.
        for old, address, port in (
            ("80;", "127.0.0.1", self.plain_port), ("443 ssl", "127.0.0.1", self.port),
            ("[::]:80;", "127.0.0.2", self.plain_port), ("[::]:443 ssl", "127.0.0.2", self.port),
        ):  # fmt: skip
            rest = old.partition("80")[2] if "80" in old else old.partition("443")[2]
            text = replaced(text, f"listen {old}", f"listen {address}:{port}{rest}")
        shipped = self.directory / "portal.conf"
        shipped.write_text(text)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "".join(f"{kind}_temp_path {self.directory}/{kind};\n" for kind in kinds)
        account = f"user {WEB_ACCOUNT};\n" if os.geteuid() == 0 else ""
        self.conf.write_text(
            f"{account}daemon off;\npid {self.directory}/nginx.pid;\nevents {{ }}\n"
            f"error_log {self.directory}/error.log;\n"
            f"http {{\ninclude /etc/nginx/mime.types;\n{places}include {shipped};\n}}\n"
        )

    def command(self) -> "list[str]":
        return [str(find_program("nginx")), "-c", str(self.conf), "-e", str(self.log)]


PLAIN_MODULES = (
    "mpm_event authz_core authz_host authz_user authn_core authn_file auth_basic alias dir mime"
    " env setenvif headers rewrite filter deflate ssl socache_shmcb proxy proxy_http"
)


class Apache(WebServer):
    """Apache with one of the two shipped files."""

    name = "apache2"

    def configure(self, text: str, modules: str, more: str = "") -> None:
        """Write the configuration; modules are names beside PLAIN_MODULES."""
        text = replaced(text, "*:443>", f"127.0.0.1:{self.port}>")
        text = replaced(text, "*:80>", f"127.0.0.1:{self.plain_port}>")
        shipped = self.directory / "portal.conf"
        shipped.write_text(text)
        loaded = "".join(
            f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"
            for name in f"{PLAIN_MODULES} {modules}".split()
        ).replace("LoadModule shib_module", "LoadModule mod_shib")
        account = f"User {WEB_ACCOUNT}\nGroup {WEB_ACCOUNT}\n" if os.geteuid() == 0 else ""
        directory = self.directory
        self.conf.write_text(
            f"{loaded}{account}ServerRoot {directory}\nServerName {HOST}\n"
            f"DefaultRuntimeDir {directory}\nPidFile {directory}/pid\nMutex file:{directory}\n"
            f"ErrorLog {directory}/error.log\nTypesConfig /etc/mime.types\n"
            'LogFormat "%h %u %r %>s" combined\n'
            f"Listen 127.0.0.1:{self.port}\nListen 127.0.0.1:{self.plain_port}\n"
            f"<Directory />\nRequire all denied\n</Directory>\n{more}Include {shipped}\n"
        )

    def command(self) -> "list[str]":
        return [str(find_program("apache2")), "-f", str(self.conf), "-D", "FOREGROUND"]

    def check(self) -> "subprocess.CompletedProcess[str]":
        """Let Apache read the configuration, as apachectl -t does."""
        command = [str(find_program("apache2")), "-f", str(self.conf), "-t"]
        return subprocess.run(command, check=False, capture_output=True, text=True)


def basic(user: str) -> "dict[str, str]":
    """Return the header with which somebody logs in at the stand-in."""
    told = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {told}"}


STAFF, MEMBER = f"dora@{DOMAIN}", f"ann@{DOMAIN}"


def stand_in(directory: Path, variable: str) -> str:
    """Return lines that log people in in the place of single sign-on.

    They set REMOTE_USER, and for the one of the staff the variable of affiliations.
    """
    users = directory / "users"
    lines = []
    for user in (STAFF, MEMBER):
        done = subprocess.run(
            ["openssl", "passwd", "-apr1", PASSWORD], check=True, capture_output=True, text=True
        )
        lines.append(f"{user}:{done.stdout}")
    users.write_text("".join(lines))
    staff = basic(STAFF)["Authorization"]
    return (
        f'AuthType Basic\nAuthName x\nAuthUserFile "{users}"\n'
        f'SetEnvIf Authorization "^{re.escape(staff)}$" '
        f'"{variable}=member@{DOMAIN};staff@{DOMAIN}"\n'
    )


# nginx ------------------------------------------------------------------


@pytest.fixture(scope="module")
def nginx(
    scratch: Path, site: Site, gunicorn: Gunicorn, certificate: Certificate
) -> Iterator[Nginx]:
    """Give nginx with the shipped file."""
    require_service("nginx", modules=["trustme"])
    server = Nginx(scratch / "nginx", certificate)
    server.configure(gunicorn.path, site.state / "portal-static")
    with server:
        yield server


class SignOn(ThreadingHTTPServer):
    """Says who a request is of by its cookie, as oauth2-proxy does."""

    daemon_threads = True

    class RequestHandlerClass(BaseHTTPRequestHandler):
        """401 without the cookie."""

        def do_GET(self) -> None:  # noqa: N802
            found = re.search(r"sso=([a-z@.]+)", self.headers.get("Cookie", ""))
            self.send_response(202 if found else 401)
            if found:
                self.send_header("X-Auth-Request-Preferred-Username", found[1])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)


@pytest.fixture(scope="module")
def nginx_with_sign_on(
    scratch: Path, site: Site, gunicorn: Gunicorn, certificate: Certificate
) -> Iterator[Nginx]:
    """Give nginx with the shipped file, whose lines about single sign-on are in use."""
    require_service("nginx", modules=["trustme"])
    service = SignOn()
    threading.Thread(target=service.serve_forever, args=(0.02,), daemon=True).start()
    server = Nginx(scratch / "nginx-sso", certificate)
    server.configure(gunicorn.path, site.state / "portal-static", service.server_address[1])
    with server:
        yield server
    service.shutdown()
    service.server_close()


def test_nginx_finds_no_fault(nginx: Nginx, nginx_with_sign_on: Nginx) -> None:
    for server in (nginx, nginx_with_sign_on):
        done = subprocess.run(
            [*server.command(), "-t"], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "warn" not in done.stderr


def test_behind_nginx_who_the_service_names_is_logged_in(nginx_with_sign_on: Nginx) -> None:
    assert nginx_with_sign_on.whose({"Cookie": f"sso={MEMBER}"}) == "ann"


def test_behind_nginx_nobody_passes_by_the_service(nginx_with_sign_on: Nginx) -> None:
    for headers in FORGED:
        answer = nginx_with_sign_on.get("/secure/jobstats/", headers)
        assert answer.status == 401


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
def test_behind_nginx_a_forged_name_changes_nothing_for_a_known_user(
    nginx_with_sign_on: Nginx, headers: "dict[str, str]"
) -> None:
    assert nginx_with_sign_on.whose({**headers, "Cookie": f"sso={MEMBER}"}) == "ann"
    answer = nginx_with_sign_on.get("/secure/notes/", {**headers, "Cookie": f"sso={MEMBER}"})
    assert answer.status == 403


# both proxies -----------------------------------------------------------


@pytest.fixture(scope="module")
def apache_proxy(
    scratch: Path, site: Site, gunicorn: Gunicorn, certificate: Certificate
) -> Iterator[Apache]:
    """Give Apache with portal-apache-proxy.conf, and the stand-in for OpenID Connect."""
    require_service("apache2", "openssl", modules=["trustme"])
    server = Apache(scratch / "apache-proxy", certificate)
    text = server.fill(
        (CONF / "portal-apache-proxy.conf").read_text(), site.state / "portal-static"
    )
    text = replaced(text, "/run/hpcusage-portal/portal.sock", str(gunicorn.path))
    text = re.sub(r"^ +(OIDC|Include ).*\n", "", text, flags=re.MULTILINE)
    variable = "OIDC_CLAIM_eduperson_scoped_affiliation"
    text = replaced(text, "AuthType openid-connect\n", stand_in(server.directory, variable))
    server.configure(text, "")
    with server:
        yield server


@pytest.fixture(scope="module", params=["nginx", "apache_proxy"])
def proxy(request: pytest.FixtureRequest) -> WebServer:
    """Give each of the two web servers before gunicorn."""
    server: WebServer = request.getfixturevalue(request.param)
    return server


def test_pages_come_over_tls_with_the_portal_s_own_headers(proxy: WebServer) -> None:
    answer = proxy.get("/")
    assert answer.status == 200
    assert "<html" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store, private"


def test_without_tls_one_is_led_to_the_same_page_with_it(proxy: WebServer) -> None:
    answer = proxy.get_plain("/secure/jobstats/?status=Running")
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{HOST}/secure/jobstats/?status=Running"


def test_machines_are_told_that_it_is_well(proxy: WebServer) -> None:
    assert proxy.get("/health/").body == b"ok\n"
    answer = proxy.get("/watchman/")
    assert (answer.status, json.loads(answer.text)) == (
        200,
        {"databases": [{"default": {"ok": True}}]},
    )


def static_addresses(server: WebServer) -> "list[str]":
    """Return the addresses of static files on the first page."""
    found = re.findall(r'(?:src|href)="(/static/[^"]+)"', server.get("/").text)
    assert len(found) >= 3
    return found


def test_static_files_come_from_the_web_server_to_be_kept_for_good(
    proxy: WebServer, gunicorn: Gunicorn
) -> None:
    for address in static_addresses(proxy):
        answer = proxy.get(address, {"Accept-Encoding": "gzip"})
        assert answer.status == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Content-Security-Policy" not in answer.headers  # which the portal's own have


def test_static_files_are_compressed_and_have_their_kinds(proxy: WebServer) -> None:
    kinds = {}
    for address in static_addresses(proxy):
        answer = proxy.get(address, {"Accept-Encoding": "gzip"})
        kinds[address.rpartition(".")[2]] = answer.headers["Content-Type"].partition(";")[0]
        if len(proxy.get(address).body) > 4096:
            assert answer.headers["Content-Encoding"] == "gzip", address
    assert kinds["css"] == "text/css"
    assert kinds["js"] in ("text/javascript", "application/javascript")


def test_static_files_without_a_digest_are_kept_for_an_hour(proxy: WebServer) -> None:
    answer = proxy.get("/static/portal/base.css")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"


def test_nothing_but_static_files_is_read_from_the_state_directory(proxy: WebServer) -> None:
    for path in ("/static/../portal.key", "/static/%2e%2e/portal.key", "/static../portal.key"):
        assert proxy.get(path).status in (400, 404), path
    assert proxy.get("/static/").status in (403, 404)


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
def test_a_client_cannot_say_who_it_is(nginx: Nginx, headers: "dict[str, str]") -> None:
    assert nginx.whose(headers) == ""


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
def test_behind_apache_a_client_cannot_say_who_it_is(
    apache_proxy: Apache, headers: "dict[str, str]"
) -> None:
    assert apache_proxy.get("/secure/jobstats/", headers).status == 401
    assert apache_proxy.whose({**headers, **basic(MEMBER)}) == "ann"
    assert apache_proxy.get("/secure/notes/", {**headers, **basic(MEMBER)}).status == 403
    # Outside of what Apache guards the portal sees no name at all.
    assert "portal_session" not in str(apache_proxy.get("/", headers).headers)


def test_behind_apache_who_it_names_is_logged_in_with_the_roles_it_says(
    apache_proxy: Apache,
) -> None:
    assert apache_proxy.whose(basic(MEMBER)) == "ann"
    assert apache_proxy.get("/secure/notes/", basic(MEMBER)).status == 403
    assert apache_proxy.whose(basic(STAFF)) == "dora"
    assert apache_proxy.get("/secure/notes/", basic(STAFF)).status == 200


def test_one_logs_in_at_the_form(proxy: WebServer, token: str) -> None:
    form = proxy.get("/accounts/login/")
    cookie = form.headers["Set-Cookie"].partition(";")[0]
    assert "Secure" in form.headers["Set-Cookie"]
    secret = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    assert secret
    answer = proxy.get(
        "/accounts/login/", method="POST",
        body=f"csrfmiddlewaretoken={secret[1]}&username=carol&password={PASSWORD}",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie,
                 "Origin": f"https://{HOST}:{proxy.port}"},
    )  # fmt: skip
    assert (answer.status, answer.headers["Location"]) == (302, "/")


def test_a_failed_login_is_held_against_the_address_that_the_web_server_saw(
    proxy: WebServer, site: Site, token: str
) -> None:
    form = proxy.get("/accounts/login/")
    secret = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    assert secret
    name = f"mallory-{proxy.name}"
    answer = proxy.get(
        "/accounts/login/", method="POST",
        body=f"csrfmiddlewaretoken={secret[1]}&username={name}&password=wrong",
        headers={"Content-Type": "application/x-www-form-urlencoded",
                 "Cookie": form.headers["Set-Cookie"].partition(";")[0],
                 "Origin": f"https://{HOST}:{proxy.port}", "X-Forwarded-For": "192.0.2.9"},
    )  # fmt: skip
    assert answer.status == 200
    found = site.rows(f"SELECT address FROM records_failedlogin WHERE username = '{name}'")  # noqa: S608
    assert found == [("127.0.0.1",)]


def test_the_longest_script_comes_through(proxy: WebServer, site: Site, token: str) -> None:
    job = 4711 if proxy.name == "nginx" else 4712
    script = "\N{DNA DOUBLE HELIX}" * 100_000  # twelve bytes each
    answer = proxy.get(
        "/api/jobscripts/", {"Authorization": f"Token {token}", "Content-Type": "application/json"},
        method="POST", body=json.dumps({"id_job": job, "submit_script": script}),
    )  # fmt: skip
    assert answer.status == 201
    found = site.rows(f"SELECT length(submit_script) FROM records_jobscript WHERE id_job = {job}")  # noqa: S608
    assert found == [(100_000,)]


# gunicorn and its units --------------------------------------------------


def test_what_the_web_server_says_at_the_socket_is_believed(gunicorn: Gunicorn) -> None:
    answer = gunicorn.ask("/secure/jobstats/", **{"X-Remote-User": MEMBER})
    assert answer.getheader("Location") == "/secure/jobstats/ann/"


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


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
@pytest.mark.parametrize("trusted", ["unix", "127.0.0.1"])
def test_past_the_web_server_nobody_is_believed(
    scratch: Path, direct: "dict[str, DirectPortal]", trusted: str, headers: "dict[str, str]"
) -> None:
    # 127.0.0.2 is another address than the trusted one; both are there on every machine.
    location = direct[trusted].ask("127.0.0.2", headers)
    assert location is not None
    assert location.startswith("/accounts/login/")


def test_only_the_trusted_address_is_believed(direct: "dict[str, DirectPortal]") -> None:
    headers = {"X-Remote-User": MEMBER}
    assert direct["127.0.0.1"].ask("127.0.0.1", headers) == "/secure/jobstats/ann/"
    assert "/login/" in str(direct["unix"].ask("127.0.0.1", headers))


@pytest.fixture(scope="module")
def direct(scratch: Path) -> "Iterator[dict[str, DirectPortal]]":
    """Give portals that listen at all addresses, by what they trust."""
    require_service(modules=["django", "gunicorn"])
    servers = {}
    for trusted in ("unix", "127.0.0.1"):
        directory = scratch / f"direct-{trusted}"
        found = Site(directory, f"methods = headers\ntrusted_proxies = {trusted}")
        servers[trusted] = DirectPortal(found, directory / "run", "0.0.0.0")  # noqa: S104
    try:
        for server in servers.values():
            server.start()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


def test_the_service_does_not_begin_with_old_tables(tmp_path: Path) -> None:
    require_service(modules=["django"])
    site = Site(tmp_path / "site", "methods = password")
    words = words_of("ExecStartPre")[1:]
    assert site.try_to(*words).returncode == 0
    (site.state / "portal.db").unlink()
    assert site.try_to(*words).returncode != 0


def test_a_wrong_configuration_ends_the_service_in_a_line_and_for_good(tmp_path: Path) -> None:
    require_service(modules=["django"])
    site = Site(tmp_path / "site", "methods = password")
    site.conf.write_text("[portal]\nclster = x\n")
    done = site.try_to(*words_of("ExecStartPre")[1:])
    assert str(done.returncode) in service()["RestartPreventExitStatus"].split()
    assert "clster" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_units_agree_with_each_other_and_with_the_web_servers() -> None:
    assert unit(UNIT)["Unit"]["Requires"] == SOCKET_UNIT
    path = socket_unit()["ListenStream"]
    assert socket_unit()["SocketMode"] == "0660"
    for name in ("portal-nginx.conf", "portal-apache-proxy.conf"):
        assert f"unix:{path}" in (CONF / name).read_text()
    state = f"/var/lib/{service()['StateDirectory']}"
    for name in ("portal-nginx.conf", "portal-apache-proxy.conf", "portal-apache-shibboleth.conf"):
        assert f"{state}/portal-static/" in (CONF / name).read_text()
    assert f"state = {state}" in (CONF / "portal.conf.sample").read_text()


@pytest.fixture
def installed_units(tmp_path: Path) -> "list[str]":
    """Give copies of the units whose program and accounts are there."""
    paths = []
    for name in (UNIT, SOCKET_UNIT):
        text = (CONF / name).read_text().replace(PROGRAM, "/bin/true")
        text = text.replace("=hpcportal", "=nobody").replace("Group=nobody", "Group=daemon")
        (tmp_path / name).write_text(text.replace("SocketGroup=apache", "SocketGroup=daemon"))
        paths.append(str(tmp_path / name))
    return paths


@needs_systemd
def test_systemd_finds_no_fault(installed_units: "list[str]") -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *installed_units],
        check=False, capture_output=True, text=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "userportal" in line]
    assert (done.returncode, ours) == (0, [])


@needs_systemd
def test_the_service_is_closed_to_most(installed_units: "list[str]") -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25"]
    done = subprocess.run(
        [*command, installed_units[0]], check=False, capture_output=True, text=True
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert done.returncode == 0, done.stdout[-200:]


# Apache with mod_wsgi ----------------------------------------------------


def wsgi_version() -> str:
    """Return the version of Python that Apache's mod_wsgi has, as 3.11, "" without it."""
    found = sorted(path.name.rpartition("-")[2] for path in APACHE_MODULES.glob("mod_wsgi.so-*"))
    return found[-1] if found else ""


def shibboleth_file(server: WebServer, site: Site) -> str:
    """Return portal-apache-shibboleth.conf with the paths, names and accounts of this test.

    Debian's mod_wsgi has the system's Python, which finds the libraries of this one by python-path.
    """
    text = server.fill(
        (CONF / "portal-apache-shibboleth.conf").read_text(), site.state / "portal-static"
    )
    package = "/opt/hpcusage/lib/python3.11/site-packages/userportal"
    text = replaced(text, package, str(CHECKOUT / "userportal"))
    libraries = f"{CHECKOUT}:{sysconfig.get_paths()['purelib']}"
    text = replaced(text, "python-home=/opt/hpcusage ", f"python-path={libraries} ")
    text = replaced(text, "home=/etc/hpcusage ", f"home={site.directory} ")
    account = WEB_ACCOUNT if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(pwd.getpwnam(account).pw_gid).gr_name
    return replaced(text, "user=hpcportal group=hpcportal", f"user={account} group={group}")


@pytest.fixture(scope="module")
def wsgi_site(scratch: Path) -> Site:
    """Give a portal for mod_wsgi, which belongs to the account of the web server."""
    require_service("apache2", "openssl", modules=["django", "trustme"])
    if wsgi_version() != f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip(f"mod_wsgi has Python {wsgi_version() or '(it is not installed)'}")
    return Site(scratch / "wsgi", f"methods = remote_user\nuser_suffixes = {DOMAIN}")


@pytest.fixture(scope="module")
def wsgi_token(wsgi_site: Site) -> str:
    """Give a token of an account of the staff, and hand all to the web server's account."""
    made = wsgi_site.add_staff("erin")
    wsgi_site.give_to(WEB_ACCOUNT)
    return made


@pytest.fixture(scope="module")
def apache_wsgi(
    scratch: Path, wsgi_site: Site, wsgi_token: str, certificate: Certificate
) -> Iterator[Apache]:
    """Give Apache with mod_wsgi, and the stand-in for Shibboleth."""
    server = Apache(scratch / "apache-wsgi", certificate)
    text = shibboleth_file(server, wsgi_site)
    text = replaced(
        text,
        "AuthType shibboleth\n    ShibRequestSetting requireSession 1\n    Require shib-session\n",
        stand_in(server.directory, "affiliation") + "Require valid-user\n",
    )
    text = replaced(text, "SetHandler shib\n", "SetHandler none\n")
    server.configure(text, "wsgi", f"WSGISocketPrefix {server.directory}/wsgi\n")
    with server:
        yield server


def test_remote_user_is_cut_at_the_at(apache_wsgi: Apache) -> None:
    assert apache_wsgi.whose(basic(MEMBER)) == "ann"
    assert apache_wsgi.get("/secure/notes/", basic(MEMBER)).status == 403


def test_an_affiliation_beside_remote_user_makes_staff(apache_wsgi: Apache) -> None:
    assert apache_wsgi.whose(basic(STAFF)) == "dora"
    assert apache_wsgi.get("/secure/notes/", basic(STAFF)).status == 200


def test_who_logged_in_below_secure_is_known_on_the_other_pages(apache_wsgi: Apache) -> None:
    cookies = apache_wsgi.get("/secure/jobstats/", basic(MEMBER)).headers.get_all("Set-Cookie")
    session = next(one for one in cookies if one.startswith("portal_session="))
    assert "Secure" in session
    assert "HttpOnly" in session
    page = apache_wsgi.get("/", {"Cookie": session.partition(";")[0]})
    assert page.status == 200
    assert "/secure/jobstats/ann/" in page.text


@pytest.mark.parametrize("headers", FORGED, ids=FORGED_NAMES)
def test_under_mod_wsgi_a_client_cannot_say_who_it_is(
    apache_wsgi: Apache, headers: "dict[str, str]"
) -> None:
    assert apache_wsgi.get("/secure/jobstats/", headers).status == 401
    assert apache_wsgi.whose({**headers, **basic(MEMBER)}) == "ann"
    forged = {**headers, **basic(MEMBER), "affiliation": f"staff@{DOMAIN}"}
    assert apache_wsgi.get("/secure/notes/", forged).status == 403
    assert "portal_session" not in str(apache_wsgi.get("/", headers).headers)


def test_under_mod_wsgi_tokens_of_the_api_arrive(
    apache_wsgi: Apache, wsgi_site: Site, wsgi_token: str
) -> None:
    answer = apache_wsgi.get(
        "/api/jobscripts/",
        {"Authorization": f"Token {wsgi_token}", "Content-Type": "application/json"},
        method="POST", body=json.dumps({"id_job": 7, "submit_script": "#!/bin/sh\nhostname\n"}),
    )  # fmt: skip
    assert answer.status == 201
    assert wsgi_site.rows("SELECT id_job FROM records_jobscript") == [(7,)]
    assert apache_wsgi.get("/api/jobscripts/").status == 401


def test_under_mod_wsgi_pages_and_static_files_come_over_tls(apache_wsgi: Apache) -> None:
    assert apache_wsgi.get("/health/").body == b"ok\n"
    assert json.loads(apache_wsgi.get("/watchman/").text) == {
        "databases": [{"default": {"ok": True}}]
    }
    assert "default-src 'none'" in apache_wsgi.get("/").headers["Content-Security-Policy"]
    assert apache_wsgi.get_plain("/x").headers["Location"] == f"https://{HOST}/x"
    for address in static_addresses(apache_wsgi):
        answer = apache_wsgi.get(address)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address


# the real modules of single sign-on --------------------------------------


def needs_module(*names: str) -> None:
    """Skip where Apache has not all of some modules: they are not among what tests install."""
    missing = [name for name in names if not (APACHE_MODULES / f"mod_{name}.so").exists()]
    if missing:
        pytest.skip(f"Apache has no mod_{', mod_'.join(missing)}")


def test_apache_with_shibboleth_finds_no_fault_and_lets_nobody_in_without_it(
    scratch: Path, wsgi_site: Site, wsgi_token: str, certificate: Certificate
) -> None:
    needs_module("shib", "wsgi")
    server = Apache(scratch / "apache-shib", certificate)
    more = f"WSGISocketPrefix {server.directory}/wsgi\n"
    server.configure(shibboleth_file(server, wsgi_site), "wsgi shib", more)
    done = server.check()
    assert (done.returncode, done.stderr) == (0, "Syntax OK\n")
    with server:
        assert server.get("/").status == 200
        for headers in ({}, *FORGED):  # shibd does not run
            assert server.get("/secure/jobstats/", headers).status == 500


@pytest.fixture
def proxy_file(scratch: Path, site: Site, certificate: Certificate) -> "tuple[Apache, str]":
    """Give an Apache, not started, and portal-apache-proxy.conf for it."""
    require_service("apache2", modules=["trustme"])
    server = Apache(Path(tempfile.mkdtemp(dir=scratch)), certificate)
    static = site.state / "portal-static"
    return server, server.fill((CONF / "portal-apache-proxy.conf").read_text(), static)


def test_apache_with_openid_connect_finds_no_fault(proxy_file: "tuple[Apache, str]") -> None:
    needs_module("auth_openidc")
    server, text = proxy_file
    secrets = server.directory / "secrets"
    secrets.write_text("OIDCClientSecret one\nOIDCCryptoPassphrase another\n")
    server.configure(replaced(text, "/etc/httpd/portal-oidc.secrets", str(secrets)), "auth_openidc")
    done = server.check()
    assert (done.returncode, done.stderr) == (0, "Syntax OK\n")


def test_apache_with_saml_finds_no_fault(proxy_file: "tuple[Apache, str]") -> None:
    needs_module("auth_mellon")
    server, text = proxy_file
    before, line, rest = text.partition("  # OpenID Connect: mod_auth_openidc.\n")
    saml = rest.partition("  # SAML: mod_auth_mellon")[2].partition("\n")[2]
    assert line
    assert saml
    text = before + re.sub(r"^  #(?=\S|  )", "  ", saml, flags=re.MULTILINE)
    mellon = server.directory / "mellon"
    mellon.mkdir()
    for name in ("portal.key", "portal.cert", "portal.xml", "idp.xml"):
        (mellon / name).touch()
    server.configure(replaced(text, "/etc/httpd/mellon", str(mellon)), "auth_mellon")
    done = server.check()
    assert (done.returncode, done.stderr) == (0, "Syntax OK\n")


# lines for Slurm ---------------------------------------------------------


SAMPLE = "slurm-portal.conf.sample"


def lines_for(file_name: str) -> "list[str]":
    """Return the lines of the sample that are for one file, without comments."""
    part = re.search(
        rf"^# ---- [^\n]*{re.escape(file_name)}[^\n]*\n(.*?)(?=^# ---- |\Z)",
        (CONF / SAMPLE).read_text(), re.MULTILINE | re.DOTALL,
    )  # fmt: skip
    assert part
    return [line for line in part[1].splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def slurm() -> Iterator[SlurmCluster]:
    """Give a Slurm with the lines of the sample, but for cgroups, which not every machine has."""
    require_service(*PROGRAMS)
    lines = [line for line in lines_for("slurm.conf") if "/cgroup" not in line]
    assert len(lines) == 3
    with (
        tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory,
        SlurmCluster(Path(directory, "slurm"), ["GresTypes=gpu", *lines]) as started,
    ):
        yield started


class SlurmAccount(NamedTuple):
    """The account of the sample on the database of a Slurm."""

    config: DatabaseConfig
    job: int  # that has ended

    def asked(self, sql: str) -> "list[Any]":
        """Return the rows of a query."""
        database = Database(self.config)
        try:
            return list(database.rows(sql))
        finally:
            database.close()


@pytest.fixture(scope="module")
def slurm_account(slurm: SlurmCluster) -> SlurmAccount:
    """Give the account that the statements of the sample make, after a job."""
    job = int(slurm.run_to_end(script="echo of the portal"))
    port = re.search(r"StoragePort=(\d+)", (slurm.directory / "slurmdbd.conf").read_text())
    assert port
    config = DatabaseConfig("mysql", DATABASE, "test", ("127.0.0.1",), int(port[1]), user="root")
    root = Database(config)
    for line in lines_for("mysql < FILE"):
        statement = line.replace("mycluster_", f"{CLUSTER}_").rstrip(";")
        root.run_ddl(statement.replace("'portal'@'portal.example.org'", "'portal'@'%'"))
    root.close()
    made = config.replaced(user="portal", password="choose-a-password", read_only=True)  # noqa: S106
    return SlurmAccount(made, job)


@contextlib.contextmanager
def slurm_of(account: SlurmAccount) -> "Iterator[Any]":
    """Give the block the SlurmDatabase as the portal reads it."""
    from userportal.slurm.database import SlurmDatabase

    database = Database(account.config)
    try:
        yield SlurmDatabase(database, CLUSTER)
    finally:
        database.close()


def test_slurm_keeps_scripts_and_no_environments(
    slurm: SlurmCluster, slurm_account: SlurmAccount
) -> None:
    shown = slurm.run("scontrol", "show", "config")
    flags = re.search(r"^AccountingStoreFlags\s*= (\S+)", shown, re.MULTILINE)
    assert flags
    assert set(flags[1].lower().split(",")) == {"job_script", "job_comment"}
    with slurm_of(slurm_account) as store:
        assert "echo of the portal" in store.script(store.job(slurm_account.job))


def test_the_account_for_slurm_reads_all_that_the_portal_shows(
    slurm_account: SlurmAccount,
) -> None:
    from userportal.access.slurm_accounts import allocation_of, coordinators_of
    from userportal.slurm.model import JobFilter

    with slurm_of(slurm_account) as store:
        job = store.job(slurm_account.job)
        assert job.state_name == "COMPLETED"
        assert [step.name for step in store.steps(job)] == ["batch"]
        assert store.page(JobFilter(user_id=job.user_id), limit=1).jobs == [job]
        assert (store.user_name(0), store.users_of_account("root")) == ("root", ["root"])
        assert "root" in store.accounts()
        assert "gpu" in store.tres_names().values()
        assert "normal" in store.qos_names().values()
        assert coordinators_of(store, "root") == []
        assert allocation_of(store, "root").members == ("root",)
        assert store.dependents(job) == []
        assert store.events(job.nodes, job.start, job.end) is not None


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT * FROM {CLUSTER}_job_env_table",
        "SELECT * FROM mysql.global_priv",
        f"INSERT INTO {DATABASE}.tres_table (creation_time) VALUES (1)",
        f"DELETE FROM {CLUSTER}_job_table",
        f"UPDATE {CLUSTER}_job_table SET job_name = 'x'",
        "CREATE TABLE made (number INT)",
    ],
)
def test_the_account_for_slurm_can_do_nothing_else(slurm_account: SlurmAccount, sql: str) -> None:
    with pytest.raises(errors.UsageDBError, match="denied"):
        slurm_account.asked(sql)
