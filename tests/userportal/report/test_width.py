"""Columns of a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.report.width import centred, columns_of, pieces, right, width, wrapped


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("é", 1), ("e\u0301", 1), ("日本", 4), ("ｱ", 1), ("Ａ", 2), ("한", 2),
     ("\u1112\u1161\u11ab", 2), ("😀", 2)],
)  # fmt: skip
def test_wide_characters_take_two_columns_and_marks_none(text, columns):
    assert width(text) == columns


def test_padding_counts_columns_and_not_characters():
    assert right("日本", 6) == "  日本"
    assert centred("日本", 10) == "   日本"
    assert right("too long", 3) == "too long"


def test_lines_hang_below_the_first_word():
    assert wrapped("one two three four", 13, "  * ", "    ") == [
        "  * one two", "    three", "    four",
    ]  # fmt: skip
    assert wrapped("", 10, "  * ") == ["  *"]


def test_a_long_word_is_cut_and_its_marks_stay_with_it():
    assert pieces("abcdef", 4) == ["abcd", "ef"]
    assert pieces("日本語", 4) == ["日本", "語"]
    assert pieces("abcde\u0301f", 5) == ["abcde\u0301", "f"]


@given(st.text(alphabet="ab 日\u0301", max_size=200), st.integers(8, 30))
def test_wrapping_keeps_every_letter_and_the_width(text, columns):
    lines = wrapped(text, columns, "* ", "  ")
    assert all(width(line) <= columns for line in lines)
    assert "".join("".join(lines)[1:].split()) == "".join(text.split())


@given(st.characters())
def test_every_character_takes_no_column_one_or_two(character):
    assert columns_of(character) in (0, 1, 2)
