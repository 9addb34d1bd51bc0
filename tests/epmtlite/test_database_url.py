"""Databases that are named by a URL."""

import pytest

from epmtlite.database_url import config_of_params, config_of_url
from tests.conftest import run_command
from usagedb import errors


def test_an_sqlite_url_names_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = config_of_url("sqlite:////data/epmt.db", "test")
    assert (config.backend, config.database) == ("sqlite", "/data/epmt.db")
    assert config_of_url("sqlite:///epmt.db", "test").database == str(tmp_path / "epmt.db")


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite://", "sqlite:///"])
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(errors.ConfigurationError, match="in memory"):
        config_of_url(url, "test")


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg2", "postgres"])
def test_a_server_url_has_user_password_host_port_and_name(scheme):
    config = config_of_url(f"{scheme}://ann:p%40ss%2Fword@db.example:5433/EPMT", "test")
    assert (config.backend, config.hosts, config.port) == ("postgresql", ("db.example",), 5433)
    assert (config.user, config.password, config.database) == ("ann", "p@ss/word", "EPMT")
    assert config_of_url("mysql+pymysql://h/d", "test").backend == "mysql"


@pytest.mark.parametrize(
    "url",
    [
        "oracle://ann:secret@db/EPMT",
        "postgresql://ann:secret@/EPMT",
        "postgresql://ann:secret@db",
        "postgresql://ann:sec/ret@db/EPMT",
        "postgresql://ann:secret@db:notaport/EPMT",
        "mysql://ann:secret@[db/EPMT",
    ],
)
def test_a_url_that_cannot_be_is_told_without_its_password(url):
    with pytest.raises(errors.ConfigurationError) as raised:
        config_of_url(url, "EPMT_DB_URL")
    assert "EPMT_DB_URL" in str(raised.value)
    assert "sec" not in str(raised.value) and "ret" not in str(raised.value)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "epmt.ini"),
        ({"EPMT_DB_URL": "oracle://db/EPMT"}, "EPMT_DB_URL"),
        ({"EPMT_DB_DBNAME": "x"}, "epmt.ini"),
    ],
)
def test_what_named_a_wrong_database_is_told(tmp_path, monkeypatch, variables, named):
    path = tmp_path / "epmt.ini"
    path.write_text('[EPMT]\ndb_params = {"url": "oracle://ann:secret@db/EPMT"}\n')
    monkeypatch.setenv("EPMT_SETTINGS", str(path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = run_command("epmt", "list")
    where = str(path) if named == "epmt.ini" else named
    assert done.returncode == 78 and done.stderr.startswith(f"Error: {where}: oracle://")


def test_the_variables_of_a_wrong_database_are_told(monkeypatch):
    monkeypatch.setenv("EPMT_DB_PROVIDER", "oracle")
    monkeypatch.setenv("EPMT_DB_USER", "ann")
    done = run_command("epmt", "list")
    assert done.stderr.startswith("Error: EPMT_DB_PROVIDER, EPMT_DB_USER: provider oracle is none")


def test_the_older_settings_name_each_part():
    params = {"provider": "postgres", "user": "ann", "password": "x", "dbname": "EPMT"}
    config = config_of_params(params, "test")
    assert (config.backend, config.hosts, config.password) == ("postgresql", ("localhost",), "x")
    config = config_of_params({"provider": "sqlite", "filename": "/data/e.db"}, "test")
    assert config.database == "/data/e.db"
    assert config_of_params({}, "test") is None
    assert config_of_params({**params, "url": "sqlite:////a.db"}, "test").backend == "sqlite"


@pytest.mark.parametrize(
    "params",
    [
        {"provider": "sqlite", "filename": ":memory:"},
        {"provider": "oracle"},
        {"provider": "mysql", "password": "secret"},
    ],
)
def test_older_settings_that_cannot_be_are_told(params):
    with pytest.raises(errors.ConfigurationError) as raised:
        config_of_params(params, "epmt.ini")
    assert "epmt.ini" in str(raised.value) and "secret" not in str(raised.value)
