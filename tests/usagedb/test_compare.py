"""No row that is missing, changed or too many goes unseen."""

import random

import pytest

from tests.usagedb.copying import all_tables, fill
from usagedb import copy_rows
from usagedb.compare import compare, digest_of

USERS = next(table for table in all_tables() if table.name == "lmod_user")


def change(site, statement, parameters=()):
    database = site.connect()
    database.execute(statement, parameters)
    database.close()


@pytest.fixture
def pair(request, site, tmp_path, monkeypatch):
    """Two Sites with 100 users each, the first on SQLite; ranges have ten rows."""
    from tests.conftest import new_site

    monkeypatch.setattr(copy_rows, "ROWS_PER_BATCH", 10)
    (tmp_path / "first").mkdir()
    first = new_site(request, "sqlite", tmp_path / "first")
    for one in (first, site):
        database = one.create("lmod").connect()
        rows = [(number, f"user{number}", f"user{number}") for number in range(1, 101)]
        database.insert_rows("lmod_user", USERS.for_insert, rows)
        database.close()
    return first, site


def found_in(pair, upto=None):
    one = compare(pair[0].config, pair[1].config, USERS, upto)
    return one.source_count, one.target_count, [tuple(part) for part in one.differences]


def test_equal_tables_are_equal(pair):
    assert found_in(pair) == (100, 100, [])


@pytest.mark.parametrize(
    ("statement", "target_count", "differences"),
    [
        ("DELETE FROM lmod_user WHERE user_id = 35", 99, [((30,), (40,), 10, 9)]),
        ("DELETE FROM lmod_user WHERE user_id > 75", 75, [
            ((70,), (80,), 10, 5), ((80,), (90,), 10, 0), ((90,), (100,), 10, 0),
        ]),
        ("DELETE FROM lmod_user WHERE user_id < 15", 86, [
            (None, (10,), 10, 0), ((10,), (20,), 10, 6),
        ]),
        ("DELETE FROM lmod_user", 0, [
            ((n - 10,) if n > 10 else None, (n,), 10, 0) for n in range(10, 101, 10)
        ]),
        ("UPDATE lmod_user SET user_name = 'User99' WHERE user_id = 99", 100,
         [((90,), (100,), 10, 10)]),
        ("UPDATE lmod_user SET user_name = 'user5 ' WHERE user_id = 5", 100,
         [(None, (10,), 10, 10)]),
        ("UPDATE lmod_user SET user_id = 250 WHERE user_id = 41", 100,
         [((40,), (50,), 10, 9), ((100,), None, 0, 1)]),
        ("INSERT INTO lmod_user (user_id, user_name, user_folded) VALUES (-5, 'x', 'x')", 101,
         [(None, (10,), 10, 11)]),
    ],
)  # fmt: skip
def test_a_difference_is_found_with_its_keys(pair, statement, target_count, differences):
    change(pair[1], statement)
    assert found_in(pair) == (100, target_count, differences)


def test_any_change_is_found(pair):
    source = random.Random(3)
    for _round in range(20):
        number = source.randrange(1, 101)
        change(pair[1], "UPDATE lmod_user SET user_folded = 'x' WHERE user_id = ?", (number,))
        low = (number - 1) // 10 * 10
        assert found_in(pair)[2] == [((low,) if low else None, (low + 10,), 10, 10)]
        change(
            pair[1], "UPDATE lmod_user SET user_folded = ? WHERE user_id = ?",
            (f"user{number}", number),
        )  # fmt: skip


def test_many_rows_in_place_of_few_are_counted(pair):
    database = pair[1].connect()
    rows = [(number, f"more{number}", "") for number in range(101, 400)]
    database.insert_rows("lmod_user", USERS.for_insert, rows)
    database.close()
    change(pair[0], "INSERT INTO lmod_user VALUES (350, 'last', '')")
    assert found_in(pair) == (101, 399, [((100,), (350,), 1, 250), ((350,), None, 0, 49)])


def test_rows_behind_the_end_of_the_comparison_are_left_out(pair):
    change(pair[1], "DELETE FROM lmod_user WHERE user_id > 95")
    assert found_in(pair, upto=(95,)) == (95, 95, [])


def test_a_missing_table_is_a_table_without_rows(pair):
    one = compare(None, pair[1].config, USERS)
    assert (one.source_count, one.target_count) == (0, 100)
    assert [tuple(part) for part in one.differences] == [(None, None, 0, 100)]
    assert compare(pair[0].config, None, USERS).target_count == 0


def test_one_processor_finds_the_same(pair, monkeypatch):
    change(pair[1], "DELETE FROM lmod_user WHERE user_id = 35")
    whole = compare(pair[0].config, pair[1].config, USERS)
    monkeypatch.setattr(copy_rows, "has_second_processor", lambda: False)
    assert compare(pair[0].config, pair[1].config, USERS) == whole


def test_the_digest_tells_types_and_borders_of_values():
    rows = [("ab", "c"), ("a", "bc"), (b"ab", "c"), (1, "c"), (1.0, "c"), ("1", "c"), (None, "c")]
    assert len({digest_of([row]) for row in rows}) == len(rows)


def test_the_digest_is_the_same_however_a_text_came_about():
    assert digest_of([("anna", 1)]) == digest_of([("".join(["an", "na"]), int("1"))])


def test_all_tables_with_hard_rows_are_equal_to_themselves(site):
    fill(site)
    for table in all_tables():
        one = compare(site.config.replaced(for_copy=True), site.config, table)
        assert (one.source_count, one.differences) == (40, []), table.name
