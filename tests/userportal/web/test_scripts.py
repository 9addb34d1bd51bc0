"""The script of a job on a page."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.web.scripts import LEXED_LINE_CHARACTERS, shown_script


def text_of(script):
    """Return the text that a reader sees."""
    return "\n".join(html.unescape(re.sub(r"<[^>]*>", "", line.html)) for line in script.lines)


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_no_text_brings_other_markup_than_the_lexers(text):
    for line in shown_script(text, 1000).lines:
        rest = re.sub(r'<span class="[a-z0-9 ]+">|</span>', "", line.html)
        assert "<" not in rest
        assert line.html.count("<span") == line.html.count("</span>")


@given(st.text(st.sampled_from("a b$\"'`\\#<>&(){}|;=\n\t"), max_size=200))
def test_the_text_of_a_script_is_shown_whole(text):
    script = shown_script(text, 1000)
    assert text_of(script) == text.removesuffix("\n")
    assert [line.number for line in script.lines] == list(range(1, len(script.lines) + 1))


def test_comments_and_words_of_the_shell_have_their_classes():
    script = shown_script("#!/bin/bash\nfor a in 1; do echo; done\n", 1000)
    assert script.lines[0].html == '<span class="ch">#!/bin/bash</span>'
    assert '<span class="k">for</span>' in script.lines[1].html


def test_a_long_script_is_cut_and_says_so():
    script = shown_script("a" * 60 + "\n", 50)
    assert script.is_cut
    assert script.text_characters == 61
    assert text_of(script) == "a" * 50
    assert not shown_script("a" * 50, 50).is_cut


def test_a_line_of_data_is_shown_without_colours():
    line = "echo <" + "x" * LEXED_LINE_CHARACTERS
    script = shown_script(f"{line}\nfor\n", 10_000)
    assert text_of(script) == f"{line}\nfor"
    assert "<span" not in script.lines[1].html


def test_characters_that_hide_or_turn_text_are_seen():
    script = shown_script("a\x1b[31m\u202eb\x00\r\nc", 1000)
    assert text_of(script) == "a\\u001b[31m\\u202eb\\u0000\nc"


@pytest.mark.parametrize("letter", ["\u061c", "\u200f", "\u2066", "\ufff9", "\U000e0041", "\x9b"])
def test_what_turns_text_round_or_is_not_seen_is_shown(letter):
    assert text_of(shown_script(f"a{letter}b", 1000)) == f"a\\u{ord(letter):04x}b"


def test_a_finding_can_point_at_a_line(gallery):
    found = gallery.render("{% script text %}", {"text": "a\nb <i>"})
    assert 'id="line-2"' in found
    assert 'href="#line-2"' in found
    assert "b &lt;i&gt;" in re.sub(r"</?span[^>]*>", "", found)
