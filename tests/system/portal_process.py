"""A portal as a site serves it, in processes of its own, and visitors who speak HTTP with it."""

import html
import html.parser
import http.cookiejar
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import CHECKOUT
from tests.services import Server, free_port

LOGIN = "/accounts/login/"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
METER = re.compile(r'role="meter"[^>]*aria-valuenow="(\d+)"[^>]*aria-label="([^"]*)"')
NOT_TEXT = ("script", "style")
WORKERS = 2


class PortalServer(Server):
    """`userportal serve`, which becomes gunicorn, on a port of 127.0.0.1."""

    name = "userportal"

    def __init__(self, directory: Path, configuration: Path) -> None:
        """Choose the port; the process has a home of its own."""
        super().__init__(directory)
        self.configuration = configuration
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # gunicorn puts a socket into the home directory.
        self.environment = {**os.environ, "HOME": str(self.directory)}
        self.environment.pop("HPCUSAGE_PORTAL_CONF", None)

    def words(self, *arguments: str) -> list[str]:
        """Return the command line of one of the portal's commands."""
        program = str(CHECKOUT / "bin" / "userportal")
        return [sys.executable, program, "--conf", str(self.configuration), *arguments]

    def command(self) -> list[str]:
        """Return the command line of the server."""
        bind = f"127.0.0.1:{self.port}"
        return self.words("serve", "--bind", bind, "--workers", str(WORKERS), "--threads", "4")

    def popen_options(self) -> "dict[str, Any]":
        """Return where it runs."""
        return {"cwd": self.directory, "env": self.environment}

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        try:
            return Visitor(self.url).get("/health/").status == 200
        except OSError:
            return False

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run one of the portal's commands to its end; return what it printed, and its status."""
        return subprocess.run(
            self.words(*arguments), cwd=self.directory, env={**self.environment, **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def make_tables(self, staff: str, password: str) -> None:
        """Make the portal's own tables, and an account of the staff, as the README says."""
        done = self.run("migrate", "--no-input", "--verbosity", "0")
        assert done.returncode == 0, done.stderr
        done = self.run(
            "createsuperuser", "--no-input", "--username", staff, "--email", "",
            DJANGO_SUPERUSER_PASSWORD=password,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Answer:
    """What a visitor was shown in the end."""

    status: int
    url: str  # after all redirections
    body: str

    @property
    def path(self) -> str:
        """The path where one is."""
        return urllib.parse.urlparse(self.url).path

    @property
    def text(self) -> str:
        """What a reader of the page reads, its blanks made one each."""
        reader = Reader()
        reader.feed(self.body)
        return " ".join(" ".join(reader.words).split())

    @property
    def meters(self) -> "dict[str, int]":
        """The percent of all meters that have a label."""
        return {html.unescape(label): int(now) for now, label in METER.findall(self.body)}

    @property
    def json(self) -> Any:
        """The content of JSON."""
        return json.loads(self.body)

    def part(self, name: str) -> "Answer":
        """Return the card of a page that is labelled by the heading of this name."""
        found = re.search(rf'<section[^>]*aria-labelledby="{name}".*?</section>', self.body, re.S)
        assert found, f"no part {name} on {self.url}"
        return Answer(self.status, self.url, found[0])


class Reader(html.parser.HTMLParser):
    """Collects the text of a page."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Leave out what is not read."""
        self._hidden += tag in NOT_TEXT

    def handle_endtag(self, tag: str) -> None:
        """Read on."""
        self._hidden -= tag in NOT_TEXT

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        if not self._hidden:
            self.words.append(data)


class Visitor:
    """Somebody with a browser that keeps cookies, follows redirections and runs no script."""

    def __init__(self, url: str) -> None:
        """Come without a cookie."""
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        no_proxy = urllib.request.ProxyHandler({})
        keeper = urllib.request.HTTPCookieProcessor(self.cookies)
        self._opener = urllib.request.build_opener(no_proxy, keeper)

    def get(self, path: str, **parameters: object) -> Answer:
        """Ask for a page."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        return self._open(urllib.request.Request(self.url + path + query))  # noqa: S310

    def post(self, path: str, **fields: object) -> Answer:
        """Fill in and send the form of a page, with the token that the page has."""
        token = TOKEN.search(self.get(path).body)
        assert token, f"no form on {path}"
        return self.send(path, csrfmiddlewaretoken=token[1], **fields)

    def send(self, path: str, **fields: object) -> Answer:
        """Send a form as it is."""
        data = urllib.parse.urlencode(fields).encode()
        headers = {"Referer": self.url + path}
        return self._open(urllib.request.Request(self.url + path, data, headers))  # noqa: S310

    def login(self, username: str, password: str) -> "Visitor":
        """Log in with the form; return the visitor. Raises AssertionError if it is refused."""
        answer = self.post(LOGIN, username=username, password=password)
        assert (answer.status, answer.path) == (200, "/"), answer.text
        return self

    def _open(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request) as response:
                return Answer(response.status, response.url, response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.url or "", error.read().decode())
