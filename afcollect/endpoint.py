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
LONGEST_ANSWER_BYTES = 65536
USER_AGENT = "hpcusage-afmetrics"
# What never will be taken, however often it is sent: the document itself is at fault.
HOPELESS = {400, 406, 409, 411, 412, 413, 414, 415, 416, 417, 422, 431}
LATER = {408, 421, 423, 425, 429}


class Answer(NamedTuple):
    """What the endpoint said."""

    status: int  # of HTTP
    reason: str
    retry_after: float  # seconds, 0 if it named none

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
        """Whether the same may be taken at another time."""
        return self.status in LATER or self.status >= 500

    def __str__(self):
        return f"{self.status} {self.reason}".strip()


class Away(Exception):
    """No answer came; the text says why."""

    def __init__(self, why, is_certain=False):
        """is_certain: another try would end alike."""
        super().__init__(why)
        self.is_certain = is_certain


class Overdue(Exception):
    """A post took longer than one may."""


class Endpoint:
    """Posts to one URL."""

    def __init__(self, url, ca_file=None, insecure_http=False):
        """Raises UsageError for a URL that cannot be, ConfigurationError for a wrong ca_file."""
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
        if "@" in parts.netloc:
            raise errors.UsageError("--url cannot hold a user and a password")
        self.shown = f"{parts.scheme}://{parts.netloc}"
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._pool = make_pool(parts, tls_context(ca_file) if parts.scheme == "https" else None)

    def post(self, body, content_type="application/json"):
        """Post bytes; return the Answer. Raises Away."""
        import urllib3

        headers = {"Content-Type": content_type, "User-Agent": USER_AGENT}
        answer = None
        try:
            with within(POST_SECONDS):
                response = self._pool.urlopen(
                    "POST", self._target, body=body, headers=headers, retries=False,
                    redirect=False, preload_content=False, pool_timeout=CONNECT_SECONDS,
                )  # fmt: skip
                answer = Answer(response.status, response.reason or "", retry_after(response))
                finish(response)
        except (urllib3.exceptions.HTTPError, OSError, Overdue) as error:
            if answer is None:
                is_refused = "CERTIFICATE_VERIFY_FAILED" in str(error)
                raise Away(reason_of(error), is_refused) from None
        return answer

    def close(self):
        """Close the connection."""
        self._pool.close()


def make_pool(parts, context):
    """Return a pool of one connection, through the proxy of the environment if it names one."""
    import urllib3

    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS), "maxsize": 1,
    }  # fmt: skip
    if context:
        options["ssl_context"] = context
    proxy = proxy_of(parts)
    if proxy:
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        try:
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

    return None if proxy_bypass(parts.hostname) else found


def tls_context(ca_file):
    """Return a verifying TLS context: the system's authorities, or those of a file."""
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or error
        raise errors.ConfigurationError(f"--ca-file {ca_file}: {reason}") from None


def finish(response):
    """Read what is left of an answer, so that its connection can be used again."""
    left = response.read(LONGEST_ANSWER_BYTES)
    if len(left) == LONGEST_ANSWER_BYTES:
        response.close()
    else:
        response.release_conn()


def retry_after(response):
    """Return how many seconds an answer asks to wait, 0 if it does not."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        parsed = email.utils.parsedate_tz(text) if text else None
        return max(0.0, email.utils.mktime_tz(parsed) - time.time()) if parsed else 0.0
    except (ValueError, OverflowError):  # a date that cannot be
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
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
