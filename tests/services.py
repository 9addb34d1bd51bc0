"""Private real servers for tests: each in a scratch directory, on free ports of 127.0.0.1."""

import contextlib
import importlib.util
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Callable, NoReturn, Optional, TypeVar

import pytest

DEADLINE_SECONDS = 120.0
POLL_SECONDS = 0.02
PAGE_MILLISECONDS = 1000 * DEADLINE_SECONDS  # of a browser, for what a page is to show

# Below the ports that the kernel gives to outgoing connections, of which there are many meanwhile.
PORTS = range(10000, 32768)
# Of each worker of a run: who looks for a port takes none that another one is about to take.
WORKERS = 8
GIVEN_PORTS: "set[int]" = set()

CONF = Path(__file__).resolve().parent.parent / "conf"

# Where a program may be beside $PATH, which for an ordinary user lacks the sbin directories.
PROGRAM_DIRECTORIES = (
    "/usr/sbin",
    "/sbin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/usr/share/lmod/lmod/libexec",
)
POSTGRESQL_DIRECTORIES = "/usr/lib/postgresql/*/bin"

DEBIAN_PACKAGES = {
    "initdb": "postgresql",
    "libgalera_smm.so": "galera-4",
    "lmod": "lmod",
    "logger": "bsdutils",
    "logrotate": "logrotate",
    "man": "man-db",
    "mariadb-install-db": "mariadb-server",
    "mariadbd": "mariadb-server",
    "munged": "munge",
    "postgres": "postgresql",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "rsyslogd": "rsyslog",
    "sacctmgr": "slurm-wlm",
    "slurmctld": "slurm-wlm",
    "slurmd": "slurm-wlm",
    "slurmdbd": "slurmdbd",
    "squeue": "slurm-wlm",
}

AnyServer = TypeVar("AnyServer", bound="Server")


class ServerFailed(Exception):
    """A server did not start; the text holds the end of its log."""


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Poll until the condition holds.

    Raises TimeoutError, which names `what` was waited for, after DEADLINE_SECONDS.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {DEADLINE_SECONDS:.0f} s for {what}")
        time.sleep(POLL_SECONDS)


def find_program(name: str) -> Optional[str]:
    """Return the path of a program, of the newest version if there are several, or None."""
    newest_first = sorted(Path("/").glob(POSTGRESQL_DIRECTORIES[1:]), key=_version, reverse=True)
    directories = [str(path) for path in newest_first]
    directories += [os.environ.get("PATH", os.defpath), *PROGRAM_DIRECTORIES]
    return shutil.which(name, path=os.pathsep.join(directories))


def _version(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def missing_program(name: str) -> Optional[str]:
    """Return the reason for a skip if the program is missing, else None."""
    if find_program(name):
        return None
    package = DEBIAN_PACKAGES.get(name, name)
    return f"{name} is not installed (Debian package: {package})"


def missing_module(name: str) -> Optional[str]:
    """Return the reason for a skip if the Python module is missing, else None."""
    if importlib.util.find_spec(name):
        return None
    return f"the Python module {name} is not installed"


def require_service(*programs: str, modules: Sequence[str] = ()) -> None:
    """Skip the test if one of these programs or Python modules is missing.

    With HPCUSAGE_REQUIRE_SERVICES=1 in the environment the test fails instead.
    """
    missing = [*map(missing_program, programs), *map(missing_module, modules)]
    reasons = [reason for reason in missing if reason]
    if reasons:
        give_up("; ".join(reasons))


def give_up(reason: str) -> NoReturn:
    """Skip the test for a reason; with HPCUSAGE_REQUIRE_SERVICES=1 it fails instead."""
    if os.environ.get("HPCUSAGE_REQUIRE_SERVICES") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free for TCP and for UDP.

    By chance, and none twice: tests that run beside each other hardly ever get the same.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % WORKERS
    while True:
        port = random.SystemRandom().choice(PORTS[worker::WORKERS])
        if port in GIVEN_PORTS:
            continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                stream.bind(("127.0.0.1", port))
            except OSError:
                continue
        if not _has_udp_listener(port):
            GIVEN_PORTS.add(port)
            return port


def _program(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise ServerFailed(missing_program(name))
    return path


def _accepts_tcp(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _has_udp_listener(port: int) -> bool:
    """Tell from the kernel's table, for a datagram socket cannot be asked."""
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") for line in lines)


def _is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _children(parent: int) -> list[int]:
    """Return the pids of a process's children."""
    return [pid for pid, parent_pid in _processes() if parent_pid == parent]


def _processes() -> Iterator["tuple[int, int]"]:
    """Yield pid and parent's pid of every process."""
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
            yield int(directory.name), int(fields[1])


class Server:
    """One process in one directory; a context manager that starts and stops it."""

    name = "server"
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path) -> None:
        """Remember the directory, which is made if it is missing; nothing is started."""
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / f"{self.name}.log"
        self.process: Optional[subprocess.Popen[bytes]] = None

    def command(self) -> list[str]:
        """Return the command line of the server."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Tell whether the server answers."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make what the server needs before its first start."""

    def popen_options(self) -> "dict[str, Any]":
        """Return what subprocess needs besides: the account to run as."""
        return {}

    def start(self, extra_options: Sequence[str] = ()) -> None:
        """Start the server and wait until it answers.

        Raises ServerFailed if it ends instead, and TimeoutError after 30 s.
        """
        self.prepare()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command(), *extra_options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.popen_options(),
            )
        try:
            wait_until(self._ready_or_dead, f"{self.name} to start")
        except TimeoutError:
            self.kill()
            raise
        if self.process.poll() is not None:
            self._fail("ended with status", self.process.returncode)

    def _ready_or_dead(self) -> bool:
        return self.process is None or self.process.poll() is not None or self.is_ready()

    def _fail(self, what: str, status: int) -> None:
        self.process = None
        tail = self.log.read_text(errors="replace")[-2000:]
        raise ServerFailed(f"{self.name} {what} {status}:\n{tail}")

    def stop(self) -> None:
        """Stop the server in its own time, at most DEADLINE_SECONDS; one that is down stays so."""
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """Kill the server as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self: AnyServer) -> AnyServer:
        """Start the server."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.stop()


class MariaDBServer(Server):
    """A MariaDB server on a TCP port of 127.0.0.1 and on a socket."""

    name = "mariadb"
    user = "root"

    def __init__(self, directory: Path) -> None:
        """Choose port, socket and data directory, which stay the same over restarts."""
        super().__init__(directory)
        self.datadir = self.directory / "data"
        self.socket = self.directory / "s.sock"
        self.port = free_port()

    def prepare(self) -> None:
        """Make the data directory, with an account root that has no password."""
        if (self.datadir / "mysql").is_dir():
            return
        options = [*self._common_options(), "--auth-root-authentication-method=normal"]
        run_logged([_program("mariadb-install-db"), *options], self.log)

    def _common_options(self) -> list[str]:
        account = ["--user=root"] if os.geteuid() == 0 else []
        # Another server that starts removes what looks like temporary tables of nobody.
        temporary = self.directory / "tmp"
        temporary.mkdir(exist_ok=True)
        return ["--no-defaults", f"--datadir={self.datadir}", f"--tmpdir={temporary}", *account]

    def command(self) -> list[str]:
        """Return the command line of mariadbd."""
        return [
            _program("mariadbd"),
            *self._common_options(),
            f"--socket={self.socket}",
            f"--pid-file={self.directory / 'pid'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
        ]

    def is_ready(self) -> bool:
        """Tell whether the server greets on its socket and listens on its port."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1)
                client.connect(str(self.socket))
                return bool(client.recv(1)) and _accepts_tcp(self.port)
        except OSError:
            return False


class PostgreSQLServer(Server):
    """A PostgreSQL server on a TCP port of 127.0.0.1 and on a socket.

    It refuses to run as root, who runs it as the account `postgres`.
    """

    name = "postgresql"
    user = "postgres"
    address = "127.0.0.1"
    stop_signal = signal.SIGINT  # a fast shutdown: clients are cut off

    def __init__(self, directory: Path) -> None:
        """Choose port, socket directory and data directory, the same over restarts."""
        super().__init__(directory)
        self.datadir = self.directory / "data"
        self.socket_directory = self.directory
        self.port = free_port()

    def popen_options(self) -> "dict[str, Any]":
        """Return the account to run as, when root."""
        if os.geteuid() != 0:
            return {}
        account = pwd.getpwnam("postgres")
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def prepare(self) -> None:
        """Make the data directory, with a superuser postgres that needs no password."""
        if (self.datadir / "PG_VERSION").exists():
            (self.datadir / "postmaster.pid").unlink(missing_ok=True)
            return
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
            open_parents(self.directory)
        run_logged(self.making(), self.log, self.popen_options())

    def making(self) -> list[str]:
        """Return the command that makes the data directory."""
        options = ["-A", "trust", "-U", self.user, "-E", "UTF8", "--no-locale", "--no-sync"]
        return [_program("initdb"), "-D", str(self.datadir), *options]

    def command(self) -> list[str]:
        """Return the command line of postgres."""
        return [
            _program("postgres"),
            *("-D", str(self.datadir)),
            *("-p", str(self.port)),
            *("-k", str(self.socket_directory)),
            *("-h", self.address),
        ]

    def is_ready(self) -> bool:
        """Ask pg_isready, by TCP."""
        command = [_program("pg_isready"), "-q", "-h", self.address, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def kill(self) -> None:
        """Kill the server with all its processes, and wait until they have gone."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGSTOP)  # no new child between listing and killing
        children = _children(self.process.pid)
        super().kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(_is_alive, children)), "PostgreSQL's processes to end")


def run_logged(
    command: Sequence[str], log: Path, options: Optional["dict[str, Any]"] = None
) -> None:
    """Run a preparing command; raises ServerFailed with what it said if it fails."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        **(options or {}),
    )
    with log.open("ab") as stream:
        stream.write(done.stdout)
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace")
        raise ServerFailed(f"{command[0]} ended with status {done.returncode}:\n{said}")


def open_parents(directory: Path) -> None:
    """Let other accounts pass through the directories of ours that lead to this one.

    pytest makes its scratch directories for their owner alone. Nothing outside the
    machine's directory for temporary files is touched.
    """
    temporary = Path(tempfile.gettempdir()).resolve()
    for parent in directory.resolve().parents:
        if temporary in parent.parents and parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o011)


class RsyslogProcess(Server):
    """An rsyslogd with a given configuration, ready when its UDP and TCP port are."""

    name = "rsyslogd"

    def __init__(self, directory: Path, configuration: str, port: int) -> None:
        """Write the configuration file; queues on disk go into the directory."""
        super().__init__(directory)
        self.port = port
        self.configuration = self.directory / f"{self.name}.conf"
        work_directory = f'global(workDirectory="{self.directory}")\n'
        self.configuration.write_text(work_directory + configuration)

    def command(self) -> list[str]:
        """Return the command line of rsyslogd, which stays in the foreground."""
        return [_program("rsyslogd"), "-n", "-f", str(self.configuration), "-iNONE"]

    def is_ready(self) -> bool:
        """Tell whether the inputs listen."""
        return _has_udp_listener(self.port) and _accepts_tcp(self.port)


class Rsyslogd(RsyslogProcess):
    """The collecting machine's rsyslogd: the shipped configuration with port and log changed."""

    def __init__(self, directory: Path, log_path: Path) -> None:
        """Adapt conf/rsyslog-collector.conf to a free port and to this log file."""
        self.log_path = Path(log_path)
        port = free_port()
        super().__init__(directory, collector_configuration(self.log_path, port), port)


def collector_configuration(log_path: Path, port: int) -> str:
    """Return the shipped configuration of the collecting machine for this log and port."""
    text = (CONF / "rsyslog-collector.conf").read_text()
    text = replaced(text, "/var/log/moduleUsage.log", str(log_path))
    return replaced(text, 'port="514"', f'address="127.0.0.1" port="{port}"')


def replaced(text: str, old: str, new: str) -> str:
    """Replace, and notice a shipped file that no longer says what is to be replaced."""
    assert old in text, f"{old} is not in the shipped file"
    return text.replace(old, new)
