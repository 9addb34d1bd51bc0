"""Operators between columns and numbers, or between columns whose labels match."""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable

from userportal.metrics.columns import (
    Column,
    Values,
    mapped,
    merged,
    present,
    without_name,
)
from userportal.metrics.matchers import NAME_LABEL
from userportal.metrics.nodes import Matching
from userportal.metrics.source import QueryRejected

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def divide(left: float, right: float) -> float:
    """Divide as floating point numbers do: by nothing gives infinity, or no number."""
    if right:
        return left / right
    if not left or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
}
DEFAULT = Matching()


def with_number(sign: str, left: list[Column], number: float) -> list[Column]:
    """Return columns combined with a number on the right; a comparison keeps what meets it."""
    if sign in COMPARISONS:
        holds = COMPARISONS[sign]
        return present(_kept(column, lambda value: holds(value, number)) for column in left)
    function = ARITHMETIC[sign]
    return merged(mapped(column, lambda value: function(value, number)) for column in left)


def of_number(sign: str, number: float, right: list[Column]) -> list[Column]:
    """Return a number combined with columns on the right."""
    function = ARITHMETIC[sign]
    return merged(mapped(column, lambda value: function(number, value)) for column in right)


def _kept(column: Column, holds: Callable[[float], bool]) -> Column:
    values: Values = [
        value if value is not None and holds(value) else None for value in column.values
    ]
    return Column(column.labels, values)


def either(left: list[Column], right: list[Column]) -> list[Column]:
    """Return the left columns, and the right ones where no left one has the same labels."""
    groups = _grouped(left, DEFAULT)
    found = list(left)
    for column in right:
        values = list(column.values)
        for other in groups.get(_signature(column, DEFAULT), ()):
            values = [
                None if there is not None else value for value, there in zip(values, other.values)
            ]
        found.append(Column(column.labels, values))
    return merged(found)


def matched(sign: str, left: list[Column], right: list[Column], matching: Matching) -> list[Column]:
    """Return what an operator makes of the pairs of columns whose labels match.

    Raises QueryRejected if at some moment several columns of a side match where one may.
    """
    rights = _grouped(right, matching)
    found: list[Column] = []
    for signature, partners in rights.items():
        _check_one(partners if left else [], signature)
    for signature, lefts in _grouped(left, matching).items():
        partners = rights.get(signature, [])
        if matching.group_left is None:
            _check_one(lefts if partners else [], signature)
        found += [_pair(sign, one, two, matching) for one in lefts for two in partners]
    return merged(found)


def _pair(sign: str, left: Column, right: Column, matching: Matching) -> Column:
    values: Values = []
    for one, two in zip(left.values, right.values):
        if one is None or two is None:
            values.append(None)
        elif sign in COMPARISONS:
            values.append(one if COMPARISONS[sign](one, two) else None)
        else:
            values.append(ARITHMETIC[sign](one, two))
    return Column(_result_labels(sign, left, right, matching), values)


def _result_labels(sign: str, left: Column, right: Column, matching: Matching) -> dict[str, str]:
    labels = dict(left.labels) if sign in COMPARISONS else without_name(left.labels)
    if matching.group_left is not None:
        labels.update({label: right.labels.get(label, "") for label in matching.group_left})
        return {label: text for label, text in labels.items() if text}
    if matching.on is not None:
        return {label: text for label, text in labels.items() if label in matching.on}
    return {label: text for label, text in labels.items() if label not in matching.ignoring}


def _grouped(found: Iterable[Column], matching: Matching) -> dict[tuple, list[Column]]:
    groups: dict[tuple, list[Column]] = defaultdict(list)
    for column in found:
        groups[_signature(column, matching)].append(column)
    return groups


def _signature(column: Column, matching: Matching) -> tuple:
    """Return what two columns must have in common to match."""
    if matching.on is not None:
        return tuple(column.labels.get(label, "") for label in matching.on)
    left_out = {NAME_LABEL, *matching.ignoring}
    return tuple(sorted(pair for pair in column.labels.items() if pair[0] not in left_out))


def _check_one(found: list[Column], signature: tuple) -> None:
    """Raise QueryRejected if several columns have a value at the same moment."""
    for values in zip(*(column.values for column in found)) if len(found) > 1 else ():
        if sum(value is not None for value in values) > 1:
            raise QueryRejected(f"several series match by {signature}")
