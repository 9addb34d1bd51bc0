"""A range of keys holds the rows behind its first key, up to its last."""

import itertools

import pytest

from usagedb import keyset
from usagedb.dialects.base import INTEGER
from usagedb.tables import Column, Table

NAMES = ("a", "b", "c")
TABLE = Table("three", tuple(Column(name, INTEGER) for name in NAMES), NAMES)
KEYS = list(itertools.product(range(3), repeat=3))


@pytest.fixture
def three(site):
    """An open Database with the table of all keys."""
    database = site.connect()
    database.run_ddl("CREATE TABLE three (a INT, b INT, c INT, PRIMARY KEY (a, b, c))")
    database.insert_rows("three", TABLE.for_insert, KEYS)
    yield database
    database.close()


def test_every_range_holds_its_rows_and_no_others(three):
    for after, upto in itertools.product(
        [None, (0, 2, 2), (1, 1, 1)], [None, (1, 1, 2), (2, 0, 0)]
    ):
        found = three.rows(*keyset.select(three.dialect, TABLE, after, upto))
        wanted = [key for key in KEYS if (not after or key > after) and (not upto or key <= upto)]
        assert [tuple(row) for row in found] == wanted


def test_only_the_rows_of_a_range_are_deleted(three):
    three.execute(*keyset.delete(three.dialect, TABLE, (0, 1, 2), (2, 1, 0)))
    left = [tuple(row) for row in three.rows("SELECT a, b, c FROM three ORDER BY a, b, c")]
    assert left == [key for key in KEYS if not (0, 1, 2) < key <= (2, 1, 0)]


def test_the_key_at_a_place_of_a_range_is_found(three):
    sql = keyset.key_at(three.dialect, TABLE, 4, after=(1, 0, 0))
    assert [tuple(row) for row in three.rows(*sql)] == [KEYS[KEYS.index((1, 0, 0)) + 5]]
    assert three.rows(*keyset.key_at(three.dialect, TABLE, 27)) in ([], ())


def test_runs_of_copies_are_left_out_of_the_history(database):
    from usagedb.runs import Run
    from usagedb.schema import USAGE
    from usagedb.tables import tables_of

    for command in ("usage_copy", "store_module_data"):
        Run(database, command).begin().finish(0)
    history = next(one for one in tables_of(USAGE) if one.name == "usage_run")
    assert database.rows(*keyset.count(database.dialect, history))[0][0] == 1
    database.execute(*keyset.delete(database.dialect, history))
    assert [row[0] for row in database.rows("SELECT command FROM usage_run")] == ["usage_copy"]
