"""Patterns of label values, built from escaped literals: RE2 syntax that Python reads alike.

The syntax of RE2: https://github.com/google/re2/wiki/Syntax. A pattern always matches the whole
value, as in PromQL.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

METACHARACTERS = re.compile(r"([\\.+*?()|\[\]{}^$])")
NOTHING = r"[^\s\S]"  # a class without a character: matches no text at all
PORT = "(?::[0-9]+)?"
REGULAR_EXPRESSION_SIGNS = (".*", ".+", "|", "[")


@dataclass(frozen=True)
class Pattern:
    """A regular expression that a function of this module built.

    `literals` are all the texts that it matches, where they can be counted, else None.
    """

    regex: str
    literals: tuple[str, ...] | None = None


def escaped(text: str) -> str:
    """Return the regular expression that matches this text alone."""
    return METACHARACTERS.sub(r"\\\1", text)


@functools.lru_cache(maxsize=512)
def compiled(regex: str) -> re.Pattern[str]:
    """Return the regular expression as Python runs it."""
    return re.compile(regex)


def any_of(values: Iterable[object]) -> Pattern:
    """Match any of these values exactly, each a text or a number; no value: match nothing."""
    literals = tuple(dict.fromkeys(str(value) for value in values))
    return Pattern("|".join(map(escaped, literals)) if literals else NOTHING, literals)


def starts_with(text: str) -> Pattern:
    """Match the values that begin with this text."""
    return Pattern(escaped(text) + ".*")


def ends_with(text: str) -> Pattern:
    """Match the values that end with this text."""
    return Pattern(".*" + escaped(text))


def contains(text: str) -> Pattern:
    """Match the values in which this text stands."""
    return Pattern(f".*{escaped(text)}.*")


def number() -> Pattern:
    """Match the values that consist of digits, at least one."""
    return Pattern("[0-9]+")


def wildcards(*patterns: str) -> Pattern:
    """Match any of these patterns as a shell does: * is any text, ? is one character.

    They are constants of the program or of its configuration: a value of a user belongs into
    `any_of`. Raises ValueError for what looks like a regular expression.
    """
    for pattern in patterns:
        if any(sign in pattern for sign in REGULAR_EXPRESSION_SIGNS):
            raise ValueError(f"a pattern has * and ? alone, as in a shell: {pattern!r}")
    regexes = [escaped(text).replace(r"\*", ".*").replace(r"\?", ".") for text in patterns]
    return Pattern("|".join(regexes) if regexes else NOTHING)


def node_names(names: Iterable[str], suffix: str = "") -> Pattern:
    """Match the host labels of these nodes: the name, then the suffix, then `:port` or nothing.

    The suffix is what the names in the metrics have besides, such as a domain; may be empty.
    """
    literals = list(dict.fromkeys(names))
    if not literals:
        return Pattern(NOTHING)
    return Pattern(f"(?:{'|'.join(map(escaped, literals))}){escaped(suffix)}{PORT}")


def host_part(suffix: str = "") -> Pattern:
    """Capture a host label without this suffix, if it has it, and without its `:port`."""
    ending = f"(?:{escaped(suffix)})?" if suffix else ""
    return Pattern(f"(.+?){ending}{PORT}")


def before(text: str) -> Pattern:
    """Capture what stands before the first occurrence of this text."""
    return Pattern(f"(.*?){escaped(text)}.*")


def base_name() -> Pattern:
    """Capture what stands behind the last slash of a path."""
    return Pattern("(?:.*/)?([^/]+)")


def whole() -> Pattern:
    """Capture the value as it is."""
    return Pattern("(.*)")
