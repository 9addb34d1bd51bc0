"""Jobs of a real Slurm, measured by a real Prometheus, stand on the pages of the portal."""

import contextlib
import os
import pwd
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.prometheus_server import PrometheusServer
from tests.services import require_service, wait_until
from tests.slurm_cluster import CLUSTER, CORES, DATABASE, PROGRAMS, SlurmCluster
from tests.system.job_history import History, Use
from tests.system.portal_process import LOGIN, TOKEN, WORKERS, Answer, PortalServer, Visitor
from usagedb import errors
from usagedb.config import DatabaseConfig, read_config, write_config
from usagedb.database import Database
from userportal.slurm.database import SlurmDatabase
from userportal.slurm.model import Job

ACCOUNT = "physics"
ME = pwd.getpwuid(os.geteuid()).pw_name  # the owner of the jobs
MATE, STRANGER, HELPER, STAFF = "daemon", "games", "bin", "boss"
NAME = "<b>solve</b>&'\""
SCRIPT = "module load gcc/12\n# <script>alert(1)</script>\nsleep 2"
AWAY = "What this page shows cannot be reached now. Please try again later."
AT_ONCE = 8
LIMIT_SECONDS = 300
NOT_MEASURED = "The metrics do not answer now"
CONFIGURATION = """\
[portal]
cluster = {cluster}
https = no
state = state
[slurm]
conf_file = slurm_db.conf
[prometheus]
url = {prometheus}
cache_seconds = 0
[exporters]
slurm_job_exporter = 30
node_exporter = 30
slurm_exporter = 30
[access]
methods = password
helpers = {helper}
"""


@dataclass
class Site:
    """A cluster, its Prometheus and its portal, with all jobs that the tests look at."""

    cluster: SlurmCluster
    prometheus: PrometheusServer
    portal: PortalServer
    store: SlurmDatabase
    node: str
    numbers: dict[str, str] = field(default_factory=dict)  # name of a job -> its number
    jobs: dict[str, Job] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    visitors: dict[str, Visitor] = field(default_factory=dict)

    def visitor(self, name: str) -> Visitor:
        """Return somebody who has logged in."""
        if name not in self.visitors:
            visitor = Visitor(self.portal.url).login(name, self.passwords[name])
            self.visitors[name] = visitor
        return self.visitors[name]

    def path(self, job: str, rest: str = "") -> str:
        """Return the address of a job's page."""
        return f"/secure/jobstats/{ME}/{self.numbers[job]}/{rest}"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Give the site; its paths are short, for those of sockets must be."""
    require_service(*PROGRAMS, "prometheus", "promtool", modules=["django", "gunicorn"])
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hpcusage-test-")))
        cluster = stack.enter_context(SlurmCluster(directory / "slurm"))
        prometheus = PrometheusServer(directory / "prometheus")
        conf = write_configuration(directory, cluster, prometheus)
        database = Database(read_config(directory / "slurm_db.conf"))
        stack.callback(database.close)
        (node,) = cluster.run("sinfo", "-h", "-o", "%n").split()
        portal = PortalServer(directory / "portal", conf)
        made = Site(cluster, prometheus, portal, SlurmDatabase(database, CLUSTER), node)
        run_jobs(made)
        measure(made, directory / "history.om")
        stack.callback(prometheus.stop)
        stack.callback(portal.stop)
        make_people(made)
        yield made


def write_configuration(
    directory: Path, cluster: SlurmCluster, prometheus: PrometheusServer
) -> Path:
    """Write the portal's configuration, with an account of MariaDB that may read alone."""
    password = secrets.token_urlsafe(12)
    address = ("127.0.0.1",)
    root = Database(
        DatabaseConfig("mysql", DATABASE, "test", address, cluster.mariadb.port, user="root")
    )
    root.run_ddl(f"CREATE USER 'portal'@'127.0.0.1' IDENTIFIED BY '{password}'")
    root.run_ddl(f"GRANT SELECT ON {DATABASE}.* TO 'portal'@'127.0.0.1'")
    root.close()
    reader = DatabaseConfig(
        "mysql", DATABASE, "test", address, cluster.mariadb.port, user="portal", password=password
    )
    write_config(directory / "slurm_db.conf", reader)
    conf = directory / "portal.conf"
    values = {"cluster": CLUSTER, "prometheus": prometheus.url, "helper": HELPER}
    conf.write_text(CONFIGURATION.format(**values))
    return conf


def run_jobs(site: Site) -> None:
    """Run jobs of all kinds, and wait until slurmdbd has stored all that is looked at."""
    cluster, numbers = site.cluster, site.numbers
    cluster.run("sacctmgr", "-i", "add", "account", ACCOUNT, f"cluster={CLUSTER}")
    for name in (ME, MATE):
        cluster.run("sacctmgr", "-i", "add", "user", name, f"account={ACCOUNT}")
    own = ("-A", ACCOUNT)
    numbers["plain"] = cluster.submit(*own, "-n2", "--time=5", f"--job-name={NAME}", script=SCRIPT)
    numbers["failed"] = cluster.submit(*own, script="exit 3")
    numbers["array"] = cluster.submit(*own, "--array=4,7", script="true")
    numbers["second"] = cluster.submit(*own, "-d", f"afterok:{numbers['plain']}", script="true")
    numbers["cancelled"] = cluster.submit(*own)
    numbers["requeued"] = cluster.submit(*own, "--requeue")
    numbers["running"] = cluster.submit(*own, "-n4")
    numbers["held"] = cluster.submit(*own, "--hold", "-d", f"afterany:{numbers['running']}")
    for name in ("cancelled", "requeued", "running"):
        cluster.wait_for(numbers[name], "RUNNING")
    cluster.run("scancel", numbers["cancelled"])
    cluster.run("scontrol", "requeuehold", numbers["requeued"])
    wait_for_rows(site)


def wait_for_rows(site: Site) -> None:
    """Wait until all is in the database, in any order, and read the jobs."""
    states = {
        "plain": "COMPLETED", "failed": "FAILED", "array": "COMPLETED", "second": "COMPLETED",
        "cancelled": "CANCELLED", "requeued": "PENDING", "running": "RUNNING", "held": "PENDING",
    }  # fmt: skip
    store, numbers = site.store, {name: int(number) for name, number in site.numbers.items()}

    def is_there(name: str) -> bool:
        job = store.job(numbers[name])
        if job is None or not job.partition or job.state_name != states[name]:
            return False
        site.jobs[name] = job
        return store.script(job) is not None

    for name in states:
        wait_until(partial(is_there, name), f"the job {name} to be in the database")
    tasks = (4, 7)
    wait_until(
        lambda: all(
            job and job.state_name == "COMPLETED"
            for job in (store.task(numbers["array"], task) for task in tasks)
        ),
        "the tasks of the array to be in the database",
    )
    wait_until(lambda: len(store.job_rows(numbers["requeued"])) == 2, "both rows of a job")


def measure(site: Site, path: Path) -> None:
    """Make the history of the jobs, and start Prometheus with it."""

    def use(name: str, **known: Any) -> Use:
        return Use(int(site.numbers[name]), ME, ACCOUNT, site.node, **known)

    with History(path, time.time()) as history:
        history.job(
            use("plain", core_shares=(1.0, 0.5), peak_mib=120, used_mib=100, limit_mib=200,
                threads=2)
        )  # fmt: skip
        running = use("running", core_shares=(0.5, 0.5, 0.25, 0.25), peak_mib=80, limit_mib=400)
        history.job(running)
        history.running(running)
        history.node(site.node, CORES, ACCOUNT)
    site.prometheus.start(path)


def make_people(site: Site) -> None:
    """Start the portal; the staff makes the accounts on the pages for that."""
    names = (STAFF, HELPER, ME, MATE, STRANGER)
    site.passwords = {name: secrets.token_urlsafe(12) for name in names}
    site.portal.make_tables(STAFF, site.passwords[STAFF])
    site.portal.start()
    staff = site.visitor(STAFF)
    for name in names[1:]:
        password = site.passwords[name]
        answer = staff.post(
            "/admin/auth/user/add/", username=name, usable_password="true", password1=password,
            password2=password, _save="Save",
        )  # fmt: skip
        assert "was added successfully" in answer.text, answer.text


@pytest.fixture
def me(site: Site) -> Visitor:
    """Give the owner of the jobs, logged in."""
    return site.visitor(ME)


# Jobs ----------------------------------------------------------------------


def test_a_job_that_ended_stands_on_its_page(site: Site, me: Visitor) -> None:
    page, job = me.get(site.path("plain")), site.jobs["plain"]
    assert page.status == 200
    assert f"Job {job.job_id} Complete <b>solve</b>&'" in page.text
    assert "<b>solve" not in page.body
    about = page.part("scheduler").text
    assert f"Account {ACCOUNT} Partition long" in about
    submitted = " ".join(job.submit_line.split())
    assert f"Exit code 0:0 Working directory / Submitted with {submitted}" in about
    moments = [time.strftime("%Y-%m-%d %H:%M", time.gmtime(at)) for at in (job.start, job.end)]
    assert f"Start {moments[0]} End {moments[1]}" in about
    assert f"{site.node} 2 " in page.part("resources").text
    assert "Cores 2 1.50 Memory 200 MiB 120 MiB" in page.part("resources").text


def test_the_meters_are_those_of_the_history(site: Site, me: Visitor) -> None:
    efficiency = me.get(site.path("plain")).part("efficiency")
    assert (efficiency.meters["Cores"], efficiency.meters["Memory"]) == (75, 60)
    assert me.get(site.path("running")).part("efficiency").meters["Cores"] == 38


def test_the_script_is_that_of_slurm_and_runs_nowhere(site: Site, me: Visitor) -> None:
    page = me.get(site.path("plain"))
    assert "module load gcc/12 # <script>alert(1)</script> sleep 2" in page.part("script").text
    assert "<script>" not in page.body.replace("<script src=", "")
    assert "Modules that the script loads: gcc/12" in page.part("resources").text


@pytest.mark.parametrize(
    ("name", "state", "told"),
    [
        ("failed", "Failed", "Exit code 3:0"),
        ("cancelled", "Cancelled", "Exit code 0:"),
        ("running", "Running", "End –"),
        ("held", "Pending", "Start –"),
        ("requeued", "Pending", "Requeued: each time it was in the queue"),
    ],
)
def test_the_page_of_a_job_tells_its_state(
    site: Site, me: Visitor, name: str, state: str, told: str
) -> None:
    page = me.get(site.path(name))
    assert f"Job {site.numbers[name]} {state} wrap" in page.text
    assert told in page.part("scheduler").text


def test_a_job_tells_what_it_waited_for_and_what_waits_for_it(site: Site, me: Visitor) -> None:
    def link(name: str) -> str:
        return f'<a href="{site.path(name)}">{site.numbers[name]}</a>'

    waited = me.get(site.path("second")).part("scheduler")
    assert f"Waits for afterok {site.numbers['plain']} Complete" in waited.text
    assert link("plain") in waited.body
    first = me.get(site.path("plain")).part("scheduler")
    assert f"Jobs that wait for it {site.numbers['second']} Complete" in first.text
    assert link("second") in first.body
    assert f"Waits for afterany {site.numbers['running']}" in me.get(site.path("held")).text


def test_an_array_shows_its_tasks_each_with_its_page(site: Site, me: Visitor) -> None:
    number = site.numbers["array"]
    page = me.get(site.path("array")).part("scheduler")
    assert f"Array {number}: 2 tasks {number}_4 Complete {number}_7 Complete" in page.text
    tasks = re.findall(rf'<a href="([^"]+)">{number}_[47]</a>', page.body)
    shown = [re.search(r"Job (\d+_\d)", me.get(path).text) for path in tasks]
    assert [one and one[1] for one in shown] == [f"{number}_4", f"{number}_7"]


def test_a_requeued_job_shows_both_times_in_the_queue(site: Site, me: Visitor) -> None:
    told = me.get(site.path("requeued")).part("scheduler").text
    assert re.search(r"Requeued: each time.* Pending – – – .* Requeued 20\d\d", told)


def test_several_jobs_stand_side_by_side(site: Site, me: Visitor) -> None:
    ids = f"{site.numbers['plain']},{site.numbers['running']}"
    page = me.get(f"/secure/jobstats/{ME}/{ids}/")
    assert f"2 jobs: {ids}" in page.text
    data = me.get(f"/secure/jobstats/{ME}/{ids}/graph/cpu.json").json["data"]
    assert {trace["name"]: set(trace["y"]) for trace in data} == {
        site.numbers["plain"]: {1.5}, site.numbers["running"]: {1.5}, "Allocated": {6},
    }  # fmt: skip


def test_an_unknown_job_is_not_found(site: Site, me: Visitor) -> None:
    assert me.get(f"/secure/jobstats/{ME}/4294967290/").status == 404


# Graphs ----------------------------------------------------------------------


def values(answer: Answer) -> "dict[str, set[float]]":
    """Return the values of each series of a graph, by its name."""
    assert answer.status == 200, answer.body
    return {trace["name"]: set(trace["y"]) for trace in answer.json["data"]}


def test_graphs_have_the_numbers_of_the_history(site: Site, me: Visitor) -> None:
    cores = me.get(site.path("plain", "graph/cpu.json"))
    assert values(cores) == {"Core 0": {1.0}, "Core 1": {0.5}}
    assert cores.json["layout"]["yaxis"]["range"] == [0, 2]
    memory = values(me.get(site.path("plain", "graph/mem.json")))
    assert {name: [round(1024 * one) for one in seen] for name, seen in memory.items()} == {
        "Used": [100], "Maximum used": [120], "Allocated": [200],
    }  # fmt: skip
    threads = values(me.get(site.path("plain", "graph/thread.json")))
    assert threads == {"Processes": {3}, "Threads running": {2}, "solver": {1.5}}


def test_graphs_of_a_user_are_drawn_of_what_the_rules_record(site: Site, me: Visitor) -> None:
    address = f"/secure/jobstats/{ME}/graph/cpu.json"
    assert values(me.get(address, delta=3600)) == {"Used": {1.5}, "Allocated": {4}}
    now = int(time.time())
    zoomed = me.get(address, start=now - 1800, end=now - 900).json["data"][0]["x"]
    assert (len(zoomed), zoomed == sorted(zoomed)) == (16, True)


def test_a_job_that_has_not_begun_has_no_graph(site: Site, me: Visitor) -> None:
    answer = me.get(site.path("held", "graph/cpu.json")).json
    assert (answer["data"], answer["layout"]["meta"]["why"]) == ([], "The job has not started.")


def test_the_page_of_a_user_shows_what_is_used_now(site: Site, me: Visitor) -> None:
    page = me.get(f"/secure/jobstats/{ME}/")
    assert "1 running job" in page.text
    # The job that ended had its part of the last hour, too: it counts neither here nor there.
    assert re.search(r"Cores 4 1\.50 38 % Memory 400 MiB 80 MiB 20 %", page.text)


# The API ----------------------------------------------------------------------


def test_the_api_lists_the_jobs(site: Site, me: Visitor) -> None:
    found = me.get("/api/jobs/").json
    states = {(row["id_job"], row["get_state_display"]) for row in found["results"]}
    expected = {
        ("plain", "Complete"), ("failed", "Failed"), ("cancelled", "Canceled"),
        ("second", "Complete"), ("array", "Complete"), ("running", "Running"),
        ("held", "Pending"), ("requeued", "Requeued"), ("requeued", "Pending"),
    }  # fmt: skip
    named = {(int(site.numbers[name]), state) for name, state in expected}
    other_task = states - named
    assert named < states
    assert [state for _number, state in other_task] == ["Complete"]
    assert found["count"] == len(states)
    (row,) = [one for one in found["results"] if one["id_job"] == int(site.numbers["plain"])]
    assert (row["account"], row["timelimit"], row["username"]) == (ACCOUNT, 5, ME)
    assert row["nodes"] == [site.node]
    table = {"format": "datatables", "draw": 7, "start": 0, "length": 10, "status": "Failed"}
    answer = me.get("/api/jobs/", **table).json
    assert (answer["draw"], answer["recordsFiltered"]) == (7, 1)
    assert [one["id_job"] for one in answer["data"]] == [int(site.numbers["failed"])]


# Who sees what ----------------------------------------------------------------


def test_a_member_of_the_account_sees_the_account_and_no_page_of_others(site: Site) -> None:
    mate = site.visitor(MATE)
    page = mate.get(f"/secure/accountstats/{ACCOUNT}/")
    assert page.status == 200
    assert f"Members {MATE}, {ME}" in page.text
    jobs = mate.get("/api/jobs/", account=ACCOUNT).json["results"]
    assert int(site.numbers["plain"]) in {one["id_job"] for one in jobs}
    assert mate.get(site.path("plain")).status == 403
    assert mate.get(site.path("plain", "graph/cpu.json")).status == 403


def test_a_stranger_sees_nothing_of_it(site: Site) -> None:
    stranger = site.visitor(STRANGER)
    for path in (site.path("plain"), f"/secure/accountstats/{ACCOUNT}/", "/secure/top/compute/"):
        assert stranger.get(path).status == 403
    assert stranger.get("/api/jobs/").json["count"] == 0
    assert stranger.get("/api/jobs/", account=ACCOUNT).json["count"] == 0


def test_who_is_not_logged_in_is_asked_to(site: Site) -> None:
    nobody = Visitor(site.portal.url)
    assert nobody.get(site.path("plain")).path == LOGIN
    assert nobody.get("/api/jobs/").status in (401, 403)
    refused = nobody.post(LOGIN, username=ME, password="guess")
    assert (refused.path, "portal_session" in str(nobody.cookies)) == (LOGIN, False)


def test_a_form_without_the_token_of_its_page_is_refused(site: Site) -> None:
    nobody = Visitor(site.portal.url)
    nobody.get(LOGIN)
    sent = {"username": ME, "password": site.passwords[ME], "csrfmiddlewaretoken": "x" * 64}
    assert nobody.send(LOGIN, **sent).status == 403
    assert nobody.get(site.path("plain")).path == LOGIN


def test_who_logs_out_is_out(site: Site) -> None:
    visitor = Visitor(site.portal.url).login(ME, site.passwords[ME])
    assert visitor.get(site.path("plain")).status == 200
    page = visitor.get("/accounts/tokens/")
    token = TOKEN.search(page.body)
    assert token
    visitor.send("/accounts/logout/", csrfmiddlewaretoken=token[1])
    assert visitor.get(site.path("plain")).path == LOGIN


# The pages of helpers and staff -----------------------------------------------


@pytest.mark.parametrize("who", [HELPER, STAFF])
def test_helpers_and_staff_see_who_uses_what(site: Site, who: str) -> None:
    visitor = site.visitor(who)
    assert visitor.get(site.path("plain")).status == 200
    top = visitor.get("/secure/top/compute/")
    assert f"{ME} {ACCOUNT} 4 1.50 wasted 400 MiB 80 MiB" in top.text
    nodes = visitor.get("/secure/nodes/")
    assert f"{site.node} mixed {CORES} 2 4 GiB 1 GiB" in nodes.text
    assert ACCOUNT in visitor.get("/secure/search/", query="phys").text
    start = site.jobs["plain"].start or 0
    days = [time.strftime("%Y-%m-%d", time.gmtime(at)) for at in (start, start + 86400)]
    rows = visitor.get("/secure/slurm/", start=days[0], end=days[1]).text
    assert re.search(r"long [3-9] 0 0 %", rows), rows
    levels = visitor.get("/secure/slurm/account_priority/", start=days[0], end=days[1]).text
    assert re.search(r"long \d+ 1.50 1.50 1.50 1.50", levels), levels


def test_the_jobs_of_a_node_are_bars(site: Site) -> None:
    figure = site.visitor(HELPER).get(f"/secure/nodes/{site.node}/jobs/cores.json").json
    told = str(figure["data"])
    assert site.numbers["running"] in told
    assert site.numbers["plain"] in told


def test_staff_alone_writes_notes(site: Site) -> None:
    staff, number = site.visitor(STAFF), site.numbers["failed"]
    assert site.visitor(HELPER).get("/secure/notes/").status == 403
    staff.post("/secure/notes/new/", title="Told about exit codes", job_id=number, notes="By mail.")
    assert "Told about exit codes" in staff.get(site.path("failed")).text
    assert "Told about exit codes" not in site.visitor(ME).get(site.path("failed")).text


def test_the_commands_of_the_shell_say_the_same(site: Site) -> None:
    report = site.portal.run("job", site.numbers["plain"])
    assert report.returncode == 0, report.stderr
    assert re.search(r"CPU utilization +\[\|+ +75%\]", report.stdout)
    assert site.visitor(ME).get(site.path("plain", "report.txt")).body.strip() in report.stdout
    checked = site.portal.run("check")
    assert f"cluster {CLUSTER}: 2 accounts, 2 users" in checked.stdout


def test_the_portal_may_not_write_into_slurms_database(site: Site) -> None:
    with pytest.raises(errors.UsageDBError):
        site.store.database.execute(f"DELETE FROM {CLUSTER}_job_table")


# Sources that are away ----------------------------------------------------------


@pytest.fixture
def no_prometheus(site: Site) -> Iterator[None]:
    """Kill Prometheus for the time of a test."""
    site.prometheus.kill()
    yield
    if site.prometheus.process is None:
        site.prometheus.start()


@pytest.fixture
def no_mariadb(site: Site) -> Iterator[None]:
    """Kill the database of slurmdbd, and so the portal's connections, for the time of a test."""
    ask_all_at_once(site)
    site.cluster.mariadb.kill()
    yield
    if site.cluster.mariadb.process is None:
        site.cluster.mariadb.start()


def ask_all_at_once(site: Site) -> None:
    """Let every worker of the portal have connections to all sources."""
    visitor = site.visitor(ME)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(visitor.get, [site.path("plain")] * 4 * AT_ONCE))
    assert {answer.status for answer in answers} == {200}


def test_without_prometheus_the_pages_come_and_say_so(
    site: Site, me: Visitor, no_prometheus: None
) -> None:
    page = me.get(site.path("plain"))
    assert page.status == 200
    assert NOT_MEASURED in page.text
    assert f"Account {ACCOUNT}" in page.part("scheduler").text
    assert "module load gcc/12" in page.part("script").text
    job = site.jobs["plain"]
    used = round(100 * (job.end - job.start) / LIMIT_SECONDS)
    assert page.part("efficiency").meters == {"Time limit": used}
    user = me.get(f"/secure/jobstats/{ME}/")
    assert user.status == 200
    assert NOT_MEASURED in user.text
    assert site.prometheus.url not in page.body + user.body
    graph = me.get(site.path("plain", "graph/cpu.json"))
    assert (graph.status, graph.json) == (503, {"error": AWAY})
    nodes = site.visitor(HELPER).get("/secure/nodes/")
    assert (nodes.status, AWAY in nodes.text) == (503, True)
    assert site.prometheus.url in site.visitor(STAFF).get("/secure/nodes/").text
    assert me.get("/api/jobs/").status == 200
    assert f"cannot reach {site.prometheus.url}" in site.portal.run("check").stdout


def test_prometheus_that_is_back_is_asked_at_once(
    site: Site, me: Visitor, no_prometheus: None
) -> None:
    assert me.get(site.path("plain", "graph/cpu.json")).status == 503
    site.prometheus.start()
    for _ in range(2 * WORKERS):
        assert me.get(site.path("plain")).part("efficiency").meters["Cores"] == 75
        assert values(me.get(site.path("plain", "graph/cpu.json")))["Core 1"] == {0.5}


def test_without_slurms_database_the_portal_says_so(
    site: Site, me: Visitor, no_mariadb: None
) -> None:
    for _ in range(2 * WORKERS):
        page = me.get(site.path("plain"))
        assert (page.status, AWAY in page.text, DATABASE in page.body) == (503, True, False)
    assert me.get(site.path("plain", "graph/cpu.json")).json == {"error": AWAY}
    jobs = me.get("/api/jobs/")
    assert (jobs.status, jobs.json) == (503, {"detail": AWAY})
    told = site.visitor(STAFF).get(site.path("plain")).text
    assert "127.0.0.1" in told, told
    assert me.get("/").status == 200
    assert me.get("/accounts/tokens/").status == 200
    assert site.visitor(HELPER).get("/secure/top/compute/").status == 200


def test_slurms_database_that_is_back_is_asked_at_once(
    site: Site, me: Visitor, no_mariadb: None
) -> None:
    site.cluster.mariadb.start()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(me.get, [site.path("plain")] * 2 * AT_ONCE))
    assert [answer.status for answer in answers] == [200] * 2 * AT_ONCE
    assert me.get(site.path("plain")).part("efficiency").meters["Cores"] == 75


def test_the_portal_told_of_no_bug(site: Site) -> None:
    log = site.portal.log.read_text()
    assert "Traceback" not in log, log
