"""The site's filter: matchers that every selector gets, read from the configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass

from usagedb.errors import ConfigurationError
from usagedb.terminal import visible
from userportal.metrics.matchers import LABEL_NAME, Condition, Matcher, equal

MATCHER = re.compile(
    rf"\s*(?P<label>{LABEL_NAME.pattern})\s*(?P<operator>=~|!~|!=|=)\s*"
    r"""(?:"(?P<double>(?:[^"\\\n]|\\.)*)"|'(?P<single>(?:[^'\\\n]|\\.)*)')\s*(?P<end>,|$)"""
)
ESCAPE = re.compile(r"\\(x[0-7][0-9a-fA-F]|.)")
SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
# What Python's regular expressions have and RE2's have not.
NOT_RE2 = re.compile(r"\(\?(?!:|P<)|\\[1-9]")


@dataclass(frozen=True)
class SiteFilter:
    """Matchers that are added to every selector; may be none."""

    matchers: tuple[Matcher, ...] = ()

    def render(self) -> str:
        """Return the filter as a selector of its own."""
        return f"{{{', '.join(each.render() for each in self.matchers)}}}"


NO_FILTER = SiteFilter()


def parse_filter(text: str) -> SiteFilter:
    """Return the filter of a text such as `cluster="abc", dc=~'x|y'`; of none for a blank one.

    Raises ConfigurationError if it is anything but matchers with commas between them.
    """
    matchers, position = [], 0
    text = text.strip()
    while position < len(text):
        found = MATCHER.match(text, position)
        if not found:
            where = visible(text[position : position + 40])
            raise ConfigurationError(
                f'the filter of the metrics is not like cluster="name", site="other": {where}'
            )
        matchers.append(Matcher(found["label"], _condition(found)))
        position = found.end()
    return SiteFilter(tuple(matchers))


def filter_of(value: SiteFilter | str) -> SiteFilter:
    """Return a filter, read from its text if it is one. Raises ConfigurationError."""
    return value if isinstance(value, SiteFilter) else parse_filter(value)


def _condition(found: re.Match[str]) -> Condition:
    """Return the condition of a matcher that was found."""
    body = found["double"] if found["double"] is not None else found["single"]
    value = ESCAPE.sub(_unescaped, body)
    if found["operator"] in ("=", "!="):
        return equal(value) if found["operator"] == "=" else Condition("!=", value)
    _check_regex(value)
    return Condition(found["operator"], value)


def _unescaped(found: re.Match[str]) -> str:
    if len(found[1]) > 1:
        return chr(int(found[1][1:], 16))
    character = SIMPLE_ESCAPES.get(found[1])
    if character is None:
        raise ConfigurationError(
            f"the filter of the metrics has an unknown escape: {visible(found[0])}"
        )
    return character


def _check_regex(text: str) -> None:
    """Raise ConfigurationError for a regular expression that is wrong or not RE2's."""
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ConfigurationError(
            f"the filter of the metrics: {visible(text)} is no regular expression: {error}"
        ) from error
    if NOT_RE2.search(text):
        raise ConfigurationError(
            f"the filter of the metrics: {visible(text)} is not in the syntax of RE2"
        )
