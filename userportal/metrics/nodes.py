"""The parts of an expression: immutable objects, each of which renders itself to PromQL."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from userportal.metrics.matchers import Matcher, checked_label, label_name, matcher, quoted
from userportal.metrics.patterns import Pattern
from userportal.metrics.site_filter import NO_FILTER, SiteFilter

COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
REPLACEMENT = re.compile(r"(?:[^$]|\$\{1\})*")


@dataclass(frozen=True)
class Expression:
    """What can be asked of a source of metrics; see its children."""

    def render(self, site_filter: SiteFilter = NO_FILTER) -> str:
        """Return the expression as PromQL, with the site's filter in every selector."""
        raise NotImplementedError

    def __truediv__(self, other: Expression | float) -> Expression:
        """Divide by a number, or by the series with equal labels."""
        return Binary("/", self, operand(other))

    def __mul__(self, other: Expression | float) -> Expression:
        """Multiply by a number, or by the series with equal labels."""
        return Binary("*", self, operand(other))

    def __add__(self, other: Expression | float) -> Expression:
        """Add a number, or the series with equal labels."""
        return Binary("+", self, operand(other))

    def __sub__(self, other: Expression | float) -> Expression:
        """Subtract a number, or the series with equal labels."""
        return Binary("-", self, operand(other))

    def __rsub__(self, other: float) -> Expression:
        """Subtract from a number."""
        return Binary("-", operand(other), self)

    def __rtruediv__(self, other: float) -> Expression:
        """Divide a number."""
        return Binary("/", operand(other), self)

    __rmul__ = __mul__
    __radd__ = __add__

    def divided_by(self, other: Expression, **labels: Iterable[str] | None) -> Expression:
        """Divide by the matching series; labels are those of `Matching.of`."""
        return Binary("/", self, other, Matching.of(**labels))

    def multiplied_by(self, other: Expression, **labels: Iterable[str] | None) -> Expression:
        """Multiply by the matching series; labels are those of `Matching.of`."""
        return Binary("*", self, other, Matching.of(**labels))

    def plus(self, other: Expression, **labels: Iterable[str] | None) -> Expression:
        """Add the matching series; labels are those of `Matching.of`."""
        return Binary("+", self, other, Matching.of(**labels))

    def minus(self, other: Expression, **labels: Iterable[str] | None) -> Expression:
        """Subtract the matching series; labels are those of `Matching.of`."""
        return Binary("-", self, other, Matching.of(**labels))

    def where(
        self, comparison: str, other: Expression | float, **labels: Iterable[str] | None
    ) -> Expression:
        """Keep the points for which a comparison such as ">" with a number or a series holds."""
        if comparison not in COMPARISONS:
            raise ValueError(f"not a comparison: {comparison!r}")
        return Binary(comparison, self, operand(other), Matching.of(**labels))

    def otherwise(self, other: Expression | float) -> Expression:
        """Take the other series, or this number, where there is no point with the same labels."""
        default = other if isinstance(other, Expression) else vector(other)
        return Binary("or", self, default)

    def clamp_min(self, least: float) -> Expression:
        """Raise lower values to this one."""
        return ClampMin(self, float(least))

    def with_label(
        self, label: str, source: str, pattern: Pattern, replacement: str = "${1}"
    ) -> Expression:
        """Set a label from what the pattern captures in the label `source`.

        Where the pattern does not match, the label stays as it was. The replacement is a text in
        which ${1} stands for what was captured. Raises ValueError for wrong names.
        """
        if not REPLACEMENT.fullmatch(replacement):
            raise ValueError(f"a replacement holds no $ but in ${{1}}: {replacement!r}")
        return LabelReplace(self, label_name(label), checked_label(source), pattern, replacement)


@dataclass(frozen=True)
class Matching:
    """Which labels two sides of an operator must have in common.

    `on` names them, or is None for all but `ignoring`. `group_left` is None where one series meets
    one; else many of the left meet one of the right, whose labels of these names they get.
    """

    on: tuple[str, ...] | None = None
    ignoring: tuple[str, ...] = ()
    group_left: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        on: Iterable[str] | None = None,
        ignoring: Iterable[str] | None = None,
        group_left: Iterable[str] | None = None,
    ) -> Matching:
        """Return the matching by these labels; raises ValueError for wrong names."""
        if on is not None and ignoring is not None:
            raise ValueError("either on or ignoring, not both")
        return cls(
            None if on is None else label_names(on),
            label_names(ignoring or ()),
            None if group_left is None else label_names(group_left),
        )

    def render(self) -> str:
        """Return the modifiers of the operator, or ''."""
        parts = []
        if self.on is not None:
            parts.append(f"on ({', '.join(self.on)})")
        elif self.ignoring:
            parts.append(f"ignoring ({', '.join(self.ignoring)})")
        elif self.group_left is not None:
            parts.append("ignoring ()")
        if self.group_left is not None:
            parts.append(f"group_left ({', '.join(self.group_left)})")
        return "".join(f" {part}" for part in parts)


@dataclass(frozen=True)
class Selector(Expression):
    """The series of some metric names whose labels meet conditions."""

    matchers: tuple[Matcher, ...]

    def render(self, site_filter: SiteFilter = NO_FILTER) -> str:
        """Return name{conditions}; several names are a condition too."""
        name, *conditions = self.matchers
        head = ""
        if name.condition.operator == "=":
            head = name.condition.text
        else:
            conditions.insert(0, name)
        inner = ", ".join(each.render() for each in (*conditions, *site_filter.matchers))
        return f"{head}{{{inner}}}" if inner else head

    def having(self, **labels: object) -> Selector:
        """Return the selector with further conditions, which may name a label again."""
        added = tuple(matcher(name, value) for name, value in labels.items())
        return replace(self, matchers=self.matchers + added)

    def rate(self, seconds: float) -> Expression:
        """Return the increase of a counter per second, over the last seconds."""
        return OverTime("rate", self, milliseconds(seconds))

    def irate(self, seconds: float) -> Expression:
        """Return the increase per second between the last two samples of the last seconds."""
        return OverTime("irate", self, milliseconds(seconds))

    def deriv(self, seconds: float) -> Expression:
        """Return the slope per second of a straight line through the last seconds."""
        return OverTime("deriv", self, milliseconds(seconds))


@dataclass(frozen=True)
class OverTime(Expression):
    """A function over the samples of a time before each moment."""

    function: str
    selector: Selector
    window_milliseconds: int

    def render(self, site_filter: SiteFilter = NO_FILTER) -> str:
        """Return function(selector[window])."""
        window = self.window_milliseconds
        text = f"{window}ms" if window % 1000 else f"{window // 1000}s"
        return f"{self.function}({self.selector.render(site_filter)}[{text}])"


@dataclass(frozen=True)
class Aggregation(Expression):
    """Series put together by the values of some labels; `parameter` is how many of topk."""

    function: str
    inner: Expression
    by: tuple[str, ...] = ()
    parameter: int | None = None

    def render(self, site_filter: SiteFilter = NO_FILTER) -> str:
        """Return function by (labels) (expression)."""
        by = f" by ({', '.join(self.by)}) " if self.by else ""
        parameter = "" if self.parameter is None else f"{self.parameter}, "
        return f"{self.function}{by}({parameter}{self.inner.render(site_filter)})"


@dataclass(frozen=True)
class Number(Expression):
    """A number as a side of an operator."""

    value: float

    def render(self, site_filter: SiteFilter = NO_FILTER) -> str:
        """Return the number as PromQL writes it."""
        return number_text(self.value)


@dataclass(frozen=True)
class Vector(Expression):
    """One series without labels that always has one value."""

    value: float

    def render(self, site_filter: SiteFilter = NO_FILTER) -> str:
        """Return vector(number)."""
        return f"vector({number_text(self.value)})"


@dataclass(frozen=True)
class ClampMin(Expression):
    """Values not below a number."""

    inner: Expression
    least: float

    def render(self, site_filter: SiteFilter = NO_FILTER) -> str:
        """Return clamp_min(expression, number)."""
        return f"clamp_min({self.inner.render(site_filter)}, {number_text(self.least)})"


@dataclass(frozen=True)
class LabelReplace(Expression):
    """A label set from a part of another."""

    inner: Expression
    label: str
    source: str
    pattern: Pattern
    replacement: str

    def render(self, site_filter: SiteFilter = NO_FILTER) -> str:
        """Return label_replace(expression, label, replacement, source, regex)."""
        texts = (self.label, self.replacement, self.source, self.pattern.regex)
        rest = ", ".join(map(quoted, texts))
        return f"label_replace({self.inner.render(site_filter)}, {rest})"


@dataclass(frozen=True)
class Binary(Expression):
    """An operator between two expressions, of which one may be a number."""

    operator: str
    left: Expression
    right: Expression
    matching: Matching = Matching()

    def render(self, site_filter: SiteFilter = NO_FILTER) -> str:
        """Return the sides, in parentheses where they are operators, around the operator."""
        left, right = (_side(side, site_filter) for side in (self.left, self.right))
        return f"{left} {self.operator}{self.matching.render()} {right}"


def _side(side: Expression, site_filter: SiteFilter) -> str:
    text = side.render(site_filter)
    return f"({text})" if isinstance(side, Binary) else text


def operand(value: Expression | float) -> Expression:
    """Return a side of an operator as an expression."""
    return value if isinstance(value, Expression) else Number(float(value))


def vector(value: float) -> Expression:
    """Return one series without labels that always has this value."""
    return Vector(float(value))


def label_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of labels, checked; raises ValueError, also for one text in place of several."""
    if isinstance(names, str):
        raise ValueError(f"several names are expected, not the text {names!r}")
    return tuple(map(label_name, names))


def milliseconds(seconds: float) -> int:
    """Return a window as PromQL counts it; raises ValueError if it is not above nothing."""
    window = round(seconds * 1000)
    if window <= 0:
        raise ValueError(f"a window lasts more than nothing: {seconds!r}")
    return window


def number_text(value: float) -> str:
    """Return a number as PromQL writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
