"""Patterns of script lines: which are refused since a hostile line would take too long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.analysis.patterns import PatternFault, compile_pattern


@pytest.mark.parametrize(
    "text",
    [
        r"\bsleep\b",
        r"^\s*module\s{1,9}load",
        r"(gmx|gmx_mpi)\s{1,9}mdrun",
        r"\s-nt\s{1,9}(?P<threads>\d{1,9})\b",
        r"^.*x",
        "a?b?c?",
        "(a|b)?c",
        "[]a]{0,9}",
        "x(?!y)(?=z)",
        "a{3}",
    ],
)
def test_a_pattern_with_an_end_is_taken(text):
    assert compile_pattern(text).pattern == text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("(a+)+$", "repeats what is repeated itself"),
        ("(a|aa){1,99}b", "repeats what is repeated itself"),
        ("(a?){9}", "repeats what is repeated itself"),
        ("^((a{1,9}){1,9}){1,9}b", "repeats what is repeated itself"),
        (r"\s+x", "too long"),
        (".*x.*y", "too long"),
        ("^.*x.*y", "too long"),
        ("a|^.*", "too long"),
        ("a{,}b", "too long"),
        ("(?:a?b?c?d?){1}" + "a?" * 30, "too long"),
        (r"(a)\1", "refers back"),
        ("(?P<x>a)(?P=x)", "not allowed"),
        ("(?<=a)b", "not allowed"),
        ("(a)?(?(1)b)", "not allowed"),
        ("(?i)a", "not allowed"),
        ("(", "unterminated"),
        ("[[a]", "nested set"),
        ("a" * 501, "longer than 500"),
        ("(" * 12 + ")" * 12, "deeper"),
        ("a{3000}", "repeats more than 2000 times"),
    ],
)
def test_a_pattern_without_an_end_is_refused(text, complaint):
    with pytest.raises(PatternFault, match=re.escape(complaint)):
        compile_pattern(text)


@given(st.text(alphabet="ab(){}[]|*+?.^$\\1,:P<>=!-", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_pattern_or_refused(text):
    try:
        pattern = compile_pattern(text)
    except PatternFault:
        return
    pattern.search("ab" * 20)


@given(st.text(alphabet="ab(){}|*+?,129", min_size=1, max_size=14))
def test_a_pattern_that_is_taken_ends_on_a_hostile_line(text):
    """It would run for ever if one were taken whose ways double with each character."""
    try:
        pattern = compile_pattern(text)
    except PatternFault:
        return
    pattern.search("a" * 2_000 + "c")
    pattern.search("ab" * 1_000 + "c")
