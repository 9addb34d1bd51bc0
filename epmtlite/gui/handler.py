"""Answer the requests of one connection."""

import contextlib
import html
import logging
import zlib
from http.server import BaseHTTPRequestHandler
from typing import Any

from epmtlite.gui import answers

logger = logging.getLogger(__name__)

IDLE_SECONDS = 60.0  # that a connection may wait for a request, or for the next piece of one
GZIP = 31  # of zlib: with the head and the sum of gzip
LEVEL = 5
SMALLEST_COMPRESSED = 1024  # bytes
FORBIDDEN = "403: open the address that epmt gui has printed when it was started."
WRONG_NAME = "403: the pages are asked for by another name than that of their machine."
WRONG_METHOD = "405: the pages can be read only."
HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Vary", "Accept-Encoding, Cookie"),
)


class Handler(BaseHTTPRequestHandler):
    """Answers requests; .server has .guard, .pages and .connections."""

    server: Any
    headers: Any
    command: Any
    protocol_version = "HTTP/1.1"  # connections are kept
    timeout = IDLE_SECONDS
    wbufsize = 1 << 16

    def version_string(self):
        """Return the header Server."""
        return "epmt"

    def handle_one_request(self):
        """Wait for a request, and answer it."""
        self.server.connections.is_idle(self.connection)
        super().handle_one_request()

    def parse_request(self):
        """Read the head of a request."""
        self.server.connections.is_busy(self.connection)
        return super().parse_request()

    def do_GET(self):  # noqa: N802 - names of http.server
        """Answer a GET."""
        self._answered(is_read=True)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self):  # noqa: N802
        """Refuse whatever else is asked."""
        self._answered(is_read=False)

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = do_POST  # noqa: N815

    def _answered(self, is_read):
        if self.headers.get("Content-Length") or self.headers.get("Transfer-Encoding"):
            self.close_connection = True  # what it sends is not read
        guard = self.server.guard
        if not guard.is_own_name(self.headers.get("Host")):
            return self._send(answers.refusal(403, WRONG_NAME))
        try:
            target, token = guard.split(self.path)
        except ValueError:
            return self._send(answers.refusal(400, "400: this address cannot be."))
        if token is not None and is_read and guard.knows(token):
            return self._send(self._welcome(target))
        if token is not None or not guard.has_cookie(self.headers.get("Cookie")):
            return self._send(answers.refusal(403, FORBIDDEN))
        if not is_read:
            return self._send(answers.refusal(405, WRONG_METHOD, "GET, HEAD"))
        answer, held = self.server.pages.answer(target)
        with held:
            self._send(answer)
        return None

    def _welcome(self, target):
        """Return what gives a browser the cookie, and leads it to the address without the token.

        A page of another site, or a file, that leads here would lead on without the cookie
        (SameSite): then a page of ours does.
        """
        headers = [("Set-Cookie", self.server.guard.cookie())]
        if self.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
            headers.append(("Location", target))
            return answers.Answer(303, answers.PLAIN, "", headers=tuple(headers))
        text = f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={html.escape(target)}">'
        return answers.Answer(200, answers.HTML, text, headers=tuple(headers))

    # how it is sent

    def _send(self, answer):
        """Send an Answer; one whose length is not known yet goes in chunks."""
        body = answer.body.encode("utf-8") if isinstance(answer.body, str) else answer.body
        is_long = not isinstance(body, bytes) or len(body) >= SMALLEST_COMPRESSED
        is_packed = is_long and accepts_gzip(self.headers.get("Accept-Encoding", ""))
        if isinstance(body, bytes) and is_packed:
            body = b"".join(packed([body]))
        if not isinstance(body, bytes) and self.request_version == "HTTP/1.0":
            self.close_connection = True
        self._send_head(answer, body, is_packed)
        if self.command == "HEAD":
            return
        if isinstance(body, bytes):
            self.wfile.write(body)
            return
        pieces = encoded(body)
        self._send_pieces(packed(pieces) if is_packed else pieces)

    def _send_head(self, answer, body, is_packed):
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Security-Policy", answer.policy)
        self.send_header("Cache-Control", answer.cache)
        for name, value in (*HEADERS, *answer.headers):
            self.send_header(name, value)
        if is_packed:
            self.send_header("Content-Encoding", "gzip")
        if isinstance(body, bytes):
            self.send_header("Content-Length", str(len(body)))
        elif not self.close_connection:
            self.send_header("Transfer-Encoding", "chunked")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_pieces(self, pieces):
        """Send a body piece by piece; one that cannot be made to its end is broken off."""
        try:
            for piece in pieces:
                if piece and self.close_connection:
                    self.wfile.write(piece)
                elif piece:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        except OSError:  # who asked is gone
            raise
        except Exception as error:
            logger.error("%s: broken off: %s", self.path.partition("?")[0], error)
            raise ConnectionAbortedError(str(error)) from error
        if not self.close_connection:
            self.wfile.write(b"0\r\n\r\n")

    def send_error(self, code, message=None, explain=None):
        """Send what says that this is no request; called by http.server."""
        if not hasattr(self, "headers"):
            self.headers, self.command = {}, None  # the head was not read
        self.close_connection = True
        if getattr(self, "request_version", "HTTP/0.9") == "HTTP/0.9":
            self.request_version = "HTTP/1.0"  # what has no head in 0.9 has one
        with contextlib.suppress(OSError):
            self._send(answers.refusal(code, f"{int(code)}: {message or 'this is no request'}"))

    def log_message(self, format, *arguments):  # noqa: A002 - the name of http.server's
        """Log nothing here: log_request does."""

    def log_request(self, code="-", size="-"):
        """Log an answer, without the query, which may hold the token."""
        path = getattr(self, "path", "").partition("?")[0]
        logger.info("%s %s %s %d", self.address_string(), self.command, path, int(code))


def accepts_gzip(header):
    """Tell whether a header Accept-Encoding allows gzip."""
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name == "gzip":
            return not any(one.replace(" ", "") in ("q=0", "q=0.0") for one in parameters)
    return False


def encoded(texts, size=1 << 16):
    """Yield texts as UTF-8, small ones joined."""
    parts, length = [], 0
    for text in texts:
        parts.append(text)
        length += len(text)
        if length >= size:
            yield "".join(parts).encode("utf-8", "backslashreplace")
            parts, length = [], 0
    yield "".join(parts).encode("utf-8", "backslashreplace")


def packed(pieces):
    """Yield pieces in gzip."""
    packer = zlib.compressobj(LEVEL, wbits=GZIP)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()
