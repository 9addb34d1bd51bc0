"""A real TLS server with its own authority that takes job scripts as the portal does."""

import contextlib
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme

TOKEN = "0123456789abcdef0123456789abcdef01234567"
CLOSE = "close"  # the connection, without an answer
DUPLICATE = {"id_job": ["job script with this id job already exists."]}


class Server:
    """Takes scripts at https://127.0.0.1:PORT/api/jobscripts/, and keeps them."""

    def __init__(self, directory):
        """answers is consulted for each post, the first of them first: a status, (status, headers),
        CLOSE, or a function of the job id that returns one; None or an empty list: as the portal
        does."""
        self.answers: list = []
        self.scripts: dict = {}  # job id -> script
        self.posts: list = []  # (path, headers, job id, status) of all posts
        self.connections = 0
        self.received = 0  # posts, before they are answered
        self.open: list = []  # their sockets
        self.port = 0
        self.hold = threading.Event()  # posts wait for it
        self.hold.set()
        self.authority = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_file))
        self._http = None
        self._lock = threading.Lock()

    @property
    def host(self):
        """What the INI file has."""
        return f"https://127.0.0.1:{self.port}"

    def start(self):
        """Listen, on the same port as before."""
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), handler_of(self))
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("127.0.0.1").configure_cert(context)
        self._http.socket = context.wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self):
        """Refuse connections from now on, and close those that are there."""
        if self._http:
            self._http.shutdown()
            self._http.server_close()
            self._http = None
            for one in self.open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            self.open = []

    def statuses(self):
        """Return (job id, status) of all posts."""
        return [(job_id, status) for _path, _headers, job_id, status in self.posts]

    def take(self, headers, document):
        """Return (status, headers, content) of one post."""
        job_id = document["id_job"]
        with self._lock:
            answer = self.answers.pop(0) if self.answers else None
            answer = answer(job_id) if callable(answer) else answer
            if answer is not None:
                status, more = answer if isinstance(answer, tuple) else (answer, {})
                return status, more, {}
            if headers["Authorization"] != f"Token {TOKEN}":
                return 401, {}, {"detail": "This token is not valid."}
            if job_id in self.scripts:
                return 400, {}, DUPLICATE
            self.scripts[job_id] = document["submit_script"]
            return 201, {}, document


def handler_of(server):
    """Return the handler class of a Server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True

        def setup(self):
            server.connections += 1
            server.open.append(self.request)
            with contextlib.suppress(OSError):
                super().setup()

        def handle(self):
            with contextlib.suppress(OSError):
                super().handle()

        def do_POST(self):
            document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.received += 1
            server.hold.wait()
            status, headers, content = server.take(self.headers, document)
            server.posts.append((self.path, dict(self.headers), document["id_job"], status))
            if status == CLOSE:
                self.close_connection = True
                self.connection.close()
                return
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return Handler
