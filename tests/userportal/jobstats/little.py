"""A portal of a few jobs whose samples are known by heart, served by Django in this process."""

import contextlib
import dataclasses

import pytest

from tests.userportal import django_site
from tests.userportal.slurm import made
from usagedb.config import DatabaseConfig, write_config
from usagedb.database import Database
from userportal.metrics.history import HistoryWriter

START = 1_699_999_200  # a whole hour
HOUR = 3600
END = START + HOUR
DOMAIN = ".int.example.org"
GIB, MIB = 2**30, 2**20
A100 = "NVIDIA A100-SXM4-40GB"

PASSWD = "\n".join(
    f"{name}:x:{uid}:100:{name.capitalize()} Example:/home/{name}:/bin/sh"
    for name, uid in (("ann", 1001), ("bob", 1002), ("hal", 1003), ("sam", 1004))
)
ACCOUNTS = """
[def-ann]
members = ann
accounts = def-ann
[rrg-ann]
accounts = rrg-ann
members = ann, bob
managers = bob
cpu = 100
gpu = 4
[rrg-cores]
members = ann
cpu = 50
"""
CONFIGURATION = {
    "portal": {"cluster": made.CLUSTER, "https": "no", "state": "."},
    "slurm": {"conf_file": "slurm_db.conf"},
    "prometheus": {"history": "history.db", "node_domain": DOMAIN},
    "exporters": {
        "slurm_job_exporter": 30, "node_exporter": 30, "redfish_exporter": 90,
        "lustre_exporter": 90, "slurm_exporter": 60, "pcm_sensor_server": 30,
        "nvidia_gpu_exporter": 30,
    },
    "access": {"staff": "sam", "helpers": "hal"},
    "accounts": {"source": "file", "file": "accounts.conf", "users_file": "passwd"},
    "systems": {"lustre": "scratch"},
}  # fmt: skip


def job_row(job_id, **values):
    """Return the row of a job of ann that ran from START to END on c001, changed by values."""
    usual = {
        "time_submit": START - 600, "time_eligible": START - 600, "time_start": START,
        "time_end": END, "nodelist": "c001", "nodes_alloc": 1, "tres_req": "1=2,2=4096,4=1",
        "tres_alloc": "1=2,2=4096,4=1", "cpus_req": 2,
    }  # fmt: skip
    return made.job_row(job_id, **{**usual, **values})


def host(node, port=9798):
    """Return the label of a node in the metrics."""
    return f"{node}{DOMAIN}:{port}"


class Samples:
    """Writes series that never change, or that grow evenly."""

    def __init__(self, writer, start=START, end=END):
        self.writer = writer
        self.times = list(range(start, end + 1, 30))

    def constant(self, name, value, **labels):
        """Write a gauge."""
        self.writer.add(name, labels, self.times, [value] * len(self.times))

    def growing(self, name, per_second, **labels):
        """Write a counter."""
        values = [1e6 + per_second * (at - self.times[0]) for at in self.times]
        self.writer.add(name, labels, self.times, values)

    def of_job(self, job_id, node, user="ann", account="def-ann"):
        """Return the labels that slurm-job-exporter gives the series of a job."""
        return {"slurmjobid": job_id, "user": user, "account": account, "instance": host(node)}


def text_of(configuration):
    """Return a configuration file."""
    lines = []
    for section, values in configuration.items():
        lines += [f"[{section}]", *(f"{name} = {value}" for name, value in values.items())]
    return "\n".join(lines) + "\n"


def changed(**sections):
    """Return CONFIGURATION with other values; a section that is None is left out."""
    found = dict(CONFIGURATION)
    for section, values in sections.items():
        found[section] = {**found.get(section, {}), **values} if values is not None else {}
    return found


def write_site(directory, rows=(), samples=None, **sections):
    """Write the files of a portal; samples(Samples) writes its history. Return the file's path."""
    directory.mkdir(exist_ok=True)
    (directory / "passwd").write_text(PASSWD + "\n")
    (directory / "accounts.conf").write_text(ACCOUNTS)
    config = DatabaseConfig("sqlite", str(directory / "slurm.db"), "test")
    write_config(directory / "slurm_db.conf", config)
    database = Database(config)
    store = made.make(database)
    made.add(store, *rows)
    database.close()
    with HistoryWriter(directory / "history.db") as writer:
        if samples:
            samples(Samples(writer))
    path = directory / "portal.conf"
    path.write_text(text_of(changed(**sections)))
    return path


@dataclasses.dataclass(frozen=True)
class Reader:
    """Somebody's browser."""

    client: object

    def get(self, path):
        """Return the answer to a path below /secure/."""
        return self.client.get(f"/secure/{path}")

    def html(self, path):
        """Return a page, which must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.content
        return answer.content.decode()

    def figure(self, path):
        """Return a graph as the page's script gets it."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.content
        return answer.json()


def reader(name):
    """Return the Reader of a user of the little site."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    user, _is_new = get_user_model().objects.get_or_create(username=name)
    client.force_login(user, "userportal.access.password_login.PasswordBackend")
    return Reader(client)


@contextlib.contextmanager
def served(path):
    """Serve a portal inside the block."""
    with django_site.using(path) as portal:
        yield portal


def level(values):
    """Return the value of points that are all alike, else the points."""
    same = values and all(one == pytest.approx(values[0], rel=1e-6) for one in values)
    return pytest.approx(values[0], rel=1e-6) if same else values


def levels(figure):
    """Return {name of a series: the value of all of its points, or the points}."""
    return {trace["name"]: level(trace["y"]) for trace in figure["data"]}


def stacked(figure):
    """Return the names of the series that stand one above another."""
    return {trace["name"] for trace in figure["data"] if "stackgroup" in trace}


def axis(figure, name="yaxis"):
    """Return (title, unit, highest number or None) of an axis."""
    found = figure["layout"][name]
    return found["title"]["text"], found["ticksuffix"], found.get("range", [0, None])[1]
