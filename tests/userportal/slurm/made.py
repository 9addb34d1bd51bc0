"""Rows of slurmdbd's tables, made up: a small cluster for the tests."""

from userportal.slurm import tables
from userportal.slurm.database import SlurmDatabase

CLUSTER = "vela"
ANN, BOB = 1001, 1002
NOON = 1_700_000_000
TRES = [
    {"id": 1, "type": "cpu", "name": ""},
    {"id": 2, "type": "mem", "name": ""},
    {"id": 1001, "type": "gres", "name": "gpu"},
    {"id": 1002, "type": "gres", "name": "gpu:a100"},
    {"id": 1003, "type": "gres", "name": "gpu:h100"},
    {"id": 1004, "type": "license", "name": "gpu"},
]
ASSOCIATIONS = [
    {"id_assoc": 1, "acct": "root", "user": "", "deleted": 0},
    {"id_assoc": 2, "acct": "def-ann", "user": "", "deleted": 0},
    {"id_assoc": 3, "acct": "def-ann", "user": "ann", "deleted": 0},
    {"id_assoc": 4, "acct": "def-ann", "user": "bob", "deleted": 0},
    {"id_assoc": 5, "acct": "def-bob", "user": "bob", "deleted": 0},
    {"id_assoc": 6, "acct": "def-ann", "user": "cy", "deleted": 1},
    {"id_assoc": 7, "acct": "gone", "user": "ann", "deleted": 1},
]
ACCOUNTS = [
    {"name": "def-ann", "description": "Ann's group", "organization": "stars", "deleted": 0},
    {"name": "def-bob", "description": "Bob_s 100%", "organization": "moons", "deleted": 0},
    {"name": "gone", "description": "was here", "organization": "", "deleted": 1},
]


def job_row(job_id, **values):
    """Return a row of the job table: a job of ann that ran for an hour, changed by values."""
    return {
        "id_job": job_id, "job_name": f"job{job_id}", "account": "def-ann", "id_user": ANN,
        "id_group": 100, "id_assoc": 3, "partition": "cpu", "state": 3,
        "time_submit": NOON + job_id, "time_eligible": NOON + job_id,
        "time_start": NOON + job_id + 60, "time_end": NOON + job_id + 3660,
        "time_suspended": 0, "timelimit": 120, "work_dir": "/home/ann",
        "submit_line": "sbatch run.sh", "nodelist": "vc[01-02]", "nodes_alloc": 2,
        "cpus_req": 8, "mem_req": 4000, "tres_req": "1=8,2=8000,4=2", "tres_alloc":
        "1=8,2=8000,3=18446744073709551614,4=2,5=8", "id_array_job": 0,
        "id_array_task": 4294967294, "array_task_str": None, "array_max_tasks": 0,
        "array_task_pending": 0, "exit_code": 0, "id_qos": 1, "script_hash_inx": 0,
        **values,
    }  # fmt: skip


def running(**values):
    """Return what a row of a running job has."""
    return {"state": 1, "time_end": 0, **values}


def pending(**values):
    """Return what a row of a pending job has."""
    return {
        "state": 0, "time_start": 0, "time_end": 0, "tres_alloc": "",
        "nodelist": "None assigned", "nodes_alloc": 0, **values,
    }  # fmt: skip


def make(database, leave_out=()):
    """Make the tables, with the accounts and the names of what is counted; return the store."""
    tables.create(database, CLUSTER, leave_out)
    filled = {"tres_table": TRES, "assoc_table": ASSOCIATIONS, "acct_table": ACCOUNTS}
    for table, rows in filled.items():
        if table not in leave_out:
            tables.insert(database, CLUSTER, table, rows)
    return SlurmDatabase(database, CLUSTER)


def add(store, *rows, table="job_table"):
    """Put rows into a table, one after the other."""
    for row in rows:
        tables.insert(store.database, CLUSTER, table, [row])
