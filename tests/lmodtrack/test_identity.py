"""A log is known again by its content, however it is cut into blocks."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmodtrack import identity
from lmodtrack.identity import Chain, Comparison, unpack_checkpoints
from lmodtrack.ledger import Entry

lines = st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"") + b"\n")
texts = st.lists(lines, max_size=40).map(b"".join)


@pytest.fixture(autouse=True)
def few_checkpoints(monkeypatch):
    """Thin out early, so that small logs show it."""
    monkeypatch.setattr(identity, "MAX_CHECKPOINTS", 8)


def chain_of(text, cuts=()):
    """Return the Chain of a text that is taken in in whole lines, cut near some places."""
    chain, start = Chain(), 0
    for cut in sorted(cuts):
        end = text.find(b"\n", cut) + 1
        if end > start:
            chain.add(text[start:end])
            start = end
    if start < len(text):
        chain.add(text[start:])
    return chain


def entry_of(chain):
    return Entry(1, b"", 0, **chain.place())


@given(texts, st.lists(st.integers(0, 200), max_size=8))
def test_digest_and_counts_do_not_depend_on_the_blocks(text, cuts):
    chain = chain_of(text, cuts)
    assert chain.digest() == hashlib.sha256(text).digest()
    assert (chain.position, chain.line_count) == (len(text), text.count(b"\n"))


@given(texts, st.lists(st.integers(0, 200), max_size=8))
def test_every_checkpoint_is_a_line_end_with_the_digest_up_to_there(text, cuts):
    stride, checkpoints = unpack_checkpoints(chain_of(text, cuts).packed_checkpoints())
    assert len(checkpoints) <= identity.MAX_CHECKPOINTS and stride >= 1
    for position, mark in checkpoints:
        assert text[position - 1 : position] == b"\n"
        assert hashlib.sha256(text[:position]).digest()[:8] == mark


@given(texts, texts, texts)
def test_a_comparison_never_finds_more_in_common_than_there_is(common, one, other):
    chain = chain_of(common + one)
    comparison = Comparison(entry_of(chain))
    log = common + other
    shared = 0
    while shared < min(len(common + one), len(log)) and (common + one)[shared] == log[shared]:
        shared += 1
    for place in sorted(comparison.marks):
        if place <= len(log):
            comparison.see(place, hashlib.sha256(log[:place]).digest()[:8])
    assert comparison.common <= shared
    if chain.stride == 1:  # every line is a checkpoint
        assert comparison.common == (common + one)[:shared].rfind(b"\n") + 1


@given(texts, texts)
def test_a_grown_log_goes_on_exactly_where_the_known_one_ended(known, more):
    comparison = Comparison(entry_of(chain_of(known)))
    for place in sorted(comparison.marks):
        comparison.see(place, chain_of((known + more)[:place]).mark())
    assert comparison.common == len(known) and not comparison.differs
