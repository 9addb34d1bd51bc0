"""A real TLS server with its own authority, which answers as a test says."""

import contextlib
import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

CLOSE = "close"  # the connection, without an answer
BYTE_BY_BYTE = "byte by byte"  # an answer whose body does not end


class Server:
    """Takes documents at https://127.0.0.1:PORT/, and keeps what it has taken."""

    def __init__(self, directory, tls=True):
        """answers is consulted for each post, the first of them first: a status, (status, headers),
        CLOSE or BYTE_BY_BYTE, or a function of the documents that returns one; then 200."""
        self.answers: list = []
        self.always = None  # answers what `answers` does not
        self.taken: list = []  # documents of posts that were answered with 2xx
        self.posts: list = []  # (path, headers, documents, status) of all posts
        self.connections = 0
        self.directory, self.tls, self.port = directory, tls, 0
        self.authority = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        self._http = None

    @property
    def url(self):
        """Where documents go."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/af"

    def start(self):
        """Listen, on the same port as before."""
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), handler_of(self))
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert("127.0.0.1").configure_cert(context)
            self._http.socket = context.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        """Refuse connections from now on."""
        if self._http:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def answer_to(self, documents):
        """Return the answer to one post."""
        answer = self.answers.pop(0) if self.answers else self.always or 200
        return answer(documents) if callable(answer) else answer


def handler_of(server):
    """Return the handler class of a Server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True

        def setup(self):
            server.connections += 1
            with contextlib.suppress(OSError):
                super().setup()

        def handle(self):
            with contextlib.suppress(OSError, ssl.SSLError):
                super().handle()

        def do_POST(self):
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            documents = documents_in(text, self.headers["Content-Type"])
            answer = server.answer_to(documents)
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            server.posts.append((self.path, dict(self.headers), documents, status))
            if status == CLOSE:
                self.close_connection = True
                self.connection.close()
                return
            if status == BYTE_BY_BYTE:
                self.trickle()
                return
            if 200 <= status < 300:
                server.taken += documents
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def trickle(self):
            self.send_response(503)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)

        def log_message(self, *arguments):
            pass

    return Handler


def documents_in(text, content_type):
    """Return the documents of a post: one, an array, or one a line."""
    if content_type == "application/x-ndjson":
        return [json.loads(line) for line in text.splitlines()]
    found = json.loads(text)
    return found if isinstance(found, list) else [found]


def main():
    """Serve in the directory that the command line names, until standard input ends; print the
    port."""
    server = Server(Path(sys.argv[1]))
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
