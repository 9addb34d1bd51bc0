"""Passwords of MariaDB's accounts, or of MySQL's (caching_sha2_password) if tests run on it."""

import pymysql
import pytest

from tests.mysql_server import is_mysql
from tests.usagedb.conftest import drop_anonymous
from usagedb import errors
from usagedb.config import DatabaseConfig
from usagedb.database import Database

PASSWORDS = {
    "usual": "a password",
    "of other alphabets": "pässwörd-密码-😀",
    "with all signs": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ;",
    "as long as RSA of 2048 bits takes": "x" * 213,
}
METHOD = "WITH caching_sha2_password" if is_mysql() else ""
ACCOUNT = (
    "CREATE USER 'sha2'@'%' IDENTIFIED {method} BY '{password}'",
    "GRANT SELECT ON *.* TO 'sha2'@'%'",
)


@pytest.fixture
def account(mariadb, request):
    """Return a function that makes an account; it gives its DatabaseConfig over TCP."""
    root = DatabaseConfig(
        "mysql", "mysql", "test", ("127.0.0.1",), mariadb.port, user="root",
        socket=str(mariadb.socket),
    )  # fmt: skip

    def ask(*statements):
        database = Database(root)
        drop_anonymous(database)
        for statement in statements:
            database.run_ddl(statement)
        database.close()

    def make(password, socket=""):
        written = password.replace("\\", "\\\\").replace("'", "''")
        ask(*(one.format(method=METHOD, password=written) for one in ACCOUNT))
        request.addfinalizer(lambda: ask("DROP USER 'sha2'@'%'"))
        return root.replaced(user="sha2", password=password, socket=socket)

    make.forget = lambda: ask("FLUSH PRIVILEGES")  # the server's cache of passwords, too
    return make


def who(config):
    """Return who the server says that we are."""
    database = Database(config)
    name = database.rows("SELECT CURRENT_USER()")[0][0]
    database.close()
    return name


@pytest.fixture(params=["socket", "TLS", "RSA"])
def way(request, monkeypatch):
    """How the password goes to the server."""
    if request.param == "RSA":
        without_tls(monkeypatch)
    return request.param


def without_tls(monkeypatch):
    """Let the driver not take the TLS that a server offers: before PyMySQL 1.2 it never did."""
    monkeypatch.setattr(pymysql.connections, "SSL_ENABLED", False)


@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
def test_a_password_is_known_at_first_and_from_the_servers_cache(account, mariadb, way, password):
    config = account(password, str(mariadb.socket) if way == "socket" else "")
    account.forget()
    assert [who(config) for _time in range(3)] == ["sha2@%"] * 3


@pytest.mark.skipif(not is_mysql(), reason="MariaDB asks for no RSA: make mysql-check")
def test_a_password_that_is_too_long_for_rsa_is_told_and_goes_over_tls(account, monkeypatch):
    config = account("x" * 214)
    assert who(config) == "sha2@%"
    account.forget()
    without_tls(monkeypatch)
    with pytest.raises(errors.ConfigurationError, match="longer than the server's RSA key takes"):
        who(config)


def test_without_a_password(account):
    assert who(account("")) == "sha2@%"


def test_another_password_is_refused(account):
    config = account("right")
    for _time in range(2):
        with pytest.raises(errors.RefusedError, match="check user, password and grants"):
            who(config.replaced(password="wrong"))
        assert who(config) == "sha2@%"


@pytest.mark.skipif(not is_mysql(), reason="MariaDB asks for no RSA: make mysql-check")
def test_without_tls_and_without_the_library_of_rsa_it_is_told_what_to_do(account, monkeypatch):
    without_tls(monkeypatch)
    monkeypatch.setattr(pymysql._auth, "_have_cryptography", False)
    config = account("a password")
    account.forget()
    with pytest.raises(errors.ConfigurationError, match=r"needs TLS .*hpcusage\[mysql8\]"):
        who(config)
