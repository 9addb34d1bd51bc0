"""createDB makes, upgrades and drops the tables of the suite, and nobody else's."""

import signal
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, run_command
from tests.terminal import at_a_terminal
from tests.usagedb.conftest import drop_anonymous
from usagedb import schema
from usagedb.config import write_config
from usagedb.database import Database

OLD_TABLE = (
    "CREATE TABLE {} (id INTEGER PRIMARY KEY, {} VARCHAR(40), path VARCHAR(99),"
    " module VARCHAR(99), syshost VARCHAR(40), date VARCHAR(30))"
)

# createDB that ends itself like kill -9 after its n-th DROP.
KILLED_DROP = """
import os, signal, sys
sys.path.insert(0, {checkout!r})
from usagedb import create_db, database
number = int(sys.argv.pop(1))
run_ddl = database.Database.run_ddl
def counted(self, statement):
    global number
    run_ddl(self, statement)
    number -= statement.startswith("DROP ")
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
database.Database.run_ddl = counted
create_db.main()
"""


def table_names(database):
    """Return the names of all tables and views in a database."""
    if database.config.backend == "sqlite":
        sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
    else:
        here = "DATABASE()" if database.config.backend == "mysql" else "'public'"
        sql = f"SELECT table_name FROM information_schema.tables WHERE table_schema = {here}"
    return {name.lower() for (name,) in database.rows(sql) if name != "sqlite_sequence"}


def names_in(site):
    """Return table_names of a Site."""
    database = site.connect()
    try:
        return table_names(database)
    finally:
        database.close()


@pytest.fixture
def old_site(site):
    """A Site with a table moduleT of gen_2 that holds a row."""
    database = site.connect()
    quote = database.dialect.quote
    name = quote("moduleT") if site.config.backend == "postgresql" else "moduleT"
    database.run_ddl(OLD_TABLE.format(name, quote("user")))
    database.run_ddl(f"INSERT INTO {name} VALUES (1, 'u', 'p', 'm', 's', '2020-01-01')")
    database.close()
    site.old_name = name
    return site


def test_it_makes_all_tables_and_says_each_step(site):
    done = site.run("createDB")
    assert (done.returncode, done.stderr) == (0, "")
    expected = {
        name for one in schema.known_schemas().values() for _kind, name in one.tables()
    }  # fmt: skip
    assert names_in(site) == {name.lower() for name in expected}
    for name in expected:
        assert f": CREATE TABLE {name}\n" in done.stdout or f": CREATE VIEW {name}\n" in done.stdout


def test_each_step_is_said_with_its_own_version(site):
    expected = [
        f"{one.name} {step.version}: {step.title()}"
        for one in schema.known_schemas().values()
        for step in one.steps
    ]
    assert len({line.partition(":")[0] for line in expected}) > len(schema.known_schemas())
    would = [line for line in site.run("createDB", "--dry-run").stdout.splitlines() if ": " in line]
    assert [line for line in would if line.startswith("would: ")] == [
        f"would: {line}" for line in expected
    ]
    done = site.run("createDB").stdout.splitlines()
    assert [line for line in done if line in set(expected)] == expected


def test_it_says_which_database_it_changes_and_finds_that_of_the_schema(sqlite_site, tmp_path):
    write_config(tmp_path / "xalt_db.conf", sqlite_site.config)
    done = run_command("createDB", "--schema", "xalt", cwd=tmp_path)
    assert done.stdout.startswith(f"database: {sqlite_site.config.database} (xalt_db.conf)\n")
    assert ": ALTER TABLE xalt_run ADD COLUMN run_key\n" in done.stdout
    assert ": CREATE UNIQUE INDEX xalt_run_by_key\n" in done.stdout
    assert sqlite_site.rows("SELECT COUNT(*) FROM xalt_run") == [(0,)]


def test_a_second_run_changes_nothing(site):
    site.run("createDB")
    before = site.rows("SELECT * FROM usage_schema ORDER BY 1, 2, 3")
    done = site.run("createDB")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("up to date, nothing to do\n") and done.stdout.count("\n") == 1
    assert site.rows("SELECT * FROM usage_schema ORDER BY 1, 2, 3") == before


def test_quiet_says_nothing(site):
    done = site.run("createDB", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_dry_run_says_the_steps_and_changes_nothing(site):
    site.connect().close()
    done = site.run("createDB", "--dry-run")
    assert done.returncode == 0
    assert "would: lmod 1: CREATE TABLE lmod_use\n" in done.stdout
    assert names_in(site) == set()


def test_dry_run_makes_no_sqlite_file(sqlite_site, tmp_path):
    done = sqlite_site.run("createDB", "--dry-run")
    assert done.returncode == 0 and "would make the database" in done.stdout
    assert not (tmp_path / "usage.db").exists()


def other_database(site, name="made_by_test"):
    """Let the Site's configuration name a database that is not there yet."""
    site.config = site.config.replaced(database=f"{site.config.database}_{name}")
    write_config(site.conf_path, site.config)


@pytest.fixture
def absent_site(site):
    """A Site on a server whose database is not there."""
    if site.config.backend == "sqlite":
        pytest.skip("an SQLite file is not on a server")
    other_database(site)
    yield site
    root = Database(site.config.replaced(select_database=False))
    root.run_ddl(f"DROP DATABASE IF EXISTS {site.config.database}")
    root.close()


def test_it_makes_the_database_on_a_server(absent_site):
    done = absent_site.run("createDB")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"made the database {absent_site.config.database}\n")
    assert "lmod_use" in names_in(absent_site)


def test_dry_run_makes_no_database_on_a_server(absent_site):
    done = absent_site.run("createDB", "--dry-run")
    assert done.returncode == 0 and done.stdout.startswith("would make the database")
    assert absent_site.run("usage_status").returncode == 78


def test_a_made_database_is_in_utf8_whatever_the_server_thinks(absent_site):
    absent_site.run("createDB")
    if absent_site.config.backend == "postgresql":
        assert absent_site.rows("SHOW server_encoding") == [("UTF8",)]
    assert absent_site.rows("SELECT COUNT(*) FROM lmod_user") == [(0,)]


@pytest.mark.parametrize("command", ["store_module_data", "usage_status", "analyzeLmodDB"])
def test_on_a_server_without_tables_others_end_with_78_and_name_create_db(site, command, tmp_path):
    (tmp_path / "log").write_text("")
    arguments = {"store_module_data": [tmp_path / "log"], "analyzeLmodDB": ["counts"]}
    done = site.run(command, *arguments.get(command, ()))
    if site.config.backend == "sqlite":
        is_away = command == "usage_status"  # whose file may be on a disk that is not mounted
        assert done.returncode == (2 if is_away else 0)
    else:
        assert done.returncode == 78 and "run createDB" in done.stderr
        assert names_in(site) == set()


def test_an_upgrade_that_was_stopped_before_its_record_goes_on(site):
    site.run("createDB")
    steps = site.rows("SELECT COUNT(*) FROM usage_schema")
    database = site.connect()
    database.execute("DELETE FROM usage_schema WHERE schema_name = 'lmod' AND step > 3")
    database.close()
    done = site.run("createDB")
    assert (done.returncode, done.stderr) == (0, "")
    assert "CREATE TABLE lmod_use\n" in done.stdout and "lmod_user\n" not in done.stdout
    assert site.rows("SELECT COUNT(*) FROM usage_schema") == steps
    assert site.run("createDB").stdout.endswith("nothing to do\n")


def test_an_upgrade_that_was_stopped_before_the_first_record_goes_on(site):
    site.run("createDB")
    steps = site.rows("SELECT COUNT(*) FROM usage_schema")
    database = site.connect()
    database.execute("DELETE FROM usage_schema")
    database.close()
    assert site.run("createDB").returncode == 0
    assert site.rows("SELECT COUNT(*) FROM usage_schema") == steps


@pytest.mark.parametrize("command", ["createDB", "store_module_data", "analyzeLmodDB"])
def test_cant_use_a_newer_schema(site, command, tmp_path):
    site.run("createDB")
    database = site.connect()
    database.execute("INSERT INTO usage_schema VALUES ('lmod', 999, 1, 0)")
    database.close()
    (tmp_path / "log").write_text("")
    arguments = {"store_module_data": [tmp_path / "log"], "analyzeLmodDB": ["counts"]}
    done = site.run(command, *arguments.get(command, ()))
    assert done.returncode == 78 and "version 999, newer" in done.stderr


def test_drop_needs_a_schema(site):
    site.run("createDB")
    done = site.run("createDB", "--drop", "--yes")
    assert done.returncode == 2 and "--schema" in done.stderr and "lmod_use" in names_in(site)


def test_drop_without_a_terminal_needs_yes(site):
    site.run("createDB")
    done = site.run("createDB", "--drop", "--schema", "lmod")
    assert done.returncode == 2 and "--yes" in done.stderr and "lmod_use" in names_in(site)


def test_drop_does_nothing_when_the_answer_is_no(site):
    site.run("createDB")
    words = ("createDB", "--confFn", site.conf_path, "--drop", "--schema", "lmod")
    status, screen = at_a_terminal(words, [(b"[y/N]", b"n")])
    assert status == 2 and "nothing was done" in screen and "lmod_use" in names_in(site)


def test_drop_drops_one_schema_and_no_other_table(site):
    site.run("createDB", "--schema", "lmod")
    database = site.connect()
    database.run_ddl("CREATE TABLE lmod_of_somebody_else (id INTEGER)")
    database.close()
    assert site.run("createDB", "--drop", "--schema", "lmod", "--dry-run").returncode == 0
    assert "lmod_use" in names_in(site)
    done = site.run("createDB", "--drop", "--schema", "lmod", "--yes")
    assert done.returncode == 0 and "TABLE lmod_use" in done.stderr
    assert names_in(site) == {"lmod_of_somebody_else", "usage_schema", "usage_run"}
    assert site.run("createDB").returncode == 0
    assert "lmod_use" in names_in(site)


def test_drop_of_nothing_is_nothing_to_do(site):
    assert site.run("createDB", "--drop", "--schema", "lmod").returncode == 0
    assert names_in(site) == set()


@pytest.mark.parametrize("number", [1, 4, 0])
@pytest.mark.parametrize("again", [(), ("--schema", "lmod", "--drop", "--yes")])
def test_a_drop_that_is_killed_leaves_no_dead_end(site, number, again):
    site.run("createDB", "--schema", "lmod")
    made = names_in(site)
    number = number or len(schema.known_schemas()["lmod"].tables())
    done = subprocess.run(
        [sys.executable, "-c", KILLED_DROP.format(checkout=str(CHECKOUT)), str(number),
         "--confFn", site.conf_path, "--schema", "lmod", "--drop", "--yes"],
        capture_output=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    if again:
        assert site.run("createDB", *again).returncode == 0
        assert names_in(site) == {"usage_schema", "usage_run"}
    assert site.run("createDB", "--schema", "lmod").returncode == 0
    assert names_in(site) == made
    assert site.run("analyzeLmodDB", "counts").returncode == 0


def test_drop_mends_a_database_that_remembers_tables_it_has_not(site):
    site.run("createDB", "--schema", "lmod")
    made, lmod, database = names_in(site), schema.known_schemas()["lmod"], site.connect()
    for kind, name in schema.existing(database, lmod):
        database.run_ddl(f"DROP {kind} {name}")
    database.close()
    assert site.run("createDB", "--schema", "lmod", "--drop", "--dry-run").returncode == 0
    assert "nothing to do" in site.run("createDB", "--schema", "lmod").stdout
    done = site.run("createDB", "--schema", "lmod", "--drop")
    assert (done.returncode, done.stdout) == (0, "") and "drop nothing" in done.stderr
    assert site.run("createDB", "--schema", "lmod").returncode == 0
    assert names_in(site) == made


@pytest.mark.parametrize("arguments", [(), ("--dry-run",), ("--schema", "lmod", "--drop", "--yes")])
def test_a_file_that_is_no_database_is_told(sqlite_site, tmp_path, arguments):
    (tmp_path / "usage.db").write_bytes(b"no database " * 800)
    done = sqlite_site.run("createDB", *arguments)
    assert (done.returncode, done.stdout) == (78, "")
    assert "file is not a database" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("--dry-run",), ("--schema", "lmod", "--drop", "--yes")])
def test_a_certificate_that_is_not_there_is_no_missing_database(site, tmp_path, arguments):
    if site.config.backend == "sqlite":
        pytest.skip("SQLite has no server")
    site.config = site.config.replaced(socket="", ssl_ca=str(tmp_path / "none.pem"))
    write_config(site.conf_path, site.config)
    done = site.run("createDB", *arguments)
    assert (done.returncode, done.stdout) == (78, "") and "none.pem" in done.stderr


def test_cant_drop_what_a_view_of_the_site_needs(site):
    if site.config.backend != "postgresql":
        pytest.skip("only PostgreSQL guards what a view needs")
    site.run("createDB")
    database = site.connect()
    database.run_ddl("CREATE VIEW report_of_the_site AS SELECT day FROM lmod_use")
    database.close()
    done = site.run("createDB", "--drop", "--schema", "lmod", "--yes")
    assert done.returncode == 78 and "report_of_the_site" in done.stderr
    assert "Traceback" not in done.stderr
    assert site.run("createDB").stdout.endswith("nothing to do\n")


def test_an_unknown_schema_ends_with_2_and_names_the_known(site):
    done = site.run("createDB", "--schema", "nonsense")
    assert done.returncode == 2 and "lmod" in done.stderr


def test_an_old_table_is_left_untouched_and_pointed_out(old_site):
    done = old_site.run("createDB")
    assert done.returncode == 0 and "gen_2 is here: it is left untouched" in done.stdout
    assert old_site.rows(f"SELECT * FROM {old_site.old_name}") == [
        (1, "u", "p", "m", "s", "2020-01-01")
    ]
    assert old_site.rows("SELECT * FROM lmod_moduleT") == []


def test_drop_leaves_an_old_table(old_site):
    old_site.run("createDB")
    assert old_site.run("createDB", "--drop", "--schema", "lmod", "--yes").returncode == 0
    assert old_site.rows(f"SELECT id FROM {old_site.old_name}") == [(1,)]
    assert "lmod_modulet" not in names_in(old_site)


def account(site, rights):
    """Let the Site's commands run as an account of the server that has only these rights."""
    backend, name = site.config.backend, f"only_{site.config.database}"
    database = site.connect()
    if backend == "mysql":
        drop_anonymous(database)
        database.run_ddl(f"CREATE USER '{name}'@'%' IDENTIFIED BY 'pw'")
        if rights:
            database.run_ddl(f"GRANT {rights} ON `{site.config.database}`.* TO '{name}'@'%'")
    else:
        database.run_ddl(f"CREATE ROLE {name} LOGIN PASSWORD 'pw'")
        if rights:
            database.run_ddl(f"GRANT {rights} ON SCHEMA public TO {name}")
    database.close()
    write_config(site.conf_path, site.config.replaced(user=name, password="pw"))
    return name


def drop_account(config, name):
    """Remove an account with all that it owns in this database."""
    database = Database(config)
    if config.backend == "mysql":
        database.run_ddl(f"DROP USER '{name}'@'%'")
    else:
        database.run_ddl(f"DROP OWNED BY {name}")
        database.run_ddl(f"DROP ROLE {name}")
    database.close()


def test_an_account_with_one_database_and_no_more_can_make_the_tables(site, request):
    if site.config.backend == "sqlite":
        pytest.skip("SQLite has no accounts")
    name = account(site, "ALL")
    request.addfinalizer(lambda: drop_account(site.config, name))
    done = site.run("createDB")
    assert (done.returncode, done.stderr) == (0, "")
    assert "lmod_use" in names_in(site)


def test_an_account_that_may_not_make_a_database_is_told_so(site, request):
    if site.config.backend == "sqlite":
        pytest.skip("SQLite has no accounts")
    config = site.config
    name = account(site, "")
    request.addfinalizer(lambda: drop_account(config, name))
    site.config = site.config.replaced(user=name, password="pw")
    other_database(site)
    done = site.run("createDB")
    assert done.returncode == 77 and "Traceback" not in done.stderr
    assert "permission denied" in done.stderr or "denied" in done.stderr
