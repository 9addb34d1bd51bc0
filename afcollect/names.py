"""Names of people and machines, as a site lets others see them."""

import logging
import re
import socket
import zlib

from afcollect.children import NoAnswer, Question

logger = logging.getLogger(__name__)

HASHES = ("md5", "sha256")
SHOWN_DIGITS = 8
RESOLVER_SECONDS = 5.0
HOST_TEMPLATE = "atlas{digits}.{domain}"


class Users:
    """Which users are sent, and under which names."""

    def __init__(self, obfuscate=False, salt="", hash_name="md5", among=None):
        """among(names) returns which of them are sent, None for all of them."""
        self.obfuscate, self.salt, self.hash_name = obfuscate, salt, hash_name
        self._among = among

    def kept(self, names):
        """Return the set of those names of which anything is sent. Raises PartFailed."""
        return set(names) if self._among is None else self._among(names)

    def shown(self, name):
        """Return the name under which a user is sent.

        As documented: the last eight digits of the MD5 of salt and name; with sha256 those of the
        HMAC of the name, whose key is the salt.
        """
        if not self.obfuscate:
            return name
        import hashlib  # here, as hmac below: most runs need neither, and they take long to load

        salt, raw = self.salt.encode("utf-8", "surrogateescape"), name.encode("utf-8", "replace")
        if self.hash_name == "sha256":
            import hmac

            return hmac.new(salt, raw, hashlib.sha256).hexdigest()[-SHOWN_DIGITS:]
        return hashlib.md5(salt + raw, usedforsecurity=False).hexdigest()[-SHOWN_DIGITS:]

    def shown_of(self, names):
        """Return the distinct names under which some users are sent, sorted."""
        return sorted({self.shown(name) for name in self.kept(names)})


def login_node(domain, template, known=None):
    """Return under which name this machine is sent: {shown, key, is_full}.

    known is what an earlier run returned: it counts where this machine's name and the arguments are
    the same, and the resolver does not say the full name in time. No other name of the machine is
    in it.
    """
    own = socket.gethostname()
    full = own if "." in own else full_name(own)
    key = zlib.crc32(f"{own} {domain} {template}".encode("utf-8", "replace"))
    if not full and known and known["key"] == key and known["is_full"]:
        return known
    shown = shown_host(full or own, domain, template)
    return {"shown": shown, "key": key, "is_full": bool(full)}


def full_name(own):
    """Return the full name of this machine, '' if its resolver does not say it in time."""
    try:
        full = Question(socket.getfqdn, own).answer(RESOLVER_SECONDS) or ""
    except NoAnswer:
        return ""
    return full if full.startswith(f"{own}.") else ""


def is_template(text):
    """Tell whether a template of host names has nothing in braces but what is known."""
    return set(re.findall(r"\{(.*?)\}", text)) <= {"digits", "domain", "host"}


def shown_host(name, domain=None, template=HOST_TEMPLATE):
    """Return the name under which a machine is sent: its own, or one made of all digits in it.

    A template has {digits}, {domain} and {host}, the name up to the first dot.
    """
    if domain is None and template == HOST_TEMPLATE:
        return name
    digits = "".join(re.findall(r"[0-9]", name))
    if "{digits}" in template and not digits:
        logger.warning(
            "the host name %s has no digits: other machines may be sent as this one", name
        )
    values = {"digits": digits, "domain": domain or "", "host": name.partition(".")[0]}
    return re.sub(r"\{(digits|domain|host)\}", lambda found: values[found[1]], template)
