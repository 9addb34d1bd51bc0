"""A private MySQL server for tests, in MariaDB's place where HPCUSAGE_MYSQL_ROOT is set.

MySQL does not stand beside MariaDB in Debian: HPCUSAGE_MYSQL_ROOT is a directory that holds another
Debian with the package mysql-server-core, as `make mysql-check` makes it. The server runs from
there with the libraries of there, without chroot, so that it sees the paths that the tests see.
"""

import os
from pathlib import Path

from tests.services import MariaDBServer, run_logged

VARIABLE = "HPCUSAGE_MYSQL_ROOT"


class MySQLServer(MariaDBServer):
    """A MySQL server on a TCP port of 127.0.0.1 and on a socket."""

    name = "mysql"

    def __init__(self, directory: Path, root: Path) -> None:
        """Choose port, socket and data directory; root is the Debian that holds the server."""
        super().__init__(directory)
        self.root = root

    def prepare(self) -> None:
        """Make the data directory, with an account root that has no password."""
        if not (self.datadir / "mysql").is_dir():
            command = [*self._program(), *self._common_options(), "--initialize-insecure"]
            run_logged(command, self.log)

    def command(self) -> "list[str]":
        """Return the command line of mysqld."""
        return [
            *self._program(),
            *self._common_options(),
            f"--socket={self.socket}",
            f"--pid-file={self.directory / 'pid'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--secure-file-priv=NULL",
            "--mysqlx=OFF",
            "--disable-log-bin",
        ]

    def _program(self) -> "list[str]":
        loader = self.root / "lib64/ld-linux-x86-64.so.2"
        libraries = self.root / "usr/lib/x86_64-linux-gnu"
        return [str(loader), "--library-path", str(libraries), str(self.root / "usr/sbin/mysqld")]

    def _common_options(self) -> "list[str]":
        first, *rest = super()._common_options()  # --no-defaults is the first of all
        return [first, f"--basedir={self.root / 'usr'}", *rest]


def is_mysql() -> bool:
    """Tell whether the tests run on MySQL, not on MariaDB."""
    return bool(os.environ.get(VARIABLE))


def mysql_family_server(directory: Path) -> MariaDBServer:
    """Return a server of MariaDB, or of MySQL where HPCUSAGE_MYSQL_ROOT names one; not started."""
    root = os.environ.get(VARIABLE)
    return MySQLServer(directory, Path(root)) if root else MariaDBServer(directory)
