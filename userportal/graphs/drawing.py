"""Ask for the layers of a graph, all at once, and make a figure of them."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any, Optional, Union

from userportal.metrics.expression import Expression
from userportal.metrics.figure import Figure

DECIMALS = 6  # of what is drawn: the rest is but more to send
GAP_STEPS = 1.5  # between two points, from which on one is missing
MOST_SERIES = 200  # of one layer: each has up to 500 points, and a browser draws all of them

# What the answers to all layers, a list of Series each, say of a graph.
OfAnswers = Callable[[list], Any]


@dataclasses.dataclass(frozen=True)
class Layer:
    """Series of one expression, drawn alike."""

    expression: Expression
    name: Union[str, Callable[[dict], str]]  # of the labels of a series
    is_stacked: bool = False
    is_below: bool = False  # drawn as negative numbers: what is sent or written
    is_right: bool = False  # on the axis at the right
    divisor: float = 1.0
    # What the values are multiplied with, by the labels of a series; None: it is not drawn.
    factor_of: Optional[Callable[[dict], Optional[float]]] = None
    keep: Optional[Callable[[dict], bool]] = None  # which series are drawn, by their labels

    def name_of(self, labels):
        """Return the name of a series with these labels."""
        return self.name if isinstance(self.name, str) else self.name(labels)

    def values(self, series):
        """Return the points of a series as they are drawn, None if it is not."""
        if self.keep is not None and not self.keep(series.labels):
            return None
        factor = 1.0 if self.factor_of is None else self.factor_of(series.labels)
        if factor is None:
            return None
        values = [round(value * factor / self.divisor, DECIMALS) for value in series.values]
        # 0 minus a number, for there is a zero below zero, which JSON writes as -0.0.
        return [0.0 - value for value in values] if self.is_below else values


@dataclasses.dataclass(frozen=True)
class Graph:
    """All of a graph: its layers and its axis."""

    title: str  # of the axis
    layers: tuple
    unit: str = ""  # behind its numbers, with its blank: " cores"
    # Of the axis; None: what the numbers need. A function takes the answers to all layers.
    maximum: Union[None, float, OfAnswers] = None
    is_of_job: bool = False  # with the few buttons of the graphs of jobs
    right_title: str = ""  # of the axis at the right; "": there is none
    right_unit: str = ""
    lines: Union[tuple, OfAnswers] = ()  # level lines: (name, value)


def natural(text):
    """Return what sorts texts as a person does: core 9 before core 10."""
    parts = re.split(r"([0-9]{1,18})", text)  # every second one is a number
    return [(int(part), part) if place % 2 else (0, part) for place, part in enumerate(parts)]


def never(labels):
    """Keep no series: of a layer that only says something of the others."""
    return False


def highest_of(place, divisor=1.0, keep=None):
    """Return a function of the answers: the highest point of one layer, by a divisor.

    keep(labels) says which series count. None if there is none.
    """

    def highest(answers):
        points = [one.maximum() for one in answers[place] if keep is None or keep(one.labels)]
        known = [point for point in points if point is not None]
        return max(known) / divisor if known else None

    return highest


def highest_of_all(divisor=1.0):
    """Return a function of the answers: the highest point of all layers, by a divisor."""

    def highest(answers):
        points = [one.maximum() for answer in answers for one in answer]
        return max(filter(None, points), default=0) / divisor or None

    return highest


def draw(source, graph, window):
    """Return the Figure of a graph over a Window; asks the source for all layers in parallel.

    Of a layer with more than MOST_SERIES those with the highest points are drawn, and the axis
    tells how many of how many they are.
    """
    queries = [(layer.expression, window.start, window.end, window.step) for layer in graph.layers]
    answers = source.range_many(queries)
    maximum, lines = (
        said(answers) if callable(said) else said for said in (graph.maximum, graph.lines)
    )
    drawn = [drawn_of(layer, answer) for layer, answer in zip(graph.layers, answers)]
    shown = [highest_first(one)[:MOST_SERIES] for one in drawn]
    figure = Figure(title_of(graph, drawn, shown), graph.unit, maximum, job=graph.is_of_job)
    if graph.right_title:
        figure.second_axis(graph.right_title, graph.right_unit)
    for name, value in lines:
        figure.add_line(name, value, window)
    for layer, found in zip(graph.layers, shown):
        for name, times, values in sorted(found, key=lambda one: natural(one[0])):
            at, points = with_gaps(times, values, window.step)
            figure.add_points(
                name, at, points, stacked=layer.is_stacked, second_axis=layer.is_right
            )
    return figure


def with_gaps(times, values, step):
    """Return the times and values of a series, with None where points are missing between two.

    So no line leads over a time in which there was nothing, such as between two jobs.
    """
    whole_times: list = []
    whole_values: list = []
    for at, value in zip(times, values):
        if whole_times and at - whole_times[-1] > GAP_STEPS * step:
            whole_times.append(whole_times[-1] + step)
            whole_values.append(None)
        whole_times.append(at)
        whole_values.append(value)
    return whole_times, whole_values


def drawn_of(layer, answer):
    """Return (name, times, values) of each series of an answer that a layer draws."""
    found = [(series, layer.values(series)) for series in answer]
    return [
        (layer.name_of(series.labels), series.times, values) for series, values in found if values
    ]


def highest_first(found):
    """Return what drawn_of found, the highest points first if it is too much for a graph."""
    if len(found) <= MOST_SERIES:
        return found
    return sorted(found, key=lambda one: -max(map(abs, one[2])))


def title_of(graph, drawn, shown):
    """Return the title of the axis, with the numbers of series if not all are shown."""
    many, fewer = (sum(map(len, one)) for one in (drawn, shown))
    return graph.title if many == fewer else f"{graph.title} ({fewer} / {many})"
