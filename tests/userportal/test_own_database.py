"""The portal's own database, on a file and on each server."""

import subprocess
import sys

import pytest

from usagedb.config import DatabaseConfig
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


def test_readers_and_a_writer_of_a_file_do_not_wait_for_each_other(tmp_path):
    path = written(tmp_path)
    assert managed(path, "migrate", "--verbosity", "0").returncode == 0
    assert (tmp_path / "portal.db").read_bytes()[18:20] == b"\x02\x02"  # write-ahead log


@pytest.mark.parametrize("backend", ["mysql", "postgresql"])
def test_a_server_is_asked_over_tls_where_its_authority_is_known(backend):
    config = DatabaseConfig(
        backend, "portal", "test", ("db1.example.org", "db2.example.org"), 7000, user="u",
        password="p", ssl_ca="/ca.pem", ssl_cert="/cert.pem", ssl_key="/key.pem",
    )  # fmt: skip
    entry = server_database(config)
    assert (entry["HOST"], entry["PORT"], entry["USER"]) == ("db1.example.org", "7000", "u")
    options = entry["OPTIONS"]
    if backend == "mysql":
        assert options["ssl"] == {
            "ca": "/ca.pem", "check_hostname": True, "cert": "/cert.pem", "key": "/key.pem",
        }  # fmt: skip
    else:
        assert options == {
            "sslmode": "verify-full", "sslrootcert": "/ca.pem", "sslcert": "/cert.pem",
            "sslkey": "/key.pem",
        }  # fmt: skip
