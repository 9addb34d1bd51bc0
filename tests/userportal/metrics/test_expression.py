"""Expressions render to PromQL, and no text of outside changes their meaning."""

import ast
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from userportal.metrics.expression import (
    any_of,
    base_name,
    before,
    contains,
    count,
    ends_with,
    host_part,
    matching,
    metric,
    node_names,
    not_equal,
    not_matching,
    number,
    parse_filter,
    starts_with,
    top,
    total,
    vector,
    whole,
    wildcards,
)
from userportal.metrics.matchers import quoted

CPU = metric("cpu", user="ann")
TEXTS = st.text(alphabet=st.characters(blacklist_categories=("Cs",)))
SELECTOR = re.compile(r'cpu\{user(=~|!~|!=|=)("(?:[^"\\\n\x00]|\\.)*"), cluster="abc"\}', re.S)
SITE = parse_filter('cluster="abc"')


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (metric("up"), "up"),
        (CPU, 'cpu{user="ann"}'),
        (metric("cpu", slurmjobid=any_of([1, 2])), 'cpu{slurmjobid=~"1|2"}'),
        (metric("cpu", slurmjobid=any_of([1, 1])), 'cpu{slurmjobid="1"}'),
        (metric("cpu", slurmjobid=any_of([])), r'cpu{slurmjobid=~"[^\\s\\S]"}'),
        (metric(any_of(["a", "b"]), x=1), '{__name__=~"a|b", x="1"}'),
        (metric("cpu", user=not_equal("root")), 'cpu{user!="root"}'),
        (metric("net", device=not_matching("ib*", "lo")), 'net{device!~"(?:ib.*)|(?:lo)"}'),
        (metric("net", device=matching(wildcards("sd?", "vd?"))), 'net{device=~"sd.|vd."}'),
        (metric("net", device=not_matching(any_of(["a.b"]))), r'net{device!~"a\\.b"}'),
        (metric("l2", core=number()), 'l2{core=~"[0-9]+"}'),
        (metric("x", a=starts_with("s+")), r'x{a=~"s\\+.*"}'),
        (metric("x", a=ends_with("(e")), r'x{a=~".*\\(e"}'),
        (metric("x", a=contains("^c")), r'x{a=~".*\\^c.*"}'),
        (
            metric("x", host=node_names(["n1", "n2"], ".d")),
            r'x{host=~"(?:n1|n2)\\.d(?::[0-9]+)?"}',
        ),
        (metric("x", host=node_names([])), r'x{host=~"[^\\s\\S]"}'),
        (CPU.having(user=not_equal("x")), 'cpu{user="ann", user!="x"}'),
        (CPU.rate(60), 'rate(cpu{user="ann"}[60s])'),
        (CPU.irate(0.5), 'irate(cpu{user="ann"}[500ms])'),
        (CPU.deriv(120), 'deriv(cpu{user="ann"}[120s])'),
        (total(metric("a")), "sum(a)"),
        (count(metric("a"), by=("user", "fs")), "count by (user, fs) (a)"),
        (top(20, metric("a")), "topk(20, a)"),
        (metric("a") / 1e9, "a / 1000000000"),
        (metric("a") * -0.5, "a * -0.5"),
        (3 * metric("a"), "a * 3"),
        (2 - metric("a"), "2 - a"),
        (2 / metric("a"), "2 / a"),
        (metric("a") - metric("b") - metric("c"), "(a - b) - c"),
        (metric("a") / (metric("b") + metric("c")), "a / (b + c)"),
        (metric("a").where("!=", 0), "a != 0"),
        (metric("a").where(">", metric("b"), on=("x",)), "a > on (x) b"),
        (metric("a").otherwise(0), "a or vector(0)"),
        (total(metric("a")).otherwise(metric("b")), "sum(a) or b"),
        (vector(math.inf), "vector(Inf)"),
        (vector(-math.inf), "vector(-Inf)"),
        (vector(math.nan), "vector(NaN)"),
        (vector(1e300), "vector(1e+300)"),
        (metric("a").clamp_min(0), "clamp_min(a, 0)"),
        (metric("a").divided_by(metric("b"), on=("x", "y")), "a / on (x, y) b"),
        (metric("a").multiplied_by(metric("b"), on=()), "a * on () b"),
        (metric("a").plus(metric("b"), ignoring=("z",)), "a + ignoring (z) b"),
        (
            metric("a").minus(metric("b"), on=("x",), group_left=("y",)),
            "a - on (x) group_left (y) b",
        ),
        (metric("a").divided_by(metric("b"), group_left=()), "a / ignoring () group_left () b"),
        (
            metric("a").with_label("node", "instance", host_part("-oob.d")),
            r'label_replace(a, "node", "${1}", "instance", "(.+?)(?:-oob\\.d)?(?::[0-9]+)?")',
        ),
        (
            metric("a").with_label("fs", "target", before("-OST")),
            'label_replace(a, "fs", "${1}", "target", "(.*?)-OST.*")',
        ),
        (
            metric("a").with_label("bin", "exe", base_name()),
            'label_replace(a, "bin", "${1}", "exe", "(?:.*/)?([^/]+)")',
        ),
        (
            metric("a").with_label("kind", "__name__", whole(), "x${1}"),
            'label_replace(a, "kind", "x${1}", "__name__", "(.*)")',
        ),
    ],
)
def test_an_expression_is_this_promql(expression, text):
    assert expression.render() == text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (metric("up"), 'up{cluster="abc"}'),
        (CPU.rate(60), 'rate(cpu{user="ann", cluster="abc"}[60s])'),
        (
            total(metric("a") / metric("b").clamp_min(1)).otherwise(metric("c").deriv(60)),
            'sum(a{cluster="abc"} / clamp_min(b{cluster="abc"}, 1))'
            ' or deriv(c{cluster="abc"}[60s])',
        ),
        (
            top(1, metric(any_of(["a", "b"])).with_label("x", "y", whole())),
            'topk(1, label_replace({__name__=~"a|b", cluster="abc"}, "x", "${1}", "y", "(.*)"))',
        ),
    ],
)
def test_the_filter_of_the_site_is_in_every_selector(expression, text):
    assert expression.render(SITE) == text


@given(TEXTS)
def test_a_value_stays_within_its_quotes(text):
    found = SELECTOR.fullmatch(metric("cpu", user=text).render(SITE))
    assert found[1] == "="
    assert ast.literal_eval(found[2]) == text


@given(st.lists(TEXTS, min_size=2, unique=True))
def test_any_of_some_texts_matches_them_alone(texts):
    pattern = any_of(texts[1:])
    found = SELECTOR.fullmatch(metric("cpu", user=not_matching(pattern)).render(SITE))
    assert found[1] == "!~"
    regex = ast.literal_eval(found[2])
    assert all(re.fullmatch(regex, text) for text in texts[1:])
    assert not re.fullmatch(regex, texts[0])


@given(TEXTS, TEXTS, TEXTS)
def test_a_part_matches_where_it_stands(part, front, end):
    (condition,) = metric("x", a=contains(part)).matchers[1:]
    around = (front + end).replace("\n", "")
    assert condition.accepts(f"{around}{part}{around}")
    assert condition.accepts(around) == (part in around)


@given(st.text())
def test_every_text_can_be_quoted_and_sent(text):
    quoted(text).encode()


@given(TEXTS)
def test_a_node_is_met_with_and_without_port(name):
    (condition,) = metric("x", host=node_names([name], ".d")).matchers[1:]
    assert condition.accepts(f"{name}.d")
    assert condition.accepts(f"{name}.d:9100")
    assert not condition.accepts(f"{name}.d:")
    assert not condition.accepts(f"x{name}.d")
    assert not condition.accepts(f"{name}xd")


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "a{b}", "a\n", "é", 'a"'])
def test_a_wrong_name_of_a_metric_is_refused(name):
    with pytest.raises(ValueError, match="name of a metric"):
        metric(name)
    with pytest.raises(ValueError, match="name"):
        metric(any_of(["good", name]))


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a:b", "__name__", "a=", "a\n"])
def test_a_wrong_name_of_a_label_is_refused(name):
    for make in (
        lambda: metric("a", **{name: "x"}),
        lambda: total(metric("a"), by=(name,)),
        lambda: metric("a").divided_by(metric("b"), on=(name,)),
        lambda: metric("a").divided_by(metric("b"), on=("x",), group_left=(name,)),
        lambda: metric("a").with_label(name, "x", whole()),
    ):
        with pytest.raises(ValueError, match="name of a label"):
            make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: metric("a").rate(0),
        lambda: metric("a").rate(-1),
        lambda: metric("a").where("or", 1),
        lambda: total(metric("a"), by="user"),
        lambda: matching("a|b"),
        lambda: not_matching("ib.*"),
        lambda: metric(starts_with("slurm")),
        lambda: metric(any_of([])),
        lambda: metric("a").with_label("x", "y", whole(), "$1"),
        lambda: metric("a").divided_by(metric("b"), on=(), ignoring=()),
    ],
)
def test_what_would_mislead_is_refused(make):
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize("value", [None, 1.5, ["a"], b"a"])
def test_a_value_that_is_no_text_is_refused(value):
    with pytest.raises(TypeError):
        metric("a", user=value)


def test_expressions_are_values():
    assert metric("a", x="1").rate(60) / 2 == metric("a", x="1").rate(60) / 2
    assert len({metric("a"), metric("a"), metric("b")}) == 2
    with pytest.raises(AttributeError):
        metric("a").matchers = ()
