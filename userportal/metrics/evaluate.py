"""Carry expressions out over stored samples, with the meaning that PromQL gives them.

Semantics: https://prometheus.io/docs/prometheus/latest/querying/, windows open on the left as in
Prometheus 3. A column is what an expression has at all moments asked for, None where nothing.
"""

from __future__ import annotations

import functools
import heapq
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Protocol

from userportal.metrics import answers, columns, operators, over_time
from userportal.metrics.columns import Column, Values
from userportal.metrics.nodes import (
    Aggregation,
    Binary,
    ClampMin,
    Expression,
    LabelReplace,
    Number,
    OverTime,
    Selector,
    Vector,
)
from userportal.metrics.patterns import compiled
from userportal.metrics.series import Series

LOOKBACK_MS = 300_000


class Samples(Protocol):
    """Where the samples are."""

    def samples(
        self, selector: Selector, first_ms: int, last_ms: int
    ) -> list[tuple[dict[str, str], array[int], array[float]]]:
        """Return labels, times (milliseconds) and values of the selected series."""
        ...


@dataclass(frozen=True)
class Context:
    """The moments asked for, ascending milliseconds, and where the samples are."""

    moments: Sequence[int]
    source: Samples


def evaluated(expression: Expression, moments: Sequence[int], source: Samples) -> list[Series]:
    """Return the series of an expression at moments (ascending milliseconds), sorted by labels.

    Points that are no number or infinite are left out. Raises QueryRejected where PromQL refuses:
    several series of the same labels.
    """
    times = [moment / 1000 for moment in moments]
    found = []
    for column in value_of(expression, Context(moments, source)):
        points = [(at, of) for at, of in zip(times, column.values) if of is not None]
        series = answers.finite(column.labels, [at for at, _ in points], [of for _, of in points])
        if series.times:
            found.append(series)
    return answers.sorted_series(found)


@functools.singledispatch
def value_of(expression: Expression, context: Context) -> list[Column]:
    """Return the columns of an expression."""
    raise TypeError(f"no series: {expression!r}")


@value_of.register
def _selector(expression: Selector, context: Context) -> list[Column]:
    """Return the latest sample of the last five minutes at each moment."""
    moments = context.moments
    found = context.source.samples(expression, moments[0] - LOOKBACK_MS, moments[-1])
    return columns.present(
        Column(labels, over_time.latest(times, values, moments, LOOKBACK_MS))
        for labels, times, values in found
    )


@value_of.register
def _over_time(expression: OverTime, context: Context) -> list[Column]:
    moments, window = context.moments, expression.window_milliseconds
    function = over_time.FUNCTIONS[expression.function]
    found = context.source.samples(expression.selector, moments[0] - window, moments[-1])
    return columns.merged(
        Column(columns.without_name(labels), function(times, values, moments, window))
        for labels, times, values in found
    )


@value_of.register
def _vector(expression: Vector, context: Context) -> list[Column]:
    return [Column({}, [expression.value] * len(context.moments))]


@value_of.register
def _clamp_min(expression: ClampMin, context: Context) -> list[Column]:
    least = expression.least
    return columns.merged(
        columns.mapped(column, lambda value: least if value < least else value)
        for column in value_of(expression.inner, context)
    )


@value_of.register
def _label_replace(expression: LabelReplace, context: Context) -> list[Column]:
    regex = compiled(expression.pattern.regex)
    found = []
    for column in value_of(expression.inner, context):
        matched = regex.fullmatch(column.labels.get(expression.source, ""))
        labels = dict(column.labels)
        if matched:
            captured = (matched[1] or "") if regex.groups else ""
            labels[expression.label] = expression.replacement.replace("${1}", captured)
        found.append(Column({name: text for name, text in labels.items() if text}, column.values))
    return columns.merged(found)


@value_of.register
def _binary(expression: Binary, context: Context) -> list[Column]:
    left, right = expression.left, expression.right
    if isinstance(right, Number):
        return operators.with_number(expression.operator, value_of(left, context), right.value)
    if isinstance(left, Number):
        return operators.of_number(expression.operator, left.value, value_of(right, context))
    sides = value_of(left, context), value_of(right, context)
    if expression.operator == "or":
        return operators.either(*sides)
    return operators.matched(expression.operator, *sides, expression.matching)


@value_of.register
def _aggregation(expression: Aggregation, context: Context) -> list[Column]:
    inner = value_of(expression.inner, context)
    if expression.function == "topk":
        return _topk(inner, expression.parameter or 0, len(context.moments))
    groups: dict[tuple[str, ...], list[Values]] = {}
    for column in inner:
        key = tuple(column.labels.get(label, "") for label in expression.by)
        groups.setdefault(key, []).append(column.values)
    together = AGGREGATIONS[expression.function]
    return [
        Column(
            {label: text for label, text in zip(expression.by, key) if text},
            [together(_those_there(row)) for row in zip(*values)],
        )
        for key, values in groups.items()
    ]


def _those_there(row: Sequence[float | None]) -> list[float]:
    return [value for value in row if value is not None]


def _unless_none(function: Callable[[list[float]], float]) -> Callable[[list[float]], float | None]:
    """Let an aggregation answer None where there are no values."""
    return lambda values: function(values) if values else None


def _numbers(values: list[float]) -> list[float]:
    """Return the values that are numbers, or all if none is."""
    return [value for value in values if not isnan(value)] or values


AGGREGATIONS: dict[str, Callable[[list[float]], float | None]] = {
    "sum": _unless_none(sum),
    "count": _unless_none(lambda values: float(len(values))),
    "avg": _unless_none(lambda values: sum(values) / len(values)),
    "max": _unless_none(lambda values: max(_numbers(values))),
    "min": _unless_none(lambda values: min(_numbers(values))),
}


def _topk(inner: list[Column], how_many: int, moments: int) -> list[Column]:
    """Return the columns with only those values that are among the highest of their moment."""
    kept: list[Values] = [[None] * moments for _column in inner]
    for moment in range(moments):
        there = [
            (float("-inf") if isnan(value) else value, number)
            for number, column in enumerate(inner)
            if (value := column.values[moment]) is not None
        ]
        for _value, number in heapq.nlargest(how_many, there):
            kept[number][moment] = inner[number].values[moment]
    return columns.present(Column(column.labels, of) for column, of in zip(inner, kept))
