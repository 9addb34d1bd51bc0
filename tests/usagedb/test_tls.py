"""TLS with real servers: what is not verified is refused, with one line that says what to do."""

import contextlib
import dataclasses
import shutil
import socket
import struct
import tempfile
import threading
from pathlib import Path

import pytest

from tests import services
from tests.mysql_server import is_mysql
from tests.tls_servers import PASSWORD, Files, TLSServer
from usagedb import errors
from usagedb.config import DatabaseConfig, write_config
from usagedb.database import Database

ENCRYPTED_BY = "a passphrase"


@pytest.fixture(scope="module", params=["mysql", "postgresql"])
def tls_server(request):
    """A TLSServer on each backend in turn."""
    services.require_service("mariadbd", "postgres", modules=["psycopg", "trustme"])
    # Not below pytest's own directory, which is closed to the account of PostgreSQL.
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        (Path(directory) / "files").mkdir()
        made = TLSServer(request.param, Path(directory), Files(Path(directory) / "files"))
        yield made
        made.server.stop()


@pytest.fixture
def command(run, tmp_path):
    """Return a function that runs createDB with a DatabaseConfig."""

    def start(config, *arguments, **options):
        write_config(tmp_path / "site.conf", config)
        return run("createDB", "--confFn", tmp_path / "site.conf", *arguments, **options)

    return start


def assert_refused(done, code, *words):
    """Make sure that a command ended with a code and one line that has the words, and no secret."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr
    assert PASSWORD not in done.stderr


def test_commands_work_over_a_verified_connection(tls_server, command, run, tmp_path):
    assert command(tls_server.config()).returncode == 0
    log = tmp_path / "moduleUsage.log"
    log.write_text("")
    done = run("store_module_data", "--confFn", tmp_path / "site.conf", log)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    database = Database(tls_server.config())
    if tls_server.backend == "mysql":
        cipher = database.rows("SHOW SESSION STATUS LIKE 'Ssl_version'")[0][1]
    else:
        cipher = database.rows("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")[0][0]
    database.close()
    assert cipher in ("TLSv1.2", "TLSv1.3")


CHANGES = {  # what is wrong: files or hosts by field, exit code, words
    "another authority": ({"ssl_ca": "other_ca.pem"}, 77, "SSL_CA"),
    "another host name": ({"hosts": ("127.0.0.1",)}, 77, "SSL_CA"),
    "a key of another certificate": ({"ssl_key": "old_client.key"}, 78, "SSL files"),
    "no authority's file": ({"ssl_ca": "nothing.pem"}, 78, "nothing.pem"),
    "no key's file": ({"ssl_key": "nothing.key"}, 78, "nothing.key"),
    "an authority that is none": ({"ssl_ca": "client.key"}, 78, "SSL files"),
    "a key alone": ({"ssl_cert": ""}, 78, "SSL_KEY without SSL_CERT"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_cannot_be_verified_is_refused(tls_server, command, name):
    changes, code, word = CHANGES[name]
    paths = {
        field: tls_server.files.path(value) if field.startswith("ssl_") and value else value
        for field, value in changes.items()
    }
    assert_refused(command(dataclasses.replace(tls_server.config(), **paths)), code, word)


@pytest.mark.parametrize("name", ["strange_client", "old_client"])
def test_a_client_whose_certificate_the_server_does_not_accept_is_refused(
    tls_server, command, name
):
    path = tls_server.files.path
    config = tls_server.config().replaced(ssl_cert=path(f"{name}.pem"), ssl_key=path(f"{name}.key"))
    done = command(config)
    if done.returncode == 75 and tls_server.backend == "mysql":
        # With TLS 1.3 the server hangs up after the handshake: its reason can come too late.
        assert_refused(done, 75, "SSL")
    else:
        assert_refused(done, 77, "SSL_CERT")


def test_a_client_without_the_certificate_that_its_account_needs_is_refused(tls_server, command):
    config = dataclasses.replace(tls_server.config(), ssl_cert="", ssl_key="")
    assert_refused(command(config), 77)


def test_a_server_out_of_date_is_refused(tls_server, command):
    if tls_server.backend == "mysql" and is_mysql():
        pytest.skip("MySQL does not take a certificate that is out of date")
    tls_server.show("old_server")
    try:
        services.wait_until(
            lambda: command(tls_server.config()).returncode != 0, "the server to show it"
        )
        assert_refused(command(tls_server.config()), 77, "SSL_CA")
    finally:
        tls_server.show("server")
    services.wait_until(lambda: command(tls_server.config()).returncode == 0, "all to be well")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_key_that_others_may_read_is_refused(tls_server, command, tmp_path, mode):
    key = tmp_path / "client.key"
    shutil.copy(tls_server.files.path("client.key"), key)
    key.chmod(mode)
    config = dataclasses.replace(tls_server.config(), ssl_key=str(key))
    assert_refused(command(config), 78, "chmod 600", str(key))


def test_a_key_that_this_account_cannot_read_is_refused(tls_server, run, nobody):
    directory = Path(tls_server.files.directory)
    services.open_parents(directory / "file")
    directory.chmod(0o755)
    key, conf = directory / "roots.key", directory / "site.conf"
    shutil.copy(tls_server.files.path("client.key"), key)
    key.chmod(0o600)
    config = dataclasses.replace(tls_server.config(), ssl_ca="", ssl_cert=str(key), ssl_key="")
    write_config(conf, config)
    conf.chmod(0o644)
    done = run("createDB", "--confFn", conf, cwd="/", **nobody)
    assert done.returncode == 77
    assert f"cannot read {key}" in done.stderr.splitlines()[-1]


def test_a_key_with_a_passphrase_asks_nobody(tls_server, command, tmp_path):
    from cryptography.hazmat.primitives import serialization

    raw = Path(tls_server.files.path("client.key")).read_bytes()
    key = serialization.load_pem_private_key(raw, None)
    encrypted = tmp_path / "client.key"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(ENCRYPTED_BY.encode()),
        )  # fmt: skip
    )
    encrypted.chmod(0o600)
    config = dataclasses.replace(tls_server.config(), ssl_key=str(encrypted))
    assert_refused(command(config, start_new_session=True), 78, "SSL files")


def test_a_certificate_with_its_key_in_one_file_will_do(tls_server, command, tmp_path):
    both = tmp_path / "both.pem"
    parts = [Path(tls_server.files.path(name)).read_text() for name in ("client.pem", "client.key")]
    both.write_text("".join(parts))
    both.chmod(0o600)
    config = dataclasses.replace(tls_server.config(), ssl_cert=str(both), ssl_key="")
    assert command(config).returncode == 0


def test_a_server_without_tls_is_refused(site, command, tmp_path):
    if site.config.backend == "sqlite":
        pytest.skip("a file has no connections")
    if site.config.backend == "mysql" and is_mysql():
        pytest.skip("MySQL always offers TLS: it makes certificates for itself")
    files = tmp_path / "files"
    files.mkdir()
    config = dataclasses.replace(site.config, socket="", ssl_ca=Files(files).path("ca.pem"))
    assert_refused(command(config), 78, "no TLS")


def test_who_takes_tls_out_of_a_greeting_gets_no_byte_of_a_login(tmp_path):
    authority = Files(tmp_path).path("ca.pem")
    with socket.create_server(("127.0.0.1", 0)) as server:
        received: list = []
        threading.Thread(target=greet_without_tls, args=(server, received), daemon=True).start()
        config = DatabaseConfig(
            "mysql", "site", "test", ("127.0.0.1",), server.getsockname()[1], user="loader",
            password=PASSWORD, ssl_ca=authority,
        )  # fmt: skip
        with pytest.raises(errors.ConfigurationError, match="no TLS"):
            Database(config)
        services.wait_until(lambda: received, "the end of the connection")
    assert set(received) == {b""}


def greet_without_tls(server, received):
    """Greet clients as MySQL does, but for the flag of TLS (0x800); note what they say."""
    flags = 0xFFFFF7FF & ~0x20000000  # no zstd
    body = b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"s" * 8 + b"\0"
    body += struct.pack("<HBHH", flags & 0xFFFF, 45, 2, flags >> 16) + bytes([21]) + bytes(10)
    body += b"t" * 12 + b"\0" + b"caching_sha2_password\0"
    while True:
        try:
            connection, _address = server.accept()
        except OSError:  # the end
            return
        with connection, contextlib.suppress(OSError):
            connection.sendall(struct.pack("<I", len(body))[:3] + b"\0" + body)
            received.append(connection.recv(4096))
