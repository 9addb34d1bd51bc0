"""Names of people and machines, as a site lets others see them."""

import hashlib
import hmac
import logging
import re
import socket

from afcollect.children import NoAnswer, Question

logger = logging.getLogger(__name__)

HASHES = ("md5", "sha256")
SHOWN_DIGITS = 8
RESOLVER_SECONDS = 5.0
HOST_TEMPLATE = "atlas{digits}.{domain}"


class Users:
    """Which users are sent, and under which names."""

    def __init__(self, obfuscate=False, salt="", hash_name="md5", members=None):
        """members holds the names to send (it answers `name in members`), None for all of them."""
        self.obfuscate, self.salt, self.hash_name = obfuscate, salt, hash_name
        self.members = members

    def keeps(self, name):
        """Tell whether anything of a user is sent."""
        return self.members is None or name in self.members

    def shown(self, name):
        """Return the name under which a user is sent.

        As documented: the last eight digits of the MD5 of salt and name; with sha256 those of the
        HMAC of the name, whose key is the salt.
        """
        if not self.obfuscate:
            return name
        salt, raw = self.salt.encode("utf-8", "surrogateescape"), name.encode("utf-8", "replace")
        if self.hash_name == "sha256":
            return hmac.new(salt, raw, hashlib.sha256).hexdigest()[-SHOWN_DIGITS:]
        return hashlib.md5(salt + raw, usedforsecurity=False).hexdigest()[-SHOWN_DIGITS:]

    def shown_of(self, names):
        """Return the distinct names under which some users are sent, sorted."""
        return sorted({self.shown(name) for name in names if self.keeps(name)})


def host_name(known=None):
    """Return the name of this machine: the full one, as far as its resolver says it in time, else
    `known`, what an earlier run found, else its own."""
    own = socket.gethostname()
    if "." in own:
        return own
    try:
        full = Question(socket.getfqdn, own).answer(RESOLVER_SECONDS) or ""
    except NoAnswer:
        full = ""
    if full.startswith(f"{own}."):
        return full
    return known if known and known.startswith(f"{own}.") else own


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
