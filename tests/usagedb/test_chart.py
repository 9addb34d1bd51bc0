"""Charts in a terminal: they fit, they tell the truth, and no label can disturb them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb import chart

PATHS = ["/apps/gcc13/modulefiles/fftw3/3.3.10.lua", "/apps/intel24/modulefiles/fftw2/2.1.5.lua"]
numbers = st.one_of(
    st.none(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**9),
)


def test_a_bar_chart_has_a_line_per_label_with_value_and_bar():
    assert chart.bar_chart(["gcc", "python"], [1234, 617], 40, "Users").splitlines() == [
        "Users",
        "gcc     1,234 ██████████████████████████",
        "python    617 █████████████",
    ]


def test_a_bar_chart_in_ascii_has_nothing_else():
    text = chart.bar_chart(["gcc", "Größe/1"], [4, 2], 40, "Läufe", ascii_only=True)
    assert text.splitlines() == [
        "L?ufe",
        "gcc      4 #############################",
        "Gr??e/1  2 ##############",
    ]


def test_a_value_of_eighths_is_drawn_to_the_eighth():
    lines = chart.bar_chart(["a", "b"], [35 * 8, 35 * 8 - 3], 40).splitlines()
    assert lines == ["a  280 " + "█" * 33, "b  277 " + "█" * 32 + "▋"]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_what_is_not_zero_can_be_seen_and_zero_cannot(ascii_only):
    lines = chart.bar_chart(["a", "b", "c"], [10**9, 1, 0], 40, "", ascii_only).splitlines()
    assert lines[1].endswith("1 #" if ascii_only else "1 ▏")
    assert lines[2].endswith(" 0")


def test_no_data_is_said():
    assert chart.bar_chart([], [], 80, "Users") == "Users\n(no data)"
    assert chart.time_chart([], {"users": []}, 80, title="Users") == "Users\n(no data)"
    assert chart.time_chart(["2026-01-01"], {}, 80) == "(no data)"


def test_only_zeros_make_no_bars():
    assert chart.bar_chart(["a", "b"], [0, None], 80) == "a  0\nb  0"


def test_values_larger_than_any_float_are_drawn():
    lines = chart.bar_chart(["a", "b"], [10**400, 10**400 // 2], 40).splitlines()
    assert lines[0].startswith("a  1.00e+400 █")
    assert lines[1] == "b  5.00e+399 " + "█" * 13 + "▌"


def test_a_negative_value_has_no_bar():
    assert chart.bar_chart(["a", "b"], [-5, 10], 40).splitlines()[0] == "a  -5"


def test_fractions_keep_two_digits():
    lines = chart.bar_chart(["a", "b", "c"], [1234.5, Decimal("2.00"), 0.001], 60).splitlines()
    assert [line.split()[1] for line in lines] == ["1,234.50", "2", "0.001"]


def test_long_labels_are_shortened_in_the_middle_and_keep_package_and_version():
    lines = chart.bar_chart(PATHS, [151, 62], 50).splitlines()
    assert lines[0].startswith("/apps/gcc1…iles/fftw3/3.3.10.lua  151 ")
    assert all(len(line) <= 50 for line in lines)


def test_control_characters_of_a_label_cannot_reach_the_terminal():
    text = chart.bar_chart(["evil\x1b]0;x\x07", "a\nb", "\u202eabc"], [1, 2, 3], 80)
    assert len(text.splitlines()) == 3
    assert r"evil\x1b]0;x\x07" in text
    assert r"\u202eabc" in text


def test_wide_characters_keep_the_columns_straight():
    lines = chart.bar_chart(["日本語", "abcdef"], [1, 1], 40).splitlines()
    assert lines[0].startswith("日本語  1 █")
    assert lines[1].startswith("abcdef  1 █")


def test_a_terminal_narrower_than_forty_columns_gets_forty():
    assert chart.bar_chart(PATHS, [1, 2], 10) == chart.bar_chart(PATHS, [1, 2], 40)


def test_a_time_chart_has_columns_a_scale_and_dates():
    days = [f"2026-01-{day:02d}" for day in range(1, 31)]
    text = chart.time_chart(days, {"users": list(range(1, 31))}, 40, 4, title="Users by day")
    assert text.splitlines() == [
        "Users by day",
        "users",
        "30 ┤                      ▁▂▃▄▅▆▇█",
        "   │               ▁▂▃▄▅▆▇████████",
        "15 ┤       ▁▂▃▄▅▆▇████████████████",
        "   │▁▂▃▄▅▆▇███████████████████████",
        " 0 └┬─────────────┬──────────────┬",
        "    2026-01-01    2026-01-15  2026-01-30",
    ]


def test_two_series_have_panels_and_scales_of_their_own():
    series = {"users": [1, 2, 3], "loads": [1000, 2000, 3000]}
    lines = chart.time_chart(["mon", "tue", "wed"], series, 60, height=8).splitlines()
    assert lines.index("users") < lines.index("loads")
    assert lines[1].strip().startswith("4 ┤")
    assert lines[7].startswith("3,000 ┤")
    assert lines[-1].split() == ["mon", "tue", "wed"]


def test_more_points_than_columns_are_joined_by_maximum_and_it_is_said():
    values = [0] * 364 + [9]
    text = chart.time_chart([f"d{day}" for day in range(365)], {"n": values}, 60, height=4)
    assert text.splitlines()[-1] == "(each column: maximum of 7 points)"
    assert text.count("▁") + text.count("█") > 0
    assert all(len(line) <= 60 for line in text.splitlines())


def test_every_point_has_a_column_when_there_is_room():
    text = chart.time_chart(["a", "b", "c"], {"n": [1, None, 1]}, 60, height=3)
    assert text.splitlines()[1] == "1 ┤██    ██"


def test_few_points_have_columns_as_wide_as_their_labels():
    lines = chart.time_chart(["2026-01", "2026-02"], {"n": [2, 1]}, 40, height=4).splitlines()
    assert lines[1] == "2 ┤████████"
    assert lines[3] == "1 ┤████████ ████████"
    assert lines[-1] == "   2026-01  2026-02"


def test_a_time_chart_in_ascii_has_nothing_else():
    text = chart.time_chart(["Jänner", "März"], {"Läufe": [1, 2]}, 40, 4, "Ü", ascii_only=True)
    assert text.isascii()
    assert "#" in text


def test_many_dates_are_placed_at_even_distances_and_never_touch():
    days = [f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}" for day in range(100)]
    axis = chart.time_chart(days, {"n": [1] * 100}, 120).splitlines()[-1]
    assert axis.split() == [days[99 * part // 8] for part in range(9)]


@given(
    st.lists(st.tuples(st.text(max_size=90), numbers), max_size=8),
    st.integers(0, 130),
    st.text(max_size=60),
    st.booleans(),
)
def test_no_bar_chart_is_wider_than_the_terminal(rows, width, title, ascii_only):
    labels, values = [label for label, _ in rows], [value for _, value in rows]
    lines = chart.bar_chart(labels, values, width, title, ascii_only).split("\n")
    assert len(lines) == max(len(rows), 1) + bool(title)
    assert all(chart.text_width(line) <= max(width, 40) for line in lines)
    assert all(line.isprintable() or not line.isascii() for line in lines)


@given(st.lists(numbers, min_size=1, max_size=400), st.integers(40, 130), st.booleans())
def test_no_time_chart_is_wider_than_the_terminal(values, width, ascii_only):
    labels = [f"2026-W{number}" for number in range(len(values))]
    series = {"users": values, "loads": values[::-1]}
    lines = chart.time_chart(labels, series, width, 8, "", ascii_only).split("\n")
    assert all(len(line) <= width for line in lines)
    assert lines[1].lstrip()[0].isdigit()
