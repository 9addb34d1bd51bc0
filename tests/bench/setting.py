"""Set up what a benchmark runs on: a private MariaDB, SQLite files, and commands to measure."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pymysql

from tests.bench import gen2_peer, measure
from tests.services import MariaDBServer

REPOSITORY = Path(__file__).resolve().parents[2]
BACKENDS = ("mariadb", "sqlite")
PEER_DATABASE = "flat"


class Setting:
    """A scratch directory with a server, databases in it, and the commands that use them."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.server: Any = MariaDBServer(directory / "mariadb")
        self.environment = command_environment(directory)

    def __enter__(self) -> "Setting":
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def execute(self, *statements: str) -> list[Any]:
        """Run statements as root; return the rows of the last one."""
        connection = pymysql.connect(
            unix_socket=str(self.server.socket), user=self.server.user, autocommit=True
        )
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def conf(self, backend: str, database: str) -> Path:
        """Write the configuration file of a database; return its path."""
        if backend == "sqlite":
            text = f"[SQLITE]\nDB={self.sqlite_file(database)}\n"
        else:
            text = (
                f"[MYSQL]\nHOST=127.0.0.1\nPORT={self.server.port}\nSOCKET={self.server.socket}\n"
                f"USER={self.server.user}\nPASSWD=\nDB={database}\n"
            )
        path = self.directory / f"{backend}-{database}_db.conf"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    def sqlite_file(self, database: str) -> Path:
        """Return the path of an SQLite database."""
        return self.directory / f"{database}.db"

    def make_database(self, backend: str, database: str) -> Path:
        """Make an empty database with our tables, instead of one of that name; return its conf."""
        conf = self.conf(backend, database)
        if backend == "sqlite":
            for path in self.directory.glob(f"{database}.db*"):
                path.unlink()
        else:
            self.execute(f"drop database if exists {database}", f"create database {database}")
        self.call(tool("createDB", "--confFn", str(conf)))
        return conf

    def make_peer_database(self) -> None:
        """Make an empty flat table, instead of one that is there."""
        self.execute(f"drop database if exists {PEER_DATABASE}", f"create database {PEER_DATABASE}")
        self.call(self.peer("create"))

    def peer(self, *arguments: str) -> list[str]:
        """Return a command of the stand-in for the tools that sites use today."""
        return self.peer_of(gen2_peer, PEER_DATABASE, *arguments)

    def peer_of(self, module: Any, database: str, *arguments: str) -> list[str]:
        """Return a command of a module that stands in for tools of today."""
        where = ["--socket", str(self.server.socket), "--database", database]
        return [sys.executable, "-m", module.__name__, *where, *arguments]

    def load_file(self, database: str, statement: str, path: Path) -> None:
        """Run a LOAD DATA LOCAL INFILE %s as root."""
        connection = pymysql.connect(
            unix_socket=str(self.server.socket), user=self.server.user, autocommit=True,
            local_infile=True, database=database,
        )  # fmt: skip
        with connection, connection.cursor() as cursor:
            cursor.execute("SET unique_checks = 0, foreign_key_checks = 0")
            cursor.execute(statement, (str(path),))

    def call(self, command: list[str]) -> str:
        """Run a command that is not measured; return its output.

        Raises measure.CommandFailed if its status is not 0.
        """
        done = subprocess.run(command, check=False, env=self.environment, capture_output=True)
        if done.returncode:
            raise measure.CommandFailed(measure.failure_text(command, done.returncode, done.stderr))
        return done.stdout.decode()

    def row_count(self, backend: str, database: str, table: str) -> int:
        """Return the number of rows of a table or view."""
        query = f"select count(*) from {table}"  # noqa: S608 (our own names)
        if backend == "mariadb":
            return int(self.execute(f"use {database}", query)[0][0])
        connection = sqlite3.connect(self.sqlite_file(database))
        try:
            return int(connection.execute(query).fetchone()[0])
        finally:
            connection.close()


def tool(name: str, *arguments: str) -> list[str]:
    """Return the command line of one of our commands, run by this very Python."""
    return [sys.executable, str(REPOSITORY / "bin" / name), *arguments]


def command_environment(directory: Path) -> dict[str, str]:
    """Return an environment in which nothing outside the directory is read or written.

    The logs are made for UTC days, so the commands must see these days too.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HPCUSAGE_")}
    home = str(directory)
    return {
        **kept, "TZ": "UTC", "HOME": home, "XDG_DATA_HOME": home, "TMPDIR": home,
        "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip
