"""The portal's own database over TLS: what is not verified is refused, with one line."""

import dataclasses
import shutil
import tempfile
from pathlib import Path

import pytest

from tests import services
from tests.tls_servers import PASSWORD, Files, TLSServer
from usagedb.config import write_config


@pytest.fixture(scope="module", params=["mysql", "postgresql"])
def tls_server(request):
    """A TLSServer on each backend in turn."""
    services.require_service("mariadbd", "postgres", modules=["psycopg", "trustme"])
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        (Path(directory) / "files").mkdir()
        made = TLSServer(request.param, Path(directory), Files(Path(directory) / "files"))
        yield made
        made.server.stop()


@pytest.fixture
def migrate(run, tmp_path):
    """Return a function that makes the portal's tables with a DatabaseConfig."""

    def start(config):
        write_config(tmp_path / "own.conf", config)
        path = tmp_path / "portal.conf"
        path.write_text(
            f"[portal]\nhttps = no\nstate = {tmp_path}\n"
            f"[database]\nconf_file = {tmp_path / 'own.conf'}\n"
        )
        return run("userportal", "--conf", path, "migrate", "--verbosity", "0")

    return start


def test_tables_are_made_over_a_verified_connection(tls_server, migrate):
    done = migrate(tls_server.config())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "changes, code, word",
    [
        ({"ssl_ca": "other_ca.pem"}, 77, "SSL_CA"),
        ({"hosts": ("127.0.0.1",)}, 77, "SSL_CA"),
        ({"ssl_cert": "", "ssl_key": ""}, 77, ""),
        ({"ssl_key": "nothing.key"}, 78, "nothing.key"),
        ({"ssl_key": "open.key"}, 78, "chmod 600"),
    ],
)
def test_what_cannot_be_verified_is_refused(tls_server, migrate, changes, code, word):
    files = tls_server.files
    shutil.copy(files.path("client.key"), files.path("open.key"))
    Path(files.path("open.key")).chmod(0o644)
    paths = {
        field: files.path(value) if field.startswith("ssl_") and value else value
        for field, value in changes.items()
    }
    done = migrate(dataclasses.replace(tls_server.config(), **paths))
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1, done.stderr
    assert word in done.stderr and PASSWORD not in done.stderr
