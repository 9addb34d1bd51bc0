"""A real epmt gui, and who asks it."""

import csv
import gzip
import http.client
import io
import json
import signal
import subprocess
import sys
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.conftest import CHECKOUT, heed_signals

SECONDS = 120  # after which something hangs


class Reply(NamedTuple):
    """What was answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def text(self):
        """Return the body as text."""
        packed = self.headers["Content-Encoding"] == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()

    def json(self):
        """Return the body as data."""
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.text())

    def csv(self):
        """Return the rows as dictionaries."""
        assert self.headers["Content-Type"].startswith("text/csv")
        return list(csv.DictReader(io.StringIO(self.text(), newline="")))

    def page(self):
        """Return the Page."""
        assert self.headers["Content-Type"] == "text/html; charset=utf-8"
        found = Page()
        found.feed(self.text())
        found.close()
        return found


class Page(HTMLParser):
    """What is in a page: its elements, texts, and links."""

    def __init__(self):
        super().__init__()
        self.elements, self.links, self.rows = [], [], []
        self.words = []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name == "tr":
            self.rows.append([])
        elif name in ("td", "th"):
            self.rows[-1].append("")
        elif name == "a":
            self.links.append([dict(attributes).get("href"), ""])

    def handle_data(self, text):
        self.words.append(text)
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += text
        if self.links:
            self.links[-1][1] += text

    def text(self):
        """Return all texts."""
        return " ".join(" ".join(self.words).split())

    def href(self, text):
        """Return where the link with a text leads to."""
        return next(href for href, words in self.links if words.split("\n")[0].startswith(text))

    def of_heading(self, text):
        """Return where the heading of a column leads to."""
        return next(href for href, words in self.links if words in (text, f"{text} \u25bc")
                    and "order=" in href)  # fmt: skip

    def of(self, name):
        """Return the attributes of all elements of a name."""
        return [attributes for one, attributes in self.elements if one == name]


class Gui:
    """An epmt gui as a process of its own."""

    def __init__(self, site, *arguments, **options):
        words = ["gui", "--confFn", site.conf_path, "--port", "0", *arguments]
        python = options.pop("python", [sys.executable])
        self.process = subprocess.Popen(
            [*python, CHECKOUT / "bin" / "epmt", *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=heed_signals, **options,
        )  # fmt: skip
        self.address = self.process.stdout.readline().strip()
        assert self.address, self.process.communicate(timeout=SECONDS)
        parts = urlsplit(self.address)
        self.host, self.port, self.token = parts.hostname, parts.port, parts.query[len("token=") :]
        self.cookie = ""

    def ask(self, target, method="GET", **headers):
        """Ask as a stranger does; underscores in the names of headers are hyphens."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        try:
            known = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, headers=known)
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def get(self, target, status=200, method="GET", **headers):
        """Ask as a browser with the cookie does, and check the status."""
        if not self.cookie:
            welcome = self.ask(f"/?token={self.token}")
            self.cookie = welcome.headers["Set-Cookie"].partition(";")[0]
        reply = self.ask(target, method, Cookie=self.cookie, **headers)
        assert reply.status == status, (target, reply.text())
        return reply

    def end(self, number=signal.SIGTERM):
        """End it with a signal; return (status, what it has said)."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        output, messages = self.process.communicate(timeout=SECONDS)
        assert output == ""
        return self.process.returncode, messages
