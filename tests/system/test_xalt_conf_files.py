"""The shipped files for a site that runs XALT, run or read as the site would."""

import ast
import contextlib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

import pytest

from tests.services import CONF, DEADLINE_SECONDS, replaced, require_service, wait_until
from tests.system.lmod import LmodSite
from xaltload.modulemap import ModuleMap, read_map
from xaltload.names import parse_name

SCRIPTS = ("xalt-epilog.sh", "xalt-ood-traps.sh")
JOB, OTHER_JOB = 4711, 4712
# The clock of these tests stands at a day that the month before does not have.
TODAY, MONTH, PREVIOUS_MONTH = "2026-03-31", "202603", "202602"

COMMON_OPTIONS = {"-q", "-v", "--confFn"}
OPTIONS = {
    "xalt_file_to_db": {
        "--delete",
        "--reverseMapD",
        "--archive",
        "--reject",
        "--quarantine",
        "--filter-config",
        "--timeout",
    },
    "xalt_syslog_to_db": {"--syslog", "--leftover"},
    "delete_old_records": {"--schema", "--keepMonths", "--yes", "--anonymize"},
    "xalt_usage_report": {"--start", "--end", "--syshost", "--num"},
}


def uuid(number: int) -> str:
    """Return the run uuid of that number."""
    return f"019b0000-0000-7000-8000-{number:012x}"


def directory_name(number: int) -> str:
    """Return the name of the directory in which a run's package records are staged."""
    return f"XALT_pkg_{uuid(number)}"


def record_name(number: int, serial: int) -> str:
    """Return the name of one package record of a run."""
    return f"pkg.alder.2026_03_31_10_00_00_7.ann.{uuid(number)}.{serial:012x}.json"


# The epilog -------------------------------------------------------------


class Account(NamedTuple):
    """An account by its numbers."""

    uid: int
    gid: int


class Node:
    """A node's staging directory, the directories of the months, and stand-ins for programs."""

    def __init__(self, directory: Path, owner: Account) -> None:
        """Make the directories; the job's owner is `owner`, and squeue is missing."""
        self.owner = owner
        self.staging = directory / "shm"
        self.prefix = directory / "json"
        self.programs = directory / "bin"
        self.log = directory / "log"
        self.squeue = self.programs / "squeue"
        for path in (self.staging, self.prefix, self.programs):
            path.mkdir()
        self.staging.chmod(0o1777)
        date = shutil.which("date")
        self.add_program("date", f'[ "$1" = -d ] && exec {date} "$@"; exec {date} -d {TODAY} "$@"')
        self.add_program("logger", f'{{ echo "$@"; cat; }} >> {self.log}')

    def add_program(self, name: str, script: str) -> None:
        """Put a shell script where the epilog finds it before the real program."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def set_jobs(self, *job_ids: int) -> None:
        """Let squeue say that these are the user's jobs on this node."""
        lines = "".join(f"echo {job_id};" for job_id in job_ids)
        self.add_program("squeue", f'echo "$@" >> {self.programs}/asked; {lines} true')

    def give(self, path: Path, owner: Optional[Account] = None) -> Path:
        """Give a path to the job's owner, or to another account."""
        if os.getuid() == 0:
            os.lchown(path, *(owner or self.owner))
        return path

    def stage(self, number: int, files: int = 3, owner: Optional[Account] = None) -> Path:
        """Stage the package records of one run."""
        directory = self.staging / directory_name(number)
        directory.mkdir()
        for serial in range(files):
            path = directory / record_name(number, serial)
            path.write_text(f'{{"xalt_run_uuid":"{uuid(number)}","package_name":"p{serial}"}}\n')
            self.give(path, owner)
        return self.give(directory, owner)

    def make_month(self, month: str = MONTH) -> Path:
        """Make a month's directory as the site does, or a directory in one."""
        directory = self.prefix / month
        directory.mkdir(parents=True, exist_ok=True)
        (self.prefix / month[:6]).chmod(0o1777)
        return directory

    def start_record(
        self, number: int, job_id: int, month: str = MONTH, owner: Optional[Account] = None
    ) -> None:
        """Write the start record of one run."""
        directory = self.make_month(month)
        path = directory / f"run.alder.2026_03_31_09_59_59_0001.ann.aaa.{uuid(number)}.json"
        path.write_text(f'{{"crc":"0x0000","userT":{{"job_id":"{job_id}","queue":"q"}}}}\n')
        self.give(path, owner)

    def run(self, **settings: object) -> "subprocess.CompletedProcess[str]":
        """Run the epilog of JOB, with the clock at TODAY; it must be silent and succeed."""
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "SLURM_JOB_ID": JOB,
            "SLURM_JOB_UID": self.owner.uid,
            "SLURM_JOB_GID": self.owner.gid,
            "SLURMD_NODENAME": "node1",
            "XALT_EPILOG_CONF": "/nonexistent",
            "XALT_TMPDIR": self.staging,
            "XALT_PREFIX": self.prefix,
            "XALT_SQUEUE": self.squeue,
            **settings,
        }
        done = subprocess.run(
            ["bash", str(CONF / "xalt-epilog.sh")],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            env={name: str(value) for name, value in environment.items() if value is not None},
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return done

    def staged(self) -> set[str]:
        """Return what is in the staging directory."""
        return {path.name for path in self.staging.iterdir()}

    def saved(self, number: int, month: str = MONTH) -> set[str]:
        """Return the names of what was saved of a run, whatever it is."""
        directory = self.prefix / month / directory_name(number)
        return {path.name for path in directory.iterdir()} if directory.is_dir() else set()

    def saved_states(self) -> dict[Path, tuple[int, ...]]:
        """Return what a change of each path below the prefix shows in; not its time of access."""
        states = {path: path.stat() for path in self.prefix.rglob("*")}
        return {
            path: (state.st_ino, state.st_mode, state.st_uid, state.st_size, state.st_mtime_ns,
                   state.st_ctime_ns)
            for path, state in states.items()
        }  # fmt: skip

    def seen_by_loaders(self) -> list[Path]:
        """Return the files below the prefix that have the name of a record."""
        return [path for path in self.prefix.rglob("*") if parse_name(path.name)]

    def messages(self) -> str:
        """Return what logger was told, but for its options."""
        text = self.log.read_text() if self.log.exists() else ""
        return "".join(line for line in text.splitlines(True) if not line.startswith("-t "))


def names(number: int, files: int = 3) -> set[str]:
    """Return the names of the records that `stage` makes."""
    return {record_name(number, serial) for serial in range(files)}


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Give a directory that other accounts can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="hpcusage-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


@pytest.fixture
def node(scratch: Path) -> Node:
    """Give a node where the job's owner is nobody, or for lack of rights ourselves."""
    if os.getuid() != 0:
        return Node(scratch, Account(os.getuid(), os.getgid()))
    require_service("setpriv")
    return Node(scratch, account("nobody"))


@pytest.fixture
def stranger() -> Account:
    """Give an account that is not the job's owner."""
    if os.getuid() != 0:
        pytest.skip("only root can make the files of two accounts")
    return account("daemon")


def account(name: str) -> Account:
    """Return an account by its name."""
    entry = pwd.getpwnam(name)
    return Account(entry.pw_uid, entry.pw_gid)


def test_the_records_of_the_users_only_job_are_saved(node: Node) -> None:
    node.set_jobs(JOB)
    sources = [node.stage(1), node.stage(2, files=1), node.stage(3, files=0)]
    contents = {path.name: path.read_bytes() for path in sources[0].iterdir()}
    node.run()
    assert node.staged() == set()
    assert [node.saved(number) for number in (1, 2, 3)] == [names(1), names(2, 1), set()]
    saved = node.prefix / MONTH / directory_name(1)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == contents
    assert {path.stat().st_uid for path in (saved, *saved.iterdir())} == {node.owner.uid}
    assert stat.S_IMODE((node.prefix / MONTH).stat().st_mode) == 0o1777
    assert (node.prefix / MONTH).stat().st_uid == os.getuid()
    assert len(node.seen_by_loaders()) == 4
    assert node.messages() == ""


def test_squeue_is_asked_for_this_user_and_node_and_only_if_something_is_staged(
    node: Node,
) -> None:
    node.set_jobs(JOB)
    node.run()
    assert not (node.programs / "asked").exists()
    node.stage(1)
    node.run()
    (asked,) = (node.programs / "asked").read_text().splitlines()
    assert {f"--user={node.owner.uid}", "--nodelist=node1", "--format=%A"} <= set(asked.split())


def test_a_job_that_has_left_the_queue_is_still_the_only_one(node: Node) -> None:
    node.set_jobs()
    node.stage(1)
    node.run()
    assert node.saved(1) == names(1)


def test_of_two_jobs_only_the_records_of_the_ending_one_are_saved(node: Node) -> None:
    node.set_jobs(JOB, OTHER_JOB)
    for number in (1, 2, 3):
        node.stage(number)
    node.start_record(1, JOB)
    node.start_record(2, OTHER_JOB)
    node.run()
    assert node.saved(1) == names(1)
    assert node.staged() == {directory_name(2), directory_name(3)}


def test_what_could_not_be_told_is_saved_when_the_last_job_ends(node: Node) -> None:
    node.set_jobs(JOB, OTHER_JOB)
    node.stage(1)
    node.run()
    assert node.staged() == {directory_name(1)}
    node.set_jobs(OTHER_JOB)
    node.run(SLURM_JOB_ID=OTHER_JOB)
    assert (node.staged(), node.saved(1)) == (set(), names(1))


@pytest.mark.parametrize("squeue", ["missing", "failing"])
def test_without_squeue_the_start_records_decide(node: Node, squeue: str) -> None:
    if squeue == "failing":
        node.add_program("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    for number in (1, 2, 3, 4):
        node.stage(number)
    node.start_record(1, JOB)
    node.start_record(2, OTHER_JOB)
    node.start_record(3, JOB, month=PREVIOUS_MONTH)
    node.start_record(4, JOB * 10)  # 47110 is not 4711
    node.run()
    assert node.staged() == {directory_name(2), directory_name(4)}
    assert (node.saved(1), node.saved(3)) == (names(1), names(3))


def test_a_start_record_in_a_directory_of_the_month_counts_too(node: Node) -> None:
    node.stage(1)
    node.start_record(1, JOB, month=f"{MONTH}/123")
    node.run()
    assert node.saved(1) == names(1)


def test_the_users_processes_can_be_asked_instead_of_squeue(node: Node) -> None:
    require_service("pgrep")
    if os.getuid() != 0:
        pytest.skip("only root can start a process of the job's owner that ends for certain")
    node.stage(1)
    command = ["setpriv", f"--reuid={node.owner.uid}", "--clear-groups", "sleep", "300"]
    with subprocess.Popen(command) as process:
        wait_until(lambda: owner_of(process.pid) == node.owner.uid, "a process of the user's")
        node.run(XALT_OTHER_JOBS="processes")
        assert node.staged() == {directory_name(1)}
        process.kill()
    if subprocess.run(["pgrep", "-U", str(node.owner.uid)], check=False).returncode == 0:
        pytest.skip("this machine runs other processes as nobody")
    node.run(XALT_OTHER_JOBS="processes")
    assert node.saved(1) == names(1)


def owner_of(pid: int) -> int:
    """Return the uid of a process."""
    return Path(f"/proc/{pid}").stat().st_uid


def test_the_records_of_other_users_are_left(node: Node, stranger: Account) -> None:
    node.set_jobs(JOB)
    node.stage(1)
    node.stage(2, owner=stranger)
    node.start_record(2, JOB)
    foreign = node.stage(3, files=1) / record_name(3, 9)
    foreign.write_text("not the owner's\n")
    node.give(foreign, stranger)
    node.run()
    assert node.saved(1) == names(1)
    assert node.staged() == {directory_name(2), directory_name(3)}
    assert (node.saved(2), node.saved(3)) == (set(), names(3, 1))
    assert foreign.exists()
    assert directory_name(2) not in node.messages()


def test_another_users_start_record_decides_nothing(node: Node, stranger: Account) -> None:
    node.stage(1)
    node.start_record(1, JOB, owner=stranger)
    node.run()
    assert node.staged() == {directory_name(1)}


def test_links_fifos_and_what_is_no_record_are_not_followed(node: Node, scratch: Path) -> None:
    node.set_jobs(JOB)
    secret = scratch / record_name(7, 7)
    secret.write_text("secret\n")
    node.give(secret)
    elsewhere = node.stage(2).rename(scratch / "elsewhere")
    (node.staging / directory_name(2)).symlink_to(elsewhere)
    node.give(node.staging / directory_name(2))
    directory = node.stage(1, files=1)
    (directory / record_name(1, 7)).symlink_to(secret)
    os.mkfifo(directory / record_name(1, 8))
    (directory / record_name(1, 9)).mkdir()
    (directory / "notes.txt").write_text("kept\n")
    (directory / record_name(1, 10)).write_bytes(b"x" * 65537)
    for path in directory.iterdir():
        node.give(path)
    node.run()
    assert (node.saved(1), node.saved(2)) == (names(1, 1), set())
    assert len(list(elsewhere.iterdir())) == 3
    assert len(list(directory.iterdir())) == 5
    assert f"{directory_name(1)}: not all of it could be saved" in node.messages()


@pytest.mark.parametrize("name", ["XALT_pkg_", "XALT_pkg_..", f"XALT_pkg_{uuid(1)}.x", "other"])
def test_directories_of_other_names_are_left(node: Node, name: str) -> None:
    node.set_jobs(JOB)
    node.stage(1).rename(node.staging / name)
    node.run()
    assert node.staged() == {name}


def test_a_second_run_changes_nothing(node: Node) -> None:
    node.set_jobs(JOB)
    node.stage(1)
    node.run()
    before = node.saved_states()
    node.run()
    assert node.saved_states() == before
    assert node.messages() == ""


def test_a_run_that_was_stopped_is_finished_by_the_next(node: Node) -> None:
    node.set_jobs(JOB)
    directory = node.stage(1)
    saved = node.prefix / MONTH / directory.name
    node.run(XALT_MAX_FILES=1)
    assert len(node.saved(1)) == 1
    assert len(list(directory.iterdir())) == 2
    begun = saved / f".{min(names(1) - node.saved(1))}.new"
    begun.write_text('{"half":')
    node.give(begun)
    node.run()
    assert node.saved(1) == names(1)
    assert {path.read_text()[:15] for path in saved.iterdir()} == {'{"xalt_run_uuid'}


def test_an_original_outlives_a_copy_that_fails(node: Node) -> None:
    node.set_jobs(JOB)
    directory = node.stage(1)
    node.add_program("cp", 'for last; do :; done; printf half > "$last"; exit 1')
    node.run()
    assert {path.name for path in directory.iterdir()} == names(1)
    assert node.seen_by_loaders() == []
    assert node.saved(1) == set()
    assert f"job {JOB}: {directory_name(1)}: not all of it could be saved" in node.messages()


def test_an_epilog_that_takes_too_long_is_ended_and_says_so(node: Node) -> None:
    node.set_jobs(JOB)
    node.stage(1)
    node.add_program("cp", "exec sleep 300")
    node.run(XALT_MAX_SECONDS=1)
    assert node.staged() == {directory_name(1)}
    assert "stopped before all was saved (status 124)" in node.messages()


def test_a_user_cant_flood_the_system_log(node: Node) -> None:
    node.set_jobs(JOB)
    for number in range(5):
        (node.stage(number, files=0) / "notes.txt").touch()
    node.run(XALT_LOG_LINES=3)
    assert len(node.messages().splitlines()) == 3


@pytest.mark.parametrize("planted", ["link", "directory"])
def test_what_another_user_put_in_the_way_is_not_written_to(
    node: Node, scratch: Path, stranger: Account, planted: str
) -> None:
    node.set_jobs(JOB)
    node.stage(1)
    trap = scratch / "trap"
    trap.mkdir()
    trap.chmod(0o777)
    target = node.make_month() / directory_name(1)
    if planted == "link":
        target.symlink_to(trap)
    else:
        target.mkdir()
        target.chmod(0o777)
    node.give(target, stranger)
    node.run()
    assert list(trap.iterdir()) == list(target.iterdir()) == []
    assert node.staged() == {directory_name(1)}


@pytest.mark.parametrize("planted", ["link", "directory"])
def test_a_month_that_is_not_the_sites_is_refused(
    node: Node, scratch: Path, stranger: Account, planted: str
) -> None:
    node.set_jobs(JOB)
    node.stage(1)
    trap = scratch / "trap"
    trap.mkdir()
    trap.chmod(0o777)
    month = node.prefix / MONTH
    month.symlink_to(trap) if planted == "link" else trap.rename(month)
    node.give(month, stranger)
    node.run()
    assert list(month.iterdir()) == []
    assert node.staged() == {directory_name(1)}
    assert str(month) in node.messages()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"XALT_PREFIX": "/nonexistent"}, "/nonexistent is no directory"),
        ({"XALT_TMPDIR": "/nonexistent"}, "/nonexistent"),
        ({"SLURM_JOB_ID": None}, "SLURM_JOB_ID and SLURM_JOB_UID are not set"),
        ({"SLURM_JOB_UID": "ann"}, "SLURM_JOB_ID and SLURM_JOB_UID are not set"),
        ({"SLURM_JOB_UID": 0}, ""),
    ],
)
def test_a_failing_epilog_tells_the_system_log_and_never_drains_the_node(
    node: Node, settings: dict[str, Any], message: str
) -> None:
    node.set_jobs(JOB)
    node.stage(1)
    node.run(**settings)
    assert node.staged() == {directory_name(1)}
    assert message in node.messages()
    assert bool(message) == bool(node.messages())


def test_a_broken_settings_file_never_drains_the_node(node: Node, scratch: Path) -> None:
    conf = scratch / "xalt-epilog.conf"
    conf.write_text("exit 7\n")
    node.run(XALT_EPILOG_CONF=conf)


def test_the_settings_file_is_read(node: Node, scratch: Path) -> None:
    conf = scratch / "xalt-epilog.conf"
    conf.write_text(f"XALT_PREFIX={node.prefix}\nXALT_TMPDIR={node.staging}\n")
    node.set_jobs(JOB)
    node.stage(1)
    node.run(XALT_EPILOG_CONF=conf, XALT_PREFIX="/nonexistent", XALT_TMPDIR=None)
    assert node.saved(1) == names(1)


def test_the_group_is_looked_up_where_slurm_does_not_say_it(node: Node) -> None:
    node.set_jobs(JOB)
    node.stage(1)
    node.run(SLURM_JOB_GID=None)
    assert node.saved(1) == names(1)


# The traps of Open OnDemand ---------------------------------------------


SERVICE = """
import pathlib, signal, sys, time
def end(signum, frame):
    pathlib.Path(sys.argv[2]).write_text(f"ended by {signal.Signals(signum).name}")
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1]).touch()
while True:
    time.sleep(0.05)
"""


class BatchScript:
    """A batch script that reads the traps, on a scratch node."""

    def __init__(self, node: Node) -> None:
        """Make the month's directory, which the module names."""
        self.node = node
        self.directory = node.programs.parent
        self.started = self.directory / "started"
        self.ended = self.directory / "ended"
        self.month = node.make_month()
        (self.directory / "service.py").write_text(SERVICE)
        words = [sys.executable, self.directory / "service.py", self.started, self.ended]
        self.service = shlex.join(map(str, words))

    @contextlib.contextmanager
    def running(self, script: str) -> Iterator["subprocess.Popen[str]"]:
        """Run the script until the service has started; it is killed at the end."""
        text = f"source {CONF}/xalt-ood-traps.sh\n{script}\n"
        environment = {
            "PATH": os.environ["PATH"],
            "XALT_TMPDIR": str(self.node.staging),
            "XALT_FILE_PREFIX": str(self.month),
            "XALT_FORWARD_SECONDS": "20",
        }
        process = subprocess.Popen(
            ["bash", "-c", text],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=self.directory,
            start_new_session=True,
        )
        try:
            wait_until(self.started.exists, "the service")
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def batch(scratch: Path) -> BatchScript:
    """Give a batch script of the account that runs the tests."""
    return BatchScript(Node(scratch, Account(os.getuid(), os.getgid())))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR2])
def test_a_signal_ends_the_service_in_order_and_saves_the_records(
    batch: BatchScript, signum: signal.Signals
) -> None:
    with batch.running(f"xalt_run_service {batch.service}; echo status $?") as process:
        staged = batch.node.stage(1)
        process.send_signal(signum)
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, output) == (0, "status 3\n")
    assert batch.ended.read_text() == "ended by SIGTERM"
    assert batch.node.saved(1) == names(1)
    assert {path.name for path in staged.iterdir()} == names(1)


def test_a_service_behind_a_script_is_found_as_open_ondemand_starts_it(batch: BatchScript) -> None:
    require_service("pgrep")
    (batch.directory / "script.sh").write_text(f"{batch.service}\necho after it $?\n")
    # set -e, as sites have it in their templates.
    script = "set -e\nbash ./script.sh &\nwait $! || echo waited $?; wait"
    with batch.running(script) as process:
        batch.node.stage(1)
        process.terminate()
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert sorted(output.splitlines()) == ["after it 3", "waited 143"]
    assert batch.ended.read_text() == "ended by SIGTERM"
    assert batch.node.saved(1) == names(1)


def test_a_service_that_does_not_end_costs_no_records(batch: BatchScript) -> None:
    batch.service = (
        f"sh -c {shlex.quote(f'trap : TERM; touch {batch.started}; while :; do sleep 0.05; done')}"
    )
    script = f"XALT_FORWARD_SECONDS=1\nxalt_run_service {batch.service}"
    with batch.running(script) as process:
        batch.node.stage(1)
        process.terminate()
        wait_until(lambda: batch.node.saved(1) == names(1), "the records")
        assert process.poll() is None


def test_the_trap_leaves_what_is_not_this_jobs(batch: BatchScript, scratch: Path) -> None:
    batch.node.stage(1)
    with batch.running(f"xalt_run_service {batch.service}") as process:
        elsewhere = batch.node.stage(2).rename(scratch / "elsewhere")
        (batch.node.staging / directory_name(2)).symlink_to(elsewhere)
        directory = batch.node.stage(3)
        os.mkfifo(directory / record_name(3, 8))
        (directory / record_name(3, 9)).symlink_to(elsewhere / record_name(2, 0))
        process.terminate()
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, output) == (3, "")
    assert [path.name for path in batch.month.iterdir()] == [directory_name(3)]
    assert batch.node.saved(3) == names(3)


def test_the_trap_leaves_the_directories_of_other_users(
    batch: BatchScript, stranger: Account
) -> None:
    with batch.running(f"xalt_run_service {batch.service}") as process:
        directory = batch.node.stage(1, owner=stranger)
        batch.node.give(directory / record_name(1, 0))
        process.terminate()
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert (output, batch.node.saved(1)) == ("", set())


def test_a_trap_that_cannot_save_says_so(batch: BatchScript) -> None:
    batch.month.rmdir()
    with batch.running(f"xalt_run_service {batch.service}") as process:
        batch.node.stage(1)
        process.terminate()
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert output.startswith(f"xalt: cannot save all of {batch.node.staging}/XALT_pkg_")


# The scripts ------------------------------------------------------------


@pytest.mark.parametrize("name", SCRIPTS)
def test_bash_finds_no_fault_in_the_scripts(name: str) -> None:
    run_checker("bash", "-n", str(CONF / name))


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_finds_no_fault_in_the_scripts(name: str) -> None:
    run_checker("shellcheck", str(CONF / name))


def run_checker(*command: str) -> None:
    """Run a program that says what is wrong, which must be nothing."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_all_files_name_the_same_directory_of_records() -> None:
    for name in (*SCRIPTS, "xalt.lua", "cron.d-xaltload"):
        assert set(re.findall(r"/\w+/xalt/json\b", (CONF / name).read_text())) == {
            "/data/xalt/json"
        }


# The module -------------------------------------------------------------


@pytest.fixture
def xalt_site(tmp_path: Path) -> LmodSite:
    """Give a site with the shipped module, for an installation that is there."""
    require_service("lmod")
    site = LmodSite(tmp_path / "lmod")
    library = tmp_path / "xalt/lib64/libxalt_init.so"
    library.parent.mkdir(parents=True)
    library.touch()
    install_module(site, (CONF / "xalt.lua").read_text())
    return site


def install_module(site: LmodSite, text: str) -> None:
    """Install the shipped module, perhaps changed, for the test's installation."""
    base = site.directory.parent / "xalt"
    site.add_module("xalt/3.2", replaced(text, "/apps/xalt/xalt", str(base)))


def variables(site: LmodSite, script: str, names: Sequence[str]) -> dict[str, str]:
    """Return some variables, those that are set, after a script with `module` commands."""
    show = " ".join(names)
    # No program is started: a library that is a scratch file would be complained of.
    script += f'\nfor n in {show}; do [[ -z ${{!n+set}} ]] || printf "%s=%s\\n" $n "${{!n}}"; done'
    done = site.run(script)
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


SET = ("XALT_DIR", "XALT_ETC_DIR", "XALT_EXECUTABLE_TRACKING", "XALT_FILE_PREFIX", "LD_PRELOAD")
PATHS = ("COMPILER_PATH", "PYTHONPATH")


def test_the_module_sets_what_xalt_reads(xalt_site: LmodSite) -> None:
    base = f"{xalt_site.directory.parent}/xalt"
    before = time.strftime("%Y%m")
    found = variables(xalt_site, "module load xalt", (*SET, *PATHS, "PATH"))
    assert found.pop("PATH").startswith(f"{base}/bin:")
    months = {f"/data/xalt/json/{month}" for month in (before, time.strftime("%Y%m"))}
    assert found.pop("XALT_FILE_PREFIX") in months
    assert found == {
        "XALT_DIR": base,
        "XALT_ETC_DIR": f"{base}/etc",
        "XALT_EXECUTABLE_TRACKING": "yes",
        "LD_PRELOAD": f"{base}/lib64/libxalt_init.so",
        "COMPILER_PATH": f"{base}/bin",
        "PYTHONPATH": f"{base}/site_packages",
    }


def test_the_module_is_sticky(xalt_site: LmodSite) -> None:
    load = "module load xalt 2>/dev/null; module {} >/dev/null 2>&1"
    assert set(variables(xalt_site, load.format("purge"), SET)) == set(SET)
    assert variables(xalt_site, load.format("--force purge"), (*SET, *PATHS)) == {}


def test_the_module_leaves_a_node_without_xalt_alone(xalt_site: LmodSite) -> None:
    (xalt_site.directory.parent / "xalt/lib64/libxalt_init.so").unlink()
    assert variables(xalt_site, "module load xalt", (*SET, *PATHS)) == {}


def test_the_options_of_the_module_are_well_formed(xalt_site: LmodSite) -> None:
    text = (CONF / "xalt.lua").read_text()
    text, number = re.subn(r"^-- ((?:setenv|prepend_path)\b)", r"\1", text, flags=re.MULTILINE)
    assert number == 8
    install_module(xalt_site, text)
    options = ("XALT_ALWAYS_CREATE_START", "XALT_SIGNAL_HANDLER", "XALT_SAMPLING", "XALT_TRACING")
    base = str(xalt_site.directory.parent / "xalt")
    found = variables(xalt_site, "module load xalt", (*options, "SINGULARITY_BINDPATH"))
    assert found == {**dict.fromkeys(options, "yes"), "SINGULARITY_BINDPATH": base}


# cron -------------------------------------------------------------------


CRON_LINE = re.compile(r"#?((?:[\d*/,-]+ ){5}) ?(\w+)  (\S.*)")


def cron_jobs() -> list[tuple[str, str, str, bool]]:
    """Return time, account, command and whether it is on, of every line; options are off."""
    lines = (CONF / "cron.d-xaltload").read_text().splitlines()
    found = [(line, CRON_LINE.fullmatch(line)) for line in lines]
    return [
        (match[1].strip(), match[2], match[3], not line.startswith("#"))
        for line, match in found
        if match
    ]


def test_the_cron_file_holds_settings_jobs_and_comments_only() -> None:
    lines = [line for line in (CONF / "cron.d-xaltload").read_text().splitlines() if line]
    rest = [line for line in lines if not line.startswith("#") and not CRON_LINE.fullmatch(line)]
    assert {line.partition("=")[0] for line in rest} == {"SHELL", "PATH", "MAILTO"}
    assert "." not in "hpcusage-xaltload"  # cron passes over a file name with a dot


def test_the_cron_lines_are_at_their_times_and_the_other_ways_are_off() -> None:
    found = [
        (when, user, shlex.split(command)[0].rpartition("/")[2], on)
        for when, user, command, on in cron_jobs()
    ]
    assert found == [
        ("23 4 * * *", "root", "xalt_file_to_db", True),
        ("23 4 * * *", "root", "xalt_syslog_to_db", False),
        ("7 0 * * *", "root", "mkdir", True),
        ("21 0 1 * *", "root", "delete_old_records", False),
        ("31 6 1 * *", "root", "xalt_usage_report", False),
    ]


def test_the_cron_lines_use_documented_options() -> None:
    for _, _, command, _ in cron_jobs():
        assert not re.search(r"(?<!\\)%", command)  # cron ends a command there
        program, *words = shlex.split(command.partition(" | ")[0])
        known = OPTIONS.get(program.removeprefix("/usr/local/bin/"))
        if known:
            options = {word for word in words if word.startswith("-")}
            assert options <= known | COMMON_OPTIONS, command


def test_the_directory_of_the_next_month_is_made_in_time(tmp_path: Path) -> None:
    (command,) = [command for _, _, command, _ in cron_jobs() if command.startswith("mkdir")]
    command = replaced(command.replace("\\%", "%"), "/data/xalt/json", str(tmp_path))
    command = replaced(command, "7 days", "2026-12-27 7 days")
    for _ in range(2):
        subprocess.run(["/bin/sh", "-c", command], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["202701"]
    assert stat.S_IMODE((tmp_path / "202701").stat().st_mode) == 0o1777


# Samples ----------------------------------------------------------------


def site_tables() -> dict[str, Any]:
    """Return the tables of the sample of a site configuration, without running it."""
    tree = ast.parse((CONF / "xalt-site-config.py.sample").read_text())
    return {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }


def first_match(rows: Sequence[Sequence[Any]], text: str, default: Any) -> Any:
    """Return the value of the first row whose pattern matches the whole text."""
    found = (value for value, pattern in rows if re.fullmatch(pattern.replace("\\/", "/"), text))
    return next(found, default)


def filter_tables(form: str) -> tuple[list[Any], list[Any]]:
    """Return the rows for runs and for packages of one of the two samples."""
    if form == "python":
        tables = site_tables()
        return tables["pre_ingest_patterns"], tables["pkg_patterns"]
    tables = json.loads((CONF / "xalt-filters.json.sample").read_text())
    assert set(tables) == {"comment", "pre_ingest", "packages"}
    return tables["pre_ingest"], tables["packages"]


@pytest.mark.parametrize("form", ["python", "json"])
def test_the_sample_filters_do_what_their_names_say(form: str) -> None:
    runs, packages = filter_tables(form)
    probabilities = {
        "/usr/bin/ls": 0.0,
        "/usr/libexec/gcc/cc1": 0.0,
        "/apps/cmake/3.29/bin/cmake": 0.01,
        "/home/ann/venv/bin/python3.11": 0.1,
        "/apps/lammps/2024.08/bin/lmp": 1.0,
        "/home/ann/usr/bin/ls": 1.0,
    }
    assert {path: first_match(runs, path, 1.0) for path in probabilities} == probabilities
    decisions = {
        "python:name:numpy": "KEEP",
        "python:name:_json": "SKIP",
        "python:path:built-in": "SKIP",
        "R:path:/home/ann/R/mine": "SKIP",
        "R:name:stats": "SKIP",
        "R:name:statsmine": "KEEP",
        "MATLAB:name:toolbox": "KEEP",
    }
    assert {text: first_match(packages, text, "KEEP") for text in decisions} == decisions


def test_the_two_forms_of_the_sample_filters_say_the_same() -> None:
    plain = [
        [[value, pattern.replace("\\/", "/")] for value, pattern in rows]
        for rows in filter_tables("python")
    ]
    assert plain == list(filter_tables("json"))


def test_the_site_configuration_escapes_what_xalts_own_tool_asks_for() -> None:
    tables = site_tables()
    for _, pattern in tables["pre_ingest_patterns"] + tables["pkg_patterns"]:
        assert not re.search(r"(?<!\\)[/ ]", pattern)
    for row in tables["python_pkg_patterns"]:
        assert set(row) == {"k_s", "kind", "patt"}
        assert (row["k_s"], row["kind"]) in {
            (decision, kind) for decision in ("KEEP", "SKIP") for kind in ("name", "path")
        }
        re.compile(row["patt"])


def test_the_sample_reverse_map_names_modules() -> None:
    modules = ModuleMap(read_map(CONF / "xalt_rmapT.json.sample"))
    assert {
        path: modules.module_of(path)
        for path in (
            "/apps/gcc/13.2.0/lib64/libgfortran.so.5",
            "/apps/lammps/2024.08/bin/lmp",
            "/apps/lammps/2024.08/plugins/kim.so",
            "/usr/lib64/libc.so.6",
        )
    } == {
        "/apps/gcc/13.2.0/lib64/libgfortran.so.5": "gcc/13.2.0",
        "/apps/lammps/2024.08/bin/lmp": "lammps/2024.08(gcc/13.2.0:openmpi/5.0.3)",
        "/apps/lammps/2024.08/plugins/kim.so": "lammps-plugins/2024.08(gcc/13.2.0:openmpi/5.0.3)",
        "/usr/lib64/libc.so.6": None,
    }
