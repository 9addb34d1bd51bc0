"""The tables of EPMT: explained, and the same on every database."""

import re

from epmtlite.schema import EPMT
from usagedb import schema
from usagedb.schema import read_sql


def test_every_table_and_column_has_a_comment():
    lines = read_sql("epmt.sql").splitlines()
    for number, line in enumerate(lines):
        if line.startswith("CREATE TABLE"):
            assert lines[number - 1].startswith("-- ")
        if re.match(r'    ["a-z_]+ +[A-Z]', line) and not line.strip().startswith("PRIMARY"):
            assert " -- " in line, line


def test_it_is_registered():
    assert schema.known_schemas()["epmt"] is EPMT


def test_all_tables_are_made(site):
    database = site.create("epmt").connect()
    for _kind, name in EPMT.tables():
        assert database.dialect.has_table(database, name)
    assert schema.missing_steps(database, EPMT) == []
    database.close()
