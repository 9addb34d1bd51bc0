"""A Galera cluster of three MariaDB nodes for tests, and what can happen to its nodes.

The nodes have one port and the addresses 127.0.0.1 to 127.0.0.3, so that one configuration with
HOST = 127.0.0.1,127.0.0.2,127.0.0.3 names all of them.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Optional

import pymysql

from tests import services
from usagedb.config import DatabaseConfig

ACCOUNT = "mysql"  # the copy of a node's state by rsync fails as root
ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
PROVIDERS = ("/usr/lib/libgalera_smm.so", "/usr/lib/galera/libgalera_smm.so")
JOIN_SECONDS = 120.0
PROBE_SECONDS = 5
POSITION = re.compile(rb"Recovered position:? *([0-9a-f-]{36}:-?\d+)")
NOWHERE = "00000000-0000-0000-0000-000000000000:-1"
SERVER_OPTIONS = (
    "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--default-storage-engine=InnoDB",
    "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=48M",
    "--innodb-flush-log-at-trx-commit=2",  # survives a kill, not a power cut
    "--performance-schema=OFF", "--max-connections=100", "--skip-name-resolve",
    "--wsrep-on=ON", "--wsrep-cluster-name=test", "--wsrep-sst-method=rsync",
)  # fmt: skip
# A node that says nothing is left out after 2 s instead of 5.
PROVIDER_OPTIONS = (
    "evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.5S;evs.suspect_timeout=PT2S;"
    "evs.inactive_timeout=PT6S;evs.install_timeout=PT6S;gcache.size=128M"
)


def require_galera() -> None:
    """Skip the test where a cluster cannot run, or fail, as tests.services.require_service does."""
    services.require_service("mariadbd", "mariadb-install-db", "rsync")
    if not provider():
        services.require_service("libgalera_smm.so")


def provider() -> Optional[str]:
    """Return the path of Galera's library, None where it is not installed."""
    return next((path for path in PROVIDERS if Path(path).exists()), None)


def account_options() -> "dict[str, Any]":
    """Return the account to run nodes as, when root, for subprocess."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(ACCOUNT)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


class GaleraNode(services.MariaDBServer):
    """One node; it keeps address and ports over restarts."""

    def __init__(self, directory: Path, number: int, ports: "dict[str, int]") -> None:
        """number counts from 0; ports has `sql`, `group`, `ist` and `sst`."""
        super().__init__(directory)
        self.number, self.address, self.ports = number, ADDRESSES[number], ports
        self.port = ports["sql"]
        self.name = f"node {number + 1}"
        self.log = self.directory / "node.log"
        self.stopped = False  # by SIGSTOP

    def popen_options(self) -> "dict[str, Any]":
        """Return the account to run as."""
        return account_options()

    def _common_options(self) -> "list[str]":
        temporary = self.directory / "tmp"
        temporary.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            for path in (self.directory, temporary):
                shutil.chown(path, ACCOUNT, ACCOUNT)
        return ["--no-defaults", f"--datadir={self.datadir}", f"--tmpdir={temporary}"]

    def prepare(self) -> None:
        """Make the data directory, with an account root that has no password."""
        if (self.datadir / "mysql").is_dir():
            return
        install = services.find_program("mariadb-install-db")
        options = [*self._common_options(), "--auth-root-authentication-method=normal"]
        with self.log.open("ab") as log:
            subprocess.run(
                [str(install), *options], check=True, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd="/", **account_options(),
            )  # fmt: skip

    def command(self) -> "list[str]":
        """Return the command line of mariadbd."""
        group = ",".join(f"{address}:{self.ports['group']}" for address in ADDRESSES)
        address = f"{self.address}:{self.ports['group']}"
        return [
            str(services.find_program("mariadbd")),
            *self._common_options(),
            *SERVER_OPTIONS,
            f"--socket={self.socket}",
            f"--pid-file={self.directory / 'pid'}",
            f"--port={self.port}",
            f"--bind-address={self.address}",
            f"--wsrep-provider={provider()}",
            f"--wsrep-node-name=n{self.number + 1}",
            f"--wsrep-node-address={self.address}",
            f"--wsrep-cluster-address=gcomm://{group}",
            f"--wsrep-sst-receive-address={self.address}:{self.ports['sst']}",
            f"--wsrep-provider-options=gmcast.listen_addr=tcp://{address};"
            f"ist.recv_addr={self.address}:{self.ports['ist']};{PROVIDER_OPTIONS}",
        ]

    def is_ready(self) -> bool:
        """Tell whether the node is a synchronised member of the cluster."""
        return self.status("wsrep_local_state_comment") == "Synced" and self.is_primary()

    def is_primary(self) -> bool:
        """Tell whether the node belongs to the part of the cluster that has a majority."""
        return self.status("wsrep_cluster_status") == "Primary"

    def launch(self, *options: str) -> None:
        """Start the process, and do not wait until it is a member."""
        self.prepare()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command(), *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **self.popen_options(),
            )  # fmt: skip
        self.stopped = False

    def is_alive(self) -> bool:
        """Tell whether the process runs, be it stopped by a signal."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """Kill the node as a crash would."""
        super().kill()
        self.stopped = False

    def recovered_position(self) -> str:
        """Return `uuid:number` of the last transaction of a node that is down."""
        done = subprocess.run(
            [*self.command(), "--wsrep-recover"], check=False, cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **account_options(),
        )  # fmt: skip
        found = POSITION.findall(done.stdout)
        return found[-1].decode() if found else NOWHERE

    def pause(self) -> None:
        """Stop the process as it is: connections stay open, and nothing answers."""
        if self.is_alive() and self.process:
            self.process.send_signal(signal.SIGSTOP)
            self.stopped = True

    def resume(self) -> None:
        """Let the process go on."""
        if self.is_alive() and self.process:
            self.process.send_signal(signal.SIGCONT)
        self.stopped = False

    def connect(self, **options: Any) -> pymysql.Connection:
        """Return a connection as root, by the socket. Raises pymysql.Error."""
        return pymysql.connect(
            unix_socket=str(self.socket), user="root", autocommit=True,
            connect_timeout=PROBE_SECONDS, read_timeout=options.pop("read_timeout", PROBE_SECONDS),
            **options,
        )  # fmt: skip

    def ask(self, sql: str, **options: Any) -> "list[tuple[Any, ...]]":
        """Return the rows of a statement. Raises pymysql.Error."""
        with self.connect(**options) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def status(self, name: str) -> str:
        """Return a status variable, '' if the node does not answer."""
        if not self.is_alive() or self.stopped:
            return ""
        try:
            rows = self.ask(f"SHOW STATUS LIKE '{name}'")
        except (pymysql.Error, OSError):
            return ""
        return str(rows[0][1]) if rows else ""

    def set_provider_option(self, option: str) -> None:
        """Set an option of Galera, such as gmcast.isolate=1. Raises pymysql.Error."""
        self.ask(f"SET GLOBAL wsrep_provider_options = '{option}'")


class GaleraCluster:
    """Three nodes in one directory; a context manager that starts and stops them."""

    def __init__(self, directory: Path) -> None:
        """directory has to be one that the account of the nodes can reach."""
        names = ("sql", "group", "ist", "sst")
        ports = dict(zip(names, free_ports(len(names))))
        self.directory = Path(directory)
        self.nodes = [
            GaleraNode(self.directory / f"n{number + 1}", number, ports)
            for number in range(len(ADDRESSES))
        ]

    def __enter__(self) -> "GaleraCluster":
        """Start the cluster."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the cluster."""
        self.stop()

    def start(self) -> None:
        """Make a new cluster of the first node, and let the others join."""
        first, *others = self.nodes
        first.prepare()
        first.launch("--wsrep-new-cluster")
        self.wait_for(first.is_ready, "the first node", [first])
        for node in others:
            node.launch()
            self.wait_for(node.is_ready, node.name, [node])

    def stop(self) -> None:
        """Stop all nodes."""
        for node in self.nodes:
            node.resume()
            node.stop()

    def config(self, database: str, first: int = 0, **changes: Any) -> DatabaseConfig:
        """Return the configuration of a database with all hosts, beginning with the given one."""
        hosts = (*ADDRESSES[first:], *ADDRESSES[:first])
        return DatabaseConfig(
            "mysql", database, "test", hosts, self.nodes[0].port, user="root"
        ).replaced(**changes)

    def has_quorum(self) -> bool:
        """Tell whether some node can be used."""
        return any(node.is_ready() for node in self.nodes)

    def is_whole(self) -> bool:
        """Tell whether all three nodes are members and synchronised."""
        sizes = {node.status("wsrep_cluster_size") for node in self.nodes}
        return sizes == {str(len(self.nodes))} and all(node.is_ready() for node in self.nodes)

    def bring_back(self) -> None:
        """Undo whatever happened to the nodes, and wait until all three are one cluster."""
        for node in self.nodes:
            node.resume()
        for node in self.nodes:
            heal(node)
        if not any(node.is_alive() for node in self.nodes):
            self.restart_all()
        self.wait_for(self._is_settled, "the living nodes to agree")
        if not self.has_quorum():
            self.bootstrap()
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(rejoin, [node for node in self.nodes if not node.is_alive()]))
        self.wait_for(self._is_whole_again, "all nodes to be one cluster", self.nodes)

    def _is_whole_again(self) -> bool:
        """Tell whether all nodes are one cluster; one whose Galera has given up is started anew."""
        for node in self.nodes:
            if node.is_alive() and node.status("wsrep_connected") == "OFF":  # for ever
                rejoin(node)
        return self.is_whole()

    def _is_settled(self) -> bool:
        """Tell whether every living node is synchronised, or is left without a majority."""
        living = [node for node in self.nodes if node.is_alive()]
        found = [node.status("wsrep_cluster_status") for node in living]
        if any(node.is_ready() for node in living):
            return True
        return all(one and one != "Primary" for one in found) and len(living) < len(self.nodes)

    def bootstrap(self) -> None:
        """Make the living node that has most transactions the beginning of the cluster."""
        living = [node for node in self.nodes if node.is_alive()]
        best = max(living, key=lambda node: int(node.status("wsrep_last_committed") or -1))
        with contextlib.suppress(pymysql.Error):  # refused if the nodes have agreed meanwhile
            best.set_provider_option("pc.bootstrap=1")
        self.wait_for(best.is_ready, "the cluster to be made anew", [best])

    def restart_all(self) -> None:
        """Start a cluster all of whose nodes are down from the node that has most transactions."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            positions = list(pool.map(GaleraNode.recovered_position, self.nodes))
        best = max(self.nodes, key=lambda node: int(positions[node.number].rpartition(":")[2]))
        state = best.datadir / "grastate.dat"
        text = state.read_text()
        state.write_text(text.replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        best.launch("--wsrep-new-cluster", f"--wsrep-start-position={positions[best.number]}")
        self.wait_for(best.is_ready, "the first node", [best])

    def forget_state(self, node: GaleraNode) -> None:
        """Let a node that is down copy the whole state of another one when it comes back."""
        (node.datadir / "grastate.dat").unlink(missing_ok=True)

    def wait_for(
        self, condition: Callable[[], bool], what: str, nodes: "Optional[list[GaleraNode]]" = None
    ) -> None:
        """Wait until a condition holds; raises ServerFailed with logs if one of the nodes dies
        meanwhile, or after two minutes."""
        deadline = time.monotonic() + JOIN_SECONDS
        while not condition():
            dead = [node for node in nodes or () if not node.is_alive()]
            if dead or time.monotonic() > deadline:
                logs = "\n".join(
                    f"{node.name}:\n{node.log.read_text(errors='replace')[-3000:]}"
                    for node in dead or self.nodes
                )
                raise services.ServerFailed(f"waited for {what}:\n{logs}")
            time.sleep(services.POLL_SECONDS * 5)


def rejoin(node: GaleraNode) -> None:
    """Start a node that is down, which takes what it lacks from the others."""
    node.kill()
    position = node.recovered_position()
    node.launch(*([] if position == NOWHERE else [f"--wsrep-start-position={position}"]))


def heal(node: GaleraNode) -> None:
    """Let a living node write and talk to the others again."""
    if node.is_alive():
        with contextlib.suppress(pymysql.Error, OSError):
            node.set_provider_option("gmcast.isolate=0")
        with contextlib.suppress(pymysql.Error, OSError):
            node.ask("SET GLOBAL read_only = 0")


def free_ports(count: int) -> "list[int]":
    """Return different ports that are free on the addresses of all nodes."""
    found: set = set()
    while len(found) < count:
        port = services.free_port()
        if all(is_free(address, port) for address in ADDRESSES):
            found.add(port)
    return sorted(found)


def is_free(address: str, port: int) -> bool:
    """Tell whether a port of an address can be listened on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            stream.bind((address, port))
        except OSError:
            return False
    return True
