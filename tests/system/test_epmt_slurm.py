"""Jobs of a real Slurm cluster whose tasks have epmt's prolog and epilog, and the example jobs."""

import json
import os
import shutil
import socket
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT, run_command
from tests.services import (
    CONF,
    find_program,
    free_port,
    replaced,
    require_service,
    wait_until,
)
from tests.slurm_cluster import CORES, MEGABYTES, PROGRAMS, SlurmCluster, SlurmDaemon

SCRIPTS = ("epmt-task-prolog.sh", "epmt-task-epilog.sh")
ACCOUNT = "nobody"  # whose jobs they are, where it can be chosen
IS_ROOT = os.geteuid() == 0
# The interpreter of the tests may be in a directory of root's alone.
PYTHON = shutil.which("python3", path="/usr/bin:/bin") if IS_ROOT else sys.executable
SECOND = "second"


class Site:
    """A cluster whose jobs are recorded and staged; an ordinary user runs them."""

    def __init__(self, directory: Path) -> None:
        """Write all files; nothing is started."""
        self.directory = directory
        directory.chmod(0o755)
        for name in ("jobs", "staged", "work"):
            (directory / name).mkdir()
            (directory / name).chmod(0o1777)
        library = directory / "library"
        pattern = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / "epmtlite", library / "epmtlite", ignore=pattern)
        self.settings = directory / "epmt.ini"
        variables = f"EPMT_SETTINGS={self.settings} PYTHONPATH={library}"
        collect = f'{variables} exec {PYTHON} -m epmtlite.collect "$@"'
        self.epmt = self.program("collect/epmt", collect)
        for name in SCRIPTS:
            text = (CONF / name).read_text()
            text = replaced(text, "echo /usr/local/bin/epmt", f"echo {self.epmt}")
            (directory / name).write_text(text)
            (directory / name).chmod(0o755)
        self.program("whole/epmt", f'exec {sys.executable} {CHECKOUT}/bin/epmt "$@"')
        settings = {"epmt_output_prefix": "jobs", "stage_command_dest": "staged"}
        lines = [f"{name} = {directory / value}/\n" for name, value in settings.items()]
        self.settings.write_text("".join(["[EPMT]\n", *lines]))
        self.second_port = free_port()
        self.cluster = SlurmCluster(directory / "slurm", self.lines())
        self.cluster.environment |= {
            "EPMT": str(self.epmt),
            "EPMT_SETTINGS": str(self.settings),
            "EPMT_DB_URL": f"sqlite:///{directory}/epmt.db",
        }

    def lines(self) -> list[str]:
        """Return what slurm.conf has besides: the scripts, the time that they have when a job is
        cancelled, and a node that is down."""
        host = socket.gethostname().partition(".")[0]
        return [
            f"TaskProlog={self.directory / SCRIPTS[0]}",
            f"TaskEpilog={self.directory / SCRIPTS[1]}",
            "KillWait=30",
            f"NodeName={SECOND} NodeHostname={host} NodeAddr=127.0.0.1 Port={self.second_port}"
            f" CPUs={CORES} RealMemory={MEGABYTES}",
        ]

    def program(self, name: str, script: str) -> Path:
        """Write a shell script that everyone can run; return its path."""
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def options(self, *options: str) -> list[str]:
        """Return options of sbatch and srun, with those of every job."""
        account = [f"--uid={ACCOUNT}"] if IS_ROOT else []
        return [*account, f"--chdir={self.directory}/work", *options]

    def run(self, script: str, *options: str) -> str:
        """Run a job to its end; return its number."""
        return self.cluster.run_to_end(*self.options(*options), script=script)

    def end(self, job: str) -> str:
        """Return the state and the exit code of a job that has ended."""
        return self.cluster.run(
            "sacct", "-X", "-n", "-P", "-o", "State,ExitCode", "-j", job
        ).strip()

    def archive(self, job: str) -> Path:
        """Return where a job is that was staged."""
        return self.directory / "staged" / f"{job}.tgz"

    def left(self) -> list[str]:
        """Return the paths of what was collected and not staged."""
        files = (self.directory / "jobs").rglob("*")
        return [str(path) for path in files if path.is_file()]

    def command(self, *arguments: object) -> str:
        """Run epmt; return what it prints."""
        done = run_command("epmt", *arguments, env=self.cluster.environment)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    def processes(self, job: str, *conditions: str) -> "list[dict[str, Any]]":
        """Return the processes of a job that was submitted."""
        listed = self.command("list", "--format", "json", "procs", job, *conditions)
        found: list[dict[str, Any]] = json.loads(listed)
        return found

    def names(self, job: str) -> "Counter[str]":
        """Submit what was staged of a job; return how often each program was run in it."""
        self.command("submit", self.archive(job))
        return Counter(one["exename"] for one in self.processes(job))


@pytest.fixture(scope="module")
def shared_site() -> Iterator[Site]:
    """Give a site; its paths are short, for those of sockets must be."""
    require_service(*PROGRAMS, "sbatch", "srun")
    if not PYTHON:
        pytest.skip("there is no Python that every account can run")
    with tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory:
        site = Site(Path(directory))
        with site.cluster:
            yield site


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """Give a site without jobs, and with nothing left of those before."""
    yield shared_site
    shared_site.cluster.clear()
    for name in ("jobs", "work"):
        for path in (shared_site.directory / name).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


# Prolog and epilog ------------------------------------------------------


def test_a_job_of_two_steps_is_one_job_with_all_that_it_ran(site: Site) -> None:
    job = site.run(
        "srun -n4 $EPMT run -- timeout 60 true; PAPIEX_TAGS=op:last srun -n4 $EPMT run -- id", "-n4"
    )
    assert site.end(job) == "COMPLETED|0:0"
    with tarfile.open(site.archive(job)) as archive:
        kinds = [name.rpartition("-papiex")[2] for name in archive.getnames()]
    assert kinds == ["./job_metadata", "-header.tsv", ".tsv"]
    said = site.command("submit", site.archive(job))
    assert said.startswith(f"Imported successfully - job: {job} processes: 12 rate: ")
    processes = site.processes(job)
    assert Counter(one["exename"] for one in processes) == {"timeout": 4, "true": 4, "id": 4}
    tagged = site.processes(job, "tags=op:last")
    assert [one["exename"] for one in tagged] == ["id"] * 4
    assert site.left() == []


def test_a_job_that_fails_has_failed_as_without_epmt(site: Site) -> None:
    job = site.run("srun -n2 $EPMT run -- sh -c 'exit 3'", "-n2")
    assert site.end(job) == "FAILED|3:0"
    site.command("submit", site.archive(job))
    assert [one["exitcode"] for one in site.processes(job)] == [3, 3]


@pytest.mark.parametrize("script", ["", "exit 1", "echo nonsense; exec sleep 600"])
def test_no_job_fails_or_hangs_because_of_epmt(site: Site, script: str) -> None:
    broken = site.program("broken/epmt", script) if script else Path("/nonexistent")
    seconds = "EPMT_PROLOG_SECONDS=1,EPMT_EPILOG_SECONDS=1"
    job = site.run("srun -n4 touch done", "-n4", f"--export=ALL,EPMT={broken},{seconds}")
    assert site.end(job) == "COMPLETED|0:0"
    assert (site.directory / "work/done").exists()
    assert not site.archive(job).exists()


def test_a_job_is_staged_in_it_without_a_second_one_in_its_place(site: Site) -> None:
    job = site.run("$EPMT run -- id; $EPMT stop; $EPMT stage; srun $EPMT run -- true")
    assert site.names(job) == {"id": 1}


def test_a_job_that_gives_its_steps_no_variables_is_one_job(site: Site) -> None:
    step = f"{find_program('srun')} {site.epmt} run -- {find_program('true')}"
    job = site.run(f"{step}; {step}", "-n2", "--export=NONE")
    assert site.names(job) == {"true": 4}


def test_a_job_that_a_step_submits_is_one_of_its_own(site: Site) -> None:
    outer = site.run("srun -n1 sbatch --parsable -o /dev/null --wrap '$EPMT run -- true' > inner")
    inner = (site.directory / "work/inner").read_text().strip()
    site.cluster.wait_for_account(inner)
    assert site.names(inner) == {"true": 1}
    assert site.archive(outer).exists()


def test_the_only_step_of_a_job_without_a_script_ends_with_its_last_task(site: Site) -> None:
    # Epilogs come one after the other: when that of task n begins, that of n-1 has ended.
    ended = site.program("ended.sh", 'touch "$SLURM_JOB_ID.$SLURM_LOCALID"')
    task = site.program(
        "task.sh",
        '[ "$SLURM_LOCALID" = 0 ] ||\n'
        ' until [ -e "$SLURM_JOB_ID.$((SLURM_LOCALID - 1))" ]; do sleep 0.1; done; id',
    )
    options = site.options("-n4", "--job-name=wrap", f"--task-epilog={ended}")
    site.cluster.run("srun", *options, str(site.epmt), "run", "--", str(task))
    (mark,) = (site.directory / "work").glob("*.3")
    assert site.names(mark.stem)["id"] == 4


def test_of_a_cancelled_job_is_staged_what_has_ended(site: Site) -> None:
    job = site.cluster.submit(
        *site.options("-n2"), script="srun -n2 $EPMT run -- sh -c 'id; sleep 600'"
    )

    def has_ended() -> bool:
        files = (site.directory / "jobs").rglob("*-papiex.tsv")
        return sum(path.read_text().count("\tid\t") for path in files) == 2

    wait_until(has_ended, "what both tasks run first")
    site.cluster.run("scancel", job)
    wait_until(site.archive(job).exists, "the epilog of the batch script")
    site.cluster.wait_for_account(job)
    assert site.end(job).startswith("CANCELLED")
    assert site.names(job)["id"] == 2


class SecondNode(SlurmDaemon):
    """A second node of the cluster, with a host name of its own."""

    def command(self) -> list[str]:
        """Return the command line of its daemon."""
        rename = 'hostname "$0" && exec "$@"'
        unshare = str(find_program("unshare"))
        return [unshare, "--uts", "sh", "-c", rename, SECOND, *super().command()]

    def is_ready(self) -> bool:
        """Tell whether jobs can be started there."""
        return "idle" in self.cluster.run("sinfo", "-h", "-n", SECOND, "-o", "%T")


@pytest.mark.skipif(not IS_ROOT, reason="only root can give a second node a host name")
def test_a_job_of_two_nodes_is_one_job(site: Site) -> None:
    require_service("unshare", "hostname")
    with SecondNode(site.cluster, "slurmd", site.second_port, "-N", SECOND):
        job = site.run(
            f"srun $EPMT run -- id; srun -N1 -n1 -w {SECOND} $EPMT run -- true", "-N2", "-n3"
        )
        site.cluster.clear()
        site.cluster.run("scontrol", "update", f"NodeName={SECOND}", "State=DOWN", "Reason=stopped")
    assert site.end(job) == "COMPLETED|0:0"
    assert site.names(job) == {"id": 3, "true": 1}
    hosts = Counter(one["host"] for one in site.processes(job))
    assert set(hosts) == {socket.gethostname(), SECOND}
    assert site.left() == []


# The example jobs -------------------------------------------------------


def run_example(site: Site, shell: str, epmt: Path) -> str:
    """Run an example as a batch job with its two programs; return its number."""
    work = site.directory / "work"
    site.program("work/prepare", "echo prepare >> work.log")
    site.program("work/model", "echo model >> work.log; exit 3")
    job = site.cluster.run(
        "sbatch", "--parsable", "--job-name=wrap", "--output=/dev/null", f"--chdir={work}",
        f"--export=ALL,EPMT={epmt},PATH={epmt.parent}:{os.environ['PATH']}",
        str(CONF / f"epmt-job.{shell}"),
    ).strip()  # fmt: skip
    site.cluster.wait_for_account(job)
    assert site.end(job) == "FAILED|3:0"
    assert (work / "work.log").read_text() == "prepare\n" + "model\n" * 4
    return job


@pytest.mark.parametrize("shell", ["sh", "csh"])
def test_the_example_stores_its_job(site: Site, shell: str) -> None:
    require_service("bash" if shell == "sh" else "tcsh")
    job = run_example(site, shell, site.directory / "whole/epmt")
    tags = Counter(one["tags"]["op"] for one in site.processes(job))
    assert tags == {"prepare": 1, "solve": 4}
    assert job in site.command("list", "jobs", "annotations=status:3")


@pytest.mark.parametrize("shell", ["sh", "csh"])
def test_the_example_does_its_work_without_epmt(site: Site, shell: str) -> None:
    require_service("bash" if shell == "sh" else "tcsh")
    run_example(site, shell, site.program("broken/epmt", "exit 1"))
