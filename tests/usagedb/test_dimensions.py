"""Dimension tables: one number per name, for ever, whoever asks first."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usagedb import dimensions
from usagedb.database import KEYS_PER_QUERY, fold_ascii
from usagedb.dialects.base import TEXT
from usagedb.dimensions import Dimension


def users():
    """Return a Dimension of user names."""
    columns = (("user_name", TEXT), ("user_folded", TEXT))
    return Dimension("lmod_user", "user_id", columns, lambda name: (name, fold_ascii(name)))


def stored(database):
    """Return {name: id} as the table has it."""
    return dict(tuple(row) for row in database.rows("SELECT user_name, user_id FROM lmod_user"))


def test_upper_case_and_trailing_blanks_are_three_users(database):
    numbers = users().numbers(database, ["a", "A", "a ", "a"])
    assert len(set(numbers.values())) == 3 and numbers == stored(database)


def test_numbers_stay_for_another_run(database):
    first = users().numbers(database, ["x", "y"])
    assert users().numbers(database, ["y", "x", "z"]).items() >= first.items()


def test_a_known_name_asks_the_database_no_more(database, monkeypatch):
    dimension = users()
    first = dimension.numbers(database, ["x"])
    monkeypatch.setattr(database, "rows", None)
    assert dimension.numbers(database, ["x", "x"]) == first


def test_more_names_than_a_query_holds(database):
    names = [f"u{number}" for number in range(2 * KEYS_PER_QUERY + 1)]
    assert users().numbers(database, names) == stored(database)


def test_a_full_memory_is_emptied_and_still_right(database, monkeypatch):
    monkeypatch.setattr(dimensions, "MAX_CACHED", 3)
    dimension = users()
    for start in range(5):
        names = [f"u{start + number}" for number in range(4)]
        assert dimension.numbers(database, names).items() <= stored(database).items()


def test_two_connections_agree(site):
    first, second = site.create().connect(), site.connect()
    one, two = users(), users()
    numbers = one.numbers(first, ["a", "b"]), two.numbers(second, ["b", "c"])
    assert numbers[0]["b"] == numbers[1]["b"]
    assert len(stored(first)) == 3
    first.close()
    second.close()


def test_no_names_no_numbers(database):
    assert users().numbers(database, []) == {} == stored(database)


@settings(max_examples=50)
@given(names=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_every_name_has_one_number(database, names):
    numbers = users().numbers(database, names)
    assert set(numbers) == set(names) and len(set(numbers.values())) == len(numbers)
    assert numbers.items() <= stored(database).items()


def test_a_module_is_known_by_its_digest(database):
    from lmodtrack.dimensions import Dimensions

    modules = [("gcc/12", "/a"), ("gcc/12", "/b"), ("gcc/12", "/A"), ("gcc/1", "2/a")]
    numbers = Dimensions().modules.numbers(database, modules)
    assert len(set(numbers.values())) == 4
    assert Dimensions().modules.numbers(database, modules) == numbers


@pytest.mark.parametrize("length", [1, 255])
def test_names_up_to_their_length_are_stored_whole(database, length):
    assert (
        list(users().numbers(database, ["ä" * length])) == ["ä" * length] == list(stored(database))
    )
