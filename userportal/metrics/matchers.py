"""Conditions on labels: checked names, quoted values, and whether a value meets them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from userportal.metrics.patterns import Pattern, any_of, compiled, escaped, wildcards

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NAME_LABEL = "__name__"
QUOTED = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
CONTROL = re.compile('[\x00-\x1f\x7f\\\\"]')
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Condition:
    """What a label's value must be, before it is known which label: = != =~ or !~ and a text.

    `literals` are the accepted values where an operator = or =~ allows no others, else None.
    """

    operator: str
    text: str
    literals: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Matcher:
    """A condition on one label."""

    label: str
    condition: Condition

    def render(self) -> str:
        """Return the condition as it stands within the braces of a selector."""
        return f"{self.label}{self.condition.operator}{quoted(self.condition.text)}"

    def accepts(self, value: str) -> bool:
        """Tell whether a value meets the condition; a label that is missing has the value ''."""
        text, operator = self.condition.text, self.condition.operator
        if operator in ("=", "!="):
            return (value == text) == (operator == "=")
        return bool(compiled(text).fullmatch(value)) == (operator == "=~")


def quoted(text: str) -> str:
    """Return a text as a string of PromQL, in double quotes that nothing in it can end.

    A half of a surrogate pair, which no label can hold, becomes U+FFFD. Source:
    https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals
    """
    text = SURROGATE.sub("\ufffd", text)
    return f'"{CONTROL.sub(_escape, text)}"'


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    return QUOTED.get(character) or f"\\x{ord(character):02x}"


def metric_name(name: str) -> str:
    """Return the name of a metric. Raises ValueError if it cannot be one."""
    if not METRIC_NAME.fullmatch(name):
        raise ValueError(f"not the name of a metric: {name!r}")
    return name


def label_name(name: str) -> str:
    """Return the name of a label. Raises ValueError if it cannot be one."""
    if not LABEL_NAME.fullmatch(name) or name == NAME_LABEL:
        raise ValueError(f"not the name of a label: {name!r}")
    return name


def checked_label(name: str) -> str:
    """Return the name of a label, or __name__. Raises ValueError if it can be neither."""
    return name if name == NAME_LABEL else label_name(name)


def equal(value: object) -> Condition:
    """Accept this text or number alone; '' accepts series without the label."""
    return Condition("=", str(value), (str(value),))


def not_equal(value: object) -> Condition:
    """Accept all but this text or number."""
    return Condition("!=", str(value))


def matching(*patterns: str | Pattern) -> Condition:
    """Accept what one of these matches: Patterns, or texts with the wildcards of `wildcards`."""
    return _of_pattern(_joined(patterns))


def not_matching(*patterns: str | Pattern) -> Condition:
    """Accept what none of these matches: Patterns, or texts with the wildcards of `wildcards`."""
    return Condition("!~", _joined(patterns).regex)


def _joined(patterns: tuple[str | Pattern, ...]) -> Pattern:
    parts = [part if isinstance(part, Pattern) else wildcards(part) for part in patterns]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return any_of(())
    return Pattern("|".join(f"(?:{part.regex})" for part in parts))


def _of_pattern(pattern: Pattern) -> Condition:
    """Return the condition of a pattern; one literal is compared, which is quicker."""
    if pattern.literals is not None and len(pattern.literals) == 1:
        return equal(pattern.literals[0])
    return Condition("=~", pattern.regex, pattern.literals)


def matcher(label: str, value: object) -> Matcher:
    """Return the matcher of a label: a plain value exactly, a Pattern, or a Condition.

    Raises ValueError for a wrong label name, TypeError for a value that is None.
    """
    label_name(label)
    if isinstance(value, Condition):
        return Matcher(label, value)
    if isinstance(value, Pattern):
        return Matcher(label, _of_pattern(value))
    if not isinstance(value, (str, int)):
        raise TypeError(f"the value of {label} is no text: {value!r}")
    return Matcher(label, equal(value))


def name_matcher(names: str | Pattern) -> Matcher:
    """Return the matcher of one metric name, or of `any_of` several.

    Raises ValueError for a wrong name, or a pattern that does not list the names.
    """
    if isinstance(names, str):
        return Matcher(NAME_LABEL, equal(metric_name(names)))
    if not names.literals:
        raise ValueError("the names of metrics are listed: any_of([...])")
    for name in names.literals:
        metric_name(name)
    text = "|".join(map(escaped, names.literals))
    return Matcher(NAME_LABEL, Condition("=~", text, names.literals))
