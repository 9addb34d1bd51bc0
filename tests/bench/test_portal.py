"""The portal is measured by what browsers ask, with nothing lost and nothing left out."""

import gzip
import http.server
import itertools
import os
import threading
import time

import pytest

from tests.bench import measure, portal, portal_client, portal_jobs, portal_metrics
from tests.bench.portal_client import Response
from tests.bench.results import Results
from tests.prometheus_server import PrometheusServer
from tests.services import require_service

JOB = portal_metrics.LargeJob(7, "ada", "def-ada_gpu", ("node001", "node002"), 1000, 1300)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the path, after /packed/ compressed; hangs up after each where it is told."""

    protocol_version = "HTTP/1.1"
    hangs_up = False
    seen: "list[str]"

    def do_GET(self):
        self.seen.append(self.path)
        body, is_packed = self.path.encode(), self.path.startswith("/packed/")
        body = gzip.compress(body) if is_packed else body
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        if is_packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.hangs_up

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    """A server with the paths that it was asked for, in `seen`."""

    class Seeing(Handler):
        seen: "list[str]" = []

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Seeing) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


def port_of(server):
    return server.server_address[1]


def test_each_address_is_fetched_once_over_all_connections(server):
    paths = [f"/{number}" for number in range(40)]
    found = portal_client.fetch_all(port_of(server), "a=b", paths, 6)
    assert sorted(one.body.decode() for one in found) == sorted(paths)
    assert sorted(server.RequestHandlerClass.seen) == sorted(paths)


def test_what_is_sent_and_what_it_holds_are_told_apart(server):
    [found] = portal_client.fetch_all(port_of(server), "a=b", ["/packed/" + "x" * 500], 1)
    assert found.body == b"/packed/" + b"x" * 500
    asked = portal.Asked(1.0, 0.5, 0.1, [found, found])
    assert (asked.sent_bytes, asked.body_bytes) == (2 * len(found.sent), 2 * 508)
    assert asked.sent_bytes < asked.body_bytes


def test_a_server_that_hangs_up_between_two_requests_is_asked_again(server):
    server.RequestHandlerClass.hangs_up = True
    found = portal_client.fetch_all(port_of(server), "a=b", ["/1", "/2", "/missing"], 1)
    assert [one.status for one in found] == [200, 200, 404]


def test_a_server_that_is_not_there_is_no_measurement():
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as gone:
        port = port_of(gone)
    with pytest.raises(measure.CommandFailed, match="broke a connection off"):
        portal_client.fetch_all(port, "a=b", ["/1"], 2)


def test_a_page_is_fetched_until_its_time_is_over(server):
    start = time.perf_counter()
    found = portal_client.fetch_for(port_of(server), "a=b", "/page", 3, 0.2)
    assert time.perf_counter() - start >= 0.2
    assert server.RequestHandlerClass.seen == [one.path for one in found] == ["/page"] * len(found)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([5], 95, 5), (range(1, 101), 95, 95), (range(100, 0, -1), 50, 50), ([1, 2, 3], 100, 3)],
)
def test_a_percentile_is_one_of_the_values(values, percent, expected):
    assert portal_client.percentile(list(values), percent) == expected


def test_cpu_time_is_that_of_the_process():
    used = portal_client.cpu_seconds([os.getpid()])
    times = os.times()
    assert abs(used - times.user - times.system) < 0.5
    assert portal_client.cpu_seconds([2**22 + 1]) == 0  # above the highest number of a process


def test_the_addresses_of_a_page_s_graphs_are_in_its_order():
    text = (
        '<a data-url="/secure/jobstats/ada/7/graph/mem.json" x="/secure/jobstats/ada/7/graph/'
        'cpu.json"><a data-url="/secure/jobstats/ada/7/graph/mem.json">"/secure/jobstats/ada/7/"'
    )
    page = Response("/", 200, 0.1, text.encode(), False)
    assert portal.addresses(page) == [
        f"/secure/jobstats/ada/7/graph/{name}.json" for name in ("mem", "cpu")
    ]


def test_graphs_without_series_and_failures_are_no_graphs():
    answers = [
        Response("/", 200, 0.1, b'{"data":[{"y":[1]}]}', False),
        Response("/", 200, 0.1, b'{"data":[]}', False),
        Response("/", 503, 0.1, b"no JSON", False),
    ]
    assert portal.drawn(answers) == 1


def test_pages_of_the_table_say_their_order():
    page = portal.table_page("-job_name", start=75)
    number = page["order[0][column]"]
    assert (page[f"columns[{number}][data]"], page["order[0][dir]"]) == ("job_name", "desc")
    assert (page["start"], page["length"]) == (75, portal.PAGE_LENGTH)
    deep = portal.table_pages(100)["last page"]
    assert deep["start"] == 100 - portal.PAGE_LENGTH


def test_one_job_in_three_is_the_user_s_and_all_have_ended():
    jobs = list(portal_jobs.all_jobs(300, 10**9))
    own = [one for one in jobs if one["id_user"] == portal_jobs.USER_ID]
    assert len(own) == 100
    assert all(one["time_submit"] <= one["time_start"] < one["time_end"] < 10**9 for one in jobs)
    assert len({one["id_job"] for one in jobs}) == 300
    assert set(jobs[0]) == set(portal_jobs.COLUMNS)
    assert jobs == list(portal_jobs.all_jobs(300, 10**9))


def test_the_large_job_runs_on_all_of_its_nodes():
    large, *small = portal_jobs.now_running(JOB)
    assert large["nodelist"] == "node[001-002]"
    assert large["tres_alloc"] == "1=128,2=491520,4=2,5=128,1001=8"
    assert len(small) == portal_jobs.RUNNING_SMALL
    assert {one["time_end"] for one in (large, *small)} == {0}


def test_counters_never_fall_and_every_exporter_has_its_own_times(tmp_path):
    written = portal_metrics.write_history(tmp_path / "history.om", JOB)
    lines = (tmp_path / "history.om").read_text().splitlines()
    assert len(lines) == written + 1 and lines[-1] == "# EOF"
    by_series = {
        head: [tuple(map(float, line.split()[-2:])) for line in found]
        for head, found in itertools.groupby(lines[:-1], lambda line: line.rsplit(" ", 2)[0])
    }
    cores = [found for head, found in by_series.items() if "core_usage_total" in head]
    assert len(cores) == 2 * portal_metrics.CORES
    for found in cores:
        assert [at for _value, at in found] == [float(at) for at in range(1000, 1300, 30)]
        assert found == sorted(found) and found[0][0] > 0
    lists = [found for head, found in by_series.items() if head.startswith("OS_ID")]
    assert {len(found) for found in lists} == {5}


def test_a_prometheus_takes_the_history(tmp_path):
    require_service("prometheus", "promtool")
    portal_metrics.write_history(tmp_path / "history.om", JOB)
    PrometheusServer(tmp_path / "prometheus").load(tmp_path / "history.om")


def test_a_graph_that_is_missing_misses_the_target(server, capsys):
    results = Results()
    watched = portal.Watched(os.getpid())
    watched.portal = os.getpid()
    rows = portal.job_graphs(results, watched, port_of(server), "a=b", "/page", "running", True)
    assert [row[0] for row in rows] == [
        "the page, running job", "0 graphs, running job, first time",
        "0 graphs, running job, second time",
    ]  # fmt: skip
    assert results.finish() == 1
    assert "2 of 4 targets MISSED" in capsys.readouterr().out
