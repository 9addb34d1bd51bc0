"""Write search filters (RFC 4515): every value is escaped, so that it stays a value."""

import re

from usagedb import errors

PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
CLASS_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}", re.ASCII)


def escaped(value) -> str:
    """Return a text so that it stands for itself in a filter, whatever is in it.

    More is escaped than must be: only letters and digits of ASCII stay.
    """
    raw = str(value).encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in PLAIN else f"\\{byte:02x}" for byte in raw)


def equals(attribute, value) -> str:
    """Return the filter for entries with a value; the attribute is a constant of ours."""
    return f"({attribute}={escaped(value)})"


def contains(attribute, text) -> str:
    """Return the filter for entries with a text somewhere in a value."""
    return f"({attribute}=*{escaped(text)}*)"


def all_of(*filters) -> str:
    """Return the filter for entries that pass all filters."""
    return f"(&{''.join(filters)})"


def any_of(*filters) -> str:
    """Return the filter for entries that pass one of the filters."""
    return f"(|{''.join(filters)})"


def of_class(name) -> str:
    """Return the filter for a class of the configuration. Raises ConfigurationError."""
    if not CLASS_NAME.fullmatch(name):
        raise errors.ConfigurationError(f"[ldap] {name!r} is no name of a class")
    return f"(objectClass={name})"
