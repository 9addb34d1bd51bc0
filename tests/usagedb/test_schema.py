"""The schema files: every table and column is explained, and one text serves three databases."""

import re

import pytest

from usagedb import errors, schema
from usagedb.schema import Schema, parse_steps

TWO_VERSIONS = """
-- version 1: first
-- A table.
CREATE TABLE one (
    id SERIAL_ID,   -- number; with a semicolon
    name CHARS(10)  -- text
);
-- version 2: second
ALTER TABLE one ADD COLUMN size INTEGER;
CREATE INDEX one_by_name ON one (name);
"""


@pytest.fixture
def grown(monkeypatch):
    """A Schema of two versions."""
    monkeypatch.setattr(schema, "read_sql", lambda name: TWO_VERSIONS)
    return Schema("grown", "grown.sql")


def test_steps_are_numbered_within_their_version():
    steps = [(step.version, step.number, step.title()) for step in parse_steps(TWO_VERSIONS)]
    assert steps == [
        (1, 1, "CREATE TABLE one"),
        (2, 1, "ALTER TABLE one ADD COLUMN size"),
        (2, 2, "CREATE INDEX one_by_name"),
    ]


@pytest.mark.parametrize("file_name", ["usage.sql", "lmod.sql"])
def test_every_table_and_column_has_a_comment(file_name):
    lines = schema.read_sql(file_name).splitlines()
    for number, line in enumerate(lines):
        if re.match(r"CREATE (TABLE|VIEW)", line):
            assert lines[number - 1].startswith("-- ")
        if re.match(r"    [a-z_]+ +[A-Z]", line):
            assert " -- " in line, line


def test_an_older_database_gets_the_new_steps_only(database, grown):
    old = Schema("grown", "grown.sql")
    old.__dict__["steps"] = grown.steps[:1]
    schema.upgrade(database, old)
    assert [step.version for step in schema.missing_steps(database, grown)] == [2, 2]
    schema.upgrade(database, grown)
    assert schema.missing_steps(database, grown) == []
    database.execute("INSERT INTO one (name, size) VALUES ('a', 1)")
    assert [tuple(row) for row in database.rows("SELECT name, size FROM one")] == [("a", 1)]


@pytest.mark.parametrize("unrecorded", [1, 2, 3])
def test_a_step_that_ran_but_was_not_recorded_is_no_error(database, grown, unrecorded):
    for step in grown.steps[:unrecorded]:
        schema.take_step(database, grown, step)
    last = grown.steps[unrecorded - 1]
    database.execute(
        "DELETE FROM usage_schema WHERE schema_name = 'grown' AND version = ? AND step = ?",
        (last.version, last.number),
    )
    schema.upgrade(database, grown)
    assert schema.missing_steps(database, grown) == []


def test_an_upgraded_database_is_like_a_new_one(site, grown):
    def columns():
        database = site.connect()
        cursor = database.connection.cursor()
        cursor.execute("SELECT * FROM one")
        names = [column[0] for column in cursor.description]
        database.close()
        return names

    site.create("usage")
    database = site.connect()
    for step in grown.steps:
        schema.take_step(database, grown, step)
    upgraded = columns()
    schema.drop(database, grown)
    schema.upgrade(database, grown)
    database.close()
    assert columns() == upgraded == ["id", "name", "size"]


def test_reports_read_the_release_before_and_loaders_do_not(database, grown):
    schema.take_step(database, grown, grown.steps[0])
    schema.require(database, grown, to_write=False)
    if database.config.backend == "sqlite":
        schema.require(database, grown)
        assert schema.missing_steps(database, grown) == []
    else:
        with pytest.raises(errors.ConfigurationError, match="run createDB"):
            schema.require(database, grown)


def test_a_report_needs_the_version_it_can_read(site, grown):
    object.__setattr__(grown, "readable_version", 2)
    database = site.create("usage").connect()
    schema.take_step(database, grown, grown.steps[0])
    if site.config.backend != "sqlite":
        with pytest.raises(errors.ConfigurationError):
            schema.require(database, grown, to_write=False)
        schema.take_step(database, grown, grown.steps[1])
        with pytest.raises(errors.ConfigurationError):
            schema.require(database, grown, to_write=False)
        schema.take_step(database, grown, grown.steps[2])
    schema.require(database, grown, to_write=False)
    database.close()


def test_a_wrong_statement_is_no_step_taken(database):
    step = schema.Step(1, 1, "CREATE TABLE (")
    with pytest.raises(Exception):  # noqa: B017 - each driver has its own
        schema.take_step(database, Schema("broken", ""), step)
    assert schema.steps_taken(database, Schema("broken", "")) == set()


def test_the_view_of_old_columns_answers_as_gen_2_did(site, write_log):
    site.create()
    log = write_log(("anna", "gcc/12", "alpha", 20000), ("anna", "gcc/12", "alpha", 20000))
    assert site.run("store_module_data", log).returncode == 0
    quote = site.connect().dialect.quote("user")
    rows = site.rows(f"SELECT {quote}, path, module, syshost, date FROM moduleT")
    assert [tuple(map(str, row)) for row in rows] == [
        ("anna", "/apps/gcc/12.lua", "gcc/12", "alpha", "2024-10-04 00:01:40")
    ]
