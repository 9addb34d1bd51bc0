"""A real server with the gallery of all parts."""

import http.client
import json
import os
import sys
import urllib.parse
from typing import NamedTuple

from tests.conftest import CHECKOUT
from tests.services import Server, free_port

SETTINGS = "tests.userportal.web.gallery_settings"


class Reply(NamedTuple):
    """What was answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def text(self):
        """Return the body as text."""
        return self.body.decode()


class GalleryServer(Server):
    """gunicorn with one process, so that it can tell what it was asked."""

    name = "gallery"

    def __init__(self, directory):
        """Choose a port."""
        super().__init__(directory)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def environment(self):
        """Return the environment of the server, and of commands for its site."""
        return {**os.environ, "GALLERY_STATE": str(self.directory),
                "DJANGO_SETTINGS_MODULE": SETTINGS}  # fmt: skip

    def command(self):
        """Return the command line."""
        application = "tests.userportal.web.gallery_wsgi:application"
        return [sys.executable, "-m", "gunicorn", application, "--threads", "8",
                "--timeout", "600",
                "--bind", f"127.0.0.1:{self.port}", "--no-control-socket"]  # fmt: skip

    def popen_options(self):
        """Run in the checkout, with the settings of the gallery."""
        return {"cwd": CHECKOUT, "env": self.environment()}

    def is_ready(self):
        """Tell whether the site answers."""
        try:
            return self.get("/health/").status == 200
        except OSError:
            return False

    def get(self, path, **headers):
        """Ask for a path and return the Reply; redirections are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        reply = Reply(response.status, response.headers, response.read())
        connection.close()
        return reply

    def render(self, template, context=None, **headers):
        """Return what a template makes of a context; `found` are fields of Findings."""
        query = urllib.parse.urlencode({"template": template, "context": json.dumps(context or {})})
        reply = self.get(f"/rendered/?{query}", **headers)
        assert reply.status == 200, reply.text()
        return reply.text()

    def asked(self):
        """Return the queries of graphs since the last call."""
        return json.loads(self.get("/asked/").body)
