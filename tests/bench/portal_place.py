"""Put up what a portal needs, of real servers: its databases, a Prometheus, and its processes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import portal_jobs, portal_metrics
from tests.bench.portal_metrics import LargeJob
from tests.bench.setting import Setting
from tests.prometheus_server import PrometheusServer
from tests.system.portal_process import PortalServer, Visitor

DATABASE = "portal_slurm"
PASSWORD = "a password of the bench"  # noqa: S105 - of a scratch database
LARGE_JOB_ID = 90_000_001
HOURS = 9  # of the large job so far: a graph of it has all of its 500 points
AHEAD_SECONDS = 3600  # the history goes on while the benchmark runs
COOKIE = "portal_session"


@dataclass
class Place:
    """Where everything is, and how much of it."""

    setting: Setting
    prometheus: PrometheusServer
    configuration: Path
    large: LargeJob
    job_rows: int
    samples: int

    @contextlib.contextmanager
    def portal(self) -> Iterator[tuple[PortalServer, str]]:
        """Give a portal that has just been started, and the cookie of the user, logged in."""
        server = BenchedPortal(self.configuration.parent / "portal", self.configuration)
        with server:
            visitor = Visitor(server.url).login(portal_jobs.USER, PASSWORD)
            session = next(one.value for one in visitor.cookies if one.name == COOKIE)
            yield server, f"{COOKIE}={session}"

    def end_large_job(self) -> None:
        """Let the large job have ended some time ago."""
        self.setting.execute(
            f"update {DATABASE}.{portal_jobs.CLUSTER}_job_table set state = 3,"
            f" time_end = {int(time.time()) - AHEAD_SECONDS // 2}"
            f" where id_job = {LARGE_JOB_ID}"
        )


class BenchedPortal(PortalServer):
    """`userportal serve` with its own number of workers and threads."""

    def command(self) -> list[str]:
        """Return the command line of the server."""
        return self.words("serve", "--bind", f"127.0.0.1:{self.port}")


@contextlib.contextmanager
def placed(setting: Setting, jobs: int, nodes: int) -> Iterator[Place]:
    """Give a Place with so many jobs of the user, and one on so many nodes."""
    directory = setting.directory / "portal-bench"
    directory.mkdir()
    now = int(time.time())
    large = LargeJob(
        LARGE_JOB_ID, portal_jobs.USER, portal_jobs.ACCOUNT,
        tuple(f"node{number:03}" for number in range(1, nodes + 1)),
        now - HOURS * 3600, now + AHEAD_SECONDS,
    )  # fmt: skip
    setting.execute(f"drop database if exists {DATABASE}", f"create database {DATABASE}")
    rows = portal_jobs.fill(setting, setting.conf("mariadb", DATABASE), DATABASE, jobs, large)
    history = directory / "history.om"
    samples = portal_metrics.write_history(history, large)
    prometheus = PrometheusServer(directory / "prometheus")
    prometheus.load(history)
    history.unlink()
    with prometheus:
        configuration = write_configuration(setting, directory, prometheus.url)
        make_account(configuration)
        yield Place(setting, prometheus, configuration, large, rows, samples)


def write_configuration(setting: Setting, directory: Path, prometheus_url: str) -> Path:
    """Write portal.conf and the names of the users; return its path."""
    people = "".join(
        f"{name}:x:{portal_jobs.USER_ID + number}:20000::/home/{name}:/bin/sh\n"
        for number, name in enumerate(portal_jobs.people())
    )
    (directory / "passwd").write_text(people, encoding="utf-8")
    exporters = "".join(
        f"{name} = {seconds}\n" for name, seconds in portal_metrics.SAMPLING_SECONDS.items()
    )
    path = directory / "portal.conf"
    path.write_text(
        f"[portal]\ncluster = {portal_jobs.CLUSTER}\nhttps = no\nstate = {directory / 'state'}\n"
        f"[slurm]\nconf_file = {setting.conf('mariadb', DATABASE)}\n"
        f"[prometheus]\nurl = {prometheus_url}\n"
        f"[exporters]\n{exporters}"
        f"[accounts]\nusers_file = {directory / 'passwd'}\n",
        encoding="utf-8",
    )
    (directory / "state").mkdir()
    return path


def make_account(configuration: Path) -> None:
    """Make the portal's tables and the account of the user."""
    from userportal.demo.logins import make
    from userportal.demo.make import Login

    make(configuration, [Login("user", portal_jobs.USER, PASSWORD, "Ada Invented")])
