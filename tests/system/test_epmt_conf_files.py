"""The prolog and the epilog that a site's Slurm runs for epmt, run as Slurm would, without it."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.services import CONF

PROLOG, EPILOG = "epmt-task-prolog.sh", "epmt-task-epilog.sh"
JOB = "4711"
BEGUN = f"export EPMT_BEGUN={JOB}\n"


class Node:
    """A node where epmt is on PATH, and a stand-in for logger writes a file."""

    def __init__(self, directory: Path) -> None:
        """Write the programs and the settings."""
        self.directory = directory
        self.job = directory / "jobs"  # and the user's name, and JOB
        self.staged = directory / "staged"
        self.staged.mkdir()
        self.log = directory / "log"
        self.log.touch()
        self.add_program("epmt", f'exec {sys.executable} {CHECKOUT}/bin/epmt "$@"')
        self.add_program("logger", f"cat >> {self.log}")
        self.write_settings(epmt_output_prefix=f"{self.job}/", stage_command_dest=f"{self.staged}/")

    def add_program(self, name: str, script: str, shell: str = "/bin/sh") -> Path:
        """Write a script where it is found first; return its path."""
        path = self.directory / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{shell}\n{script}\n")
        path.chmod(0o755)
        return path

    def write_settings(self, **settings: object) -> None:
        """Write the settings of epmt."""
        lines = [f"{name} = {value}\n" for name, value in settings.items()]
        (self.directory / "epmt.ini").write_text("".join(["[EPMT]\n", *lines]))

    def run(self, name: str, **variables: str) -> str:
        """Run a script for a batch script, or as variables say; return its stdout.

        It must succeed, and say nothing on stderr, which is that of the job.
        """
        environment = {
            "PATH": f"{self.directory}/bin:/usr/bin:/bin",
            "EPMT_SETTINGS": str(self.directory / "epmt.ini"),
            "SLURM_JOB_ID": JOB,
            "SLURM_LOCALID": "0",
            "SLURM_JOB_NUM_NODES": "1",
            **variables,
        }
        done = subprocess.run(
            [str(CONF / name)], env=environment, cwd=self.directory, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def files(self) -> "set[str]":
        """Return the names of the files of all jobs."""
        return {path.name for path in self.job.rglob("*") if path.is_file()}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Give a node without jobs."""
    return Node(tmp_path)


def test_the_batch_script_begins_the_job_and_ends_it(node: Node) -> None:
    assert node.run(PROLOG) == BEGUN
    assert node.files() == {"job_metadata.tmp"}
    assert node.run(EPILOG) == ""
    assert node.files() == set()
    with tarfile.open(node.staged / f"{JOB}.tgz") as archive:
        assert archive.getnames() == ["./job_metadata"]
    assert node.log.read_text() == ""


def test_a_job_without_path_is_begun(node: Node) -> None:
    assert node.run(PROLOG, PATH="", EPMT=str(node.directory / "bin/epmt")) == BEGUN


@pytest.mark.parametrize(
    "task",
    [
        {"SLURM_LOCALID": "1"},
        {"SLURM_STEP_ID": "1"},
        {"SLURM_STEPID": "1"},
        {"SLURM_STEP_ID": "0", "EPMT_BEGUN": JOB},
        {"EPMT": "none"},
    ],
)
def test_no_other_task_begins_it(node: Node, task: "dict[str, str]") -> None:
    assert node.run(PROLOG, **task) == ""
    assert node.files() == set()


@pytest.mark.parametrize(
    "task", [{}, {"SLURM_STEP_ID": "4294967291"}, {"SLURM_STEP_ID": "0", "EPMT_BEGUN": "4710"}]
)
def test_the_first_task_begins_it(node: Node, task: "dict[str, str]") -> None:
    assert node.run(PROLOG, **task) == BEGUN


@pytest.mark.parametrize(
    "task",
    [
        {"SLURM_STEP_ID": "1"},
        {"SLURM_STEP_ID": "0", "EPMT_BEGUN": JOB},
        {"SLURM_STEP_ID": "0", "SLURM_JOB_NUM_NODES": "2"},
        {"EPMT": "none"},
    ],
)
def test_a_step_does_not_end_what_goes_on(node: Node, task: "dict[str, str]") -> None:
    node.run(PROLOG)
    assert node.run(EPILOG, **task) == ""
    assert node.files() == {"job_metadata.tmp"}


def test_papiex_is_handed_to_every_task(node: Node) -> None:
    library = node.directory / "lib"
    library.mkdir()
    for name in ("libpapiex.so", "libmonitor.so"):
        (library / name).touch()
    node.write_settings(epmt_output_prefix=f"{node.job}/", install_prefix=node.directory)
    lines = node.run(PROLOG, SLURM_LOCALID="3", SLURM_STEP_ID="2").splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        "export PAPIEX_OUTPUT", "export PAPIEX_OPTIONS", "export LD_PRELOAD",
    ]  # fmt: skip
    assert lines[-1].endswith(f"={library}/libpapiex.so:{library}/libmonitor.so")


@pytest.mark.parametrize(
    "script",
    ["exit 1", "echo nonsense; echo export A=1; kill -9 $$", "trap '' TERM; sleep 600"],
)
def test_an_epmt_that_fails_or_hangs_fails_no_task(node: Node, script: str) -> None:
    node.add_program("epmt", script)
    seconds = {"EPMT_PROLOG_SECONDS": "0.1", "EPMT_EPILOG_SECONDS": "0.1"}
    assert node.run(PROLOG, **seconds) == ""
    assert node.run(PROLOG, **seconds, SLURM_LOCALID="1") == ""
    assert node.run(EPILOG, **seconds) == ""


def test_a_missing_python_fails_no_task_and_is_logged(node: Node) -> None:
    node.add_program("epmt", "", shell="/nonexistent/python3")
    for name in (PROLOG, EPILOG):
        assert node.run(name) == ""
    assert node.log.read_text().count(f"job {JOB}: ") == 2


@pytest.mark.parametrize("place", ["", "log", "missing"])
def test_what_is_no_program_fails_no_task(node: Node, place: str) -> None:
    for name in (PROLOG, EPILOG):
        assert node.run(name, EPMT=str(node.directory / place)) == ""


def test_a_directory_that_cannot_be_written_fails_no_task_and_is_logged(node: Node) -> None:
    node.write_settings(epmt_output_prefix=f"{node.log}/")
    for name in (PROLOG, EPILOG):
        assert node.run(name) == ""
    assert f"job {JOB}: Error: cannot make the directory {node.log}/" in node.log.read_text()


def test_what_cannot_be_staged_stays(node: Node) -> None:
    node.write_settings(epmt_output_prefix=f"{node.job}/", stage_command="false")
    node.run(PROLOG)
    node.run(EPILOG)
    assert node.files() == {"job_metadata"}
    assert "stage_command false ended with status 1" in node.log.read_text()
