"""Ask for the layers of a graph, all at once, and make a figure of them."""

import dataclasses
import re
from collections.abc import Callable
from typing import Optional, Union

from userportal.metrics.expression import Expression
from userportal.metrics.figure import Figure

GIBIBYTE = 2**30  # what metrics in bytes are divided by
MEBIBYTE = 2**20


@dataclasses.dataclass(frozen=True)
class Layer:
    """Series of one expression, drawn alike."""

    expression: Expression
    name: Union[str, Callable[[dict], str]]  # of the labels of a series
    is_stacked: bool = False
    is_below: bool = False  # drawn as negative numbers: what is sent or written
    is_right: bool = False  # on the axis at the right
    divisor: float = 1.0
    keep: Optional[Callable[[dict], bool]] = None  # which series are drawn, by their labels

    @property
    def factor(self):
        """Return what a value of the metrics is multiplied with."""
        return (-1 if self.is_below else 1) / self.divisor

    def name_of(self, labels):
        """Return the name of a series with these labels."""
        return self.name if isinstance(self.name, str) else self.name(labels)


@dataclasses.dataclass(frozen=True)
class Graph:
    """All of a graph: its layers and its axis."""

    title: str  # of the axis
    layers: tuple
    unit: str = ""  # behind its numbers, with its blank: " cores"
    maximum: Optional[float] = None  # of the axis; None: what the numbers need
    is_of_job: bool = False  # with the few buttons of the graphs of jobs
    right_title: str = ""  # of the axis at the right; "": there is none
    right_unit: str = ""
    lines: tuple = ()  # level lines: (name, value)


def natural(text):
    """Return what sorts texts as a person does: core 9 before core 10."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in re.split(r"([0-9]{1,18})", text)]  # fmt: skip


def draw(source, graph, window):
    """Return the Figure of a graph over a Window; asks the source for all layers in parallel."""
    queries = [(layer.expression, window.start, window.end, window.step) for layer in graph.layers]
    figure = Figure(graph.title, graph.unit, graph.maximum, job=graph.is_of_job)
    if graph.right_title:
        figure.second_axis(graph.right_title, graph.right_unit)
    for name, value in graph.lines:
        figure.add_line(name, value, window)
    for layer, answer in zip(graph.layers, source.range_many(queries)):
        kept = [one for one in answer if layer.keep is None or layer.keep(one.labels)]
        for series in sorted(kept, key=lambda one: natural(layer.name_of(one.labels))):
            figure.add_points(
                layer.name_of(series.labels),
                series.times,
                [value * layer.factor for value in series.values],
                stacked=layer.is_stacked,
                second_axis=layer.is_right,
            )
    return figure
