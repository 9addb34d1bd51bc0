"""Text from outside is made safe without losing what it was."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb.terminal import UNSAFE_CATEGORIES, stored_text, visible


@pytest.mark.parametrize(
    "text, shown",
    [
        ("plain/1.0", "plain/1.0"),
        ("größe 東京 😀", "größe 東京 😀"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\tb\nc\r", "a\\x09b\\x0ac\\x0d"),
        ("\u202egpj", "\\u202egpj"),
        ("\U000e0041", "\\U000e0041"),
        ("\udcff", "\\udcff"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        (5, "5"),
    ],
)
def test_unsafe_characters_become_escapes(text, shown):
    assert visible(text) == shown


@given(st.text())
def test_what_is_visible_is_safe_and_stays_so(text):
    once = visible(text)
    assert not {unicodedata.category(character) for character in once} & UNSAFE_CATEGORIES
    assert visible(once) == once


@given(st.binary())
def test_stored_text_can_be_stored_everywhere(raw):
    text = stored_text(raw)
    assert "\0" not in text and text.encode("utf-8").decode("utf-8") == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_valid_text_is_stored_unchanged(text):
    assert stored_text(text.encode()) == text


def test_invalid_bytes_and_nul_are_escapes():
    assert stored_text(b"a\xff\0\xc3") == "a\\xff\\x00\\xc3"
