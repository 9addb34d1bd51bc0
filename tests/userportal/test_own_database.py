"""The portal's own database, on a file and on each server."""

import re
import ssl
import subprocess
import sys

import pytest

from tests.tls_servers import Files
from tests.userportal.own_nodes import Portal, configured
from usagedb.config import DatabaseConfig
from usagedb.database import Database
from userportal.configuration import read_configuration
from userportal.own_database import django_database, server_database


def written(directory, text=""):
    """Return the path of a configuration file."""
    path = directory / "portal.conf"
    path.write_text(f"[portal]\nhttps = no\nstate = {directory}\n{text}")
    return path


def managed(path, *arguments):
    """Run a command of Django on the portal of a configuration file, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "userportal.manage", *arguments], check=False, text=True,
        capture_output=True, stdin=subprocess.DEVNULL,
        env={"HPCUSAGE_PORTAL_CONF": str(path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def test_without_a_section_it_is_a_file_in_the_state_directory(tmp_path):
    entry = django_database(read_configuration(written(tmp_path)))
    assert entry["NAME"] == str(tmp_path / "portal.db")
    assert entry["ENGINE"] == "django.db.backends.sqlite3"


def test_all_tables_can_be_made_and_used_on_each_backend(site, tmp_path):
    path = written(tmp_path, f"[database]\nconf_file = {site.conf_path}\n")
    done = managed(path, "migrate", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    script = (
        "from userportal.records.models import Note, JobScript;"
        "JobScript.objects.create(id_job=4294967295, submit_script='echo ✓ 🙂');"
        "Note.objects.create(title='Summer', notes='n', job_id=7);"
        "print(JobScript.objects.get().submit_script, Note.objects.get().title,"
        " Note.objects.filter(title='summer').exists(),"
        " Note.objects.filter(title__icontains='UMM').exists(),"
        " Note.objects.filter(title__iexact='sUMMER').exists(),"
        " JobScript.objects.filter(id_job__icontains=949).exists())"
    )
    done = managed(path, "shell", "--no-imports", "--command", script)
    assert (done.returncode, done.stdout) == (0, "echo ✓ 🙂 Summer False True True True\n"), (
        done.stderr
    )
    done = managed(path, "migrate", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def statement_of(database, table):
    """Return the statement that makes a table, without the number of its next row."""
    ((_name, statement),) = database.rows(f"SHOW CREATE TABLE {table}")
    return re.sub(r" AUTO_INCREMENT=\d+", "", statement)


@pytest.mark.parametrize("site", ["mysql"], indirect=True)
def test_migrations_that_were_killed_before_they_were_noted_go_on(site, tmp_path):
    path = written(tmp_path, f"[database]\nconf_file = {site.conf_path}\n")
    assert managed(path, "migrate", "--verbosity", "0").returncode == 0
    database = site.connect()
    tables = [name for (name,) in database.rows("SHOW TABLES") if name != "django_migrations"]
    made = {table: statement_of(database, table) for table in tables}
    database.execute("DELETE FROM django_migrations")
    for table in ("auth_permission", "django_content_type"):  # which are filled after all of them
        database.execute(f"DELETE FROM {table}")
    database.run_ddl("DROP TABLE records_givenroles")  # with a foreign key
    done = managed(path, "migrate", "--verbosity", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert {table: statement_of(database, table) for table in tables} == made
    database.close()


@pytest.mark.parametrize("site", ["mysql"], indirect=True)
def test_a_table_with_rows_that_is_there_is_somebody_elses(site, tmp_path):
    path = written(tmp_path, f"[database]\nconf_file = {site.conf_path}\n")
    database = site.connect()
    database.run_ddl("CREATE TABLE django_content_type (id INT PRIMARY KEY)")
    database.execute("INSERT INTO django_content_type VALUES (1)")
    done = managed(path, "migrate", "--verbosity", "0")
    assert done.returncode == 1 and "Table 'django_content_type' already exists" in done.stderr
    assert list(database.rows("SELECT * FROM django_content_type")) == [(1,)]
    database.close()


def test_readers_and_a_writer_of_a_file_do_not_wait_for_each_other(tmp_path):
    path = written(tmp_path)
    assert managed(path, "migrate", "--verbosity", "0").returncode == 0
    assert (tmp_path / "portal.db").read_bytes()[18:20] == b"\x02\x02"  # write-ahead log


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_a_server_is_asked_over_tls_where_its_authority_is_known(backend, tmp_path):
    path = Files(tmp_path).path
    config = DatabaseConfig(
        backend, "portal", "test", ("db1.example.org", "db2.example.org"), 7000, user="u",
        password="p", ssl_ca=path("ca.pem"), ssl_cert=path("client.pem"),
        ssl_key=path("client.key"),
    )  # fmt: skip
    entry = server_database(config)
    assert (entry["PORT"], entry["USER"]) == ("7000", "u")
    options = entry["OPTIONS"]
    if backend == "mysql":
        assert options["hosts"] == ("db1.example.org", "db2.example.org")
        assert options["ssl"].check_hostname and options["ssl"].verify_mode == ssl.CERT_REQUIRED
    else:
        assert entry["HOST"] == "db1.example.org,db2.example.org"
        assert options == {
            "connect_timeout": 10, "target_session_attrs": "read-write",
            "sslmode": "verify-full", "sslrootcert": path("ca.pem"),
            "sslcert": path("client.pem"), "sslkey": path("client.key"),
        }  # fmt: skip


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_a_socket_is_asked_whatever_the_hosts_are(backend):
    config = DatabaseConfig(backend, "portal", "test", ("db1", "db2"), socket="/run/db.sock")
    entry = server_database(config)
    assert entry["HOST"] == "/run/db.sock" and "hosts" not in entry["OPTIONS"]


@pytest.fixture
def own_postgresql(postgresql):
    """The DatabaseConfig of an empty database on PostgreSQL."""
    config = DatabaseConfig(
        "postgresql", "several_hosts", "test", ("127.0.0.1",), postgresql.port, user="postgres"
    )
    root = Database(config.replaced(select_database=False))
    root.run_ddl("CREATE DATABASE several_hosts")
    yield config
    root.run_ddl("DROP DATABASE several_hosts WITH (FORCE)")
    root.close()


def test_of_several_hosts_of_postgresql_the_first_that_answers_is_asked(own_postgresql, tmp_path):
    hosts = ("127.0.0.7", "nowhere.invalid", "127.0.0.1")  # nobody is at the first two
    with Portal(configured(tmp_path, own_postgresql.replaced(hosts=hosts))) as portal:
        assert portal.ask("ask('SELECT host(inet_server_addr())')") == "127.0.0.1"


def test_of_several_hosts_of_postgresql_one_that_takes_no_writes_is_left(own_postgresql, tmp_path):
    database = Database(own_postgresql)
    # As a standby says.
    database.run_ddl("ALTER DATABASE several_hosts SET default_transaction_read_only = on")
    database.close()
    several = own_postgresql.replaced(hosts=("127.0.0.1", "127.0.0.1"))
    for config, answer in ((own_postgresql, "1"), (several, "OperationalError")):
        with Portal(configured(tmp_path, config)) as portal:
            assert portal.ask("ask('SELECT 1')") == answer
