"""The rows of a table come in their order, in batches that fit into memory."""

import sqlite3

import pytest

from usagedb import copy_rows, errors, schema
from usagedb.copy_rows import batches
from usagedb.dialects.base import INTEGER, TEXT
from usagedb.tables import Column, Table, tables_of

TABLE = Table("text_row", (Column("id", INTEGER), Column("text", TEXT, is_long=True)), ("id",))


@pytest.fixture
def texts(site):
    """A Site with a table of 50 texts of 1,000 characters."""
    database = site.connect()
    database.run_ddl("CREATE TABLE text_row (id INT PRIMARY KEY, text VARCHAR(4000))")
    rows = [(number, f"{number:04d}" * 250) for number in range(50)]
    database.insert_rows("text_row", TABLE.for_insert, rows)
    database.close()
    return site


def test_all_rows_come_in_the_order_of_the_key(texts):
    found = [row for batch in batches(texts.config, TABLE) for row in batch]
    assert [row[0] for row in found] == list(range(50)) and found[7][1] == "0007" * 250


def test_a_batch_ends_after_some_rows_or_some_characters(texts, monkeypatch):
    monkeypatch.setattr(copy_rows, "ROWS_PER_BATCH", 20)
    assert [len(batch) for batch in batches(texts.config, TABLE)] == [20, 20, 10]
    monkeypatch.setattr(copy_rows, "BATCH_CHARACTERS", 7500)
    assert [len(batch) for batch in batches(texts.config, TABLE)] == [8] * 6 + [2]


def test_a_range_begins_behind_a_key(texts):
    found = [row[0] for batch in batches(texts.config, TABLE, (40,), (44,)) for row in batch]
    assert found == [41, 42, 43, 44]


def test_a_lost_connection_is_made_anew_and_no_row_is_lost_or_twice(texts, monkeypatch):
    monkeypatch.setattr(copy_rows, "ROWS_PER_BATCH", 7)
    whole, calls = copy_rows.read_once, []

    def lost_after_two(database, table, after, upto, most_rows):
        calls.append(after)
        for number, batch in enumerate(whole(database, table, after, upto)):
            if number == 2 and len(calls) < 4:
                raise errors.UnavailableError("gone")
            yield batch

    monkeypatch.setattr(copy_rows, "read_once", lost_after_two)
    found = [row[0] for batch in batches(texts.config, TABLE) for row in batch]
    assert found == list(range(50)) and calls == [None, (13,), (27,), (41,)]


def test_a_text_that_is_no_text_is_told_with_its_place(sqlite_site):
    sqlite_site.create("lmod")
    with sqlite3.connect(sqlite_site.config.database) as connection:
        connection.execute("INSERT INTO lmod_user VALUES (5, CAST(x'ff41' AS TEXT), 'a')")
    table = tables_of(schema.known_schemas()["lmod"])[0]
    with pytest.raises(errors.MalformedInputError, match="lmod_user, rows from the first one"):
        list(batches(sqlite_site.config, table))
