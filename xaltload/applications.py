"""From the path of an executable to the code by which its community knows it: the name map.

The map is a file that sites edit, conf/xalt-applications.conf is the one that comes with us.
"""

import functools
import re
import string
from pathlib import Path

from usagedb import errors
from usagedb.files import conf_file

SHIPPED_NAME = "xalt-applications.conf"
CACHED_NAMES = 200_000
ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
# What may hold a capital that is not to be matched: \S, and the name of a group.
ESCAPE = re.compile(r"\\.|\(\?P[<=]\w+")
CAPITAL = re.compile(r"[A-Z]")
# A pattern that begins with one certain character: ^lmp, not ^l?mp.
INITIAL = re.compile(r"\^([a-z0-9_])(?![?*{])")
ESCAPE_OR_SET = re.compile(r"\\.|\[\^?\]?(?:\\.|[^]\\])*\]")
INNERMOST_GROUP = re.compile(r"\([^()]*\)")


class NameMap:
    """Finds the code of an executable: that of the first pattern that its base name has."""

    def __init__(self, entries=()):
        """entries are pairs of a code and a compiled pattern, in the order of trying."""
        self._entries = by_initial(entries)
        self._of_name = functools.lru_cache(CACHED_NAMES)(self._look_up)

    def code_of(self, exec_path):
        """Return the code of an executable; with no match its base name as it is written."""
        return self._of_name(exec_path.rpartition("/")[2])

    def _look_up(self, name):
        lowered = name.translate(ASCII_LOWER)
        for code, pattern in self._entries.get(lowered[:1], self._entries[""]):
            if pattern.search(lowered):
                return code
        return name


def by_initial(entries):
    """Return {initial: the entries that can match a name with it}; "" is for every other one.

    Most patterns begin with one certain character, so that a name need not meet them all.
    """
    initials = [initial_of(pattern.pattern) for _code, pattern in entries]
    return {
        wanted: [entry for entry, initial in zip(entries, initials) if initial in ("", wanted)]
        for wanted in {"", *initials}
    }


def initial_of(pattern):
    """Return the character that every name must begin with to match, or "" if not only one can."""
    found = INITIAL.match(pattern)
    return found[1] if found and not has_branches(pattern) else ""


def has_branches(pattern):
    """Tell whether a pattern has a | outside of all parentheses."""
    bare, groups = ESCAPE_OR_SET.sub("", pattern), 1
    while groups:
        bare, groups = INNERMOST_GROUP.subn("", bare)
    return "|" in bare


def read_name_map(path):
    """Return the NameMap of a file: a code, blanks, a Python regular expression on each line.

    A pattern is searched in the base name in lower case. A blank line or one that begins with #
    means nothing. Raises MissingInputError, or ConfigurationError naming file and line.
    """
    return NameMap(read_entries(path))


def read_entries(path):
    """Return the (code, compiled pattern) pairs of a file, in its order; raises the same."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.MissingInputError(f"cannot read {path}: {errors.reason(error)}") from error
    numbered = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return tuple(
        parse_entry(text, f"{path}:{number}")
        for number, text in numbered
        if text and not text.startswith("#")
    )


def parse_entry(text, place):
    """Return the (code, compiled pattern) of a line. Raises ConfigurationError naming the place."""
    code, *rest = text.split(maxsplit=1)
    if not rest:
        raise errors.ConfigurationError(f"{place}: {code!r} has no pattern")
    (pattern,) = rest
    if CAPITAL.search(ESCAPE.sub("", pattern)):
        raise errors.ConfigurationError(
            f"{place}: {pattern!r} has a capital: it would meet names in lower case, write it so"
        )
    try:
        return code, re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise errors.ConfigurationError(
            f"{place}: {pattern!r} is no regular expression: {error}"
        ) from error


def shipped_map_path():
    """Return the path of the map that comes with us, installed or in the checkout."""
    return conf_file(SHIPPED_NAME)
