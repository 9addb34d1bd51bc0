"""The printed grants, executed for real: each account can do its work and nothing else."""

import os

import pytest

from tests.conftest import run_command
from tests.epmtlite.daemon.runs import DaemonSite
from tests.epmtlite.made_jobs import made_job, write_job
from tests.mysql_server import is_mysql
from tests.services import wait_until
from tests.usagedb.conftest import drop_anonymous
from tests.xaltload.loading import make_records, write_records
from usagedb import errors, grants
from usagedb.config import write_config
from usagedb.database import Database

PASSWORD = "pw"


def executable(text, suffix):
    """Return the statements for the server that runs, for accounts of this test alone."""
    part = text.split("-- MySQL 8")[is_mysql()]
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
    "UPDATE usage_run SET waiting = 0",
)


# All commands that load or delete, and all that report, as usagedb/README.md lists them with the
# account each needs; {dir} holds their inputs. Run in this order.
LOADER_COMMANDS = (
    ("store_module_data", "--store_all", "{dir}/module.log"),
    ("xalt_file_to_db", "{dir}/tree"),
    ("xalt_syslog_to_db", "{dir}/xalt.log"),
    ("xalt_load_fos", "{dir}/fos.csv"),
    ("xalt_update_modules", "--reverseMapD", "{dir}/map"),
    ("epmt", "submit", "{dir}/job"),
    ("epmt", "annotate", "100", "checked=yes"),
    ("epmt", "delete", "100"),
    ("usage_person", "export", "anna", "--schema", "lmod"),
    ("usage_person", "pseudonymise", "anna", "--as", "anon-1", "--yes", "--schema", "lmod"),
    ("usage_person", "erase", "bert", "--yes", "--schema", "lmod"),
    ("delete_old_records", "--end", "2020-01-01", "--yes"),
    ("delete_old_records", "--schema", "xalt", "--end", "2020-01-01", "--yes"),
    ("delete_old_records", "--schema", "epmt", "--end", "2020-01-01", "--yes"),
    ("usage_status",),
)
REPORTER_COMMANDS = (
    *(("analyzeLmodDB", report) for report in ("counts", "usernames", "trend", "versions")),
    ("xalt_usage_report",),
    ("xalt_library_usage", "--start", "2020-01-01"),
    ("xalt_scalar_bins_usage_report",),
    ("xalt_find_records", "--start", "2020-01-01"),
    ("epmt", "list", "jobs"),
    ("epmt", "show", "100"),
    ("epmt", "dbsize"),
    ("usage_status",),
    ("createDB", "--dry-run"),
)


@pytest.fixture
def inputs(tmp_path, write_log):
    """A directory with an input of each loader."""
    write_log(("anna", "gcc/12", "alpha", 20000), ("bert", "gcc/12", "alpha", 20001),
              name="module.log")  # fmt: skip
    write_records(tmp_path / "tree", make_records(runs=3), places=1)
    (tmp_path / "xalt.log").write_text("")
    (tmp_path / "fos.csv").write_text("abc,Physics,MPS\n")
    (tmp_path / "map").mkdir()
    (tmp_path / "map" / "xalt_rmapT.json").write_text(
        '{"reverseMapT": {"/apps/gcc": "gcc/12"}, "xlibmap": []}'
    )
    write_job(made_job(), tmp_path / "job")
    return tmp_path


def run_in(site, directory, command):
    """Run one of these commands on a Site; return the CompletedProcess."""
    name, *arguments = (word.format(dir=directory) for word in command)
    environment = {**os.environ, "HPCUSAGE_CONF": str(site.conf_path)}
    return run_command(name, *arguments, env=environment, cwd=directory)


def test_every_command_works_with_the_account_that_it_needs(site, accounts, inputs):
    become(site, accounts[grants.LOADER])
    for command in LOADER_COMMANDS[:6]:
        done = run_in(site, inputs, command)
        assert (done.returncode, done.stderr) == (0, ""), command
    become(site, accounts[grants.REPORTER])
    for command in REPORTER_COMMANDS:
        done = run_in(site, inputs, command)
        assert (done.returncode, done.stderr) == (0, ""), command
    for command in LOADER_COMMANDS[:3]:
        assert run_in(site, inputs, command).returncode == 77, command
    become(site, accounts[grants.LOADER])
    store_by_daemon(site, inputs)
    for command in LOADER_COMMANDS[6:]:
        done = run_in(site, inputs, command)
        assert done.returncode == 0, (command, done.stderr)


def store_by_daemon(site, directory):
    """Let epmt daemon store and analyze a job."""
    place = DaemonSite(site, directory)
    place.put(7)
    words = ("--ingest", "--post-process", "--interval", "0.2")
    with place.foreground(*words) as process:
        wait_until(lambda: process.poll() is not None or not place.names(), "the archive")
        process.terminate()
        process.wait()
    assert (place.jobs(), place.failed_names()) == (["100", "7"], [])
    assert {row[0] for row in place.runs()} == {0} and "Error" not in place.messages()


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
