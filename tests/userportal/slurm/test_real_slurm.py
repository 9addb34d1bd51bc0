"""Jobs of a real Slurm are read from the database that its slurmdbd fills."""

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import require_service, wait_until
from tests.slurm_cluster import CLUSTER, CORE_MEGABYTES, DATABASE, PROGRAMS, SlurmCluster
from usagedb.config import DatabaseConfig
from usagedb.database import Database
from userportal.slurm import script, tables
from userportal.slurm.database import SlurmDatabase
from userportal.slurm.dependencies import Dependency
from userportal.slurm.model import Job, JobFilter
from userportal.slurm.run_time import NO_PAUSES, Pauses

MEGABYTE = 1 << 20
FOREVER = 1 << 33


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    """Give a cluster; its paths are short, for those of sockets must be."""
    require_service(*PROGRAMS)
    with (
        tempfile.TemporaryDirectory(prefix="hpcusage-test-") as directory,
        SlurmCluster(Path(directory, "slurm")) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def store(cluster: SlurmCluster) -> Iterator[SlurmDatabase]:
    """Give the SlurmDatabase of the cluster."""
    written = (cluster.directory / "slurmdbd.conf").read_text()
    port = re.search(r"StoragePort=(\d+)", written)
    assert port
    config = DatabaseConfig("mysql", DATABASE, "test", ("127.0.0.1",), int(port[1]), user="root")
    database = Database(config)
    yield SlurmDatabase(database, CLUSTER)
    database.close()


@pytest.fixture(autouse=True)
def quiet(cluster: SlurmCluster) -> Iterator[None]:
    """Leave no job behind."""
    yield
    cluster.clear()


def job_when(store: SlurmDatabase, number: str, *states: str) -> Job:
    """Return the newest row of a job as soon as slurmdbd has it whole, in one of these states.

    The end of a short job may be there before its beginning, and all that was said with it.
    """

    def is_there() -> bool:
        job = store.job(int(number))
        return job is not None and job.partition != "" and job.state_name in states

    wait_until(is_there, f"job {number} to be {' or '.join(states)} in the database")
    job = store.job(int(number))
    assert job
    return job


def script_when(store: SlurmDatabase, number: str) -> str:
    """Return the script of a job as soon as slurmdbd has it."""

    def found() -> "str | None":
        job = store.job(int(number))
        return store.script(job) if job else None

    wait_until(found, f"the script of job {number} to be in the database")
    return found() or ""


def test_a_job_that_ended_is_read_whole(cluster: SlurmCluster, store: SlurmDatabase) -> None:
    number = cluster.run_to_end(
        "-n2", "--time=5", "--comment=two words", script="module load gcc/12; exit 3"
    )
    job = job_when(store, number, "FAILED")
    (node,) = cluster.run("sinfo", "-h", "-o", "%n").split()
    assert (job.name, job.account, job.partition, job.user_id) == ("wrap", "root", "long", 0)
    assert (job.nodes, job.node_count, job.cores) == ([node], 1, 2)
    assert job.memory_bytes == 2 * CORE_MEGABYTES * MEGABYTE
    assert (job.time_limit_minutes, job.is_unlimited) == (5, False)
    assert (job.exit_code, str(job.exit_status), job.gpus) == (3, "3:0", {})
    assert job.submit and job.start and job.end
    assert job.submit <= job.start <= job.end
    assert job.elapsed_seconds(0) == job.end - job.start
    assert job.submit_line.startswith("sbatch --parsable")
    assert job.work_dir == "/"
    assert script.modules(script_when(store, number)) == ["gcc/12"]
    assert [step.name for step in store.steps(job)] == ["batch"]
    assert store.page(JobFilter(user_id=0, text=number), limit=1).jobs[0] == store.job(job.job_id)
    assert store.user_id("root") == 0
    assert store.accounts() == store.users() == ["root"]
    assert store.account_exists("root")
    assert store.users_of_account("root") == ["root"]
    assert "normal" in store.qos_names().values()
    assert store.tres_names()[1] == "cpu"


def test_a_job_that_was_completed_is_in_the_statistics(
    cluster: SlurmCluster, store: SlurmDatabase
) -> None:
    number = cluster.run_to_end("--partition=short", "--time=10")
    job = job_when(store, number, "COMPLETED")
    found = {one.partition: one for one in store.partition_statistics(0, FOREVER)}
    assert (found["short"].completed, found["short"].measured) == (1, 1)
    assert [one.start for one in store.starts(0, FOREVER) if one.partition == "short"] == [
        job.start
    ]


def test_memory_per_node_and_per_core_are_read(cluster: SlurmCluster, store: SlurmDatabase) -> None:
    per_node = cluster.submit("--hold", "-n2", "--mem=300M")
    per_core = cluster.submit("--hold", "-n2", "--mem-per-cpu=150M", "--time=0")
    for number in (per_node, per_core):
        job = job_when(store, number, "PENDING")
        assert job.memory_bytes == job.requested_memory_bytes == 300 * MEGABYTE
        assert (job.cores, job.nodes, job.exit_status) == (2, [], None)
        raw = store.ask('SELECT "mem_req" FROM {job_table} WHERE "id_job" = ?', (number,))
        assert bool(raw[0][0] >> 63) is (number == per_core)


def test_an_array_is_read_with_the_tasks_that_wait(
    cluster: SlurmCluster, store: SlurmDatabase
) -> None:
    number = cluster.submit("--array=3-9:3%1")
    cluster.wait_for(number, "PENDING", "PENDING", "RUNNING")
    job_when(store, number, "PENDING")
    wait_until(lambda: store.task(int(number), 3), "the task to be in the database")
    wait_until(lambda: store.array_tasks(int(number)).pending == 2, "two tasks to be counted")
    array = store.array_tasks(int(number))
    assert [job.display_id for job in array.jobs] == [f"{number}_3", number]
    assert array.pending_tasks == [6, 9]
    task = array.jobs[0]
    job_when(store, str(task.job_id), "RUNNING")
    assert "sleep 600" in script_when(store, str(task.job_id))
    assert store.running_totals(0).cores >= 1


def test_dependencies_are_read_both_ways_over_a_requeue(
    cluster: SlurmCluster, store: SlurmDatabase
) -> None:
    number = cluster.submit("--requeue")
    cluster.wait_for(number, "RUNNING")
    waiting = cluster.submit("-d", f"afterany:{number}")
    cluster.run("scontrol", "requeue", number)
    wait_until(lambda: len(store.job_rows(int(number))) == 2, "a second row of the job")
    newest, oldest = store.job_rows(int(number))
    assert (newest.state_name, oldest.state_name) == ("PENDING", "REQUEUED")
    assert oldest.is_finished
    dependent = job_when(store, waiting, "PENDING")
    assert store.dependents(newest) == [dependent]
    (found,) = store.prerequisites(dependent)
    assert found.dependency == Dependency("afterany", int(number))
    assert found.job and found.job.db_index == newest.db_index


def test_a_suspended_job_stands_still(cluster: SlurmCluster, store: SlurmDatabase) -> None:
    number = cluster.submit()
    cluster.wait_for(number, "RUNNING")
    cluster.run("scontrol", "suspend", number)
    job = job_when(store, number, "SUSPENDED")
    assert job.elapsed_seconds(FOREVER) == job.elapsed_seconds(FOREVER + 999) < 600


def test_the_pauses_of_a_job_are_read(cluster: SlurmCluster, store: SlurmDatabase) -> None:
    def pauses() -> Pauses:
        index = store.job(int(number)).db_index  # type: ignore[union-attr]
        return store.pauses_of([index], 0, FOREVER).get(index, NO_PAUSES)

    number = cluster.submit()
    cluster.wait_for(number, "RUNNING")
    cluster.run("scontrol", "suspend", number)
    job = job_when(store, number, "SUSPENDED")
    wait_until(lambda: pauses().open_since, "the pause to be in the database")
    assert pauses() == Pauses(0, 0, job.suspended)
    wait_until(lambda: time.time() > job.suspended + 1, "the pause to last")
    cluster.run("scontrol", "resume", number)
    again = job_when(store, number, "RUNNING")
    wait_until(lambda: pauses().seconds, "the end of the pause to be in the database")
    assert pauses() == Pauses(again.suspended, again.suspended)
    assert 0 < again.suspended < 600


def test_what_happens_to_a_node_is_read(cluster: SlurmCluster, store: SlurmDatabase) -> None:
    (node,) = cluster.run("sinfo", "-h", "-o", "%n").split()
    cluster.run("scontrol", "update", f"nodename={node}", "state=drain", "reason=the fan")
    wait_until(lambda: store.events([node], 0, FOREVER), "the event to be in the database")
    cluster.run("scontrol", "update", f"nodename={node}", "state=resume")
    event = store.events([node], 0, FOREVER)[-1]
    assert (event.node, event.reason, event.reason_user_id) == (node, "the fan", 0)
    assert "DRAIN" in event.state_names


@pytest.mark.parametrize("table", [*tables.CLUSTER_TABLES, *tables.COMMON_TABLES])
def test_the_tables_for_tests_are_those_of_slurm(store: SlurmDatabase, table: str) -> None:
    real = store.database.dialect.column_types(store.database, store.name(table))
    columns = {**tables.CLUSTER_TABLES, **tables.COMMON_TABLES}[table]
    lines = [line for line in columns.strip().splitlines() if not tables.KEY.fullmatch(line)]
    made = dict(line.split(" ", 1) for line in lines)
    assert set(made) <= set(real)
    for column, kind in made.items():
        type_of = re.sub(r"\(\d+\)", "", real[column][0])
        assert kind.startswith(type_of), column
    keys = {found[2] for found in map(tables.KEY.fullmatch, columns.strip().splitlines()) if found}
    shown = store.database.rows(f"SHOW INDEX FROM {store.written('{' + table + '}')}")
    assert keys - {""} == {row[2] for row in shown} - {"PRIMARY"}
