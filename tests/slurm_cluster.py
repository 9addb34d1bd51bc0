"""A private Slurm cluster with accounting: all its daemons in one scratch directory."""

import contextlib
import os
import pwd
import secrets
import shlex
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.services import (
    MariaDBServer,
    Server,
    find_program,
    free_port,
    open_parents,
    wait_until,
)

PROGRAMS = (
    "mariadbd", "mariadb-install-db", "munged", "slurmdbd", "slurmctld", "slurmd", "sacctmgr",
    "squeue",
)  # fmt: skip
CLUSTER = "testcluster"
DATABASE = "slurm_acct_db"
CORES = 8  # told, not counted: as many as the tests need
MEGABYTES = 4000
CORE_MEGABYTES = 100  # of a job that does not ask for memory
PARTITIONS = ("long", "short")

DBD_CONFIGURATION = """\
AuthType=auth/munge
AuthInfo=socket={munge}
DbdHost=localhost
DbdPort={dbd_port}
SlurmUser={user}
LogFile={directory}/slurmdbd.log
PidFile={directory}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=root
StorageLoc={database}
"""
CONFIGURATION = """\
ClusterName={cluster}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={munge}
CredType=cred/munge
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool/%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.%n.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd_port}
AccountingStoragePass={munge}
AccountingStoreFlags=job_script,job_env,job_comment
MpiDefault=none
ReturnToService=2
KillWait=1
DefMemPerCPU={core_megabytes}
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={megabytes}
"""


class Munged(Server):
    """A munged with a key and a socket of its own."""

    name = "munged"

    def __init__(self, directory: Path) -> None:
        """Make the key."""
        super().__init__(directory)
        self.socket = self.directory / "munge.socket"
        self.key = self.directory / "munge.key"
        self.key.touch(mode=0o400)
        self.key.chmod(0o600)
        self.key.write_bytes(secrets.token_bytes(1024))

    def command(self) -> list[str]:
        """Return the command line; scratch directories are not as closed as munged likes."""
        files = {"key-file": self.key, "socket": self.socket}
        files |= {f"{name}-file": self.directory / f"munged.{name}" for name in ("pid", "seed")}
        options = [f"--{name}={path}" for name, path in files.items()]
        log = self.directory / "munged.messages"
        return [program("munged"), "--foreground", "--force", f"--log-file={log}", *options]

    def is_ready(self) -> bool:
        """Tell whether it makes a credential."""
        command = [program("munge"), "--no-input", f"--socket={self.socket}", "--output=/dev/null"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0


class SlurmDaemon(Server):
    """One daemon of a cluster, in its directory."""

    def __init__(self, cluster: "SlurmCluster", name: str, port: int, *options: str) -> None:
        """Remember how it is started; it is ready when it listens."""
        self.name = name
        super().__init__(cluster.directory)
        self.log = self.directory / f"{name}.output"
        self.cluster, self.port, self.options = cluster, port, options

    def command(self) -> list[str]:
        """Return the command line of a daemon that stays in the foreground."""
        return [program(self.name), "-D", *self.options]

    def popen_options(self) -> "dict[str, Any]":
        """Return the environment that names the cluster's configuration."""
        return {"env": self.cluster.environment}

    def is_ready(self) -> bool:
        """Tell whether it listens."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class SlurmCluster:
    """One node and two partitions, with slurmdbd on a MariaDB; a context manager.

    Nothing outside the directory is touched, and nothing that is there is used.
    """

    def __init__(self, directory: Path, more: Sequence[str] = ()) -> None:
        """Choose ports; nothing is started. more are lines for slurm.conf."""
        self.more = more
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.configuration = self.directory / "slurm.conf"
        self.environment = {**os.environ, "SLURM_CONF": str(self.configuration)}
        self.mariadb = MariaDBServer(self.directory / "mariadb")
        self.dbd_port, self.ctld_port, self.slurmd_port = (free_port() for _ in range(3))
        self.slurmdbd = SlurmDaemon(self, "slurmdbd", self.dbd_port)
        self.slurmctld = SlurmDaemon(self, "slurmctld", self.ctld_port)
        self.slurmd = SlurmDaemon(self, "slurmd", self.slurmd_port)
        self._running = contextlib.ExitStack()

    def __enter__(self) -> "SlurmCluster":
        """Start all daemons; raises ServerFailed or TimeoutError, and then none of them is left."""
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._running = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End the jobs, and stop the daemons."""
        self._running.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        stack.enter_context(self.mariadb)
        munged = stack.enter_context(Munged(self.directory / "munge"))
        self._write_configuration(self.mariadb.port, munged.socket)
        stack.enter_context(self.slurmdbd)
        self.run("sacctmgr", "-i", "add", "cluster", CLUSTER)
        stack.enter_context(self.slurmctld)
        stack.enter_context(self.slurmd)
        wait_until(lambda: "idle" in self.run("sinfo", "-h", "-o", "%T"), "the node to be idle")
        stack.callback(self.clear)

    def _write_configuration(self, database_port: int, munge: Path) -> None:
        values = {
            "cluster": CLUSTER, "host": socket.gethostname().partition(".")[0],
            "user": pwd.getpwuid(os.geteuid()).pw_name, "directory": self.directory,
            "munge": munge, "database": DATABASE, "database_port": database_port,
            "dbd_port": self.dbd_port, "ctld_port": self.ctld_port,
            "slurmd_port": self.slurmd_port, "cores": CORES, "megabytes": MEGABYTES,
            "core_megabytes": CORE_MEGABYTES,
        }  # fmt: skip
        partitions = [
            f"PartitionName={name} Nodes=ALL MaxTime=60 Default={'NO' if number else 'YES'}\n"
            for number, name in enumerate(PARTITIONS)
        ]
        more = [f"{line}\n" for line in self.more]
        text = CONFIGURATION.format(**values) + "".join([*partitions, *more])
        self.configuration.write_text(text)
        (self.directory / "cgroup.conf").touch()
        dbd_configuration = self.directory / "slurmdbd.conf"
        dbd_configuration.touch(mode=0o600)
        dbd_configuration.write_text(DBD_CONFIGURATION.format(**values))
        for name in ("state", "spool"):
            (self.directory / name).mkdir(exist_ok=True)
        open_parents(self.directory / "spool")

    def run(self, *command: str) -> str:
        """Run one of Slurm's programs; return what it printed. Raises AssertionError."""
        done = subprocess.run(
            command, env=self.environment, cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{shlex.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def submit(self, *options: str, script: str = "sleep 600") -> str:
        """Submit a job; return its number."""
        command = ["sbatch", "--parsable", "--output=/dev/null", *options, f"--wrap={script}"]
        return self.run(*command).strip()

    def states(self, job: str) -> "list[str]":
        """Return the states of a job, or of the tasks of an array, as squeue knows them."""
        lines = self.run("squeue", "-h", "-a", "-r", "-t", "all", "-o", "%F %T").splitlines()
        found = [line.split() for line in lines]
        return sorted(state for number, state in found if number == job)

    def wait_for(self, job: str, *states: str) -> None:
        """Wait until a job, or the tasks of an array, are in these states."""
        what = f"job {job} to be {' and '.join(states)}"
        wait_until(lambda: self.states(job) == sorted(states), what)

    def wait_for_account(self, *jobs: str) -> None:
        """Wait until the ends of some jobs are in the accounting database."""
        command = ["sacct", "-X", "-n", "-P", "-o", "JobID,End", "-j", ",".join(jobs)]

        def has_ended() -> bool:
            ends = dict(line.split("|") for line in self.run(*command).splitlines())
            is_known = len(ends) == len(jobs) and "Unknown" not in ends.values()
            # slurmctld may still have what slurmdbd knows to be over.
            return is_known and not any("COMPLETING" in self.states(job) for job in jobs)

        wait_until(has_ended, f"the ends of jobs {', '.join(jobs)} to be accounted")

    def run_to_end(self, *options: str, script: str = "true") -> str:
        """Run a job, wait until its end is in the accounting database; return its number."""
        job = self.submit(*options, script=script)
        self.wait_for_account(job)
        return job

    def clear(self) -> None:
        """End all jobs, and wait until none is left."""
        self.run("scancel", "--name=wrap")
        wait_until(lambda: not self.run("squeue", "-h", "-a"), "the jobs to end")


def program(name: str) -> str:
    """Return the path of a program that is there."""
    found = find_program(name)
    assert found, f"{name} is not installed"
    return found
