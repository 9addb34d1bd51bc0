"""Fill slurmdbd's tables with the jobs of a busy user and of others, the same ones every time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.portal_metrics import CORES, GPUS, LargeJob
from tests.bench.setting import Setting
from usagedb.config import read_config
from usagedb.database import Database
from userportal.slurm import tables

CLUSTER, ACCOUNT, PARTITION = "benchcluster", "def-ada_gpu", "gpu"
USER, USER_ID, OTHERS = "ada", 20001, 199
ASSOCIATION, TRES_GPU = 1, 1001
SHARE = 3  # one job of so many is the user's
RUNNING, COMPLETED, FAILED, TIMEOUT, CANCELLED = 1, 3, 5, 6, 4
ENDS = (COMPLETED,) * 8 + (FAILED, TIMEOUT, CANCELLED)
SPAN_SECONDS = 2 * 365 * 86400
SHORT_SECONDS = 6 * 3600
RUNNING_SMALL = 5
GROUPS = ("train", "relax", "mesh", "render", "sweep")
COLUMNS = (
    "id_job", "id_user", "id_group", "id_assoc", "account", "job_name", "partition", "state",
    "time_submit", "time_eligible", "time_start", "time_end", "timelimit", "nodelist",
    "nodes_alloc", "cpus_req", "mem_req", "priority", "tres_alloc", "tres_req", "work_dir",
    "submit_line",
)  # fmt: skip


def fill(setting: Setting, conf: Path, database: str, jobs: int, large: LargeJob) -> int:
    """Make the tables and fill them; return how many rows the job table has."""
    with_tables(conf)
    path = setting.directory / "portal-jobs.tsv"
    rows = 0
    with path.open("w", encoding="utf-8") as stream:
        for row in (*all_jobs(jobs * SHARE, large.start), *now_running(large)):
            stream.write("\t".join(str(row[column]) for column in COLUMNS) + "\n")
            rows += 1
    statement = (
        f"LOAD DATA LOCAL INFILE %s INTO TABLE {CLUSTER}_job_table"
        f" CHARACTER SET latin1 ({', '.join(f'`{column}`' for column in COLUMNS)})"
    )
    setting.load_file(database, statement, path)
    path.unlink()
    setting.execute(f"use {database}", f"analyze table {CLUSTER}_job_table")
    return rows


def with_tables(conf: Path) -> None:
    """Make all tables of slurmdbd, and fill the small ones."""
    open_database = Database(read_config(conf))
    try:
        tables.create(open_database, CLUSTER)
        created = {"creation_time": 1}
        tres = [(1, "cpu", ""), (2, "mem", ""), (4, "node", ""), (5, "billing", ""),
                (TRES_GPU, "gres", "gpu")]  # fmt: skip
        rows: dict[str, list[dict[str, Any]]] = {
            "tres_table": [
                {**created, "id": number, "type": kind, "name": name} for number, kind, name in tres
            ],
            "assoc_table": [
                {**created, "id_assoc": ASSOCIATION + number, "user": user, "acct": ACCOUNT,
                 "lft": 2 * number + 1, "rgt": 2 * number + 2}
                for number, user in enumerate(people())
            ],
        }  # fmt: skip
        with open_database.transaction():
            for table, made in rows.items():
                tables.insert(open_database, CLUSTER, table, made)
    finally:
        open_database.close()


def people() -> list[str]:
    """Return the names of all users; their uids follow each other from USER_ID on."""
    return [USER, *(f"user{number:03}" for number in range(1, OTHERS + 1))]


def all_jobs(count: int, before: int) -> Iterator[dict[str, Any]]:
    """Yield jobs that ended before a moment; one of SHARE is the user's."""
    source = random.Random("jobs")
    for number in range(count):
        user = 0 if number % SHARE == 0 else source.randrange(1, OTHERS + 1)
        latest = before - 3 * SHORT_SECONDS
        submit = latest - SPAN_SECONDS + number * SPAN_SECONDS // count
        start = submit + source.randrange(SHORT_SECONDS)
        end = start + source.randrange(60, SHORT_SECONDS)
        cores = source.choice((1, 4, 8, 16, 32, 64))
        node = f"node{source.randrange(1, 500):03}"
        name = f"{source.choice(GROUPS)}-{number % 1000}"
        times = (submit, submit, start, end)
        yield row_of(number + 1, user, name, source.choice(ENDS), times, node, 1, cores, 0)


def now_running(large: LargeJob) -> Iterator[dict[str, Any]]:
    """Yield the large job, and small ones of the same user, which run."""
    start = large.start
    times = (start - 600, start - 600, start, 0)
    nodes = f"{large.nodes[0][:-3]}[{large.nodes[0][-3:]}-{large.nodes[-1][-3:]}]"
    many = len(large.nodes)
    yield row_of(
        large.job_id, 0, "large", RUNNING, times, nodes, many, many * CORES, many * GPUS,
    )  # fmt: skip
    for number in range(1, RUNNING_SMALL + 1):
        job_id = large.job_id + number
        yield row_of(job_id, 0, "small", RUNNING, times, "node400", 1, 8, 0)


def row_of(
    job_id: int, user: int, name: str, state: int, times: tuple[int, ...], nodes: str,
    node_count: int, cores: int, gpus: int,
) -> dict[str, Any]:  # fmt: skip
    """Return one row; times are those of submission, eligibility, start and end."""
    submit, eligible, start, end = times
    memory_mib = cores * 3840
    tres = f"1={cores},2={memory_mib},4={node_count},5={cores}"
    tres += f",{TRES_GPU}={gpus}" if gpus else ""
    return {
        "id_job": job_id, "id_user": USER_ID + user, "id_group": 20000,
        "id_assoc": ASSOCIATION + user, "account": ACCOUNT, "job_name": name,
        "partition": PARTITION, "state": state, "time_submit": submit, "time_eligible": eligible,
        "time_start": start, "time_end": end, "timelimit": 1440, "nodelist": nodes,
        "nodes_alloc": node_count, "cpus_req": cores, "mem_req": memory_mib // node_count,
        "priority": 5000, "tres_alloc": tres, "tres_req": tres,
        "work_dir": f"/scratch/{name}", "submit_line": f"sbatch --time=1-0 {name}.sh",
    }  # fmt: skip
