"""The place of a copy comes back as it was noted."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagedb import copy_state, errors, schema
from usagedb.copy_places import copied_tables

VALUES = st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(), st.binary(max_size=40))


@given(st.lists(VALUES, min_size=1, max_size=4).map(tuple))
def test_every_key_is_read_as_it_was_written(key):
    assert copy_state.key_from(copy_state.text_of(key)) == key


def test_no_key_yet_is_none():
    assert copy_state.key_from("") is None


def test_a_copy_is_begun_noted_and_ended(database):
    tables = copied_tables([schema.USAGE, schema.known_schemas()["lmod"]])
    assert copy_state.read(database) is None
    begun = copy_state.begin(database, "somewhere", tables)
    state = copy_state.read(database)
    assert (state.source, state.ended_at) == (begun.source, None) == ("somewhere", None)
    assert state.position(tables[0]) == (None, 0, False)
    state.advance(tables[0], (17,), 5)
    state.advance(tables[0], (19,), 2)
    assert state.position(tables[0]) == ((19,), 7, False)
    assert state.is_at(tables[0], (19,)) and not state.is_at(tables[0], (17,))
    state.set_whole(tables[0])
    assert state.position(tables[0]) == ((19,), 7, True)
    state.end(time.time(), 7)
    assert copy_state.read(database).ended_at is not None
    runs = database.rows("SELECT command, exit_code, usage_run.stored, message FROM usage_run")
    assert [tuple(row) for row in runs] == [("usage_copy", 0, 7, "copied somewhere")]


def test_the_end_of_a_copy_is_noted_once(database):
    state = copy_state.begin(database, "somewhere", [])
    for _twice in range(2):
        state.end(time.time(), 0)
    assert database.rows("SELECT count(*) FROM usage_run")[0][0] == 1


@pytest.mark.parametrize("to_write", [True, False])
def test_nobody_reads_or_writes_a_database_whose_copy_has_not_ended(database, to_write):
    lmod = schema.known_schemas()["lmod"]
    schema.require(database, lmod, to_write)
    state = copy_state.begin(database, "somewhere", [])
    with pytest.raises(errors.ConfigurationError, match="let usage_copy go on"):
        schema.require(database, lmod, to_write)
    state.end(time.time(), 0)
    schema.require(database, lmod, to_write)
