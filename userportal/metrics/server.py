"""Requests to the HTTP interface of Prometheus or a server that speaks alike.

Each request has a time limit, an answer a size limit. Redirects are not followed, for they would
carry the credentials elsewhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlencode

import urllib3

from usagedb.errors import ConfigurationError, RefusedError, UnavailableError, UsageDBError
from usagedb.terminal import visible
from userportal.metrics import answers
from userportal.metrics.source import QueryRejected

CONNECT_SECONDS = 5.0
READ_BYTES = 1 << 16
LARGEST_ANSWER_BYTES = 64 << 20
LARGEST_ERROR_BYTES = 1 << 16
LONGEST_REASON = 300  # characters of what a server says
SHORTEST_SECRET = 4  # characters; shorter ones would blot out words of a reason
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
FORM = "application/x-www-form-urlencoded"

Parameters = Sequence[tuple[str, str]]


class Server:
    """A server that answers queries; safe to use from several threads."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        timeout_seconds: float,
        connections: int,
        ca_file: str | Path | None = None,
    ) -> None:
        """Check the URL, which may have a path, and the headers; nothing is sent.

        Raises ConfigurationError for a wrong URL, header or certificate file.
        """
        parsed = parsed_url(url)
        credentials = unquote(parsed.auth) if parsed.auth else ""
        self.url = parsed._replace(auth=None).url.rstrip("/")
        self._headers = checked_headers(headers)
        self._secrets = [*self._headers.values(), credentials, credentials.partition(":")[2]]
        self._secrets += [value.rpartition(" ")[2] for value in self._headers.values()]
        if credentials:
            self._headers = {**urllib3.make_headers(basic_auth=credentials), **self._headers}
        self._timeout_seconds = timeout_seconds
        self._pool = urllib3.PoolManager(
            maxsize=connections,
            block=True,
            cert_reqs="CERT_REQUIRED",
            ca_certs=certificate_file(ca_file),
        )

    def post(self, path: str, parameters: Parameters) -> bytes:
        """Send a form and return the answer; raises as `_answer` does."""
        headers = {**self._headers, "Content-Type": FORM}
        return self._twice("POST", path, urlencode(parameters).encode(), headers)

    def get(self, path: str, parameters: Parameters) -> bytes:
        """Ask for a path with parameters and return the answer; raises as `_answer` does."""
        query = urlencode(parameters)
        return self._twice("GET", f"{path}?{query}" if query else path, None, self._headers)

    def _twice(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        """Ask again, once, if a connection broke that the server had closed meanwhile."""
        deadline = time.monotonic() + self._timeout_seconds
        try:
            return self._answer(method, path, body, headers, deadline)
        except urllib3.exceptions.ProtocolError:
            pass
        try:
            return self._answer(method, path, body, headers, deadline)
        except urllib3.exceptions.ProtocolError as error:
            raise self._unavailable(error) from error

    def _answer(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], deadline: float
    ) -> bytes:
        """Return the body of a successful answer.

        Raises UnavailableError, RefusedError, ConfigurationError or QueryRejected, all with what
        the server says; ProtocolError if the connection breaks.
        """
        left = max(deadline - time.monotonic(), 0.001)
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=left)
        try:
            response = self._pool.urlopen(
                method, self.url + path, body=body, headers=headers, timeout=timeout,
                retries=False, redirect=False, preload_content=False, pool_timeout=left,
                enforce_content_length=True,
            )  # fmt: skip
            good = response.status == 200
            largest = LARGEST_ANSWER_BYTES if good else LARGEST_ERROR_BYTES
            text = self._body(response, largest, deadline, cut=not good)
        except urllib3.exceptions.ProtocolError:
            raise
        except urllib3.exceptions.SSLError as error:
            reason = self.reason(str(error))
            raise ConfigurationError(f"the certificate of {self.url}: {reason}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unavailable(error) from error
        if not good:
            raise self._error(response.status, text)
        return text

    def _body(
        self, response: urllib3.BaseHTTPResponse, largest: int, deadline: float, cut: bool
    ) -> bytes:
        """Read a body of at most so many bytes; of a longer one the start, or QueryRejected.

        It is read as it comes, so that a server that drips does not outwit the time limit.
        """
        text = bytearray()
        try:
            while chunk := response.read1(READ_BYTES, decode_content=True):
                text += chunk
                if len(text) > largest:
                    response.close()
                    if cut:
                        break
                    raise QueryRejected(f"the answer of {self.url} is longer than {largest} bytes")
                if time.monotonic() > deadline:
                    raise UnavailableError(f"{self.url} took too long to answer")
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()
        return bytes(text)

    def _unavailable(self, error: Exception) -> UnavailableError:
        connected = not isinstance(error, urllib3.exceptions.NewConnectionError)
        if connected and isinstance(error, urllib3.exceptions.TimeoutError):
            return UnavailableError(f"{self.url} did not answer within {self._timeout_seconds:g} s")
        return UnavailableError(f"cannot reach {self.url}: {self.reason(_plain(error))}")

    def _error(self, status: int, text: bytes) -> UsageDBError:
        """Return what an answer other than 200 means."""
        reason = self.reason(told(text))
        where = f"{self.url} answers {status}"
        if status in (401, 403):
            return RefusedError(f"{where}: are the headers right? {reason}")
        if status in (408, 429) or status >= 500:
            return UnavailableError(f"{where}: {reason}")
        if status in (400, 422):
            return QueryRejected(f"{where}: {reason}")
        what = "it redirects elsewhere" if 300 <= status < 400 else "is the URL right?"
        return ConfigurationError(f"{where}: {what}")

    def reason(self, text: str) -> str:
        """Return what a server said, on one line, not too long, and without the secrets."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return visible(text.strip()[:LONGEST_REASON])


def parsed_url(text: str) -> urllib3.util.Url:
    """Return the parts of a base URL. Raises ConfigurationError if it is none."""
    wrong = ConfigurationError(
        "the URL of the metrics is not like https://prometheus.example.org:9090/path"
    )
    if not text.isprintable() or " " in text:
        raise wrong
    try:
        parsed = urllib3.util.parse_url(text)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise wrong from error
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise wrong
    return parsed


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers. Raises ConfigurationError, without the value, for one that is wrong."""
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ConfigurationError(f"wrong header for the metrics: {visible(name)}")
    return dict(headers)


def certificate_file(path: str | Path | None) -> str | None:
    """Return the path of a file of certificates; None or '' mean those of the machine.

    Raises ConfigurationError if the file is missing.
    """
    if not path:
        return None
    if not Path(path).is_file():
        raise ConfigurationError(f"the file of certificates is missing: {visible(path)}")
    return str(path)


def told(text: bytes) -> str:
    """Return the reason that an answer tells: its "error", or its first line."""
    try:
        answer = answers.decoded(text)
    except ConfigurationError:
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("error"), str):
        return str(answer["error"])
    return text.decode("utf-8", "replace").strip().partition("\n")[0]


def _plain(error: Exception) -> str:
    """Return the text of an error without the Python object that urllib3 names in it."""
    return re.sub(r"<[^<>]*>:? ?", "", str(error))
