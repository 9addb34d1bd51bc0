"""The daemon outlives its database: nothing is lost, doubled, or moved away for it."""

import random
import threading

import pytest

from tests.conftest import run_command
from tests.epmtlite.daemon.runs import DaemonSite
from tests.epmtlite.made_jobs import contents
from tests.services import wait_until

AWAY, BACK = "Warning: the database is away, its work waits: ", "Warning: the database is back: "
JOBS = 60


@pytest.fixture
def place(own_server, tmp_path):
    """A DaemonSite on a server of its own, .server."""
    server, site = own_server
    found = DaemonSite(site, tmp_path)
    found.server = server
    yield found
    if found.is_ready():
        found.epmt("-S")


def tells_of(place):
    """Return a function that tells whether the status says that the database is away."""
    return lambda: "the database is away" in place.epmt().stdout


def test_a_server_that_goes_is_waited_for(place):
    place.put(1)
    with place.foreground("-i", "--post-process", "--interval", "0.2") as process:
        wait_until(lambda: not place.names(), "the first archive")
        for jobid, end in ((2, place.server.kill), (3, place.server.stop)):
            end()
            place.put(jobid)
            place.put_bad(f"bad{jobid}.tgz")
            wait_until(tells_of(place), "the daemon to notice")
            assert place.names() == [f"{jobid}.tgz", f"bad{jobid}.tgz"]
            place.server.start()
            wait_until(lambda: not place.names(), "the archives")
        process.terminate()
        assert process.wait() == 0
    lines = place.messages().splitlines()
    kinds = [line[: len(BACK)] for line in lines if "bad" not in line]
    assert [kind[:12] for kind in kinds] == [AWAY[:12], BACK[:12]] * 2, lines
    assert sum(AWAY in line for line in lines) == sum(BACK in line for line in lines) == 2
    assert [name for name in place.failed_names() if "reason" not in name] == [
        "bad2.tgz", "bad3.tgz",
    ]  # fmt: skip
    stored, orphans = contents(place.site)
    assert sorted(jobid for _cluster, jobid in stored) == ["1", "2", "3"] and orphans == []


def test_a_server_that_dies_in_the_middle_costs_nothing(place):
    """It is killed at random points while archives are stored."""
    source = random.Random(11)
    for jobid in range(1, JOBS + 1):
        place.put(jobid, count=40)
    with place.foreground("-i", "--post-process", "--interval", "0.05") as process:
        for _kill in range(4):
            left = len(place.names())
            wait_until(lambda left=left: len(place.names()) <= max(0, left - 3), "some archives")
            threading.Event().wait(source.uniform(0, 0.05))
            place.server.kill()
            place.server.start()
        wait_until(lambda: not place.names(), "the archives")
        process.terminate()
        assert process.wait() == 0
    stored, orphans = contents(place.site)
    assert sorted(int(jobid) for _cluster, jobid in stored) == list(range(1, JOBS + 1))
    assert orphans == [] and place.failed_names() == []
    assert {len(job["processes"]) for job in stored.values()} == {40}


def test_it_starts_though_the_database_is_away(place):
    place.server.stop()
    place.put(1)
    place.epmt("-s", "-i", "--interval", "0.2")
    assert "waits     the database is away: " in place.epmt().stdout
    place.server.start()
    wait_until(lambda: not place.names(), "the archive")
    assert place.jobs() == ["1"]
    wait_until(lambda: "waits" not in place.epmt().stdout, "the status")


def test_a_connection_that_the_server_has_closed_is_made_anew(place):
    with place.foreground("-i", "--interval", "0.2") as process:
        for jobid in (1, 2, 3):
            place.put(jobid)
            wait_until(lambda: not place.names(), "the archive")
            end_other_connections(place)
        process.terminate()
        assert process.wait() == 0
    assert place.messages() == "" and place.jobs() == ["1", "2", "3"]


def end_other_connections(place):
    """Have the server close all connections of clients but the one that asks."""
    database = place.site.connect()
    if database.config.backend == "postgresql":
        database.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    else:
        sql = (
            "SELECT id FROM information_schema.processlist"
            " WHERE id <> CONNECTION_ID() AND db = DATABASE()"
        )
        for (number,) in database.rows(sql):
            database.execute(f"KILL {number}")
    database.close()


@pytest.fixture
def on_file(sqlite_site, tmp_path):
    """A DaemonSite on SQLite."""
    return DaemonSite(sqlite_site.create(), tmp_path)


def test_an_sqlite_file_that_goes_is_waited_for_and_never_made_anew(on_file):
    place = on_file
    path = place.directory / "usage.db"
    with place.foreground("-i", "--interval", "0.2") as process:
        place.put(1)
        wait_until(lambda: not place.names(), "the first archive")
        path.rename(place.directory / "away.db")
        place.put(2)
        wait_until(tells_of(place), "the daemon to notice")
        assert place.names() == ["2.tgz"] and not path.exists()
        (place.directory / "away.db").rename(path)
        wait_until(lambda: not place.names(), "the second archive")
        process.terminate()
        assert process.wait() == 0
    lines = place.messages().splitlines()
    assert [line.startswith(one) for line, one in zip(lines, (AWAY, BACK))] == [True, True]
    assert len(lines) == 2


def test_a_schema_that_is_gone_is_no_fault_of_the_archives(on_file):
    """As when somebody calls epmt drop: the archives stay until the tables are there again."""
    place = on_file
    with place.foreground("-i", "--interval", "0.2"):
        run_command("epmt", "drop", "-f", "--confFn", place.site.conf_path)
        place.put(1)
        wait_until(lambda: "ingest waits: " in place.messages(), "the warning")
        assert place.names() == ["1.tgz"]
        run_command("epmt", "migrate", "--confFn", place.site.conf_path)
        wait_until(lambda: not place.names(), "the archive")
    assert place.jobs() == ["1"] and place.messages().count("\n") == 2
    assert place.failed_names() == []
