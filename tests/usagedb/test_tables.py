"""The tables are what the schema files say."""

import pytest

from usagedb import schema
from usagedb.dialects.base import BYTES, DATE, DATETIME, INTEGER, NULLABLE, REAL, TEXT
from usagedb.tables import tables_of

KNOWN = schema.known_schemas()


def table(schema_name, name):
    return next(one for one in tables_of(KNOWN[schema_name]) if one.name == name)


def test_every_column_of_every_table_is_known_by_its_name_and_its_place(database):
    for one in KNOWN.values():
        for found in tables_of(one):
            names = database.dialect.column_names(database, found.name)
            assert [column.name for column in found.columns] == [name.lower() for name in names]


def test_every_table_of_a_schema_is_found():
    for one in KNOWN.values():
        made = [name for kind, name in one.tables() if kind == "TABLE"]
        assert [found.name for found in tables_of(one)] == made


def test_a_table_is_told_apart_by_its_primary_key():
    assert table("lmod", "lmod_load").key == ("day", "log_id", "line", "item")
    assert table("epmt", "epmt_process").key == ("id",)
    assert table("xalt", "xalt_rejected").key == ("reject_key",)


def test_the_primary_key_of_every_table_is_that_of_the_database(sqlite_site):
    database = sqlite_site.create().connect()
    for one in KNOWN.values():
        for found in tables_of(one):
            rows = database.rows(
                f"SELECT name FROM pragma_table_info('{found.name}') WHERE pk > 0 ORDER BY pk"
            )  # noqa: E501, S608
            assert found.key == tuple(row[0].lower() for row in rows)


@pytest.mark.parametrize(
    ("schema_name", "name", "column", "kind"),
    [
        ("usage", "usage_run", "run_id", INTEGER),
        ("usage", "usage_run", "exit_code", NULLABLE),
        ("usage", "usage_run", "ended_at", REAL),
        ("xalt", "xalt_run", "date", DATETIME),
        ("xalt", "join_run_env", "date", DATE),
        ("xalt", "xalt_object", "timestamp", DATETIME),
        ("xalt", "xalt_run", "run_key", BYTES),
        ("epmt", "epmt_job", "tags", TEXT),
    ],
)
def test_a_column_has_the_kind_that_keeps_its_values(schema_name, name, column, kind):
    kinds = dict(table(schema_name, name).for_insert)
    assert kinds[column] == kind


def test_a_key_is_taken_out_of_a_row():
    assert table("lmod", "lmod_user").key_of((7, "ann", "ann")) == (7,)
    row = (20260101, 3, 9, 0, 1.5, 1, 1, 1, 1, -1, "")
    assert table("lmod", "lmod_load").key_of(row) == (20260101, 3, 9, 0)


def test_a_table_whose_rows_may_be_large_says_so():
    assert table("epmt", "epmt_process").long_places
    assert not table("lmod", "lmod_load").long_places
