"""nginx and Apache for tests, with the portal's shipped files: see conf/portal-*.conf."""

import base64
import http.client
import os
import re
import ssl
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from tests.portal_site import DOMAIN, HOST, PASSWORD, WEB_ACCOUNT
from tests.services import CONF, Server, find_program, free_port, open_parents, replaced

APACHE_MODULES = Path("/usr/lib/apache2/modules")
STAFF, MEMBER = f"dora@{DOMAIN}", f"ann@{DOMAIN}"


class Certificate(NamedTuple):
    """Of the web servers, by an authority of their own."""

    chain: Path
    key: Path
    authority: Path


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
