"""Figures made of layers: signs, factors, orders, bounds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.graphs.drawing import (
    MOST_SERIES,
    Graph,
    Layer,
    draw,
    highest_of,
    highest_of_all,
    natural,
    never,
    with_gaps,
)
from userportal.metrics.expression import metric
from userportal.metrics.series import Series
from userportal.metrics.window import Window

WINDOW = Window(1_700_000_000, 1_700_000_120, 60)
TIMES = [1_700_000_000.0, 1_700_000_060.0]


class Answers:
    """A source that has one answer to each question, in their order."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def range_many(self, queries):
        self.asked += queries
        return self.answers


def series(name, *values):
    """Return a Series with a label."""
    return Series({"name": name}, TIMES[: len(values)], [float(value) for value in values])


def layer(**look):
    """Return a layer whose series are named by their label."""
    return Layer(metric("anything"), lambda labels: labels["name"], **look)


def drawn(graph, *answers):
    """Return [(name, values)] of a graph."""
    figure = draw(Answers(*answers), graph, WINDOW).as_dict()
    return [(trace["name"], trace["y"]) for trace in figure["data"]]


def test_all_layers_are_asked_for_at_once_over_the_window():
    source = Answers([], [])
    draw(source, Graph("x", (layer(), layer())), WINDOW)
    assert source.asked == [(metric("anything"), WINDOW.start, WINDOW.end, WINDOW.step)] * 2


def test_a_layer_below_has_negative_numbers_and_no_negative_zero():
    found = drawn(Graph("x", (layer(is_below=True, divisor=2),)), [series("a", 4, 0)])
    assert found == [("a", [-2.0, 0.0])]
    assert math.copysign(1, found[0][1][1]) == 1


def test_a_factor_goes_by_the_labels_and_none_leaves_a_series_out():
    factors = {"a": 10.0, "b": None}
    one = layer(factor_of=lambda labels: factors[labels["name"]], divisor=2)
    assert drawn(Graph("x", (one,)), [series("a", 4), series("b", 4)]) == [("a", [20.0])]


def test_series_are_in_the_order_in_which_people_count():
    answer = [series(f"Core {number}", 1) for number in ("10", "9", "1x2", "1")]
    assert [name for name, _y in drawn(Graph("x", (layer(),)), answer)] == [
        "Core 1", "Core 1x2", "Core 9", "Core 10",
    ]  # fmt: skip


@given(st.lists(st.text(), max_size=6))
def test_any_texts_can_be_put_in_order(texts):
    in_order = sorted(texts, key=natural)
    assert all(natural(one) <= natural(two) for one, two in zip(in_order, in_order[1:]))


def test_a_digit_of_another_script_is_no_fault():
    assert sorted(["a²", "a٣", "a2"], key=natural) == ["a2", "a²", "a٣"]


def test_the_end_of_the_axis_can_come_from_the_answers():
    answers = [[series("a", 1, 5)], [series("b", 8), series("c", 64)]]
    of_second = highest_of(1, 2, lambda labels: labels["name"] == "b")
    graph = Graph("x", (layer(), layer(keep=never)), maximum=of_second)
    figure = draw(Answers(*answers), graph, WINDOW).as_dict()
    assert figure["layout"]["yaxis"]["range"] == [0, 4.0]
    assert [trace["name"] for trace in figure["data"]] == ["a"]
    assert highest_of_all(4)(answers) == 16
    assert highest_of(0)([[]]) is None
    assert highest_of_all()([[], []]) is None


def test_level_lines_go_from_end_to_end():
    graph = Graph("x", (layer(),), lines=lambda answers: (("Idle", len(answers[0])),))
    assert drawn(graph, [series("a", 4)]) == [("Idle", [1, 1]), ("a", [4.0])]


def test_a_time_without_points_is_a_gap_and_no_line():
    times = [WINDOW.start + number * 60.0 for number in (0, 1, 9, 10)]
    ((_name, values),) = drawn(Graph("x", (layer(),)), [Series({"name": "a"}, times, [1.0] * 4)])
    assert values == [1.0, 1.0, None, 1.0, 1.0]


def test_too_many_series_are_cut_to_the_highest_and_the_axis_says_so():
    answer = [series(str(number), number) for number in range(MOST_SERIES + 50)]
    graph = Graph("Cores", (layer(is_below=True),))
    figure = draw(Answers(answer), graph, WINDOW).as_dict()
    assert len(figure["data"]) == MOST_SERIES
    assert figure["data"][0]["name"] == "50"
    assert figure["layout"]["yaxis"]["title"]["text"] == "Cores (200 / 250)"


def test_names_of_outside_are_no_markup():
    ((name, _values),) = drawn(Graph("x", (layer(),)), [series("<a href=x>\x1b[31m", 1)])
    assert "<" not in name and "\x1b" not in name


@pytest.mark.parametrize("right", [False, True])
def test_a_second_axis_is_there_if_it_has_a_title(right):
    graph = Graph("x", (layer(is_right=right),), right_title="y" if right else "", right_unit="u")
    figure = draw(Answers([series("a", 1)]), graph, WINDOW).as_dict()
    assert ("yaxis2" in figure["layout"]) == right
    assert figure["data"][0].get("yaxis") == ("y2" if right else None)


def test_no_line_leads_over_a_time_without_points():
    times, values = with_gaps([0, 60, 120, 600, 660], [1, 2, 3, 4, 5], 60)
    assert times == [0, 60, 120, 180, 600, 660]
    assert values == [1, 2, 3, None, 4, 5]
    assert with_gaps([0, 60, 120], [1, 2, 3], 60) == ([0, 60, 120], [1, 2, 3])
    assert with_gaps([], [], 60) == ([], [])
