"""The endpoint that takes documents: one kept-alive connection, and what its answers mean."""

import contextlib
import email.utils
import os
import re
import signal
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from usagedb import errors

CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
# Of one post, whatever comes in between: an answer may come byte by byte.
POST_SECONDS = 40.0
AGAIN_SECONDS = 1.0
LONGEST_ANSWER_BYTES = 65536
USER_AGENT = "hpcusage-afmetrics"
NO_STATUS = 0
# What never will be taken, however often it is sent: the document itself is at fault.
HOPELESS = {400, 406, 409, 411, 412, 413, 414, 415, 416, 417, 422, 431}
LATER = {408, 421, 423, 425, 429}


class Answer(NamedTuple):
    """What the endpoint said."""

    status: int  # of HTTP; NO_STATUS if it took what was sent, and said nothing
    reason: str
    retry_after: float = 0.0  # seconds, 0 if it named none

    @property
    def is_taken(self):
        """Whether the documents are there now."""
        return 200 <= self.status < 300

    @property
    def is_hopeless(self):
        """Whether these documents never will be taken."""
        return self.status in HOPELESS

    @property
    def is_for_later(self):
        """Whether the same may be taken at another time; what is no final answer is none."""
        return self.status in LATER or self.status < 200 or self.status >= 500

    def __str__(self):
        return f"{self.status or ''} {self.reason}".strip()


class Away(Exception):
    """There was no connection; the text says why."""

    def __init__(self, why, is_certain=False):
        """is_certain: another try would end alike."""
        super().__init__(why)
        self.is_certain = is_certain


class Stale(Exception):
    """A connection that was used before had been closed by then: a new one may do."""


class Overdue(Exception):
    """A post took longer than one may."""


class Endpoint:
    """Posts to one URL."""

    def __init__(self, url, ca_file=None, insecure_http=False):
        """Raises UsageError for a URL that cannot be."""
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 - raises for one that cannot be
        except ValueError as error:
            raise errors.UsageError(f"--url: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise errors.UsageError("--url must begin with https:// and a host name")
        if parts.scheme == "http" and not insecure_http:
            raise errors.UsageError(
                "http would show the token to everybody on the way: use https, or --insecure-http"
            )
        if not is_host(parts.hostname):
            raise errors.UsageError(f"--url: {parts.hostname!r} cannot be the name of a host")
        if "@" in parts.netloc:
            raise errors.UsageError("--url cannot hold a user and a password")
        self.shown = f"{parts.scheme}://{parts.netloc}"
        self._parts, self._ca_file = parts, ca_file
        self._pool: Any = None
        self._target = ""
        self._answers = 0  # since the last connection was made

    def open(self):
        """Make ready to connect. Raises ConfigurationError for a wrong ca_file or proxy."""
        if self._pool is None:
            parts = self._parts
            context = tls_context(self._ca_file) if parts.scheme == "https" else None
            proxy = proxy_of(parts)
            self._pool = make_pool(parts, context, proxy)
            self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            self._answers = 0
            if proxy and not context:  # it is the proxy that is asked (RFC 9112, 3.2.2)
                self._target = self.shown + self._target

    def post(self, body, content_type="application/json"):
        """Post bytes; return the Answer. Raises Away, or Stale when a new connection may do."""
        import urllib3

        self.open()
        headers = {"Content-Type": content_type, "User-Agent": USER_AGENT}
        answer, answers_before = None, self._answers
        self._answers = 0
        try:
            with within(POST_SECONDS):
                response = self._pool.urlopen(
                    "POST", self._target, body=body, headers=headers, retries=False,
                    redirect=False, assert_same_host=False, preload_content=False,
                    pool_timeout=CONNECT_SECONDS,
                )  # fmt: skip
                answer = Answer(response.status, response.reason or "", retry_after(response))
                if finish(response):
                    self._answers = answers_before + 1
                else:
                    self.close()
        except (urllib3.exceptions.HTTPError, OSError, Overdue) as error:
            if answer is None and answers_before and is_disconnected(error):
                raise Stale from None
            answer = answer or unanswered(error)
        return answer

    def close(self):
        """Close the connection; the next post makes another."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None


def is_host(name):
    """Tell whether a text can be the name or address of a host."""
    try:
        name.encode("idna")
    except UnicodeError:  # a part is empty, or too long
        return False
    return not re.search(r"[\s%/\\<>\"]", name)


def unanswered(error):
    """Return the Answer that stands for a failure after all was sent. Raises Away for others."""
    import urllib3

    expected = (urllib3.exceptions.ProtocolError, urllib3.exceptions.ReadTimeoutError, Overdue)
    if isinstance(error, expected):
        return Answer(NO_STATUS, reason_of(error))
    raise Away(reason_of(error), "CERTIFICATE_VERIFY_FAILED" in str(error)) from None


def is_disconnected(error):
    """Tell whether a connection was closed before anything of an answer came."""
    import ssl

    inner = error.args[-1] if error.args else None  # http.client.RemoteDisconnected, for instance
    return isinstance(inner, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError))


def make_pool(parts, context, proxy=None):
    """Return a pool of one connection, through a proxy if there is one."""
    import urllib3

    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS), "maxsize": 1,
    }  # fmt: skip
    if context:
        options["ssl_context"] = context
    if proxy:
        try:
            user = urllib3.util.parse_url(proxy).auth
            if user:
                from urllib.parse import unquote

                options["proxy_headers"] = urllib3.make_headers(proxy_basic_auth=unquote(user))
            manager = urllib3.ProxyManager(proxy, **options)
        except (urllib3.exceptions.HTTPError, ValueError):
            raise errors.ConfigurationError(
                "the proxy that the environment names is no http or https URL"
            ) from None
        return manager.connection_from_host(parts.hostname, parts.port, parts.scheme)
    of_scheme = urllib3.HTTPSConnectionPool if context else urllib3.HTTPConnectionPool
    return of_scheme(parts.hostname, parts.port, **options)


def proxy_of(parts):
    """Return the URL of the proxy that the environment names for an endpoint, or None."""
    names = (f"{parts.scheme}_proxy", f"{parts.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    found = next((os.environ[name] for name in names if os.environ.get(name)), None)
    if not found:
        return None
    from urllib.request import proxy_bypass

    if proxy_bypass(parts.hostname):
        return None
    return found if "://" in found else f"http://{found}"


def tls_context(ca_file):
    """Return a verifying TLS context: the system's authorities, or those of a file."""
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or error
        raise errors.ConfigurationError(f"--ca-file {ca_file}: {reason}") from None


def finish(response):
    """Read what is left of an answer, so that its connection can be used again; tell whether it
    can."""
    left = response.read(LONGEST_ANSWER_BYTES)
    response.release_conn()
    # Of an interim answer (1xx) the final one would come yet, and be taken for that of another.
    return len(left) < LONGEST_ANSWER_BYTES and response.status >= 200


def retry_after(response):
    """Return how many seconds an answer asks to wait, 0 if it does not."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        parsed = email.utils.parsedate_tz(text) if text else None
        return max(0.0, email.utils.mktime_tz(parsed) - time.time()) if parsed else 0.0
    except (ValueError, IndexError, TypeError, OverflowError):  # a date that cannot be
        return 0.0


def reason_of(error):
    """Return in one line why no answer came."""
    if isinstance(error, Overdue):
        return f"no answer within {POST_SECONDS:g} s"
    inner = getattr(error, "reason", None)
    inner = inner if isinstance(inner, Exception) else error
    while len(inner.args) > 1 and isinstance(inner.args[1], Exception):
        inner = inner.args[1]  # ('Connection aborted.', the error itself)
    # urllib3 puts the connection before its words.
    text = re.sub(r"^<?[\w.]+(\(.*?\)| object at 0x\w+)>?: ", "", str(inner))
    if "CERTIFICATE_VERIFY_FAILED" in text:
        text += " (--ca-file names other authorities)"
    return " ".join(text.split())[:200] or type(inner).__name__


@contextlib.contextmanager
def within(seconds):
    """Raise Overdue in the block when it takes longer."""

    def ring(_number, _frame):
        raise Overdue(f"no answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)  # a finalizer may swallow it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
