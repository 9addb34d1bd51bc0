"""What URLs let through."""

import re

import pytest

from userportal.web.converters import CONVERTERS


def lets_through(kind, text):
    """Tell whether a converter matches the whole text."""
    return re.fullmatch(CONVERTERS[kind].regex, text) is not None


@pytest.mark.parametrize(
    ("kind", "text"),
    [("name", "ann"), ("name", "def-birch_gpu"), ("name", "a.b@c"), ("jobset", "107"),
     ("jobset", "100-105,107"), ("jobset", "1," * 299 + "1"), ("node", "n1.int.example.org"),
     ("name", "a" * 64)],
)  # fmt: skip
def test_names_jobs_and_nodes_have_addresses(kind, text):
    assert lets_through(kind, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("name", ""), ("name", ".."), ("name", "-a"), ("name", "a/b"), ("name", 'a"}'),
     ("name", "a b"), ("name", "a\n"), ("name", "a" * 65), ("name", "é"), ("jobset", "1,"),
     ("jobset", "-1"), ("jobset", "1--2"), ("jobset", "12345678901"), ("jobset", "١"),
     ("jobset", "1," * 300 + "1"), ("node", "-n"), ("node", "n{1}"), ("node", "n" * 254)],
)  # fmt: skip
def test_nothing_else_is_an_argument(kind, text):
    assert not lets_through(kind, text)


def test_a_hostile_address_is_not_found(gallery):
    assert gallery.get("/jobs/ann/1-3,7/").status == 200
    assert gallery.get("/jobs/ann/1%27/").status == 404
    assert gallery.get("/jobs/..%2fx/").status == 404
    assert gallery.get("/node/n1%22%7D/").status == 404
