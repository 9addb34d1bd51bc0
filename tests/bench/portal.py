"""Measure the portal as browsers see it: graphs of a large job, a long job table, a busy page.

A real Prometheus and a real MariaDB, `userportal serve` with its two workers, and visitors who
speak HTTP. The portal's own database is the SQLite file that it has where nothing is said.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import statistics
import sys
import time
import urllib.parse
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.bench import help_speed, measure
from tests.bench.portal_client import (
    Connection,
    Response,
    cpu_seconds,
    family,
    fetch_all,
    fetch_for,
    held_megabytes,
    percentile,
)
from tests.bench.results import Results
from tests.bench.setting import Setting

GRAPHS, GRAPH_SECONDS_LIMIT = 20, 2.0
BROWSER_CONNECTIONS = 6  # to one host, of HTTP/1.1
TABLE_MILLISECONDS_LIMIT, TABLE_REPEATS = 200, 7
PAGE_CONNECTIONS, PAGE_RATE_LIMIT = 8, 50
TARGET_JOBS, TARGET_NODES = 100_000, 16
GRAPH_ADDRESS = re.compile(r'"(/secure/jobstats/[^"?]+/graph/\w+\.json)')
TABLE_COLUMNS = (
    "id_job", "job_name", "account", "time_submit", "time_start", "time_end", "timelimit",
    "get_state_display", "nodes",
)  # fmt: skip
PAGE_LENGTH = 25


class Asked(NamedTuple):
    """Several answers, and what they took together."""

    wall_seconds: float
    portal_seconds: float  # CPU
    prometheus_seconds: float  # CPU
    responses: list[Response]

    @property
    def sent_bytes(self) -> int:
        """What went over the network."""
        return sum(len(one.sent) for one in self.responses)

    @property
    def body_bytes(self) -> int:
        """What it was before it was compressed."""
        return sum(len(one.body) for one in self.responses)


def run(setting: Setting, results: Results, jobs: int, nodes: int, seconds: int) -> None:
    """Make a site with a user of so many jobs, one of them on so many nodes; measure and judge.

    The busy page is asked for so many seconds.
    """
    if sys.version_info < (3, 10) or importlib.util.find_spec("django") is None:
        print("\nThe portal is not measured: it needs Python 3.10 and Django")
        return
    # These need what the portal needs.
    from tests.bench.portal_jobs import USER
    from tests.bench.portal_place import LARGE_JOB_ID, placed

    help_speed.run(setting, results, ["userportal"])
    with placed(setting, jobs, nodes) as place:
        watched = Watched(place.prometheus.process.pid)
        job_page = f"/secure/jobstats/{USER}/{LARGE_JOB_ID}/"
        is_large = nodes >= TARGET_NODES
        rows = []
        for state in ("running", "ended"):
            if state == "ended":
                place.end_large_job()
            with place.portal() as (server, cookie):
                if state == "running":
                    many_jobs(results, server.port, cookie, jobs, place.job_rows)
                    watched.portal = server.process.pid
                    busy_page(results, watched, server.port, cookie, seconds)
            with place.portal() as (server, cookie):
                watched.portal = server.process.pid
                rows += job_graphs(results, watched, server.port, cookie, job_page, state, is_large)
        title = f"A job of {nodes} nodes, {place.samples:,} samples"
        headings = (
            "what", "wall s", "portal CPU s", "Prometheus CPU s", "kB sent", "kB of JSON",
            "portal MB", "load",
        )  # fmt: skip
        results.show(title, headings, rows)


class Watched:
    """The processes that are measured."""

    def __init__(self, prometheus: int) -> None:
        """Begin with Prometheus; `portal` is the process of the server."""
        self.prometheus = prometheus
        self.portal = 0

    def cpu(self) -> tuple[float, float]:
        """Return the CPU seconds of the portal and of Prometheus so far."""
        return cpu_seconds(family(self.portal)), cpu_seconds([self.prometheus])

    def megabytes(self) -> float:
        """Return the memory of the portal's processes."""
        return held_megabytes(family(self.portal))

    def ask(self, question: Callable[[], list[Response]]) -> Asked:
        """Ask, and return what it took."""
        before, start = self.cpu(), time.perf_counter()
        responses = question()
        wall_seconds = time.perf_counter() - start
        portal, prometheus = (now - then for now, then in zip(self.cpu(), before))
        return Asked(wall_seconds, portal, prometheus, responses)


def job_graphs(
    results: Results, watched: Watched, port: int, cookie: str, page: str, state: str,
    is_judged: bool,
) -> list[tuple[str, ...]]:  # fmt: skip
    """Fetch the page of a job and its graphs, twice; judge, and return the rows to show."""
    start_megabytes = watched.megabytes()
    told = f"{state} job"
    shown = watched.ask(lambda: fetch_all(port, cookie, [page], 1))
    paths = addresses(shown.responses[0])[:GRAPHS]
    rows = [row(f"the page, {told}", shown, start_megabytes)]
    for turn in ("first", "second"):
        asked = watched.ask(lambda: fetch_all(port, cookie, paths, BROWSER_CONNECTIONS))
        rows.append(row(f"{len(paths)} graphs, {told}, {turn} time", asked, watched.megabytes()))
        name = f"s for {GRAPHS} graphs, {told}, {turn} time"
        results.at_most(name, asked.wall_seconds, GRAPH_SECONDS_LIMIT, is_judged)
        results.equal(f"graphs with series, {told}, {turn} time", drawn(asked.responses), GRAPHS)
    return rows


def row(title: str, asked: Asked, megabytes: float) -> tuple[str, ...]:
    """Return what to show of several answers."""
    return (
        title, f"{asked.wall_seconds:.2f}", f"{asked.portal_seconds:.2f}",
        f"{asked.prometheus_seconds:.2f}", f"{asked.sent_bytes / 1000:,.0f}",
        f"{asked.body_bytes / 1000:,.0f}", f"{megabytes:.0f}", f"{os.getloadavg()[0]:.1f}",
    )  # fmt: skip


def addresses(page: Response) -> list[str]:
    """Return the addresses of the graphs of a page, in its order."""
    return list(dict.fromkeys(GRAPH_ADDRESS.findall(page.body.decode())))


def drawn(responses: Sequence[Response]) -> int:
    """Return how many answers are figures with series."""
    return sum(one.status == 200 and bool(json.loads(one.body)["data"]) for one in responses)


def many_jobs(results: Results, port: int, cookie: str, jobs: int, job_rows: int) -> None:
    """Ask for pages of the job table; show and judge each kind."""
    connection = Connection(port, cookie)
    rows = []
    for title, parameters in table_pages(jobs).items():
        path = f"/api/jobs/?{urllib.parse.urlencode(parameters)}"
        answers = [connection.get(path) for _ in range(1 + TABLE_REPEATS)]
        if answers[0].status != 200:
            raise measure.CommandFailed(f"{path}: {answers[0].status} {answers[0].body[:200]!r}")
        first, *later = [1000 * one.seconds for one in answers]
        filtered = json.loads(answers[0].body)["recordsFiltered"]
        median = statistics.median(later)
        rows.append(
            (title, f"{filtered:,}", f"{first:.0f}", f"{median:.0f}", f"{max(later):.0f}",
             f"{os.getloadavg()[0]:.1f}")
        )  # fmt: skip
        name = f"ms of a page of {jobs:,} jobs, {title}"
        results.at_most(name, median, TABLE_MILLISECONDS_LIMIT, jobs >= TARGET_JOBS)
    connection.close()
    headings = ("page", "jobs found", "first ms", "median ms", "worst ms", "load")
    results.show(f"The table of {jobs:,} jobs among {job_rows:,}", headings, rows)


def table_pages(jobs: int) -> dict[str, dict[str, object]]:
    """Return {title: parameters} of pages that a table asks for, as DataTables does."""
    return {
        "as it opens": table_page("-time_start"),
        **{
            f"by {column}": table_page(f"-{column}")
            for column in ("time_submit", "time_end", "id_job", "get_state_display", "job_name",
                           "timelimit")
        },
        "page in the middle": table_page("-time_start", start=jobs // 2),
        "last page": table_page("-time_start", start=max(0, jobs - PAGE_LENGTH)),
        "last page by name": table_page("job_name", start=max(0, jobs - PAGE_LENGTH)),
        "failed ones": {**table_page("-time_start"), "status": "failed"},
        "running ones": {**table_page("-time_start"), "status": "running"},
        "search for a name": {**table_page("-time_start"), "search[value]": "mesh-7"},
        "search for a number": {**table_page("-time_start"), "search[value]": "4321"},
        "search in vain": {**table_page("-time_start"), "search[value]": "nothing like it"},
    }  # fmt: skip


def table_page(order: str, start: int = 0) -> dict[str, object]:
    """Return the parameters of one page, in the order of a column, with - for descending."""
    column = order.removeprefix("-")
    return {
        "format": "datatables", "draw": 1, "start": start, "length": PAGE_LENGTH,
        **{f"columns[{place}][data]": name for place, name in enumerate(TABLE_COLUMNS)},
        "order[0][column]": TABLE_COLUMNS.index(column),
        "order[0][dir]": "desc" if order.startswith("-") else "asc",
    }  # fmt: skip


def busy_page(results: Results, watched: Watched, port: int, cookie: str, seconds: int) -> None:
    """Ask for the user's page from many sides at once; show and judge."""
    from tests.bench.portal_jobs import USER

    page = f"/secure/jobstats/{USER}/"
    before = watched.megabytes()
    fetch_all(port, cookie, [page] * 2 * PAGE_CONNECTIONS, PAGE_CONNECTIONS)  # both workers
    asked = watched.ask(lambda: fetch_for(port, cookie, page, PAGE_CONNECTIONS, seconds))
    times = [1000 * one.seconds for one in asked.responses]
    rate = len(times) / asked.wall_seconds
    cpu_ms = 1000 * asked.portal_seconds / len(times)
    failed = sum(one.status != 200 for one in asked.responses)
    results.show(
        f"The page of a user with running jobs, {PAGE_CONNECTIONS} connections",
        ("requests", "in a second", "median ms", "95 % ms", "worst ms", "portal CPU ms of each",
         "kB of each", "MB before", "MB after", "load"),
        [(
            f"{len(times):,}", f"{rate:.1f}", f"{statistics.median(times):.0f}",
            f"{percentile(times, 95):.0f}", f"{max(times):.0f}", f"{cpu_ms:.1f}",
            f"{asked.sent_bytes / len(times) / 1000:.0f}", f"{before:.0f}",
            f"{watched.megabytes():.0f}", f"{os.getloadavg()[0]:.1f}",
        )],
    )  # fmt: skip
    results.at_least("pages of a user in a second", rate, PAGE_RATE_LIMIT)
    results.equal("pages of a user that failed", failed, 0)
