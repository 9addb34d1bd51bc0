"""Who the web server says that a request comes from: by REMOTE_USER, or by headers.

Signed tokens that a proxy passes on (JWT) are not looked at: the proxy checks them itself, and
says in the header whom they name.
"""

import dataclasses
import hashlib
import logging
import os

from django.conf import settings

from usagedb import errors
from userportal.access.addresses import is_loopback, is_trusted
from userportal.access.names import is_username, shown_text

logger = logging.getLogger(__name__)

LONGEST_VALUE = 4096
LONGEST_NAME = 320
ABSENT = ("", "(null)")  # Apache writes the second one for a variable that is not set
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")
DEVELOPMENT_SERVER = "WSGIServer/"  # what runserver calls itself


@dataclasses.dataclass(frozen=True)
class Identity:
    """A person whom the web server vouches for."""

    username: str
    full_name: str = ""
    affiliations: frozenset = frozenset()

    def mark(self):
        """Return a short text that changes when anything of the identity does."""
        told = "\n".join([self.username, self.full_name, *sorted(self.affiliations)])
        return hashlib.sha256(told.encode()).hexdigest()


def identity_of(request):
    """Return the Identity that a request proves, None without one.

    Raises RefusedError for an identity that is not believed though its source is: of another
    place, of several values, too long, with characters that no name has.
    """
    access, meta = settings.PORTAL.access, request.META
    if believes_environment(request, access):
        affiliations = meta.get(access.affiliation_variable, "")
        found = made(meta.get("REMOTE_USER", ""), affiliations, "", access)
        if found:
            return found
    if "headers" not in access.methods:
        return None
    user = header(meta, access.user_header)
    if user in ABSENT:
        return None
    if not is_trusted(meta.get("REMOTE_ADDR", ""), access.trusted_proxies):
        logger.warning(
            "%s from %s, which is no trusted proxy: ignored",
            access.user_header, shown_text(meta.get("REMOTE_ADDR", "")),
        )  # fmt: skip
        return None
    affiliations = header(meta, access.affiliation_header)
    return made(user, affiliations, header(meta, access.full_name_header), access)


def believes_environment(request, access):
    """Tell whether the variables beside a request are those of a web server.

    runserver hands its own environment on. There REMOTE_USER stands for a login if the
    environment has it and the request comes from this machine, and from no proxy on it.
    """
    meta = request.META
    if not str(meta.get("SERVER_SOFTWARE", "")).startswith(DEVELOPMENT_SERVER):
        return "remote_user" in access.methods
    if not meta.get("REMOTE_USER") or meta["REMOTE_USER"] != os.environ.get("REMOTE_USER"):
        return False
    is_local = is_loopback(meta.get("REMOTE_ADDR", ""))
    if not is_local or any(name in meta for name in FORWARDED):
        logger.warning("REMOTE_USER of the environment is for requests of this machine: ignored")
        return False
    return True


def header(meta, name):
    """Return the value of a header by its configured name, "" without one."""
    return meta.get(f"HTTP_{name.upper().replace('-', '_')}", "") if name else ""


def made(user, affiliations, full_name, access):
    """Return the Identity of some values, None without a user. Raises RefusedError."""
    user = user.strip(" \t")
    if user in ABSENT:
        return None
    name = name_of(user, access.user_suffixes)
    return Identity(name, shown_text(as_text(full_name)), affiliations_of(affiliations))


def name_of(user, suffixes):
    """Return the name before the @ of a user. Raises RefusedError if it is not to be believed."""
    name, at, domain = user.partition("@")
    shown = shown_text(user[:LONGEST_NAME])
    is_whole = bool(domain) == bool(at) and is_host(domain)
    if len(user) > LONGEST_NAME or not is_whole or not is_username(name):
        raise errors.RefusedError(f"{shown!r} is no single name of a user")
    if suffixes and domain.lower() not in (one.lstrip("@").lower() for one in suffixes):
        raise errors.RefusedError(f"{shown!r} is of a place that is not in user_suffixes")
    return name


def is_host(domain):
    """Tell whether a text can be the name of a place; "" can."""
    return domain.isascii() and domain.replace(".", "").replace("-", "").isalnum() or not domain


def affiliations_of(text):
    """Return the affiliations of a value, which ; keeps apart.

    Raises RefusedError for one with a comma: that is what servers make of a header that comes
    twice, of which a stranger may have written one.
    """
    if text.strip() in ABSENT:
        return frozenset()
    if len(text) > LONGEST_VALUE or "," in text or not text.isprintable():
        raise errors.RefusedError("the affiliations are no list with ; between them")
    return frozenset(word for part in text.split(";") if (word := part.strip()))


def as_text(value):
    """Return a header's value as what was meant: servers hand UTF-8 over as Latin-1."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
