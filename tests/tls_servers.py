"""MariaDB and PostgreSQL with TLS, and certificates of authorities that are made for the test."""

import datetime
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import trustme

from tests import services
from tests.mysql_server import is_mysql, mysql_family_server
from usagedb.config import DatabaseConfig
from usagedb.database import Database

HOST = "localhost"  # that of the server's certificate; 127.0.0.1 is not in it
USER, PASSWORD = "tls_user", "tls pass'word"
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
# MariaDB's hide other accounts; MySQL makes none.
NO_ANONYMOUS = ("DELETE FROM mysql.global_priv WHERE user = ''", "FLUSH PRIVILEGES")
HBA = f"""
local all all trust
hostssl all {USER} all scram-sha-256 clientcert=verify-ca
host all postgres all trust
"""


class Files:
    """Certificates of a site in one directory: of its authority, of another one, out of date."""

    def __init__(self, directory: Path) -> None:
        """Make them; each kind has a file NAME.pem, and NAME.key with its key, mode 0600."""
        self.directory = directory
        self.authority, self.other = trustme.CA(), trustme.CA()
        self.authority.cert_pem.write_to_path(str(directory / "ca.pem"))
        self.other.cert_pem.write_to_path(str(directory / "other_ca.pem"))
        self.make("server", self.authority.issue_cert(HOST))
        self.make("old_server", self.authority.issue_cert(HOST, not_after=LONG_AGO))
        self.make("client", self.authority.issue_cert("loader@site.example"))
        self.make("strange_client", self.other.issue_cert("loader@site.example"))
        old = self.authority.issue_cert("loader@site.example", not_after=LONG_AGO)
        self.make("old_client", old)

    def make(self, name: str, made: trustme.LeafCert) -> None:
        """Write a certificate and its key."""
        made.cert_chain_pems[0].write_to_path(str(self.directory / f"{name}.pem"))
        key = self.directory / f"{name}.key"
        made.private_key_pem.write_to_path(str(key))
        key.chmod(0o600)

    def path(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.directory / name)


class TLSServer:
    """A server that shows a certificate, and has an account which needs one."""

    def __init__(self, backend: str, directory: Path, files: Files) -> None:
        """Start it, with the certificate `server` and one database."""
        self.backend, self.files = backend, files
        self.own = directory / "own"
        self.own.mkdir()
        self.server: services.Server
        options = self.mariadb(directory) if backend == "mysql" else self.postgresql(directory)
        self.show("server")
        self.server.start(options)
        self.root = DatabaseConfig(
            backend, "mysql" if backend == "mysql" else "postgres", "test", ("127.0.0.1",),
            self.server.port, user="root" if backend == "mysql" else "postgres",
            socket=str(self.server.socket) if backend == "mysql" else "",
        )  # fmt: skip
        self.ask(self.account_statements())

    def mariadb(self, directory: Path) -> Sequence[str]:
        """Choose MariaDB; return its options."""
        self.server = mysql_family_server(directory / "server")
        names = {"ca": "ca.pem", "cert": "shown.pem", "key": "shown.key"}
        return [f"--ssl-{option}={self.own / name}" for option, name in names.items()]

    def postgresql(self, directory: Path) -> Sequence[str]:
        """Choose PostgreSQL; return its options."""
        self.server = services.PostgreSQLServer(directory / "server")
        self.server.prepare()
        (self.server.datadir / "pg_hba.conf").write_text(HBA)
        services.open_parents(self.own)
        settings = {
            "ssl": "on", "ssl_ca_file": self.own / "ca.pem",
            "ssl_cert_file": self.own / "shown.pem", "ssl_key_file": self.own / "shown.key",
        }  # fmt: skip
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def account_statements(self) -> Sequence[str]:
        """Return what makes the database, and the account that needs a certificate."""
        password = PASSWORD.replace("'", "''")
        if self.backend == "mysql":
            return (
                "CREATE DATABASE tls_site",
                f"CREATE USER {USER}@'%' IDENTIFIED BY '{password}' REQUIRE X509",
                f"GRANT ALL ON tls_site.* TO {USER}@'%'",
                *(() if is_mysql() else NO_ANONYMOUS),
            )
        return (
            f"CREATE ROLE {USER} LOGIN PASSWORD '{password}'",
            f"CREATE DATABASE tls_site OWNER {USER}",
        )

    def ask(self, statements: Sequence[str]) -> None:
        """Run statements as the server's owner."""
        database = Database(self.root)
        for statement in statements:
            database.run_ddl(statement)
        database.close()

    def show(self, name: str) -> None:
        """Let the server show another certificate from its next connection on."""
        pairs = {"ca.pem": "ca.pem", f"{name}.pem": "shown.pem", f"{name}.key": "shown.key"}
        for source, target in pairs.items():
            shutil.copy(self.files.path(source), self.own / target)
            if os.geteuid() == 0 and self.backend == "postgresql":
                shutil.chown(self.own / target, "postgres", "postgres")
        if self.server.process:
            mysql = "ALTER INSTANCE RELOAD TLS" if is_mysql() else "FLUSH SSL"
            self.ask([mysql if self.backend == "mysql" else "SELECT pg_reload_conf()"])

    def config(self) -> DatabaseConfig:
        """Return the DatabaseConfig with which all is well."""
        return DatabaseConfig(
            self.backend, "tls_site", "test", (HOST,), self.server.port, user=USER,
            password=PASSWORD, ssl_ca=self.files.path("ca.pem"),
            ssl_cert=self.files.path("client.pem"), ssl_key=self.files.path("client.key"),
        )  # fmt: skip
