"""The JSON of Prometheus' HTTP interface, read into series.

The format: https://prometheus.io/docs/prometheus/latest/querying/api/. Servers that speak alike
leave fields out or add some; what is missing counts as nothing.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from usagedb.errors import ConfigurationError
from userportal.metrics.series import Series
from userportal.metrics.source import QueryRejected

BETWEEN_POINTS = b'"],['
TEXT_FOLLOWS = (b":", b",", b"[", b" ")  # a quote after these begins a text, others end one
NOT_PROMETHEUS = "the answer is not that of Prometheus: is the URL right?"


def data_of(text: bytes) -> Any:
    """Return what stands under "data" of a successful answer.

    Raises QueryRejected if the answer tells an error, ConfigurationError if it is another format.
    """
    answer = decoded(flattened(text))
    if not isinstance(answer, dict):
        raise ConfigurationError(NOT_PROMETHEUS)
    if answer.get("status", "success") != "success":
        raise QueryRejected(str(answer.get("error", "no reason is told")))
    return answer.get("data")


def flattened(text: bytes) -> bytes:
    """Return an answer with the points in one list: [[1,"2"],[3,"4"]] as [[1,"2",3,"4"]].

    Half a million short lists would take most of the time of reading. An answer in which the sign
    between two points might be a part of a text stays as it is.
    """
    doubtful = rb"\"" in text or any(sign + BETWEEN_POINTS in text for sign in TEXT_FOLLOWS)
    return text if doubtful else text.replace(BETWEEN_POINTS, b'",')


def decoded(text: bytes) -> Any:
    """Return the value of a JSON text. Raises ConfigurationError if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(NOT_PROMETHEUS) from error


def series_of(data: Any, most_series: int) -> list[Series]:
    """Return the series of a matrix or a vector, sorted as `sorted_series` does.

    Points that are no number or infinite are left out, and series without any other. Raises
    QueryRejected for more series than that, ConfigurationError for another format.
    """
    if not isinstance(data or {}, dict):
        raise ConfigurationError(NOT_PROMETHEUS)
    results = (data or {}).get("result") or []
    if not isinstance(results, list):
        raise ConfigurationError(NOT_PROMETHEUS)
    if len(results) > most_series:
        raise QueryRejected(f"the answer has {len(results)} series, more than {most_series}")
    try:
        return sorted_series(_series(results))
    except (AttributeError, TypeError, ValueError, KeyError, IndexError) as error:
        raise ConfigurationError(NOT_PROMETHEUS) from error


def _series(results: list[Any]) -> list[Series]:
    found: list[Series] = []
    read: list[Any] = []
    times: list[float] = []
    for result in results:
        labels = {str(name): str(value) for name, value in (result.get("metric") or {}).items()}
        read_times, values = _points(result)
        if read_times != read:  # most series of an answer have the same times: kept once
            read, times = read_times, list(map(float, read_times))
        series = finite(labels, times, values)
        if series.times:
            found.append(series)
    return found


def _points(result: dict[str, Any]) -> tuple[list[Any], list[float]]:
    """Return times and values of a result, whose lists hold one point or several each."""
    points = result.get("values")
    if points is None:
        points = [result["value"]] if result.get("value") else []
    times: list[Any] = []
    texts: list[Any] = []
    for part in points:
        times += part[0::2]
        texts += part[1::2]
    if len(times) != len(texts):
        raise ValueError("a point without a value")
    return times, list(map(float, texts))


def texts_of(data: Any) -> list[str]:
    """Return the sorted texts of an answer about labels."""
    if not isinstance(data or [], list):
        raise ConfigurationError(NOT_PROMETHEUS)
    return sorted(map(str, data or []))


def finite(labels: dict[str, str], times: list[float], values: list[float]) -> Series:
    """Return the series of the points whose value is a finite number."""
    if all(map(isfinite, values)):
        return Series(labels, times, values)
    points = [(at, value) for at, value in zip(times, values) if isfinite(value)]
    return Series(labels, [at for at, _ in points], [value for _, value in points])


def sorted_series(series: list[Series]) -> list[Series]:
    """Return series in the order of their labels, so that equal questions have equal answers."""
    return sorted(series, key=lambda each: sorted(each.labels.items()))
