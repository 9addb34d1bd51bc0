"""A part is there when its tables are; else it is told in plain words why not."""

import pytest

from usagedb import errors, schema
from usagedb.config import write_config
from usagedb.database import Database
from userportal.configuration import read_configuration
from userportal.suite import availability, modules, processes, programs
from userportal.suite.availability import PARTS, part_available, parts_available, require

ASK = {
    "lmod": lambda database: modules.modules_of_job(database, "fr", 1, "ann", 1.0, 2.0),
    "xalt": lambda database: programs.programs_of_job(database, "fr", 1, "ann", 1.0, 2.0),
    "epmt": lambda database: processes.processes_of_job(database, "fr", 1, "ann", 1.0, 2.0),
}


@pytest.fixture
def configured(tmp_path):
    """A function that returns a portal's Configuration with these lines."""

    def read(*lines):
        path = tmp_path / "portal.conf"
        path.write_text("\n".join(lines) + "\n")
        return read_configuration(path)

    return read


def test_without_a_database_no_part_is_shown(configured):
    found = parts_available(configured())
    assert set(found) == set(PARTS)
    for name, one in found.items():
        assert (one.state, one.is_there, one.is_configured) == ("unconfigured", False, False)
        assert f"[{name}]" in one.text


@pytest.mark.parametrize("name", PARTS)
def test_a_part_with_its_tables_is_there_and_answers(site, configured, name):
    site.create(name)
    found = part_available(configured(f"[{name}]", f"conf_file = {site.conf_path}"), name)
    assert found == availability.Availability(name, "there", "")
    database = site.connect()
    ASK[name](database)
    database.close()


@pytest.mark.parametrize("name", PARTS)
def test_a_part_without_tables_says_so_and_makes_none(site, configured, name):
    site.create("usage")
    found = part_available(configured(f"[{name}]", f"conf_file = {site.conf_path}"), name)
    assert found.state == "incomplete"
    assert found.is_configured
    assert PARTS[name].tool in found.text
    assert ("epmt migrate" if name == "epmt" else "createDB") in found.text
    database = site.connect()
    with pytest.raises(errors.ConfigurationError, match="lacks"):
        ASK[name](database)
    assert schema.existing(database, PARTS[name].tables) == []
    database.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_an_empty_sqlite_file_stays_empty(sqlite_site, read_only):
    sqlite_site.connect().close()
    database = Database(sqlite_site.config.replaced(read_only=read_only))
    for name in PARTS:
        with pytest.raises(errors.ConfigurationError):
            require(database, name)
    assert database.rows("SELECT COUNT(*) FROM sqlite_master") == [(0,)]
    database.close()


def test_the_tables_of_an_xalt_site_are_too_old_to_be_asked(site, configured):
    database = site.create("xalt").connect()
    database.execute("DELETE FROM usage_schema WHERE schema_name = 'xalt' AND version > 1")
    database.close()
    found = part_available(configured("[xalt]", f"conf_file = {site.conf_path}"), "xalt")
    assert found.state == "incomplete"
    assert "older" in found.text


def test_models_of_epmt_are_not_needed(site):
    database = site.create("epmt").connect()
    database.execute("DELETE FROM usage_schema WHERE schema_name = 'epmt' AND version > 1")
    require(database, "epmt")
    database.close()


def test_tables_of_a_newer_program_are_not_read(site, configured):
    database = site.create("lmod").connect()
    database.execute(
        "INSERT INTO usage_schema (schema_name, version, step, applied_at)"
        " VALUES ('lmod', 99, 1, 0)"
    )
    database.close()
    found = part_available(configured("[lmod]", f"conf_file = {site.conf_path}"), "lmod")
    assert found.state == "incomplete"
    assert "newer" in found.text


def test_a_server_that_is_away_is_told(mariadb, configured, tmp_path):
    from usagedb.config import DatabaseConfig

    config = DatabaseConfig("mysql", "usage", "test", ("127.0.0.1",), 1, user="portal")
    write_config(tmp_path / "away.conf", config)
    found = part_available(configured("[lmod]", f"conf_file = {tmp_path}/away.conf"), "lmod")
    assert found.state == "unreachable"
    config = config.replaced(port=mariadb.port, user="nobody-knows", password="wrong")
    write_config(tmp_path / "refused.conf", config)
    found = part_available(configured("[lmod]", f"conf_file = {tmp_path}/refused.conf"), "lmod")
    assert found.state == "refused"
    assert "wrong" not in found.text


def test_a_configuration_that_cannot_be_used_is_told(configured, tmp_path):
    (tmp_path / "bad.conf").write_text("[MYSQL\nPASSWD = secret\n")
    for name in ("bad.conf", "none.conf"):
        found = part_available(configured("[epmt]", f"conf_file = {tmp_path / name}"), "epmt")
        assert (found.state, found.is_configured) == ("misconfigured", True)
        assert name in found.text
        assert "secret" not in found.text
