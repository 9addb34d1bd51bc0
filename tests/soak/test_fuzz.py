"""A short form of the fuzz run, and that it can find faults."""

import pytest

from tests.soak import fuzz
from tests.soak.fuzz_parsers import PARSERS, Parser

INPUTS = 1500


@pytest.mark.parametrize("name", PARSERS)
def test_no_input_makes_a_parser_fail(name):
    count = fuzz.work(name, seed=7, inputs=INPUTS)
    assert (count.inputs, count.faults) == (INPUTS, [])


@pytest.mark.parametrize("name", PARSERS)
def test_good_inputs_are_taken(name):
    for raw in PARSERS[name].seeds:
        PARSERS[name].read(raw)


def test_a_fault_is_found_and_told(monkeypatch):
    monkeypatch.setitem(PARSERS, "broken", Parser(lambda raw: 1 // (b"\xff" not in raw), (b"x",)))
    count = fuzz.work("broken", seed=1, inputs=500)
    assert count.faults and "ZeroDivisionError" in count.faults[0]


def test_all_parsers_together_get_as_many_inputs_as_were_asked_for():
    counts = fuzz.fuzz(len(PARSERS) * 30, seed=3, processes=2, piece=20)
    assert {one.name: one.inputs for one in counts} == dict.fromkeys(PARSERS, 30)
