"""A database on a cluster with accounts that may only load or only report, and a plain one beside
it that has every input once; and how the two are compared."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pymysql

from tests.conftest import Site, run_command
from tests.epmtlite import made_jobs
from tests.galera_cluster import ADDRESSES, GaleraCluster, GaleraNode
from tests.lmodtrack.logs import stored_months, stored_use
from tests.soak.galera_runner import Wrong
from tests.soak.galera_streams import Stream
from tests.xaltload.loading import assert_sets_hold
from tests.xaltload.loading import contents as xalt_contents
from usagedb.config import DatabaseConfig, write_config

DATABASE = "usage_galera"
LOADER, REPORTER = "galera_load", "galera_report"
LEDGER = "SELECT head, position, line_count, digest FROM lmod_log ORDER BY head, position, digest"
SINGLE_LOADS = (
    "SELECT l.day, g.head, l.line, l.item, l.load_time, u.user_name, m.path, c.cluster_name,"
    " l.loads, l.user_load, l.job_id FROM lmod_load l JOIN lmod_log g ON g.log_id = l.log_id"
    " JOIN lmod_user u ON u.user_id = l.user_id JOIN lmod_module m ON m.module_id = l.module_id"
    " JOIN lmod_cluster c ON c.cluster_id = l.cluster_id"
)
TABLES = (
    "SELECT table_name FROM information_schema.tables"
    f" WHERE table_schema = '{DATABASE}' AND table_type = 'BASE TABLE' ORDER BY table_name"  # noqa: S608
)
WITHOUT_KEY = (
    "SELECT t.table_name FROM information_schema.tables t"  # noqa: S608
    " LEFT JOIN information_schema.table_constraints c ON c.table_schema = t.table_schema"
    " AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY'"
    f" WHERE t.table_schema = '{DATABASE}' AND t.table_type = 'BASE TABLE'"
    " AND c.table_name IS NULL"
)
# What runs of a loader say of themselves differs: they ended in other ways.
NOT_COMPARED = {"usage_run"}


class GaleraSite:
    """The tables of all tools on a cluster, and in an SQLite file."""

    def __init__(
        self, cluster: GaleraCluster, directory: Path, environment: dict[str, str]
    ) -> None:
        """Make the database, the accounts and the configuration files.

        environment is that of the commands.
        """
        self.cluster, self.directory, self.environment = cluster, directory, environment
        cluster.nodes[0].ask(f"CREATE DATABASE {DATABASE}")
        (directory / "root").mkdir()
        self.root = Site(cluster.config(DATABASE), directory / "root").create()
        self._make_account(LOADER, "SELECT, INSERT, UPDATE, DELETE")
        self._make_account(REPORTER, "SELECT")
        # One of each for each node that it begins with.
        self.load_confs = [self._conf(LOADER, first) for first in range(len(ADDRESSES))]
        self.report_confs = [self._conf(REPORTER, first) for first in range(len(ADDRESSES))]
        (directory / "plain").mkdir()
        plain = DatabaseConfig("sqlite", str(directory / "plain" / "usage.db"), "test")
        self.plain = Site(plain, directory / "plain").create()

    def _make_account(self, name: str, rights: str) -> None:
        node = self.cluster.nodes[0]
        node.ask(f"CREATE USER {name}@'%'")
        node.ask(f"GRANT {rights} ON {DATABASE}.* TO {name}@'%'")

    def _conf(self, user: str, first: int) -> Path:
        path = self.directory / f"{user}{first}_db.conf"
        write_config(path, self.cluster.config(DATABASE, first, user=user))
        return path

    def load_plain(self, streams: Sequence[Stream]) -> None:
        """Load inputs into the plain database, as anybody would. Raises Wrong if that fails."""
        by_command: dict[str, list[object]] = {}
        for stream in streams:
            by_command.setdefault(stream.command, []).extend(stream.inputs())
        for command, inputs in by_command.items():
            first, *rest = command.split()
            done = run_command(
                first, *rest, "--confFn", self.plain.conf_path, *inputs, env=self.environment
            )
            if done.returncode not in (0, 3):
                raise Wrong(f"{command} ended with {done.returncode}: {done.stderr}")

    def take_care(self) -> None:
        """Let an hour go by, and let `epmt dbcare` remove what stopped loads have left.

        Raises Wrong if that fails.
        """
        database = self.root.connect()
        database.execute("UPDATE epmt_partial SET begun_at = begun_at - 3600 WHERE begun_at > 0")
        database.close()
        words = ("epmt", "dbcare", "--confFn", self.load_confs[0])
        done = run_command(*words, env=self.environment)
        if done.returncode != 0:
            raise Wrong(f"epmt dbcare ended with {done.returncode}: {done.stderr}")

    def compare(self) -> int:
        """Raise Wrong unless both databases hold the same; return how many rows the cluster has."""
        for name, contents in (
            ("lmod_use", stored_use),
            ("lmod_month", stored_months),
            ("lmod_log", lambda site: site.rows(LEDGER)),
            ("lmod_load", lambda site: sorted(site.rows(SINGLE_LOADS))),
            ("xalt", xalt_contents),
            ("epmt", made_jobs.contents),
        ):
            found, wanted = contents(self.root), contents(self.plain)
            if found != wanted:
                raise Wrong(f"{name} differs from a plain load: {difference(found, wanted)}")
        assert_sets_hold(self.root)
        return sum(self.row_counts().values())

    def row_counts(self) -> "dict[str, int]":
        """Return the number of rows of each table that holds what was loaded."""
        tables = [row[0] for row in self.root.rows(TABLES) if row[0] not in NOT_COMPARED]
        return {
            table: self.root.rows(f"SELECT COUNT(*) FROM {table}")[0][0]  # noqa: S608
            for table in tables
        }

    def compare_nodes(self) -> int:
        """Raise Wrong unless all nodes hold the same; return how many rows were compared."""
        sums = [checksums(node) for node in self.cluster.nodes]
        if any(one != sums[0] for one in sums):
            different = [table for table in sums[0] if len({one.get(table) for one in sums}) > 1]
            raise Wrong(f"the nodes differ in {different}")
        return sum(self.row_counts().values()) * (len(sums) - 1)

    def tables_without_key(self) -> "list[str]":
        """Return the tables that have no primary key: Galera needs one in each."""
        return [row[0] for row in self.root.rows(WITHOUT_KEY)]


def checksums(node: GaleraNode) -> "dict[str, Any]":
    """Return the checksum of each table of a node, with all that the cluster has committed."""
    with node.connect(read_timeout=120) as connection, connection.cursor() as cursor:
        assert isinstance(connection, pymysql.Connection)
        cursor.execute("SET SESSION wsrep_sync_wait = 15")
        cursor.execute(TABLES)
        names = ", ".join(f"{DATABASE}.{row[0]}" for row in cursor.fetchall())
        cursor.execute(f"CHECKSUM TABLE {names} EXTENDED")
        return dict(cursor.fetchall())


def difference(found: Any, wanted: Any) -> str:
    """Return where two contents differ, in short."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
        parts = [f"{key}: {difference(found.get(key), wanted.get(key))}" for key in keys[:3]]
        return f"{len(keys)} keys: {'; '.join(parts)}"
    if isinstance(found, (list, tuple)) and isinstance(wanted, (list, tuple)):
        extra = [one for one in found if one not in wanted][:3]
        missing = [one for one in wanted if one not in found][:3]
        return f"{len(found)} and {len(wanted)}, too many {extra}, missing {missing}"[:1500]
    return f"{found!r} instead of {wanted!r}"[:1500]
