"""The server of the pages: it listens on a port of this machine until it is told to end."""

import contextlib
import logging
import socket
import socketserver
import sys
import threading
from http.server import ThreadingHTTPServer
from typing import Optional

from epmtlite.gui.handler import Handler

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 64
POLL_SECONDS = 3600.0  # close() does not wait for it


class Connections:
    """Knows the open connections, and which of them wait for a request."""

    def __init__(self, most=MOST_CONNECTIONS):
        self.most = most
        self._idle: dict = {}  # connection: True, the one that has waited longest first
        self._busy: set = set()
        self._lock = threading.Lock()

    def add(self, connection):
        """Take a new connection; of too many the one that has waited longest is closed."""
        with self._lock:
            self._idle[connection] = True
            is_full = len(self._idle) + len(self._busy) > self.most
            oldest = next(iter(self._idle)) if is_full else None
        if oldest is not None:
            shut(oldest)

    def is_idle(self, connection):
        """Note that a connection waits."""
        with self._lock:
            if connection in self._busy:
                self._busy.discard(connection)
                self._idle[connection] = True

    def is_busy(self, connection):
        """Note that a connection has sent a request."""
        with self._lock:
            if self._idle.pop(connection, None):
                self._busy.add(connection)

    def remove(self, connection):
        """Forget a connection."""
        with self._lock:
            self._idle.pop(connection, None)
            self._busy.discard(connection)

    def shut_all(self):
        """End all connections: whoever reads from or writes to them stops waiting."""
        with self._lock:
            all_of_them = [*self._idle, *self._busy]
        for connection in all_of_them:
            shut(connection)


def shut(connection):
    """End a connection, which a thread may be reading from or writing to."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Server(ThreadingHTTPServer):
    """Answers each connection in a thread of its own."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, family, address, guard, pages):
        """Listen. Raises OSError."""
        self.address_family = family
        self.guard, self.pages = guard, pages
        self.connections = Connections()
        self._thread: Optional[threading.Thread] = None
        super().__init__(address, Handler)
        guard.set_port(self.server_address[1])

    def server_bind(self):
        """Take the port, without asking what the machine is called: that may take long."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request, client_address):
        """Answer the requests of a new connection in a thread."""
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        """Close a connection."""
        self.connections.remove(request)
        super().shutdown_request(request)

    def handle_error(self, _request, client_address):
        """Log that a connection broke off: its browser went away, or waited too long."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            logger.error("%s: %s: %s", client_address[0], type(error).__name__, error)
        logger.debug("%s: broken off", client_address[0], exc_info=True)

    def begin(self, ended):
        """Serve in a thread until close() is called; ended() is called then."""

        def work():
            try:
                self.serve_forever(POLL_SECONDS)
            finally:
                ended()

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def close(self):
        """End at once, though browsers keep connections open."""
        shut(self.socket)  # wakes the thread that listens
        if self._thread:
            self.shutdown()
            self._thread.join()
        self.server_close()
        self.connections.shut_all()
