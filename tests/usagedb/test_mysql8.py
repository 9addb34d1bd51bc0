"""What MySQL 8 refuses or means otherwise, shown without its server; with it: make mysql-check."""

import re

import pytest

from tests.conftest import CHECKOUT
from usagedb import grants, schema
from usagedb.dialects import mysql

# Reserved since 5.7 or 8.0, and free in MariaDB: "Keywords and Reserved Words", manuals of MySQL.
NEW_RESERVED = {
    "cube", "cume_dist", "dense_rank", "empty", "except", "first_value", "function", "grouping",
    "generated", "groups", "intersect", "json_table", "lag", "last_value", "lateral", "lead",
    "manual", "nth_value", "ntile", "of", "optimizer_costs", "over", "parallel", "percent_rank",
    "qualify", "rank", "recursive", "row", "row_number", "rows", "stored", "system", "tablesample",
    "virtual", "window",
}  # fmt: skip
LONGEST_USER, LONGEST_NAME = 32, 64
NAME = r"([a-z_][a-z0-9_]*)"
# Where an identifier of our own is introduced in a schema file, unquoted.
IN_SCHEMA = re.compile(
    rf"^\s+{NAME} +(?:SERIAL|WIDE|INTEGER|SMALLINT|BIGINT|DOUBLE|CHARS|TEXT|LONGTEXT|DATE"
    rf"|DATETIME|DIGEST|BYTES)|CREATE (?:UNIQUE )?(?:TABLE|VIEW|INDEX) {NAME}|\bAS {NAME}\b"
    rf"|\bJOIN {NAME} {NAME} ON",
    re.MULTILINE,
)
ALIAS = re.compile(rf"\b(?:AS|FROM [a-z_]+|JOIN [a-z_]+) {NAME}\b")
SQL_FILES = sorted((CHECKOUT / "sql").glob("*.sql"))
PACKAGES = ("usagedb", "lmodtrack", "xaltload", "epmtlite")
TEXTS = re.compile(r'"((?:[^"\\]|\\.)*)"')


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: path.name)
def test_no_name_of_a_schema_is_reserved(path):
    found = {name for names in IN_SCHEMA.findall(path.read_text()) for name in names if name}
    assert len(found) > 2 and not found & NEW_RESERVED


@pytest.mark.parametrize("package", PACKAGES)
def test_no_alias_in_a_statement_is_reserved(package):
    for path in (CHECKOUT / package).rglob("*.py"):
        for text in TEXTS.findall(path.read_text()):
            reserved = set(ALIAS.findall(text)) & NEW_RESERVED
            assert not reserved, f"{path}: {reserved} in {text}"


def test_names_of_tables_and_accounts_are_short_enough():
    names = [name for one in schema.known_schemas().values() for _kind, name in one.tables()]
    assert names and max(map(len, names)) <= LONGEST_NAME
    assert max(map(len, (grants.LOADER, grants.REPORTER))) <= LONGEST_USER


def test_accounts_are_made_before_they_are_granted_anything():
    """MySQL 8 makes no account by GRANT … IDENTIFIED BY."""
    for _server, form in grants.FORMS:
        assert form.startswith("CREATE USER ")
    source = (CHECKOUT / "usagedb" / "grants.py").read_text()
    assert not re.search(r"GRANT[^\n]*IDENTIFIED", source)


def test_tables_are_made_with_a_collation_that_each_server_knows():
    class Server:
        def __init__(self, version):
            self.version = version

        def rows(self, _sql):
            return [(self.version,)]

    for version, collation in (("8.0.36", "utf8mb4_0900_bin"), ("10.11.6-MariaDB", "nopad_bin")):
        sql = mysql.DIALECT.finish_schema_text("CREATE TABLE x (y INTEGER)", Server(version))
        assert sql.endswith(collation)


def test_every_session_has_our_mode_whatever_the_server_is_set_to(site):
    """ONLY_FULL_GROUP_BY and NO_ZERO_DATE are on in MySQL 8: no statement of ours may depend on
    either; a mode with both takes all of them, too."""
    if site.config.backend != "mysql":
        pytest.skip("modes are MySQL's")
    database = site.connect()
    ((mode,),) = database.rows("SELECT @@SESSION.sql_mode")
    database.close()
    assert set(mode.split(",")) == {
        "STRICT_ALL_TABLES", "ERROR_FOR_DIVISION_BY_ZERO", "NO_ENGINE_SUBSTITUTION",
    }  # fmt: skip
