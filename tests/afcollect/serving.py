"""A real TLS server with its own authority, which answers as a test says."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import trustme

CLOSE = "close"  # the connection, without an answer
RESET = "reset"  # the connection, without an answer
SILENT_CLOSE = "silent close"  # the connection, after 200
BYTE_BY_BYTE = "byte by byte"  # an answer whose body does not end


class Server:
    """Takes documents at https://127.0.0.1:PORT/, and keeps what it has taken."""

    def __init__(self, directory, tls=True):
        """answers is consulted for each post, the first of them first: a status, (status, headers),
        CLOSE and the like, or a function of the documents that returns one; then 200. Of an interim
        status the final one, 200, comes with the next post of the same connection, before it is
        looked at."""
        self.answers: list = []
        self.always = None  # answers what `answers` does not
        self.taken: list = []  # documents of posts that were answered with 2xx
        self.posts: list = []  # (path, headers, documents, status) of all posts
        self.connections = 0
        self.last_text = ""  # of the last post
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
        is_owed = False  # the final answer to the last post

        def setup(self):
            server.connections += 1
            with contextlib.suppress(OSError):
                super().setup()

        def handle(self):
            with contextlib.suppress(OSError, ssl.SSLError):
                super().handle()

        def do_POST(self):
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            server.last_text = text
            documents = documents_in(text, self.headers["Content-Type"])
            if self.is_owed:
                self.answer(200)
            answer = server.answer_to(documents)
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            server.posts.append((self.path, dict(self.headers), documents, status))
            if status == CLOSE:
                self.close_connection = True
                self.connection.close()
                return
            if status == RESET:
                self.close_connection = True
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                os.close(self.connection.detach())
                return
            if status == BYTE_BY_BYTE:
                self.trickle()
                return
            if status == SILENT_CLOSE:
                self.close_connection, status = True, 200
            self.is_owed = status < 200
            if self.is_owed:
                self.send_response_only(status)
                self.end_headers()
                return
            if status < 300:
                server.taken += documents
            self.answer(status, headers)

        def answer(self, status, headers=None):
            self.send_response(status)
            for name, value in (headers or {}).items():
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


class Proxy:
    """An http proxy at http://127.0.0.1:PORT, which asks for no password."""

    def __init__(self, status=200):
        """status is its answer to CONNECT."""
        self.status = status
        self.asked: list = []  # (method, target, headers) of all requests
        self.seen = b""  # what went from clients to servers in tunnels
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), proxy_handler_of(self))
        self._http.daemon_threads = True
        self.place = f"127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Refuse connections from now on."""
        self._http.shutdown()
        self._http.server_close()


def proxy_handler_of(proxy):
    """Return the handler class of a Proxy."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_CONNECT(self):
            proxy.asked.append(("CONNECT", self.path, self.headers))
            self.close_connection = True
            self.send_response(proxy.status)
            self.end_headers()
            if proxy.status != 200:
                return
            host, port = self.path.split(":")
            with contextlib.suppress(OSError), socket.create_connection((host, port)) as server:
                back = threading.Thread(target=self.pass_back, args=(server,), daemon=True)
                back.start()
                while data := self.connection.recv(65536):
                    proxy.seen += data
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
                back.join()

        def pass_back(self, server):
            with contextlib.suppress(OSError):
                while data := server.recv(65536):
                    self.connection.sendall(data)
                self.connection.shutdown(socket.SHUT_WR)

        def do_POST(self):
            proxy.asked.append(("POST", self.path, self.headers))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target = urlsplit(self.path)
            asking = http.client.HTTPConnection(target.netloc or "no.host.invalid")
            with contextlib.closing(asking):
                asking.request("POST", target.path, body, {"Content-Type": "application/json"})
                answer = asking.getresponse()
                self.send_response(answer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

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
