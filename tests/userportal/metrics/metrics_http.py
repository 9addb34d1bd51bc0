"""A real HTTP server that answers as a test says, and remembers what it was asked."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    """One request: its method, path, parameters and headers."""

    method: str
    path: str
    parameters: dict
    headers: dict


@dataclass
class Answer:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)


def matrix(*series, **more):
    """Return the answer to a range query: (labels, [[time, text]...])..."""
    result = [{"metric": labels, "values": points} for labels, points in series]
    data = {"resultType": "matrix", "result": result}
    return Answer(body=json.dumps({"status": "success", "data": data, **more}).encode())


class MetricsServer:
    """Listens on 127.0.0.1; `answer` is called with every Asked, in a thread of its own."""

    def __init__(self, answer, context=None):
        self.answer, self.asked = answer, []
        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._httpd.daemon_threads = True
        if context:
            self._httpd.socket = context.wrap_socket(self._httpd.socket, server_side=True)
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self._httpd.server_port}"
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.01,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join()


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            self._answer(self.rfile.read(length).decode())

        def do_GET(self):
            self._answer(urlsplit(self.path).query)

        def _answer(self, query):
            path = urlsplit(self.path).path
            asked = Asked(self.command, path, parse_qs(query), dict(self.headers))
            server.asked.append(asked)
            answer = server.answer(asked)
            if answer is None:  # hang up
                self.close_connection = True
                return
            self.send_response(answer.status)
            length = {"Content-Length": len(answer.body)}
            for name, value in {**length, **answer.headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_):
            pass

        def handle(self):
            try:
                super().handle()
            except OSError:
                self.close_connection = True

    return Handler
