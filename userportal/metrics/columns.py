"""Columns: the values of one series at all moments of a question."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from userportal.metrics.matchers import NAME_LABEL
from userportal.metrics.source import QueryRejected

Values = list[float | None]


@dataclass(frozen=True)
class Column:
    """The labels of a series and its value at each moment, None where it has none."""

    labels: dict[str, str]
    values: Values


def without_name(labels: dict[str, str]) -> dict[str, str]:
    """Return labels without the name of the metric, as arithmetic leaves them."""
    return {label: value for label, value in labels.items() if label != NAME_LABEL}


def present(found: Iterable[Column]) -> list[Column]:
    """Return the columns that have a value at some moment."""
    return [column for column in found if any(value is not None for value in column.values)]


def mapped(column: Column, function: Callable[[float], float]) -> Column:
    """Return a column with a function applied to its values, without the metric's name."""
    values = [None if value is None else function(value) for value in column.values]
    return Column(without_name(column.labels), values)


def merged(found: Iterable[Column]) -> list[Column]:
    """Return the columns that have a value, those of the same labels joined to one.

    Raises QueryRejected if two of the same labels have a value at the same moment.
    """
    by_labels: dict[tuple, Column] = {}
    for column in present(found):
        key = tuple(sorted(column.labels.items()))
        known = by_labels.get(key)
        by_labels[key] = column if known is None else Column(column.labels, joined(known, column))
    return list(by_labels.values())


def joined(first: Column, second: Column) -> Values:
    """Return the values of two columns of the same labels. Raises QueryRejected if they meet."""
    pairs = list(zip(first.values, second.values))
    if any(one is not None and two is not None for one, two in pairs):
        raise QueryRejected(f"several series have the same labels {first.labels}")
    return [two if one is None else one for one, two in pairs]
