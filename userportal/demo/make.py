"""Make the whole demo in a directory: databases, history, configuration, people to log in as."""

import json
import secrets
import shutil
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

from usagedb import errors
from usagedb.config import read_config
from usagedb.database import Database
from usagedb.files import write_whole
from userportal.demo import configfiles, logins
from userportal.demo.cluster import make_cluster
from userportal.demo.metricdata import write_metrics
from userportal.demo.schedule import make_schedule
from userportal.demo.sizes import Sizes
from userportal.demo.slurmdata import write_slurm
from userportal.demo.storage import write_robinhood
from userportal.demo.suitedata import write_suite
from userportal.metrics.history import HistoryWriter

MARKER = "made-by-portal-demo"
PASSWORDS = "passwords.json"  # {role: {username, password}}, mode 0600
# What a demo consists of, and what it grows; a second run replaces these and nothing else.
MADE = (
    "slurm.db", "usage.db", "robinhood.db", "metrics.db", "slurm_db.conf", "usage_db.conf",
    "robinhood_db.conf", "intro.html", "passwd", "accounts.conf", "cloud.conf", "modules.txt",
    "portal.db", "portal.key", configfiles.CONFIGURATION, PASSWORDS,
)  # fmt: skip
BESIDE = ("", "-wal", "-shm", "-journal")  # what SQLite leaves beside a file
LOCKS = ".lock"
STATIC = "portal-static"
PAGE_BYTES = 1024  # of the history's file: its entries are small
STAFF, HELPER = "demostaff", "demohelper"


class Login(NamedTuple):
    """Somebody to log in as."""

    role: str  # user, manager, helper, staff
    username: str
    password: str
    full_name: str


class Demo(NamedTuple):
    """A demo that was made."""

    directory: Path
    configuration: Path  # portal.conf
    logins: list  # of Login
    jobs: int
    seconds: float  # of wall time


def make_demo(directory, now=None, seed=1, sizes=Sizes(), with_logins=True):  # noqa: B008
    """Make a demo in a directory, which is made if it is missing; return the Demo.

    now (seconds since the epoch, the present by default) ends the history. In the directory of an
    earlier demo only what that made is replaced. Raises UsageError if the directory holds other
    things, WriteError if it cannot be written.
    """
    began = time.monotonic()
    directory, now = Path(directory).absolute(), int(now or time.time())
    try:
        prepare(directory)
        cluster = make_cluster(sizes, seed)
        schedule = make_schedule(cluster, sizes, now, seed)
        configfiles.write_configuration(directory, cluster, sizes, STAFF, HELPER)
        write_databases(directory, cluster, schedule, sizes, seed)
        people = people_of(cluster)
        write_passwords(directory, people)
    except (OSError, sqlite3.Error) as error:
        raise errors.WriteError(f"cannot make the demo in {directory}: {error}") from error
    if with_logins:
        notes = notes_of(cluster, schedule)
        logins.make(directory / configfiles.CONFIGURATION, people, notes)
    return Demo(
        directory, directory / configfiles.CONFIGURATION, people, len(schedule.jobs),
        time.monotonic() - began,
    )  # fmt: skip


def prepare(directory):
    """Make the directory, or clear it of an earlier demo. Raises UsageError."""
    directory.mkdir(parents=True, exist_ok=True)
    marker = directory / MARKER
    if not marker.is_file() and any(directory.iterdir()):
        raise errors.UsageError(f"{directory} holds other things than a demo: name another place")
    marker.write_text("The files of the portal's demo; `userportal demo` makes them anew.\n")
    for name in MADE:
        beside = [directory / (name + ending) for ending in BESIDE]
        for path in (*beside, *directory.glob(f"{name}.*{LOCKS}")):
            path.unlink(missing_ok=True)
    shutil.rmtree(directory / STATIC, ignore_errors=True)


def write_databases(directory, cluster, schedule, sizes, seed):
    """Write the four databases and the history."""
    for name, write in (
        ("slurm", lambda database: write_slurm(database, cluster, schedule)),
        ("robinhood", lambda database: write_robinhood(database, cluster, seed)),
    ):
        database = Database(read_config(directory / configfiles.database_conf(name)))
        try:
            write(database)
        finally:
            database.close()
    write_suite(
        directory / configfiles.database_conf("usage"), cluster, schedule, sizes, seed
    )  # fmt: skip
    with HistoryWriter(directory / "metrics.db") as writer:
        write_metrics(writer, cluster, schedule, sizes, seed)
    pack(directory / "metrics.db")


def pack(path):
    """Make an SQLite file smaller."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("VACUUM")
    finally:
        connection.close()


def people_of(cluster):
    """Return the Logins, with new passwords: not those of the demo before."""
    manager, user = cluster.users[:2]
    return [
        Login("user", user.name, secrets.token_urlsafe(9), user.full_name),
        Login("manager", manager.name, secrets.token_urlsafe(9), manager.full_name),
        Login("helper", HELPER, secrets.token_urlsafe(9), "Demo Helper"),
        Login("staff", STAFF, secrets.token_urlsafe(9), "Demo Staff"),
    ]


def notes_of(cluster, schedule):
    """Return what the staff have written down: about a user, an account, and an idle GPU."""
    user = cluster.users[1]
    account = cluster.accounts_of(user.name, "cpu")[0]
    notes = [
        {"title": "Asked for help with arrays", "username": user.name, "ticket_id": "1042",
         "notes": "Wants to run 4,000 short jobs: told about job arrays."},
        {"title": "Deadline in spring", "account": account,
         "notes": "The group may ask for a reservation."},
    ]  # fmt: skip
    idle = [
        job.job_id
        for job in schedule.jobs
        if job.start and job.request.user == user.name and job.request.behaviour.name == "gpu_idle"
    ]
    if idle:
        text = "The program has no part for GPUs; the user knows."
        notes.append(
            {"title": "GPU idle", "job_id": idle[-1], "username": user.name, "notes": text}
        )
    return notes


def write_passwords(directory, people):
    """Write who can log in to a file that only its owner reads."""
    found = {one.role: {"username": one.username, "password": one.password} for one in people}
    write_whole(directory / PASSWORDS, json.dumps(found, indent=1) + "\n", 0o600)
