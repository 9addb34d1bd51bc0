"""Speak with a directory: verified TLS, several servers, time-outs, pages, errors of ours."""

import contextlib
import math
import re
import ssl
import threading
import time
from urllib.parse import urlsplit

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPResponseTimeoutError

from usagedb import errors
from userportal.access.files import told

PAGE_ENTRIES = 500
MOST_ENTRIES = 20_000
KEPT_CONNECTIONS = 8
# What a server answers to a search that it does not do, however often it is asked: too long, too
# much, no index, no right.
NOT_DONE = (3, 11, 12, 17, 18, 50, 53)
PAUSE_SECONDS = 2.0  # servers that are all away are not tried again before
PAGED_RESULTS = "1.2.840.113556.1.4.319"  # RFC 2696
SUCCESS, SIZE_LIMIT, NO_SUCH_OBJECT, INVALID_CREDENTIALS = 0, 4, 32, 49
# A password was right or wrong, or its owner is locked out: no fault of the server.
REFUSALS = (INVALID_CREDENTIALS, NO_SUCH_OBJECT, 19, 48, 50, 53)
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SearchRefusedError(errors.UnavailableError):
    """A server answers, but not to this search, or not in time."""


class LdapConnections:
    """Connections to the servers of a section [ldap]; used by many threads at once.

    Methods raise UnavailableError if no server answers (SearchRefusedError if one does, but not to
    this search), RefusedError if the bind account is refused, ConfigurationError for settings that
    cannot be.
    """

    def __init__(self, section, pause_seconds=PAUSE_SECONDS):
        """Check the settings; nothing is opened. Raises ConfigurationError."""
        self.section, self.pause_seconds = section, pause_seconds
        self.urls = urls_of(section.url)
        self._idle = []
        self._lock = threading.Lock()
        self._away_until = 0.0

    def search(self, filter_text, attributes, most=MOST_ENTRIES):
        """Return at most `most` entries, as [(DN, {attribute: [text]})], fetched in pages."""
        try:
            return self._search(filter_text, attributes, most)
        except _Lost:  # the server went away since; another connection may be good
            self._close_idle()
        try:
            return self._search(filter_text, attributes, most)
        except _Lost as error:
            kind = SearchRefusedError if error.is_late else errors.UnavailableError
            raise kind(f"LDAP: {error}") from error

    def is_password(self, distinguished_name, password):
        """Tell whether one can bind with a name and a password; without a password nobody can.

        Raises ConfigurationError instead of sending a password in clear over a network.
        """
        if not password or not distinguished_name or "\0" in password:
            return False
        self._check_privacy()
        with contextlib.ExitStack() as stack:
            connection, result = self._opened(distinguished_name, password)
            stack.callback(close, connection)
            if result["result"] == SUCCESS:
                return True
            if result["result"] in REFUSALS:
                return False
            raise errors.UnavailableError(f"LDAP: {described(result)}")

    def _search(self, filter_text, attributes, most):
        connection = self._taken()
        try:
            found = self._pages(connection, filter_text, attributes, most)
        except (LDAPException, OSError) as error:
            close(connection)
            raise _Lost(error) from error
        except BaseException:
            close(connection)
            raise
        with self._lock:
            is_kept = len(self._idle) < KEPT_CONNECTIONS
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            close(connection)
        return found

    def _pages(self, connection, filter_text, attributes, most):
        found: list = []
        cookie = None
        while len(found) < most:
            _status, result, response, _request = connection.search(
                self.section.base_dn, filter_text, ldap3.SUBTREE, attributes=attributes,
                paged_size=min(PAGE_ENTRIES, most), paged_cookie=cookie,
                time_limit=whole_seconds(self.section.timeout_seconds),
            )  # fmt: skip
            if result["result"] not in (SUCCESS, SIZE_LIMIT, NO_SUCH_OBJECT):
                is_refused = result["result"] in NOT_DONE
                kind = SearchRefusedError if is_refused else errors.UnavailableError
                raise kind(f"LDAP: {described(result)}")
            found += [entry_of(one) for one in response or () if one["type"] == "searchResEntry"]
            control = (result.get("controls") or {}).get(PAGED_RESULTS)
            cookie = control["value"]["cookie"] if control else None
            if not cookie:
                break
        return found[:most]

    def _taken(self):
        """Return a connection of the bind account."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        connection, result = self._opened(self.section.bind_dn, self._bind_password())
        if result["result"] == SUCCESS:
            return connection
        close(connection)
        raise errors.RefusedError(
            f"LDAP refuses {self.section.bind_dn or 'anonymous access'}: {described(result)}"
        )

    def _bind_password(self):
        if not self.section.bind_dn:
            return ""
        if not self.section.password_file:
            raise errors.ConfigurationError("[ldap] bind_dn needs password_file")
        self._check_privacy()
        with told(self.section.password_file):
            password = self.section.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        if not password:
            raise errors.ConfigurationError(f"{self.section.password_file} is empty")
        return password

    def _check_privacy(self):
        """Refuse what would tell a password to the network."""
        for url in self.urls:
            is_private = url.scheme in ("ldaps", "ldapi") or url.hostname in LOOPBACK
            if not (is_private or self.section.start_tls):
                raise errors.ConfigurationError(
                    f"[ldap] passwords do not go to {url.geturl()}: say ldaps:// or start_tls = yes"
                )

    def _opened(self, user, password):
        """Return (connection, result of the bind) of the first server that answers."""
        if time.monotonic() < self._away_until:
            raise errors.UnavailableError("LDAP: no server answered a moment ago")
        reasons = []
        for url in list(self.urls):
            connection = self._connection(url, user, password)
            try:
                answer = bind(connection, self.section.start_tls and url.scheme == "ldap")
            except (LDAPException, OSError) as error:
                close(connection)
                reasons.append(f"{url.geturl()}: {text_of(error)}")
                continue
            self._prefer(url)
            return connection, answer
        self._away_until = time.monotonic() + self.pause_seconds
        raise errors.UnavailableError(f"LDAP: no server answers: {'; '.join(reasons)}")

    def _connection(self, url, user, password):
        verified = ldap3.Tls(
            validate=ssl.CERT_REQUIRED, ca_certs_data=self._authorities(), sni=url.hostname
        )
        server = ldap3.Server(
            url.geturl(), use_ssl=url.scheme == "ldaps", tls=verified, get_info=ldap3.NONE,
            connect_timeout=self.section.timeout_seconds, allowed_referral_hosts=[],
        )  # fmt: skip
        return ldap3.Connection(
            server, user=user or None, password=password or None,
            authentication=ldap3.SIMPLE if user else ldap3.ANONYMOUS,
            client_strategy=ldap3.SAFE_SYNC, auto_referrals=False, check_names=False,
            receive_timeout=whole_seconds(self.section.timeout_seconds),
        )  # fmt: skip

    def _authorities(self):
        """Return the certificates of the authorities as text, None for those of the system."""
        if not self.section.ca_file:
            return None
        with told(self.section.ca_file):
            return self.section.ca_file.read_text(encoding="ascii")

    def _prefer(self, url):
        """Ask the server first that answered."""
        if self.urls[0] != url:
            self.urls = [url, *(one for one in self.urls if one != url)]

    def _close_idle(self):
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            close(connection)


class _Lost(Exception):
    """A connection that had been good was lost; .is_late if nothing came in time."""

    def __init__(self, error):
        super().__init__(text_of(error))
        is_timeout = isinstance(error, (TimeoutError, LDAPResponseTimeoutError))
        self.is_late = is_timeout or "timed out" in str(error)


def urls_of(text):
    """Return the split URLs of a setting: several stand apart by blanks or commas.

    Raises ConfigurationError.
    """
    urls = [urlsplit(word) for word in re.split(r"[\s,]+", text) if word]
    for url in urls:
        if url.scheme not in ("ldap", "ldaps", "ldapi") or not url.netloc:
            raise errors.ConfigurationError(f"[ldap] url: {url.geturl()}: say ldaps://HOST")
    if not urls:
        raise errors.ConfigurationError("[ldap] url is needed")
    return urls


def bind(connection, start_tls):
    """Open a connection, with TLS begun if wanted, and return the result of the bind."""
    connection.open(read_server_info=False)
    if start_tls:
        connection.start_tls(read_server_info=False)
        if not connection.tls_started:
            raise OSError("TLS was not started")
    return connection.bind(read_server_info=False)[1]


def close(connection):
    """Close a connection, whatever its state."""
    with contextlib.suppress(LDAPException, OSError):
        connection.unbind()


def entry_of(response):
    """Return (DN, {attribute: [text]}) of an entry; values that are no UTF-8 are left out."""
    values = {name: texts_of(raw) for name, raw in response["raw_attributes"].items()}
    return response["dn"], values


def texts_of(raw_values):
    """Return those of some values that are UTF-8."""
    found = []
    for value in raw_values:
        with contextlib.suppress(UnicodeDecodeError):
            found.append(value.decode("utf-8"))
    return found


def described(result):
    """Return what a server says of a result that is no success."""
    said = " ".join(str(result.get("message") or "").split())[:200]
    return f"{result.get('description')}{': ' if said else ''}{said}"


def text_of(error):
    """Return an error of the library in one bounded line."""
    if "doesn't match any name" in str(error):  # and then the whole certificate
        return "its certificate is that of another host"
    return " ".join(str(error).split())[:300] or type(error).__name__


def whole_seconds(seconds):
    """Return a time-out as the library wants it: whole, 1 or more."""
    return max(1, math.ceil(seconds))
