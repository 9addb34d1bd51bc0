"""Conditions mean what they say; what is none is told. On databases: query/test_conditions.py."""

import fnmatch
import math
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from epmtlite import filters
from epmtlite.analysis.errors import BadArgument
from epmtlite.moments import microseconds_of
from tests.epmtlite.made_jobs import BEGIN_MICROSECONDS
from usagedb import errors

NUMBERS = st.integers(-5, 5) | st.sampled_from([0.5, -1.5, 2.0, 1e3])
TEXTS = st.text("ab%_\\'\" 5.\n\u00fc", max_size=4) | st.sampled_from(["5", "-1.5", " 2 ", "1e3"])
VALUES = st.none() | NUMBERS | TEXTS
COLUMNS = ("a", "exename", "cpu_time")
KEYS = ("op", "odd key", "it's", "")
SIGNS = {
    "=": lambda order: order == 0, "==": lambda order: order == 0,
    "!=": lambda order: order != 0, "<>": lambda order: order != 0,
    "<": lambda order: order == -1, "<=": lambda order: order in (-1, 0),
    ">": lambda order: order == 1, ">=": lambda order: order in (0, 1),
}  # fmt: skip
ROWS = st.fixed_dictionaries(
    {
        **{filters.Name(column): VALUES for column in COLUMNS},
        **{filters.Name("tags", key): st.none() | TEXTS for key in KEYS},
    }
)


def names():
    """Return the strategy of (Name, how it is written)."""
    plain = st.sampled_from([(filters.Name(column), column) for column in COLUMNS])
    keys = [(filters.Name("tags", "op"), "tags.op")]
    for key in KEYS:
        for written in (quoted(key, "'"), quoted(key, '"'), f" {quoted(key)} "):
            keys.append((filters.Name("tags", key), f"tags[{written}]"))
    return plain | st.sampled_from(keys)


def quoted(text, quote="'"):
    return quote + text.replace(quote, quote * 2) + quote


def literal(value):
    """Return how a value is written."""
    return quoted(value) if isinstance(value, str) else repr(value)


def order_of(one, other):
    """Return -1, 0, 1, or None where a text that shows no number meets one."""
    if isinstance(one, str) is not isinstance(other, str):
        try:
            one, other = float(one), float(other)
        except ValueError:
            return None
    return (one > other) - (one < other)


def is_like(text, pattern):
    """Tell whether a text is like a pattern: by the shell's patterns."""
    found, place = "", 0
    while place < len(pattern):
        character = pattern[place]
        if character == "\\" and place + 1 < len(pattern):
            place += 1
            found += fnmatch_escaped(pattern[place])
        else:
            found += {"%": "*", "_": "?"}.get(character) or fnmatch_escaped(character)
        place += 1
    return re.match(fnmatch.translate(found), text) is not None


def fnmatch_escaped(character):
    return f"[{character}]" if character in "*?[" else character


def kleene(function):
    """Return a function of rows that returns None where one of its values is not known."""
    return lambda row: None if None in (found := function(row))[1:] else found[0](*found[1:])


@st.composite
def comparisons(draw):
    """Return (a condition, what it means as a function of rows)."""
    name, text = draw(names())
    kind = draw(st.sampled_from(["sign", "names", "null", "in", "like", "between"]))
    is_not = draw(st.booleans()) and kind not in ("sign", "names")
    word = "not " if is_not else ""
    if kind == "sign":
        sign, value = draw(st.sampled_from(sorted(SIGNS))), draw(NUMBERS | TEXTS)
        return f"{text} {sign} {literal(value)}", kleene(
            lambda row: (lambda one: SIGNS[sign](order_of(one, value)), row[name])
        )
    if kind == "names":
        sign, (other, other_text) = draw(st.sampled_from(sorted(SIGNS))), draw(names())
        return f"{text}{sign}{other_text}", kleene(
            lambda row: (lambda a, b: SIGNS[sign](order_of(a, b)), row[name], row[other])
        )
    if kind == "null":
        return f"{text} is {word}null", lambda row: (row[name] is None) is not is_not
    if kind == "like":
        pattern = draw(TEXTS)
        return f"{text} {word}like {literal(pattern)}", kleene(
            lambda row: (lambda one: is_like(str(one), pattern) is not is_not, row[name])
        )
    some = draw(st.lists(NUMBERS | TEXTS, min_size=2, max_size=3))
    if kind == "between":
        low, high = some[:2]
        return f"{text} {word}between {literal(low)} and {literal(high)}", kleene(
            lambda row: (
                lambda one: (
                    order_of(one, low) in (0, 1) and order_of(one, high) in (-1, 0)
                ) is not is_not, row[name],
            )
        )  # fmt: skip
    return f"{text} {word}in ({', '.join(map(literal, some))})", kleene(
        lambda row: (lambda one: any(order_of(one, v) == 0 for v in some) is not is_not, row[name])
    )


def combined(inner):
    """Return the strategy of conditions that are made of others."""
    pairs = st.tuples(inner, inner)
    return (
        pairs.map(lambda p: (f"({p[0][0]}) AND ({p[1][0]})", both(p[0][1], p[1][1])))
        | pairs.map(lambda p: (f"({p[0][0]}) or ({p[1][0]})", either(p[0][1], p[1][1])))
        | inner.map(lambda one: (f"Not ({one[0]})", contrary(one[1])))
        | inner.map(lambda one: (f"( {one[0]}\n)", one[1]))
    )


def both(one, other):
    def test(row):
        found = one(row), other(row)
        return False if False in found else None if None in found else True

    return test


def either(one, other):
    return contrary(both(contrary(one), contrary(other)))


def contrary(one):
    return lambda row: None if (found := one(row)) is None else not found


CONDITIONS = st.recursive(comparisons(), combined, max_leaves=6)


@given(CONDITIONS, st.lists(ROWS, min_size=1, max_size=5))
def test_a_condition_means_what_an_evaluation_in_python_means(condition, rows):
    text, meaning = condition
    found = filters.parsed(text)
    assert found.text == text
    for row in rows:
        assert found.accepts(row) is (meaning(row) is True), (text, row)


@given(st.lists(comparisons(), min_size=3, max_size=3), ROWS)
def test_not_binds_closer_than_and_and_that_closer_than_or(some, row):
    (a, test_a), (b, test_b), (c, test_c) = some
    for text, meaning in (
        (f"{a} or {b} and {c}", either(test_a, both(test_b, test_c))),
        (f"{a} and {b} or {c}", either(both(test_a, test_b), test_c)),
        (f"not {a} and {b}", both(contrary(test_a), test_b)),
        (f"not {a} or {b}", either(contrary(test_a), test_b)),
        (f"NOT NOT {a}", test_a),
    ):
        assert filters.parsed(text).accepts(row) is (meaning(row) is True), text


@given(st.text(max_size=30) | st.text("ab'\"()=<>!,.[]5 -e\\\0\n", max_size=30))
@example("a = '" + "''" * 20)
@example("a = 5 and")
@example("a = 5abc")
@example("tags['a' = 1")
@example("1e999 = a")
@example("\u0665 = a")
def test_any_text_is_a_condition_or_is_refused_with_a_message(text):
    try:
        found = filters.parsed(text)
    except BadArgument as error:
        assert isinstance(error, ValueError) and isinstance(error, errors.UsageError)
        assert str(error)
    else:
        assert found.accepts({}) in (True, False)


WRONG = (
    ("", "a name should stand at character 1, not the end"),
    ("   ", "a name should stand at character 4, not the end"),
    ("a", "= or == or != .* should stand at character 2, not the end"),
    ("a =", "a number or a 'text' should stand at character 4, not the end"),
    ("a = 'x", r"a = 'x: what begins at \"'x\"\?"),
    ("a = x'", "what begins at \"'\"\\?"),
    ("= 5", "a name should stand at character 1, not ="),
    ("5 = a", "a name should stand at character 1, not 5"),
    ("'a' = 5", "a name should stand at character 1, not a"),
    ("a = 5 b = 6", "and, or, or the end should stand at character 7, not b"),
    ("a = 5 and", "a name should stand at character 10, not the end"),
    ("a = 5 or or b = 6", "a name should stand at character 10, not or"),
    ("(a = 5", r"\) should stand at character 7, not the end"),
    ("a = 5)", r"and, or, or the end should stand at character 6, not \)"),
    ("()", r"a name should stand at character 2, not \)"),
    ("not", "a name should stand at character 4, not the end"),
    ("a not 5", "in, like or between should stand at character 7, not 5"),
    ("a is 5", "null should stand at character 6, not 5"),
    ("a is not 5", "null should stand at character 10, not 5"),
    ("a = null", "a number or a 'text' should stand at character 5, not null"),
    ("a in 5", r"\( should stand at character 6, not 5"),
    ("a in ()", "a number or a 'text' should stand at character 7"),
    ("a in (5,)", "a number or a 'text' should stand at character 9"),
    ("a in (5 6)", r"\) should stand at character 9, not 6"),
    ("a like 5", "a text should stand at character 8, not 5"),
    ("a between 1", "and should stand at character 12, not the end"),
    ("a between 1 or 2", "and should stand at character 13, not or"),
    ("a between b and 2", "a number or a 'text' should stand at character 11, not b"),
    ("a; drop table epmt_job", "what begins at '; drop table epmt_jo'"),
    ("a = 5 -- no", "what begins at '-- no'"),
    ("a = 5 /* no */", "what begins at"),
    ("a = `b`", "what begins at '`b`'"),
    ("a + 1 = 2", "what begins at"),
    ("a = 5x", "what begins at '5x'"),
    ("a = 1.5.2", "what begins at"),
    ("a = 0x10", "what begins at"),
    ("a == = 5", "a number or a 'text' should stand at character 6, not ="),
    ("a = 5\0", "what begins at '.x00'"),
    ("tags = 'op:cp'", r"tags: write KEY, or tags.KEY, annotations.KEY, analyses.KEY"),
    ("tags.a.b = 5", "what begins at '.b = 5'"),
    ("tags[op] = 5", "what begins at"),
    ("tags[5] = 5", "what begins at"),
    ("a.b = 5", "a.b: write KEY, or tags.KEY"),
    ("a['b'] = 5", "write KEY, or tags.KEY"),
    ("start > 'yesterday'", "yesterday: write MM/DD/YYYY HH:MM"),
    ("end between '2026-01-01' and 'x'", "x: write MM/DD/YYYY"),
    ("submit in ('', 'x')", "write MM/DD/YYYY"),
    ("start > 1772352000250000", "write MM/DD/YYYY"),
    ("a = 1e999", "1e999 is too large a number"),
    ("a = " + "9" * 301, "is too large a number"),
    ("a = 1" + " " * 10_000, "a condition has at most 10000 characters"),
    ("(" * 51 + "a = 1" + ")" * 51, "a condition has at most 50 levels"),
    ("not " * 51 + "a = 1", "a condition has at most 50 levels"),
    ("not (" * 26 + "a = 1" + ")" * 26, "a condition has at most 50 levels"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_no_condition_is_told_and_where(text, message):
    with pytest.raises(BadArgument, match=message) as caught:
        filters.parsed(text)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50 + "a = 1" + ")" * 50,
        "not " * 50 + "a = 1",
        " and ".join(["a = 1"] * 999),
        " or ".join(["a = 2"] * 998 + ["a = 1"]),
        f"a in ({', '.join('2' * 3000)}, 1)",
        "a != '" + "''" * 4990 + "'",
        "a = 1 and a != " + "9" * 300,
        "\n\t a\u2003=\r1 ",
    ],
    ids=range(8),
)
def test_long_and_deep_conditions_are_read(text):
    row = {filters.Name("a"): 1}
    assert filters.parsed(text).accepts(row) is True
    assert filters.parsed(text).accepts({}) is False


def test_patterns_take_time_in_proportion_to_their_length():
    """A regular expression of the same meaning would go on for ever."""
    pattern = "a like '" + "%a" * 4900 + "%b'"
    row = {filters.Name("a"): "a" * 100_000}
    assert filters.parsed(pattern).accepts(row) is False
    assert filters.parsed(pattern.replace("%b", "%")).accepts(row) is True
    assert filters.parsed("a like '" + "%_" * 4900 + "%b'").accepts(row) is False


PATTERNS = (
    ("%", "", 1), ("", "", 1), ("", "a", 0), ("_", "\n", 1), ("_", "", 0), ("a%", "a\nb", 1),
    ("%a", "ba", 1), ("a%a", "a", 0), ("a%a", "aa", 1), ("%%", "x", 1), ("A", "a", 0),
    (r"\%", "%", 1), (r"\%", "a", 0), (r"\_", "_", 1), (r"\_", "a", 0), (r"\\", "\\", 1),
    (r"a\b", "ab", 1), ("a\\", "a\\", 1), (r"\\%", "\\abc", 1), ("%ab%b", "abab", 1),
    ("a_c%", "abcd", 1), ("%.sh", "xsh", 0), ("[a]", "a", 0), ("%b%a%", "ab", 0),
)  # fmt: skip


@pytest.mark.parametrize(("pattern", "text", "fits"), PATTERNS)
def test_patterns(pattern, text, fits):
    row = {filters.Name("a"): text}
    assert filters.parsed(f"a like {quoted(pattern)}").accepts(row) is bool(fits)
    assert filters.parsed(f"a not like {quoted(pattern)}").accepts(row) is not bool(fits)


VALUES_AND_CONDITIONS = (
    ("5", "a = 5", 1), (" 5 ", "a = 5", 1), (5, "a = '5'", 1), (5, "a = '5.0'", 1),
    (5, "a = 5.0", 1), ("05", "a = 5", 1), ("05", "a = '5'", 0), (10, "a > '9'", 1),
    ("10", "a > '9'", 0), ("10", "a > 9", 1), ("x", "a = 5", 0), ("x", "a != 5", 1),
    ("x", "a > 5", 0), ("x", "a <= 5", 0), ("nan", "a = 5", 0), ("inf", "a > 5", 0),
    ("1_0", "a = 10", 0), ("", "a = 0", 0), (True, "a = 1", 1), (False, "a = 0", 1),
    (0, "a = -0.0", 1), (2**70, "a = 1180591620717411303424", 1), (-1, "a = -1", 1),
    (None, "a is null", 1), (0, "a is not null", 1), ("", "a is null", 0), (None, "a = ''", 0),
    (None, "a != 5", 0), (None, "not a = 5", 0), (None, "a not in (5)", 0),
    (None, "a not like 'x'", 0), (None, "a not between 1 and 2", 0),
    (None, "a = 1 or a is null", 1), (None, "not (a = 1 and a is null)", 0), ([1], "a = 1", 0),
    ({"b": 1}, "a > 1", 0), ({"b": 1}, "a like '%b%'", 1), (math.inf, "a > 1e300", 1),
    (5, "a between 5 and 5", 1), (5, "a between 6 and 4", 0), ("b", "a between 'a' and 'c'", 1),
)  # fmt: skip


@pytest.mark.parametrize(("value", "text", "is_accepted"), VALUES_AND_CONDITIONS)
def test_numbers_texts_and_what_is_not_known(value, text, is_accepted):
    found = filters.parsed(text)
    assert found.accepts({filters.Name("a"): value}) is bool(is_accepted)
    assert found.names == {filters.Name("a")} and found.columns() == {"a"}


def test_moments_are_those_of_before_and_after():
    row = {filters.Name("start"): BEGIN_MICROSECONDS}
    seconds = BEGIN_MICROSECONDS / 1e6
    for text, wanted in (
        ("start > '2026-03-01 08:00:00'", True),
        ("start < '2026-03-01 08:00:01'", True),
        ("start between '03/01/2026' and '03/02/2026 00:00'", True),
        (f"start = {seconds!r}", True),
        (f"start = '{seconds!r}'", True),
        (f"start in (500000000, {seconds!r})", True),
        ("start < 0", time.time() * 1e6 > BEGIN_MICROSECONDS),
        ("start > -36500", True),
        ("start > '-1'", (time.time() - 86400) * 1e6 < BEGIN_MICROSECONDS),
    ):
        assert filters.parsed(text).accepts(row) is wanted, text


def test_names_of_keys():
    for text, key in (
        ("tags.op", "op"), ("tags.op-2", "op-2"), ("tags['op']", "op"), ('tags["op"]', "op"),
        ("tags[ 'a b'\n]", "a b"), ("tags['it''s']", "it's"), ('tags["a\'"]', "a'"),
        ("tags['']", ""), ("tags['a]']", "a]"), ("tags['\u00fc.x;y:z']", "\u00fc.x;y:z"),
    ):  # fmt: skip
        assert filters.parsed(f"{text} = 'x'").names == {filters.Name("tags", key)}, text
    found = filters.parsed("Exename = 'a' OR annotations.x IS NULL and analyses.y = cpu_time")
    assert found.columns() == {"Exename", "annotations", "analyses", "cpu_time"}


@pytest.mark.parametrize("text", ["2019", "20190614", "1"])
def test_a_number_that_may_be_a_date_is_no_moment(text):
    with pytest.raises(errors.UsageError, match="write MM/DD/YYYY"):
        microseconds_of(text)


def test_moments_are_read_as_they_are_printed():
    for text in ("2026-03-01T08:00:00.250000+00:00", "2026-03-01 13:30:00.250+05:30"):
        assert microseconds_of(text) == BEGIN_MICROSECONDS
