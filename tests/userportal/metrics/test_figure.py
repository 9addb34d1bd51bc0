"""Figures are what Plotly reads."""

import json
import math

import pytest

from userportal.metrics.figure import Figure, empty
from userportal.metrics.naming import gpu_name, short_node
from userportal.metrics.series import Series
from userportal.metrics.window import Window

POINTS = ([0.0, 1_750_000_000.0], [1.5, 0.0])
TEXTS = ["1970-01-01 00:00:00", "2025-06-15 15:06:40"]


def as_read(figure):
    """Return what a page reads of a figure."""
    return json.loads(json.dumps(figure.as_dict(), allow_nan=False))


def test_a_figure_is_this_json():
    figure = Figure("Cores", " cores", maximum=8, job=True, stacked=True)
    figure.add_points("core 1", *POINTS)
    assert as_read(figure) == {
        "data": [
            {
                "x": TEXTS,
                "y": [1.5, 0.0],
                "type": "scatter",
                "name": "core 1",
                "hovertemplate": "%{y:.1f} cores",
                "stackgroup": "one",
            }
        ],
        "layout": {
            "yaxis": {
                "title": {"text": "Cores"},
                "ticksuffix": " cores",
                "range": [0, 8],
                "tickformat": "~s",
            }
        },
        "config": {
            "modeBarButtonsToRemove": [
                "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "lasso2d", "select2d",
            ]
        },
    }  # fmt: skip


def test_times_are_those_of_utc(monkeypatch):
    monkeypatch.setenv("TZ", "America/Toronto")
    figure = Figure()
    figure.add_points("x", *POINTS)
    assert figure.as_dict()["data"][0]["x"] == TEXTS
    assert figure.as_dict().keys() == {"data", "layout"}


def test_what_goes_out_is_below_and_has_its_own_stack():
    figure = Figure("Bytes", "B/s", stacked=True)
    figure.add_points("in", *POINTS)
    figure.add_points("out", POINTS[0], [-1.5, 0.0])
    above, below = figure.as_dict()["data"]
    assert below["y"] == [-1.5, 0.0]
    assert above["stackgroup"] != below["stackgroup"]


@pytest.mark.parametrize(
    "unit",
    ["GiB", "GiB/s", "MiB/s", "Mb/s", "Gb/s", "GB", "MiB", "kW", "mW", "kWh", "%",
     "Gio", "Gio/s", "Mio/s", "Mbit/s", "Gbit/s", "Go", "\xa0Gio", " %"],
)  # fmt: skip
def test_no_number_has_two_prefixes(unit):
    figure = Figure("Some", unit)
    figure.second_axis("Other", unit)
    for axis in figure.as_dict()["layout"].values():
        assert (axis["ticksuffix"], axis["tickformat"]) == (unit, ",~r")


@pytest.mark.parametrize(
    "unit", ["", " cores", " IOPS", "W", "B/s", "b/s", "o/s", "bit/s", " GPU", "cœurs", " GB of it"]
)
def test_other_axes_have_the_format_of_the_contract(unit):
    assert Figure("Some", unit).as_dict()["layout"]["yaxis"]["tickformat"] == "~s"


def test_a_second_axis_has_its_unit():
    figure = Figure("Cores", " cores")
    figure.second_axis("Priority", "", maximum=2)
    figure.add_points("used", *POINTS)
    figure.add_points("priority", *POINTS, second_axis=True)
    figure.add_line("allocation", 9, Window(0, 1_750_000_000, 60))
    found = figure.as_dict()
    assert [trace["yaxis"] for trace in found["data"]] == ["y1", "y2", "y1"]
    assert [trace["hovertemplate"] for trace in found["data"]] == [
        "%{y:.1f} cores", "%{y:.1f}", "%{y:.1f} cores",
    ]  # fmt: skip
    assert found["data"][2]["y"] == [9, 9]
    assert found["layout"]["yaxis2"]["range"] == [0, 2]
    assert found["layout"]["yaxis2"]["side"] == "right"


def test_what_is_no_number_is_a_gap():
    figure = Figure(maximum=math.nan)
    figure.add_points("x", [0, 60, 120, 180], [1, math.nan, math.inf, None])
    found = as_read(figure)
    assert found["data"][0]["y"] == [1, None, None, None]
    assert "range" not in found["layout"]["yaxis"]


def test_a_name_is_no_markup():
    figure = Figure()
    figure.add_points("<a href='javascript:x'>\x1b\u202e" + "y" * 1000, *POINTS)
    name = figure.as_dict()["data"][0]["name"]
    assert "<" not in name
    assert name.isprintable()
    assert len(name) < 300


def test_series_without_points_are_not_drawn():
    figure = Figure()
    figure.add_points("x", [], [])
    assert figure.as_dict()["data"] == []


def test_an_empty_figure_says_why():
    found = empty("no <exporter>", job=True)
    assert found["data"] == []
    assert found["layout"]["meta"] == {"why": "no &lt;exporter&gt;"}
    assert found["layout"]["annotations"][0]["text"] == "no &lt;exporter&gt;"
    assert "config" in found
    assert empty("x").keys() == {"data", "layout"}


@pytest.mark.parametrize(
    ("host", "short"),
    [
        ("nc01.example.org:9100", "nc01"),
        ("nc01", "nc01"),
        ("10.0.0.7:9100", "10.0.0.7"),
        ("[fe80::1]:9100", "[fe80::1]"),
        ("", ""),
        ("1a.b", "1a"),
    ],
)
def test_a_node_has_a_short_name(host, short):
    assert short_node(host) == short


def test_a_gpu_is_an_index_or_a_part_of_an_uuid():
    assert gpu_name("3") == "3"
    assert gpu_name("MIG-1a2b3c4d-0000-1111") == "1a2b3c4d"
    assert gpu_name("MIG-") == ""


def test_a_series_tells_its_figures():
    series = Series({}, [1, 2, 3, 4], [4.0, 1.0, 2.0, 5.0])
    assert (series.mean(), series.median()) == (3, 3)
    assert (series.minimum(), series.maximum()) == (1, 5)
    assert (series.first(), series.last()) == (4, 5)
    nothing = Series({})
    assert nothing.mean() is nothing.median() is nothing.maximum() is nothing.minimum() is None
    assert nothing.first() is nothing.last() is None
