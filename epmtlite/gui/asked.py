"""What a request asks for: its path and its query."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from epmtlite.analysis.errors import BadArgument

UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # what no database has, nor takes
MOST_FIELDS = 2000
MOST_DIGITS = 9


class Asked(NamedTuple):
    """The path and the query of a request."""

    path: str  # as it was sent
    parts: tuple  # between the slashes of the path, decoded
    pairs: tuple  # (key, value) of the query, in order

    def all(self, key):
        """Return the values of a key that are not empty."""
        return [value for name, value in self.pairs if name == key and value.strip()]

    def one(self, key, default=""):
        """Return the last value of a key."""
        return next(reversed(self.all(key)), default)

    def whole(self, key, default, most):
        """Return a number from 1 to most. Raises BadArgument."""
        text = self.one(key)
        if not text:
            return default
        is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
        if not is_number or not 1 <= int(text) <= most:
            raise BadArgument(f"{key}={text}: a number from 1 to {most}")
        return int(text)


def asked(target):
    """Return the Asked of the target of a request. Raises BadArgument for what cannot be."""
    try:
        path, query = urlsplit(target)[2:4] if not target.startswith("//") else (target, "")
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        parts = tuple(map(unquote, path.split("/")[1:]))
    except ValueError as error:
        raise BadArgument(f"this address cannot be: {error}") from error
    if UNSTORABLE.search("".join((*parts, *(text for pair in pairs for text in pair)))):
        raise BadArgument("this address has characters that no name has")
    return Asked(path, parts, tuple(pairs))
