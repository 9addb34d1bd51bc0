"""The printed grants, executed for real: each account can do its work and nothing else."""

import pytest

from tests.usagedb.conftest import drop_anonymous
from usagedb import errors, grants
from usagedb.config import write_config
from usagedb.database import Database

PASSWORD = "pw"


def executable(text, suffix):
    """Return the first server's statements, for accounts of this test alone."""
    part = text.split("-- MySQL 8")[0]
    for name in (grants.LOADER, grants.REPORTER):
        part = part.replace(name, name + suffix)
    part = part.replace(grants.PASSWORD, f"'{PASSWORD}'")
    return [line.rstrip(";") for line in part.splitlines() if line and not line.startswith("--")]


@pytest.fixture
def accounts(site, request):
    """A Site with tables, and {role: Site's configuration as that account} by printed grants."""
    if site.config.backend == "sqlite":
        pytest.skip("SQLite has no accounts")
    site.create()
    config, suffix = site.config, f"_{site.config.database[5:]}"
    done = site.run("createDB", "--print-grants")
    assert (done.returncode, done.stderr) == (0, "")
    database = site.connect()
    if config.backend == "mysql":
        drop_anonymous(database)
    request.addfinalizer(lambda: drop_accounts(config, suffix))
    for statement in executable(done.stdout, suffix):
        database.run_ddl(statement)
    database.close()
    return {
        role: config.replaced(user=role + suffix, password=PASSWORD)
        for role in (grants.LOADER, grants.REPORTER)
    }


def drop_accounts(config, suffix):
    """Remove both accounts."""
    database = Database(config)
    for role in (grants.LOADER, grants.REPORTER):
        if config.backend == "mysql":
            database.run_ddl(f"DROP USER '{role}{suffix}'@'%'")
        else:
            database.run_ddl(f"DROP OWNED BY {role}{suffix}")
            database.run_ddl(f"DROP ROLE {role}{suffix}")
    database.close()


def become(site, config):
    """Let the Site's commands run as another account."""
    write_config(site.conf_path, config)


def assert_refused(config, statements):
    """Make sure that the server refuses each statement of this account."""
    database = Database(config)
    for statement in statements:
        with pytest.raises(errors.RefusedError), database.translated():
            database.run_ddl(statement)
    database.close()


def test_the_loader_can_load_purge_and_see_the_status(site, accounts, write_log):
    become(site, accounts[grants.LOADER])
    log = write_log(("anna", "gcc/12", "alpha", 20000), ("bert", "gcc/12", "alpha", 15000))
    for arguments in (
        ("store_module_data", "--store_all", log),
        ("store_module_data", log),
        ("delete_old_records", "--end", "2020-01-01", "--yes", "-q"),
        ("usage_status",),
    ):
        done = site.run(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), arguments
    assert site.rows("SELECT COUNT(*) FROM lmod_use") == [(1,)]


LOADER_CANT = (
    "DROP TABLE lmod_use",
    "CREATE TABLE lmod_other (id INTEGER)",
    "ALTER TABLE lmod_use ADD COLUMN x INTEGER",
    "DELETE FROM usage_run",
    "DELETE FROM usage_schema",
    "INSERT INTO usage_schema VALUES ('lmod', 9, 9, 0)",
    "UPDATE usage_schema SET version = 9",
    "CREATE DATABASE another_of_loader",
)
REPORTER_CANT = (
    "INSERT INTO lmod_cluster (cluster_name) VALUES ('x')",
    "UPDATE lmod_use SET loads = 0",
    "DELETE FROM lmod_use",
    "DROP TABLE lmod_use",
    "UPDATE usage_run SET stored = 0",
)


def test_the_loader_cant_do_more(accounts):
    assert_refused(accounts[grants.LOADER], LOADER_CANT)


def test_the_report_account_can_report(site, accounts, write_log):
    log = write_log(("anna", "gcc/12", "alpha", 20000))
    assert site.run("store_module_data", log).returncode == 0
    become(site, accounts[grants.REPORTER])
    for report in ("counts", "usernames", "trend", "versions"):
        done = site.run("analyzeLmodDB", report, "--format", "csv")
        assert (done.returncode, done.stderr) == (0, ""), report
    assert site.run("usage_status").returncode == 0
    assert site.rows("SELECT module FROM moduleT") == [("gcc/12",)]


def test_the_report_account_cant_write(accounts):
    assert_refused(accounts[grants.REPORTER], REPORTER_CANT)


def test_the_report_account_cant_load(site, accounts, write_log):
    become(site, accounts[grants.REPORTER])
    done = site.run("store_module_data", write_log(("anna", "gcc/12", "alpha", 20000)))
    assert done.returncode == 77 and "grants" in done.stderr
    assert site.rows("SELECT COUNT(*) FROM lmod_use") == [(0,)]


def test_one_schema_comes_with_the_shared_tables(site):
    done = site.run("createDB", "--print-grants", "--schema", "lmod")
    if site.config.backend == "sqlite":
        assert done.stdout.startswith("-- SQLite has no accounts")
    else:
        assert "usage_run" in done.stdout and "lmod_use" in done.stdout


def test_grants_can_be_printed_before_there_is_a_server(run, tmp_path, site):
    config = site.config.replaced(port=1, socket="")
    write_config(tmp_path / "x.conf", config)
    done = run("createDB", "--confFn", tmp_path / "x.conf", "--print-grants")
    assert (done.returncode, done.stderr) == (0, "")


def test_both_forms_of_mysql_are_printed(site):
    if site.config.backend != "mysql":
        pytest.skip("two forms are MySQL's")
    text = site.run("createDB", "--print-grants").stdout
    assert "-- MariaDB\n" in text and "-- MySQL 8\n" in text
    assert "IDENTIFIED WITH caching_sha2_password BY" in text


def test_beside_an_old_table_only_the_view_is_granted(site):
    if site.config.backend == "sqlite":
        pytest.skip("SQLite has no accounts")
    database = site.connect()
    name = '"moduleT"' if site.config.backend == "postgresql" else "moduleT"
    database.run_ddl(f"CREATE TABLE {name} (id INTEGER, syshost INTEGER)")
    database.close()
    site.run("createDB")
    text = site.run("createDB", "--print-grants").stdout
    assert "lmod_moduleT" in text
    assert "`moduleT`" not in text and "ON moduleT" not in text
