"""Figures: traces, layout and configuration as Plotly reads them from JSON.

The attributes: https://plotly.com/javascript/reference/.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from html import escape
from math import isfinite
from typing import Any

from usagedb.terminal import visible
from userportal.metrics.window import Window

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
TICK_FORMAT = "~s"
# "~s" puts a prefix behind the number, k or m. Where the unit has one already, or can have none, a
# reader would see two, 1.5kGiB, or 500m%: such an axis has its numbers written out, 1,500GiB. That
# is the one thing in which the layout of a graph is not what older clients know; they pass the
# format on to Plotly as they do the other.
PLAIN_TICK_FORMAT = ",~r"
UNIT_WITHOUT_PREFIX = re.compile(r"\s*(?:%|(?:[kKMGTPE]i?|[mµn])(?:bit|[BboW])(?:h|/s)?)")
STACK = "one"
LONGEST_NAME = 200  # characters
# Zooming asks the server again, so that these buttons of the toolbar would mislead.
JOB_CONFIG = {
    "modeBarButtonsToRemove": [
        "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "lasso2d", "select2d",
    ]
}  # fmt: skip


class Figure:
    """A graph over time: points are added, `as_dict` gives what a page draws."""

    def __init__(
        self,
        title: str = "",
        unit: str = "",
        maximum: float | None = None,
        job: bool = False,
        stacked: bool = False,
    ) -> None:
        """Begin a figure.

        `title` is what the left axis measures, `unit` stands behind its numbers (with a blank
        before it, if there is to be one), its range is 0 to `maximum` if that is known. Figures of
        a job have fewer buttons. `stacked` holds for all series that do not say otherwise.
        """
        self._unit = unit
        self._stacked = stacked
        self._traces: list[dict[str, Any]] = []
        self._job = job
        self._layout: dict[str, Any] = {"yaxis": _axis(title, unit, maximum)}
        self._second_unit: str | None = None
        self._times: Sequence[float] | None = None
        self._time_texts: list[str] = []

    def second_axis(self, title: str, unit: str = "", maximum: float | None = None) -> None:
        """Give the figure an axis on the right."""
        axis = _axis(title, unit, maximum)
        self._layout["yaxis2"] = {**axis, "overlaying": "y", "side": "right"}
        self._second_unit = unit

    def add_points(
        self,
        name: str,
        times: Sequence[float],
        values: Sequence[float | None],
        stacked: bool | None = None,
        second_axis: bool = False,
    ) -> None:
        """Add a series of epoch seconds and numbers under a name; None or NaN leave a gap.

        Nothing happens for one without points. What goes out or is written has negative numbers.
        """
        if not times:
            return
        unit = self._second_unit if second_axis else self._unit
        trace: dict[str, Any] = {
            "x": self._texts(times),
            "y": [value if value is not None and isfinite(value) else None for value in values],
            "type": "scatter",
            "name": shown(name),
            "hovertemplate": f"%{{y:.1f}}{unit or ''}",
        }
        if self._stacked if stacked is None else stacked:
            # Plotly stacks by side only if the sides are apart.
            trace["stackgroup"] = STACK if not _is_below(values) else f"{STACK}_negative"
        if self._second_unit is not None:
            trace["yaxis"] = "y2" if second_axis else "y1"
        self._traces.append(trace)

    def _texts(self, times: Sequence[float]) -> list[str]:
        """Return times as texts; most series of a figure have the same, written once."""
        if self._times is None or self._times != times:
            self._times, self._time_texts = times, [moment_text(at) for at in times]
        return self._time_texts

    def add_line(self, name: str, value: float, window: Window, second_axis: bool = False) -> None:
        """Add a level line over a window, never stacked."""
        self.add_points(
            name, [window.start, window.end], [value, value], stacked=False, second_axis=second_axis
        )

    def as_dict(self) -> dict[str, Any]:
        """Return {"data", "layout"} and, for jobs, "config"."""
        found: dict[str, Any] = {"data": self._traces, "layout": self._layout}
        if self._job:
            found["config"] = JOB_CONFIG
        return found


def empty(why: str, job: bool = False) -> dict[str, Any]:
    """Return a figure without series that says why; the text also stands in layout.meta.why."""
    text = shown(why)
    note = {"text": text, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    layout = {
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
        "annotations": [note],
        "meta": {"why": text},
    }
    return {"data": [], "layout": layout, **({"config": JOB_CONFIG} if job else {})}


def shown(text: str) -> str:
    """Return a text of outside as a figure shows it: no markup, which Plotly knows some of."""
    return escape(visible(text)[:LONGEST_NAME], quote=False)


def moment_text(at: float) -> str:
    """Return epoch seconds as a date and time of UTC."""
    return datetime.fromtimestamp(at, timezone.utc).strftime(TIME_FORMAT)


def _axis(title: str, unit: str, maximum: float | None) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "title": {"text": title},
        "ticksuffix": unit,
        "tickformat": PLAIN_TICK_FORMAT if UNIT_WITHOUT_PREFIX.fullmatch(unit) else TICK_FORMAT,
    }
    if maximum is not None and isfinite(maximum) and maximum > 0:
        axis["range"] = [0, maximum]
    return axis


def _is_below(values: Sequence[float | None]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and max(known) <= 0 and min(known) < 0
