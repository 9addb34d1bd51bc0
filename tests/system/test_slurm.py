"""Jobs of a real Slurm cluster become documents, each end of a job exactly once."""

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.afcollect.serving import Server
from tests.conftest import run_command
from tests.services import require_service, wait_until
from tests.slurm_cluster import CORE_MEGABYTES, PROGRAMS, SlurmCluster

Document = dict[str, Any]
JOB_KEYS = ["kind", "cluster", "users", "Id", "Runtime", "state"]
QUEUE_KEYS = [
    "kind", "cluster", "queue", "idle", "running", "held", "allocated_cores", "allocated_mem",
]  # fmt: skip


@pytest.fixture(scope="module")
def shared_cluster() -> Iterator[SlurmCluster]:
    """Give a cluster; its paths are short, for those of sockets must be."""
    require_service(*PROGRAMS)
    with (
        tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory,
        SlurmCluster(Path(directory, "slurm")) as cluster,
    ):
        yield cluster


@pytest.fixture
def cluster(shared_cluster: SlurmCluster) -> Iterator[SlurmCluster]:
    """Give a cluster without jobs in its queue."""
    yield shared_cluster
    shared_cluster.clear()


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Server]:
    """Give an endpoint that takes documents."""
    server = Server(tmp_path).start()
    yield server
    server.stop()


def collect(
    cluster: SlurmCluster, state: Path, *options: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command for the jobs of a cluster."""
    return run_command(
        "afmetrics_collector", "-b", "--batch-system", "slurm", "-c", "here",
        "--state-dir", state, *options, env={**cluster.environment, **environment},
    )  # fmt: skip


def printed(cluster: SlurmCluster, state: Path, *options: str, **zone: str) -> list[Document]:
    """Return the documents that the command prints."""
    done = collect(cluster, state, "--print", *options, **zone)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def jobs_in(documents: list[Document]) -> "dict[str, Document]":
    """Return the documents about jobs by the job's number, of which each is there once.

    But for arrays: Slurm accounts tasks that end while they begin under the number of the array.
    """
    found = [one for one in documents if one["kind"] == "slurmjob"]
    jobs = {one["Id"]: one for one in found}
    arrays = {number.partition("_")[0] for number in jobs if "_" in number}
    once = [one["Id"] for one in found if one["Id"] not in arrays]
    assert len(set(once)) == len(once), found
    return jobs


def queues_in(documents: list[Document]) -> "dict[str, list[int]]":
    """Return idle, running, held, cores and megabytes of each queue by its name."""
    found = [one for one in documents if one["kind"] == "slurmqueue"]
    return {one["queue"]: [one[key] for key in QUEUE_KEYS[3:]] for one in found}


# What is in the queue ---------------------------------------------------


def test_jobs_of_each_state_are_documents(cluster: SlurmCluster, tmp_path: Path) -> None:
    running = cluster.submit("-c2")
    held = cluster.submit("--hold")
    waiting = cluster.submit("--begin=now+1hour")
    array = cluster.submit("--array=1-3%1")
    cluster.wait_for(running, "RUNNING")
    cluster.wait_for(array, "RUNNING", "PENDING", "PENDING")
    jobs = jobs_in(printed(cluster, tmp_path))
    states = {number: jobs[number]["state"] for number in (running, held, waiting)}
    assert states == {running: "running", held: "held", waiting: "idle"}
    tasks = [jobs[f"{array}_{number}"]["state"] for number in (1, 2, 3)]
    assert tasks == ["running", "idle", "idle"]


def test_documents_have_the_documented_keys(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = cluster.submit()
    cluster.wait_for(job, "RUNNING")
    documents = printed(cluster, tmp_path)
    document = jobs_in(documents)[job]
    assert list(document) == JOB_KEYS
    assert type(document["Runtime"]) is int
    account = cluster.run("squeue", "-h", "-j", job, "-o", "%u").strip()
    assert (document["cluster"], document["users"]) == ("here", account)
    queues = [one for one in documents if one["kind"] == "slurmqueue"]
    assert [list(one) for one in queues] == [QUEUE_KEYS]


def test_the_run_time_is_that_of_slurm(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = cluster.submit()
    cluster.wait_for(job, "RUNNING")
    text = cluster.run("scontrol", "show", "job", job)
    found = re.search(r"StartTime=(\S+)", text)
    assert found
    started = time.mktime(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S"))
    before = int(time.time() - started)
    seconds = jobs_in(printed(cluster, tmp_path))[job]["Runtime"]
    assert before <= seconds <= time.time() - started + 1


def test_queues_sum_up_jobs_cores_and_memory(cluster: SlurmCluster, tmp_path: Path) -> None:
    jobs = [cluster.submit("-c2"), cluster.submit("--mem=1536"), cluster.submit("-p", "short")]
    for job in jobs:
        cluster.wait_for(job, "RUNNING")
    cluster.submit("--hold")
    cluster.submit("-p", "long,short", "--begin=now+1hour")
    assert queues_in(printed(cluster, tmp_path)) == {
        "long": [1, 2, 1, 3, 2 * CORE_MEGABYTES + 1536],
        "short": [1, 1, 0, 1, CORE_MEGABYTES],
    }


def test_queues_can_be_put_together(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = cluster.submit("-p", "short")
    cluster.wait_for(job, "RUNNING")
    cluster.submit("-p", "long,short", "--hold")
    documents = printed(cluster, tmp_path, "-q", "all:long,short", "-q", "gpu:gpu")
    assert queues_in(documents) == {"all": [0, 1, 1, 1, CORE_MEGABYTES], "gpu": [0, 0, 0, 0, 0]}


def test_a_job_that_was_requeued_to_be_held_is_held(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = cluster.submit()
    cluster.wait_for(job, "RUNNING")
    cluster.run("scontrol", "requeuehold", job)
    cluster.wait_for(job, "PENDING")
    documents = printed(cluster, tmp_path)
    assert jobs_in(documents)[job]["state"] == "held"
    assert queues_in(documents) == {"long": [0, 0, 1, 0, 0]}


def test_a_suspended_job_still_runs(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = cluster.submit()
    cluster.wait_for(job, "RUNNING")
    cluster.run("scontrol", "suspend", job)
    cluster.wait_for(job, "SUSPENDED")
    assert jobs_in(printed(cluster, tmp_path))[job]["state"] == "running"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can submit a job of another account")
def test_jobs_of_all_accounts_are_found(cluster: SlurmCluster, tmp_path: Path) -> None:
    options = ("--uid=nobody", "--chdir=/")
    ended = cluster.run_to_end(*options)
    running = cluster.submit(*options)
    cluster.wait_for(running, "RUNNING")
    jobs = jobs_in(printed(cluster, tmp_path))
    assert {jobs[number]["users"] for number in (ended, running)} == {"nobody"}


def test_an_empty_queue_is_no_failure(cluster: SlurmCluster, tmp_path: Path) -> None:
    documents = printed(cluster, tmp_path)
    assert queues_in(documents) == {}
    assert {one["state"] for one in jobs_in(documents).values()} <= {"finished", "removed"}


# What has ended ---------------------------------------------------------


def test_jobs_that_ended_have_the_state_of_their_end(cluster: SlurmCluster, tmp_path: Path) -> None:
    good, bad = cluster.run_to_end(), cluster.run_to_end(script="false")
    stopped, unborn = cluster.submit(), cluster.submit("--hold")
    cluster.wait_for(stopped, "RUNNING")
    cluster.run("scancel", stopped, unborn)
    cluster.wait_for_account(stopped, unborn)
    jobs = jobs_in(printed(cluster, tmp_path))
    assert {number: jobs[number]["state"] for number in (good, bad, stopped, unborn)} == {
        good: "finished", bad: "finished", stopped: "removed", unborn: "removed",
    }  # fmt: skip
    assert list(jobs[good]) == JOB_KEYS


def test_a_job_that_was_requeued_has_not_ended(cluster: SlurmCluster, tmp_path: Path) -> None:
    job = cluster.submit()
    cluster.wait_for(job, "RUNNING")
    cluster.run("scontrol", "requeue", job)
    cluster.wait_for(job, "PENDING")
    assert jobs_in(printed(cluster, tmp_path))[job]["state"] == "idle"


@pytest.mark.parametrize("seconds_ago", [-5, 30, 3540])
def test_a_job_is_found_in_the_hour_that_is_there_twice(
    cluster: SlurmCluster, tmp_path: Path, seconds_ago: int
) -> None:
    job = cluster.run_to_end()
    documents = printed(cluster, tmp_path, TZ=zone_turned_back(seconds_ago))
    assert jobs_in(documents)[job]["state"] == "finished"


def zone_turned_back(seconds_ago: int) -> str:
    """Return a TZ whose summer time, an hour ahead of UTC, ended some time ago."""
    turned = time.gmtime(time.time() - seconds_ago + 3600)  # as summer time says it
    clock = time.strftime("%H:%M:%S", turned)
    begin = (turned.tm_yday + 180) % 365
    return f"WIN0SUM-1,{begin},{turned.tm_yday - 1}/{clock}"


class Facility:
    """Runs of the command that send what they find."""

    def __init__(self, cluster: SlurmCluster, endpoint: Server, directory: Path) -> None:
        """Nothing has run yet."""
        self.cluster, self.endpoint, self.directory = cluster, endpoint, directory

    def run(self) -> "subprocess.CompletedProcess[str]":
        """Run the command once."""
        where = ("-u", self.endpoint.url, "--ca-file", str(self.endpoint.ca_file))
        return collect(self.cluster, self.directory, *where, AFMETRICS_TOKEN="token")

    def runs(self, number: int) -> None:
        """Run the command some times; each must succeed."""
        for _ in range(number):
            done = self.run()
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def sent(self, job: str) -> list[str]:
        """Return the states of a job in the documents that were sent."""
        return [one["state"] for one in self.endpoint.taken if one.get("Id") == job]


@pytest.fixture
def facility(cluster: SlurmCluster, endpoint: Server, tmp_path: Path) -> Facility:
    """Give a facility whose command has not run."""
    return Facility(cluster, endpoint, tmp_path / "state")


def test_the_end_of_a_job_is_sent_once(facility: Facility, cluster: SlurmCluster) -> None:
    first = cluster.run_to_end()
    facility.runs(2)
    second = cluster.run_to_end("--array=7")
    # Accounting knows the end of a task, at times, before it knows that it is one of an array.
    accounted = ["sacct", "-X", "-n", "-P", "-o", "JobID", "-j", second]
    wait_until(lambda: cluster.run(*accounted).split() == [f"{second}_7"], "the task to be known")
    facility.runs(3)
    assert facility.sent(first) == ["finished"]
    assert facility.sent(f"{second}_7") == ["finished"]


def test_a_job_is_sent_in_each_run_until_its_end(facility: Facility, cluster: SlurmCluster) -> None:
    job = cluster.submit()
    cluster.wait_for(job, "RUNNING")
    facility.runs(2)
    cluster.run("scancel", job)
    cluster.wait_for_account(job)
    facility.runs(2)
    assert facility.sent(job) == ["running", "running", "removed"]


def test_showing_the_end_of_a_job_does_not_keep_it_from_being_sent(
    facility: Facility, cluster: SlurmCluster
) -> None:
    facility.runs(1)
    job = cluster.run_to_end()
    assert job in jobs_in(printed(cluster, facility.directory))
    facility.runs(2)
    assert facility.sent(job) == ["finished"]
    assert job not in jobs_in(printed(cluster, facility.directory))


# Daemons that are away --------------------------------------------------


def test_a_job_that_ends_while_accounting_is_away_is_sent_once(
    facility: Facility, cluster: SlurmCluster
) -> None:
    facility.runs(1)
    cluster.slurmdbd.stop()
    try:
        job = cluster.submit(script="true")
        cluster.wait_for(job, "COMPLETED")
        done = facility.run()
    finally:
        cluster.slurmdbd.start()
    assert done.returncode == 3
    (warning,) = done.stderr.splitlines()
    assert " slurm, finished jobs: sacct ended with 1: " in warning
    cluster.wait_for_account(job)
    facility.runs(2)
    assert facility.sent(job) == ["finished"]


def test_without_the_controller_jobs_that_ended_are_found(
    cluster: SlurmCluster, tmp_path: Path
) -> None:
    job = cluster.run_to_end()
    cluster.slurmctld.stop()
    try:
        done = collect(cluster, tmp_path, "--print", "-s")
    finally:
        cluster.slurmctld.start()
    assert done.returncode == 3
    (warning,) = done.stderr.splitlines()
    assert " slurm: squeue ended with 1: slurm_load_jobs error: " in warning
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert documents[0]["kind"] == "ssh"
    assert jobs_in(documents)[job]["state"] == "finished"


def test_a_machine_without_slurm_says_so(tmp_path: Path) -> None:
    (tmp_path / "programs").mkdir()
    done = run_command(
        "afmetrics_collector", "-b", "--batch-system", "slurm", "--print",
        "--state-dir", tmp_path, env={**os.environ, "PATH": str(tmp_path / "programs")},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 2
    assert "cannot run squeue: it is not on PATH" in done.stderr
    assert "cannot run sacct: it is not on PATH" in done.stderr
