"""Expressions over time series: what a page writes, and what PromQL gets.

The language: https://prometheus.io/docs/prometheus/latest/querying/. A value that came from
outside enters an expression as the value of a label only, quoted, so that it stays one.
"""

from __future__ import annotations

from collections.abc import Iterable

from userportal.metrics.matchers import matching, name_matcher, not_equal, not_matching
from userportal.metrics.nodes import Aggregation, Expression, Selector, label_names, vector
from userportal.metrics.patterns import (
    Pattern,
    any_of,
    base_name,
    before,
    contains,
    ends_with,
    host_part,
    node_names,
    number,
    starts_with,
    whole,
    wildcards,
)
from userportal.metrics.site_filter import parse_filter

__all__ = [
    "Expression", "Pattern", "Selector", "any_of", "base_name", "before", "contains", "count",
    "ends_with", "host_part", "matching", "maximum", "mean", "metric", "minimum", "node_names",
    "not_equal", "not_matching", "number", "parse_filter", "starts_with", "top", "total", "vector",
    "whole", "wildcards",
]  # fmt: skip


def metric(names: str | Pattern, /, **labels: object) -> Selector:
    """Return the series of a metric, or of any_of([...]) metrics, whose labels are as given.

    A text or a number is compared exactly; any_of and the like, matching, not_matching and
    not_equal say more. A label whose name the configuration gives: **{label: value}. Raises
    ValueError for wrong names.
    """
    return Selector((name_matcher(names),)).having(**labels)


def total(inner: Expression, by: Iterable[str] = ()) -> Expression:
    """Return the sums by the values of these labels; by none: one sum."""
    return Aggregation("sum", inner, label_names(by))


def count(inner: Expression, by: Iterable[str] = ()) -> Expression:
    """Return how many series there are by the values of these labels."""
    return Aggregation("count", inner, label_names(by))


def mean(inner: Expression, by: Iterable[str] = ()) -> Expression:
    """Return the means by the values of these labels."""
    return Aggregation("avg", inner, label_names(by))


def maximum(inner: Expression, by: Iterable[str] = ()) -> Expression:
    """Return the highest values by the values of these labels."""
    return Aggregation("max", inner, label_names(by))


def minimum(inner: Expression, by: Iterable[str] = ()) -> Expression:
    """Return the lowest values by the values of these labels."""
    return Aggregation("min", inner, label_names(by))


def top(how_many: int, inner: Expression) -> Expression:
    """Return the series with the highest values at each moment, at most so many."""
    return Aggregation("topk", inner, (), int(how_many))
