"""The parts of a condition, and what they come to: True, False, or None for unknown.

Kleene's logic of three values: what is unknown stays unknown, unless the other side decides
("no and unknown" is no). Numbers that are unknown, or lost in a division by 0, are None.
A part's evaluate(values) takes a mapping-like object with get(name) and the Facts as .facts.
"""

import dataclasses
import operator
from typing import Any, Optional

from userportal.analysis import figures, submitted

COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


class Part:
    """A part of a condition; its kind is what it comes to: see ``conditions``."""

    kind: Any = None

    def evaluate(self, values):
        """Return what the part comes to, None if that is unknown."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Constant(Part):
    """A number or a text that stands in the condition, or a threshold."""

    content: Any
    kind: Any

    def evaluate(self, _values):
        return self.content


@dataclasses.dataclass(frozen=True)
class Fact(Part):
    """What is known of the job under a name."""

    name: str
    kind: Any

    def evaluate(self, values):
        return values.get(self.name)


@dataclasses.dataclass(frozen=True)
class Calculation(Part):
    """first, and then pairs of an operator and a further part, from left to right."""

    first: Part
    further: tuple
    kind: Any

    def evaluate(self, values):
        amount = self.first.evaluate(values)
        for sign, part in self.further:
            amount = calculated(ARITHMETIC[sign], amount, part.evaluate(values))
        return amount


def calculated(function, one, other):
    """Return function(one, other); None if one is unknown or there is no finite result."""
    if one is None or other is None:
        return None
    try:
        amount = function(float(one), float(other))
    except (ZeroDivisionError, OverflowError):
        return None
    return amount if figures.is_number(amount) else None


@dataclasses.dataclass(frozen=True)
class Comparison(Part):
    """A chain: 1 < x < 3 holds if each of its comparisons does."""

    first: Part
    further: tuple
    kind: Any

    def evaluate(self, values):
        results, before = [], self.first.evaluate(values)
        for sign, part in self.further:
            after = part.evaluate(values)
            known = before is not None and after is not None
            results.append(COMPARISONS[sign](before, after) if known else None)
            before = after
        return all_of(results)


@dataclasses.dataclass(frozen=True)
class Among(Part):
    """x in (A, B)."""

    part: Part
    texts: frozenset
    kind: Any

    def evaluate(self, values):
        found = self.part.evaluate(values)
        return None if found is None else found in self.texts


@dataclasses.dataclass(frozen=True)
class HasOption(Part):
    """has option "--name" or "--name=value"."""

    name: str
    value: Optional[str]
    kind: Any

    def evaluate(self, values):
        return submitted.has_option(values.facts, self.name, self.value)


@dataclasses.dataclass(frozen=True)
class HasModule(Part):
    """has module "name", in any version; "name/version" is that one. Case means nothing."""

    name: str
    kind: Any

    def evaluate(self, values):
        modules = values.facts.modules
        if modules is None:
            return None
        return any((module.lower() + "/").startswith(self.name + "/") for module in modules)


@dataclasses.dataclass(frozen=True)
class HasApplication(Part):
    """has application "name": an executable of that name, in whatever directory, was at work."""

    name: str
    kind: Any

    def evaluate(self, values):
        programs = values.facts.applications
        if programs is None:
            return None
        return any(program.rpartition("/")[2] == self.name for program in programs)


@dataclasses.dataclass(frozen=True)
class Every(Part):
    """a and b and c."""

    parts: tuple
    kind: Any

    def evaluate(self, values):
        return all_of(part.evaluate(values) for part in self.parts)


@dataclasses.dataclass(frozen=True)
class Either(Part):
    """a or b or c."""

    parts: tuple
    kind: Any

    def evaluate(self, values):
        return any_of(part.evaluate(values) for part in self.parts)


@dataclasses.dataclass(frozen=True)
class Opposite(Part):
    """not a."""

    part: Part
    kind: Any

    def evaluate(self, values):
        found = self.part.evaluate(values)
        return None if found is None else not found


def all_of(results):
    """Return False if one is False, else None if one is None, else True."""
    results = list(results)
    return False if False in results else None if None in results else True


def any_of(results):
    """Return True if one is True, else None if one is None, else False."""
    results = list(results)
    return True if True in results else None if None in results else False
