"""Rows of a query that come a few at a time, on every database."""

import itertools

import pytest

from usagedb import errors
from usagedb.dialects.base import SECONDS, TEXT

COUNT = 2500  # more than one fetch brings


@pytest.fixture
def names(database):
    """The names in epmt_user, in order."""
    names = [f"user{number:04d}" for number in range(COUNT)]
    columns = (("name", TEXT), ("created_at", SECONDS))
    database.insert_rows("epmt_user", columns, [(name, 1.0) for name in names])
    return names


SQL = "SELECT name, id FROM epmt_user WHERE created_at = ? ORDER BY name"


def test_all_rows_come_in_order(database, names):
    assert [row[0] for row in database.stream(SQL, (1.0,))] == names
    assert list(database.stream(SQL, (2.0,))) == []
    assert next(database.stream("SELECT COUNT(*) FROM epmt_user")) == (COUNT,)


def test_a_stream_that_is_left_does_not_hinder_the_next_query(database, names):
    for _twice in range(2):
        rows = database.stream(SQL, (1.0,))
        assert [row[0] for row in itertools.islice(rows, 3)] == names[:3]
        rows.close()
        assert database.rows("SELECT COUNT(*) FROM epmt_user")[0][0] == COUNT
    with database.transaction():
        assert len(list(database.stream(SQL, (1.0,)))) == COUNT


def test_what_a_database_refuses_is_told_as_of_other_queries(database):
    with pytest.raises(errors.ConfigurationError, match="run createDB"):
        list(database.stream("SELECT a FROM no_table"))
    assert list(map(tuple, database.rows("SELECT 1"))) == [(1,)]
