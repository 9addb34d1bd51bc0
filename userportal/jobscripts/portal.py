"""Send a script to the portal: one kept-alive connection, and what its answers mean."""

import email.utils
import enum
import json
import ssl
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import urllib3

from usagedb import errors

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
LONGEST_ANSWER_BYTES = 65536
LONGEST_WAIT_SECONDS = 3600.0  # that Retry-After can ask for
SHOWN_CHARACTERS = 200
USER_AGENT = "hpcusage-jobscripts"
PATH = "/api/jobscripts/"
# The script itself is at fault: it will not be taken another time.
UNWANTED_STATUSES = {413, 422}
FIELDS = {"id_job", "submit_script"}
DUPLICATE = "already exists"
LATER_STATUSES = {408, 421, 423, 425, 429}


class Kind(enum.Enum):
    """What an answer means."""

    TAKEN = "taken"
    KNOWN = "known"  # the portal has a script of this job already
    UNWANTED = "unwanted"  # it never takes this one
    DENIED = "denied"  # the token is wrong: a person is needed
    BARRED = "barred"  # address or rights are wrong, or something before the portal bars this one
    LATER = "later"  # it answers, but not well
    AWAY = "away"  # there is no answer


class Answer(NamedTuple):
    """What became of one post."""

    kind: Kind
    text: str
    retry_seconds: float = 0.0  # that the portal asks to wait, 0 if it does not

    @property
    def is_done(self):
        """Whether the portal has the script."""
        return self.kind in (Kind.TAKEN, Kind.KNOWN)


class Portal:
    """Posts to one portal."""

    def __init__(self, settings):
        """Nothing is connected yet. Raises ConfigurationError for a ca_file that is none."""
        self.settings = settings
        parts = urlsplit(settings.host)
        self._target = parts.path + PATH
        options: dict[str, Any] = {
            "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS), "maxsize": 1,
        }  # fmt: skip
        if parts.scheme == "https":
            options["ssl_context"] = tls_context(settings.ca_file)
            self._pool: Any = urllib3.HTTPSConnectionPool(parts.hostname, parts.port, **options)
        else:
            self._pool = urllib3.HTTPConnectionPool(parts.hostname, parts.port, **options)

    def post(self, job_id, script):
        """Send a script; return the Answer."""
        body = json.dumps({"id_job": job_id, "submit_script": script}).encode("ascii")
        try:
            token = self.settings.read_token()  # each time: a file may have a new one
        except errors.UsageDBError as error:
            return Answer(Kind.DENIED, str(error))
        headers = {
            "Authorization": f"Token {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Language": "en",
            "User-Agent": USER_AGENT,
        }
        try:
            return self._answer(body, headers)
        except urllib3.exceptions.ProtocolError:
            pass  # a connection that was kept may have been closed meanwhile: another one
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Answer(Kind.AWAY, reason_of(error))
        try:
            return self._answer(body, headers)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Answer(Kind.AWAY, reason_of(error))

    def _answer(self, body, headers):
        """Post; return the Answer. Raises HTTPError of urllib3 or OSError."""
        response = self._pool.urlopen(
            "POST", self._target, body=body, headers=headers, retries=False, redirect=False,
            preload_content=False, decode_content=False,
        )  # fmt: skip
        content = response.read(LONGEST_ANSWER_BYTES)
        if len(content) == LONGEST_ANSWER_BYTES:  # the rest would be taken for the next answer
            response.close()
        response.release_conn()
        return answer_of(response, content)

    def close(self):
        """Close the connection."""
        self._pool.close()


def tls_context(ca_file):
    """Return a verifying TLS context of the system's authorities and those of a file.

    Raises ConfigurationError.
    """
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or error
            raise errors.ConfigurationError(f"[api] ca_file {ca_file}: {reason}") from None
    return context


def answer_of(response, content):
    """Return the Answer that a response means."""
    status = response.status
    text = f"{status} {response.reason or ''} {shortened(content)}".strip()
    if 200 <= status < 300:
        return Answer(Kind.TAKEN, text)
    if status == 400:
        return Answer(kind_of_refusal(content), text)
    if status in UNWANTED_STATUSES:
        return Answer(Kind.UNWANTED, text)
    if status in LATER_STATUSES or status >= 500:
        return Answer(Kind.LATER, text, retry_seconds(response.headers.get("Retry-After", "")))
    return Answer(Kind.DENIED if status == 401 else Kind.BARRED, text)


def kind_of_refusal(content):
    """Return the Kind of a 400: of the portal, which names the field, or of what is before it, such
    as a web server that does not know the name of the host."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return Kind.BARRED
    if not isinstance(told, dict) or not FIELDS & told.keys():
        return Kind.BARRED
    return Kind.KNOWN if DUPLICATE in str(told.get("id_job")) else Kind.UNWANTED


def shortened(content):
    """Return the beginning of an answer's content in one line."""
    return " ".join(content[: SHOWN_CHARACTERS * 4].decode("utf-8", "replace").split())[
        :SHOWN_CHARACTERS
    ]


def retry_seconds(text):
    """Return the seconds that Retry-After names (RFC 9110, 10.2.3), bounded; 0 for none."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT_SECONDS)
    try:
        parsed = email.utils.parsedate_tz(text) if text else None
        wait_seconds = email.utils.mktime_tz(parsed) - time.time() if parsed else 0.0
    except (ValueError, IndexError, TypeError, OverflowError):  # a date that cannot be
        return 0.0
    return min(max(0.0, wait_seconds), LONGEST_WAIT_SECONDS)


def reason_of(error):
    """Return in one line why no answer came."""
    inner = getattr(error, "reason", None)
    inner = inner if isinstance(inner, Exception) else error
    while len(inner.args) > 1 and isinstance(inner.args[1], Exception):
        inner = inner.args[1]  # ('Connection aborted.', the error itself)
    text = " ".join(str(inner).split()) or type(inner).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        text += " ([api] ca_file names other authorities)"
    return text[:SHOWN_CHARACTERS]
