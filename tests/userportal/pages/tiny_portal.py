"""A tiny portal with a history of metrics and jobs that a test makes by hand."""

import contextlib
import itertools
import time

from tests.services import free_port
from tests.userportal import django_site
from tests.userportal.slurm import made
from usagedb.config import DatabaseConfig, write_config
from usagedb.database import Database
from userportal.metrics.history import HistoryWriter

MINUTE, HOUR, DAY = 60, 3600, 86400
# A full hour some hours ago: samples around it are neither too old nor to come.
NOW = int(time.time()) // HOUR * HOUR
PEOPLE = {"ann": 1001, "bob": 1002, "cy": 1003, "sue": 2001, "hal": 2002}
ACCOUNTS = """
[def-ann]
description = Ann's stars
members = bob
managers = ann
gid = 5001
cpu = 8
project_gib = 100
project_files = 1000
nearline_gib = 500
[def-bob]
members = bob
gid = 5002
project_gib = 10
project_files = 1000
[def-cy]
members = cy
gid = 5003
project_gib = 10
"""
CLOUD = """
[ann-cloud]
members = ann
[two words]
members = bob
"""
EXPORTERS = ("slurm_job_exporter", "node_exporter", "lustre_exporter", "slurm_exporter",
             "libvirtd_exporter", "lfs_quota", "gpfs_exporter")  # fmt: skip
CONF = """
[portal]
cluster = vela
https = no
state = .
[access]
staff = sue
helpers = hal
[accounts]
source = file
file = accounts.conf
users_file = passwd
[files]
cloud_projects = cloud.conf
"""
METRICS, NO_METRICS = "[prometheus]\nhistory = metrics.db\n", ""


class Recorder:
    """Writes samples each minute, from a day ago until after all tests."""

    def __init__(self, writer):
        self.writer = writer

    def gauge(self, name, value, since=NOW - 2 * HOUR, until=NOW + 6 * HOUR, **labels):
        """Write a value that stays the same."""
        times = range(since, until, MINUTE)
        self.writer.add(name, labels, times, [value] * len(times))

    def counter(self, name, rate, since=NOW - 2 * HOUR, until=NOW + 6 * HOUR, **labels):
        """Write a counter that grows by `rate` a second."""
        times = range(since, until, MINUTE)
        values = itertools.accumulate([0] + [rate * MINUTE] * (len(times) - 1))
        self.writer.add(name, labels, times, list(values))


class TinyPortal:
    """The portal, and browsers of its people."""

    def __init__(self, directory, configuration):
        self.directory, self.configuration = directory, configuration

    def get(self, path, username=None, **parameters):
        """Return the answer to a request by somebody, or by nobody."""
        return self.client(username).get(path, parameters)

    def client(self, username=None):
        """Return the browser of a user, None: of nobody."""
        from django.contrib.auth import get_user_model
        from django.test import Client

        client = Client(raise_request_exception=False)
        if username:
            user, _is_new = get_user_model().objects.get_or_create(username=username)
            client.force_login(user, "userportal.access.password_login.PasswordBackend")
        return client

    def text(self, path, username=None, **parameters):
        """Return the page at a path; it must be there."""
        answer = self.get(path, username, **parameters)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.content.decode()

    def figure(self, path, username=None, since=NOW - HOUR, until=NOW, **parameters):
        """Return the figure at a path, over a window."""
        answer = self.get(path, username, start=since, end=until, **parameters)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.json()

    def lines(self, path, username=None, **parameters):
        """Return {name: the different values} of the traces of the figure at a path, rounded."""
        return values_of(self.figure(path, username, **parameters))


def values_of(figure):
    """Return {name: the different values, ascending} of the traces of a figure, rounded."""
    return {
        trace["name"]: sorted({round(value, 6) for value in trace["y"]}) for trace in figure["data"]
    }


@contextlib.contextmanager
def tiny_portal(directory, record=None, sections="", metrics=METRICS, exporters=EXPORTERS, jobs=()):
    """Let Django serve a new portal inside the block.

    record(Recorder) writes the history; sections are added to the configuration; jobs are rows of
    Slurm's table, None: no database of Slurm is named.
    """
    passwd = "".join(f"{name}:x:{uid}:{uid}:{name.title()} Doe::\n" for name, uid in PEOPLE.items())
    (directory / "passwd").write_text(passwd)
    (directory / "accounts.conf").write_text(ACCOUNTS)
    (directory / "cloud.conf").write_text(CLOUD)
    with HistoryWriter(directory / "metrics.db") as writer:
        (record or (lambda recorder: None))(Recorder(writer))
    conf = CONF + metrics + sections
    if jobs is not None:
        make_slurm(directory, jobs)
        conf += "[slurm]\nconf_file = slurm_db.conf\n"
    conf += "[exporters]\n" + "".join(
        f"{name} = {MINUTE if name in exporters else 0}\n"
        for name in (*EXPORTERS, "nvidia_gpu_exporter", "redfish_exporter", "pcm_sensor_server")
    )
    (directory / "portal.conf").write_text(conf)
    with django_site.using(directory / "portal.conf") as configuration:
        yield TinyPortal(directory, configuration)


def write_conf_of_nowhere(path):
    """Write the configuration file of a database on a server that is not there."""
    closed = free_port()
    write_config(path, DatabaseConfig("mysql", "db", "test", ("127.0.0.1",), closed, user="ann"))


def make_slurm(directory, jobs):
    """Make slurmdbd's tables with some jobs."""
    config = DatabaseConfig("sqlite", str(directory / "slurm.db"), "test")
    write_config(directory / "slurm_db.conf", config)
    database = Database(config)
    with database.transaction():
        made.add(made.make(database), *jobs)
    database.close()
