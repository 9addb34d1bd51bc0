"""The filter of the site is read from the configuration, or refused there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb.errors import ConfigurationError
from userportal.metrics.expression import metric
from userportal.metrics.matchers import quoted
from userportal.metrics.site_filter import NO_FILTER, filter_of, parse_filter


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("", "{}"),
        ("  \n ", "{}"),
        ("cluster='abc'", '{cluster="abc"}'),
        ("cluster='abc', ", '{cluster="abc"}'),
        ("cluster='abc', dc=\"x\"", '{cluster="abc", dc="x"}'),
        ("a!='x',b=~'y|z',c !~ \"u.*\"", '{a!="x", b=~"y|z", c!~"u.*"}'),
        (r"""a='it\'s "x"\n\\'""", r'{a="it\'s \"x\"\n\\"}'.replace(r"\'", "'")),
        ("a='\\x41\tb'", r'{a="A\x09b"}'),
        ("a='b}, c{'", '{a="b}, c{"}'),
    ],
)
def test_a_filter_is_read(text, rendered):
    assert parse_filter(text).render() == rendered


@pytest.mark.parametrize(
    "text",
    [
        "cluster",
        "cluster=abc",
        "cluster='abc",
        "cluster='abc' dc='x'",
        "cluster='abc'} or up{a='b'",
        "1a='x'",
        "a-b='x'",
        "a=='x'",
        "a='x'\\",
        "a='\\x81'",
        "a='\\q'",
        ", a='b'",
        "a='b',,",
        "a=~'('",
        "a=~'(?=x)'",
        r"a=~'(x)\\1'",
        'a="line\nbreak"',
        "{a='b'}",
    ],
)
def test_a_wrong_filter_is_refused(text):
    with pytest.raises(ConfigurationError, match="the filter of the metrics"):
        parse_filter(text)


def test_a_wrong_filter_does_not_disturb_a_terminal():
    with pytest.raises(ConfigurationError) as caught:
        parse_filter("\x1b[31m\u202e")
    assert str(caught.value).isprintable()


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        found = parse_filter(text)
    except ConfigurationError:
        return
    assert parse_filter(found.render()[1:-1]) == found


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",))))
def test_a_quoted_value_is_read_back(text):
    (found,) = parse_filter(f"a={quoted(text)}").matchers
    assert found.condition.text == text


def test_a_filter_that_was_read_is_taken_as_it_is():
    found = parse_filter("a='b'")
    assert filter_of(found) is found
    assert filter_of("a='b'") == found
    assert metric("up").render(NO_FILTER) == "up"
