"""Who may see the pages: who knows the token, and asks for this machine by its own name."""

import hmac
import ipaddress
import re
import secrets
import socket
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

TOKEN_BYTES = 32
TOKEN = "token"  # in an address
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/@\s]+)(?::\d{1,5})?")
LOCAL_NAMES = ("localhost", "localhost.localdomain", "localhost6", "ip6-localhost")


def is_loopback(address):
    """Tell whether an IP address is one of this machine alone."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def is_address(name):
    """Tell whether a name is an IP address: these cannot be rebound to another machine."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """Knows the token, and the names under which the pages can be asked for."""

    def __init__(self, host, is_public):
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self.is_public = is_public
        self.names = {host.lower(), *LOCAL_NAMES}
        if is_public:
            self.names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self.cookie_name = "epmt_gui"  # with the port, once that is known

    def set_port(self, port):
        """Say on which port it is: cookies are shared by all ports of a machine."""
        self.cookie_name = f"epmt_gui_{port}"

    def is_own_name(self, header):
        """Tell whether the header Host names this machine.

        A page of another name that was made to lead here (DNS rebinding) sends that name.
        """
        match = HOST.fullmatch(header or "")
        if not match:
            return False
        name = match.group(1).strip("[]").lower().rstrip(".")
        if is_address(name):
            return self.is_public or is_loopback(name)
        return name in self.names

    def knows(self, text):
        """Tell whether a text is the token, in a time that says nothing about it."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self.token.encode())

    def has_cookie(self, header):
        """Tell whether a header Cookie has the token.

        Cookies of other services of this machine, of whatever form, stand beside it.
        """
        pairs = (part.strip().partition("=") for part in (header or "").split(";"))
        return any(name == self.cookie_name and self.knows(value) for name, _equals, value in pairs)

    def cookie(self):
        """Return the value of the header Set-Cookie: scripts cannot read it, other sites cannot
        make a browser send it, and it is forgotten with the browser."""
        return f"{self.cookie_name}={self.token}; Path=/; HttpOnly; SameSite=Strict"

    def split(self, target):
        """Return (the target of a request without tokens, the token in it or None)."""
        parts = urlsplit(target)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        tokens = [value for key, value in pairs if key == TOKEN]
        if not tokens:
            return target, None
        query = urlencode([pair for pair in pairs if pair[0] != TOKEN])
        path = "/" + parts.path.replace("\\", "%5C").lstrip("/")  # // and /\\ lead elsewhere
        return urlunsplit(("", "", path, query, "")), tokens[-1]
