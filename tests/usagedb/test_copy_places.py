"""A copy begins only where it can end well."""

import pytest

from tests.usagedb.copying import all_tables, fill
from usagedb import copy_places, copy_state, errors, schema
from usagedb.config import DatabaseConfig
from usagedb.locks import only_one

KNOWN = schema.known_schemas()
SERVER = DatabaseConfig("mysql", "usage", "a.conf", ("db1", "db2"), 3306, user="a")


@pytest.mark.parametrize("changes", [{"user": "b"}, {"source": "b.conf"}, {"password": "x"}])
def test_one_database_under_two_accounts_is_still_one(changes):
    with pytest.raises(errors.UsageError, match="both --from and --to"):
        copy_places.refuse_same(SERVER, SERVER.replaced(**changes))


@pytest.mark.parametrize(
    "changes", [{"database": "b"}, {"port": 3307}, {"hosts": ("db3",)}, {"backend": "postgresql"}]
)
def test_two_databases_are_two(changes):
    copy_places.refuse_same(SERVER, SERVER.replaced(**changes))


def test_a_link_to_a_file_is_the_file(tmp_path):
    (tmp_path / "a.db").touch()
    (tmp_path / "b.db").symlink_to(tmp_path / "a.db")
    configs = [DatabaseConfig("sqlite", str(tmp_path / name), name) for name in ("a.db", "b.db")]
    with pytest.raises(errors.UsageError):
        copy_places.refuse_same(*configs)


def test_the_steps_of_the_schemas_are_not_copied_and_all_else_is():
    names = {name for one in KNOWN.values() for kind, name in one.tables() if kind == "TABLE"}
    assert {table.name for table in all_tables()} == names - {"usage_schema"}


def test_only_the_schemas_that_are_there_are_copied(site):
    database = site.create("epmt").connect()
    assert [one.name for one in copy_places.schemas_of(database)] == ["usage", "epmt"]
    database.close()


def test_a_database_without_our_tables_is_no_source(site):
    database = site.connect()
    with pytest.raises(errors.ConfigurationError, match="run createDB --confFn test"):
        copy_places.schemas_of(database)
    database.close()


def test_a_database_that_is_being_filled_is_no_source(database):
    copy_state.begin(database, "elsewhere", [])
    with pytest.raises(errors.ConfigurationError, match="let usage_copy go on"):
        copy_places.schemas_of(database)


def test_a_begun_copy_is_gone_on_with_and_an_empty_one_begun_anew(database):
    schemas = [KNOWN["usage"], KNOWN["lmod"]]
    copy_places.begun_or_new(database, "one", schemas)
    again = copy_places.begun_or_new(database, "two", schemas)  # nothing was copied yet
    assert again.source == "two" and again.ended_at is None
    database.execute("INSERT INTO lmod_user (user_id, user_name, user_folded) VALUES (1, 'a', 'a')")
    assert copy_places.begun_or_new(database, "two", schemas).source == "two"
    with pytest.raises(errors.ConfigurationError, match="filled from two, not from one"):
        copy_places.begun_or_new(database, "one", schemas)


def test_a_copy_that_another_version_began_is_refused(database):
    schemas = [KNOWN["usage"], KNOWN["lmod"]]
    copy_places.begun_or_new(database, "one", schemas)
    database.execute("INSERT INTO lmod_user (user_id, user_name, user_folded) VALUES (1, 'a', 'a')")
    database.execute("DELETE FROM usage_schema WHERE schema_name = 'lmod' AND step = 5")
    with pytest.raises(errors.ConfigurationError, match="begun with another version of lmod"):
        copy_places.begun_or_new(database, "one", schemas)


def test_all_tables_with_rows_are_told(site):
    fill(site, 1, names=("lmod",))
    database = site.connect()
    found = copy_places.filled_tables(database)
    assert "lmod_user" in found and "usage_run" in found and "usage_schema" not in found
    database.close()


@pytest.mark.parametrize("name", ["store_module_data", "usage_copy", "delete_old_records"])
def test_each_lock_of_a_writer_keeps_a_copy_away(site, name):
    first, second = site.create("lmod").connect(), site.connect()
    with only_one(first, name):
        schemas = copy_places.schemas_of(second)
        with pytest.raises(errors.UnavailableError, match=f"another {name}"):  # noqa: SIM117
            with copy_places.no_writers([second], schemas, 0.0):
                pass
    with copy_places.no_writers([second], schemas, 0.0), pytest.raises(errors.UnavailableError):
        only_one(first, name).__enter__()
    first.close()
    second.close()
