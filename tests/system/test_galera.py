"""A Galera cluster of three nodes: what commands meet there, and what they make of it."""

import contextlib
import subprocess
import sys
import threading

import pytest

from tests.conftest import CHECKOUT, Site, run_command
from tests.cutting_proxy import CuttingProxy
from tests.galera_cluster import ADDRESSES, GaleraCluster, require_galera
from tests.lmodtrack.logs import assert_holds, log_of, make_loads
from tests.services import wait_until
from tests.soak import galera, galera_faults
from tests.soak.galera_streams import JobStream, LogStream, RecordStream
from tests.xaltload.loading import contents, expected
from tests.xaltload.test_load_syslog import RECORDS, lines_of, write_log
from usagedb import errors
from usagedb.config import DatabaseConfig, write_config
from usagedb.database import Database, with_conflict_retries, with_reconnects
from usagedb.dialects import mysql_connection

PROXY_ADDRESS = "127.0.0.4"
COUNT = "SELECT n FROM galera_count"
ADD = "UPDATE galera_count SET n = n + 1"


@pytest.fixture(scope="module")
def place():
    """Directories for the cluster and for all else."""
    require_galera()
    with galera.scratch() as directories:
        yield directories


@pytest.fixture(scope="module")
def cluster(place):
    """Three nodes."""
    with GaleraCluster(place[0]) as started:
        yield started


@pytest.fixture(scope="module")
def rounds(cluster, place):
    """A site on the cluster, for rounds of faults."""
    return galera.Rounds(cluster, place[1])


@pytest.fixture
def whole(cluster):
    """The cluster, which is whole again after the test."""
    yield cluster
    cluster.bring_back()


@pytest.fixture
def config(rounds):
    """The configuration of the loading account, with all hosts."""
    return rounds.cluster.config(galera_name(rounds), user="galera_load")


@pytest.fixture
def counted(rounds, whole):
    """A table with one row, which counts; both gone after the test."""
    change(rounds, "CREATE TABLE IF NOT EXISTS galera_count (id INT PRIMARY KEY, n INT NOT NULL)")
    change(rounds, "REPLACE INTO galera_count VALUES (1, 0)")
    yield
    whole.bring_back()
    change(rounds, "DROP TABLE IF EXISTS galera_count")


def change(rounds, statement):
    """Run a statement as the cluster's owner, again while its nodes still find together after a
    fault."""

    def is_done():
        try:
            root = rounds.site.root.connect()
            with contextlib.closing(root), root.translated():
                root.execute("SET SESSION lock_wait_timeout = 5, innodb_lock_wait_timeout = 5")
                root.run_ddl(statement)
        except (errors.UnavailableError, errors.ConflictError):
            return False
        return True

    wait_until(is_done, f"the cluster to take: {statement}")


@pytest.fixture
def hurried(monkeypatch):
    """Let a connection doubt its server after a second of silence."""
    monkeypatch.setattr(mysql_connection, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(mysql_connection, "SILENCE_SECONDS", 1)


def galera_name(rounds):
    """Return the name of the database."""
    return rounds.site.root.config.database


def host_of(database):
    """Return the host that a Database is connected to."""
    return database.connection.host


def test_every_table_has_the_primary_key_that_galera_needs(rounds):
    assert rounds.site.tables_without_key() == []


def test_a_node_outside_the_cluster_is_passed_over(whole, config):
    node = whole.nodes[0]
    node.set_provider_option("gmcast.isolate=1")
    whole.wait_for(lambda: node.status("wsrep_ready") == "OFF", "the node to be alone")
    with pytest.raises(errors.UnavailableError, match="outside a cluster: try again later"):
        Database(config.replaced(hosts=ADDRESSES[:1]))
    database = Database(config)
    assert host_of(database) == ADDRESSES[1]
    database.close()


def test_a_read_only_node_is_passed_over_as_long_as_there_is_another(whole, config):
    for node in whole.nodes[:2]:
        node.ask("SET GLOBAL read_only = 1")
    assert host_of(Database(config)) == ADDRESSES[2]
    whole.nodes[2].ask("SET GLOBAL read_only = 1")
    database = Database(config)
    assert host_of(database) == ADDRESSES[0] and database.rows("SELECT 1") == ((1,),)
    with pytest.raises(errors.UnavailableError, match="read-only"):
        database.execute("DELETE FROM lmod_user WHERE user_id = 0")


def test_a_node_that_turns_read_only_is_left_for_the_next_one(whole, config, counted):
    database = Database(config)
    whole.nodes[0].ask("SET GLOBAL read_only = 1")
    with_reconnects(database, lambda: database.execute(ADD))
    assert host_of(database) == ADDRESSES[1] and database.rows(COUNT) == ((1,),)


def test_a_killed_node_is_left_for_the_next_one(whole, config, counted):
    database = Database(config)
    whole.nodes[0].kill()
    with_reconnects(database, lambda: database.execute(ADD))
    assert host_of(database) == ADDRESSES[1] and database.rows(COUNT) == ((1,),)


@pytest.mark.usefixtures("hurried")
def test_a_frozen_node_is_given_up_and_left_for_the_next_one(whole, config, counted):
    database = Database(config)
    whole.nodes[0].pause()
    with_reconnects(database, lambda: database.execute(ADD))
    assert host_of(database) in ADDRESSES[1:] and database.rows(COUNT) == ((1,),)


@pytest.mark.usefixtures("hurried")
def test_a_frozen_node_does_not_hold_up_who_connects(whole, config):
    whole.nodes[0].pause()
    database = Database(config)
    assert host_of(database) in ADDRESSES[1:]  # a slow one is passed over, too


@pytest.mark.usefixtures("cluster")
def test_a_long_answer_is_waited_for_as_long_as_the_server_lives(config):
    database = Database(config)
    database.connection._read_timeout = 1
    assert database.rows("SELECT SLEEP(4.5)") == ((0,),)
    assert [row[0] for row in database.stream("SELECT SLEEP(3.5)")] == [0]


def test_frozen_nodes_end_a_load_with_75(whole, rounds, tmp_path):
    (tmp_path / "moduleUsage.log").write_bytes(log_of(make_loads(10)))
    for node in whole.nodes:
        node.pause()
    command = [
        sys.executable, "-c", HURRIED_LOADER, "--confFn", rounds.site.load_confs[0],
        tmp_path / "moduleUsage.log",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr.startswith("Error: mysql database") and "try again later" in done.stderr


HURRIED_LOADER = """
from usagedb.dialects import mysql_connection
mysql_connection.CONNECT_SECONDS = mysql_connection.SILENCE_SECONDS = 1
from lmodtrack import store
store.main()
"""


def test_what_one_node_has_stored_the_others_show_at_once(rounds, config, counted):
    writer = Database(config)
    readers = [Database(rounds.cluster.config(config.database, first)) for first in (1, 2)]
    for number in range(1, 101):
        writer.execute(ADD)
        for reader in readers:
            with reader.snapshot():
                assert reader.rows(COUNT) == ((number,),)


def test_transactions_that_meet_on_two_nodes_are_tried_again_and_none_is_lost(rounds, counted):
    each, seen = 25, []

    def add_often(first):
        database = Database(rounds.cluster.config(galera_name(rounds), first))

        def once():
            with database.transaction():
                ((number,),) = database.rows(f"{COUNT} FOR UPDATE")
                database.execute("UPDATE galera_count SET n = ?", (number + 1,))

        for _number in range(each):
            while True:
                try:
                    with_conflict_retries(once)
                    break
                except errors.ConflictError:  # after its tries: the next run's turn
                    seen.append("too often")
        database.close()

    threads = [threading.Thread(target=add_often, args=(first,)) for first in (0, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rounds.site.root.rows(COUNT) == [(3 * each,)]


def test_a_transaction_that_loses_against_another_node_is_a_conflict(rounds, config, counted):
    first, second = Database(config), Database(rounds.cluster.config(config.database, 1))
    with pytest.raises(errors.ConflictError, match="try again later"), first.transaction():
        first.execute(ADD)
        second.execute(ADD)
        assert host_of(second) != host_of(first)
        first.rows(COUNT)
    assert rounds.site.root.rows(COUNT) == [(1,)]


@pytest.mark.parametrize("kind", [LogStream, RecordStream, JobStream])
def test_a_commit_whose_answer_is_lost_is_neither_lost_nor_done_twice(rounds, whole, kind):
    tag = f"lost{kind.__name__.lower()}"
    stream = next(one for one in rounds.make_streams(tag) if isinstance(one, kind))
    stream.grow()
    directory = rounds.directory / f"{tag}-proxy"
    directory.mkdir()
    config = whole.config(galera_name(rounds), user="galera_load")
    site = Site(config.replaced(hosts=(PROXY_ADDRESS, *ADDRESSES[1:])), directory)
    server = (ADDRESSES[0], whole.nodes[0].port)
    with CuttingProxy(PROXY_ADDRESS, server, b"COMMIT") as proxy:
        ended = rounds.runner.load(stream.load_words(site.conf_path))
        assert proxy.has_cut.is_set()
    assert ended.status in stream.done, ended.describe()
    assert "connection lost, trying again" in ended.messages
    rounds.loaded.append(stream)
    rounds.finish()


def test_two_loaders_on_two_nodes_store_a_log_once(cluster, rounds, tmp_path):
    name = "galera_two"
    cluster.nodes[0].ask(f"CREATE DATABASE {name}")
    sites = []
    for first in (0, 1):
        (tmp_path / str(first)).mkdir()
        sites.append(Site(cluster.config(name, first), tmp_path / str(first)))
    sites[0].create()
    loads = make_loads(6000, seed=3, days=8, users=40, modules=30)
    log = tmp_path / "moduleUsage.log"
    log.write_bytes(log_of(loads))
    ended = []

    def load(site):
        ended.append(rounds.runner.load(["store_module_data", "--confFn", site.conf_path, log]))

    threads = [threading.Thread(target=load, args=(site,)) for site in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 in [one.status for one in ended] and len(ended) == 2
    assert run_command("store_module_data", "--confFn", sites[0].conf_path, log).returncode == 0
    assert_holds(sites[1], loads)
    cluster.nodes[0].ask(f"DROP DATABASE {name}")


def test_the_other_commands_that_write_pass_over_a_dead_node(cluster, whole, tmp_path):
    cluster.nodes[0].ask("CREATE DATABASE galera_others")
    site = Site(cluster.config("galera_others"), tmp_path).create()
    log = write_log(tmp_path / "xalt.log-20260102", lines_of(RECORDS))
    whole.nodes[0].kill()
    (tmp_path / "copy").mkdir()
    copy = DatabaseConfig("sqlite", str(tmp_path / "copy" / "usage.db"), "test")
    write_config(tmp_path / "copy_db.conf", copy)
    user = RECORDS[0][1]["userT"]["user"]
    for words in (
        ("createDB",),
        ("xalt_syslog_to_db", "--syslog", log, "--leftover", tmp_path / "leftover"),
        ("usage_copy", "--from", site.conf_path, "--to", tmp_path / "copy_db.conf"),
        ("usage_person", "pseudonymise", user, "--as", "somebody", "--yes"),
        ("delete_old_records", "--schema", "xalt", "--keepMonths", "0", "--yes"),
    ):
        conf = () if words[0] == "usage_copy" else ("--confFn", site.conf_path)
        done = run_command(words[0], *words[1:], *conf)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    assert contents(Site(copy, tmp_path / "copy")) == expected(RECORDS)
    whole.bring_back()
    assert site.rows("SELECT COUNT(*) FROM xalt_run") == [(0,)]
    cluster.nodes[0].ask("DROP DATABASE galera_others")


@pytest.mark.parametrize(
    "fault",
    [galera_faults.kill_one, galera_faults.cut_one, galera_faults.kill_two],
    ids=lambda fault: fault.__name__,
)
def test_nodes_that_fail_lose_nothing_and_no_report_is_wrong(rounds, fault):
    rounds.round(fault)
    rounds.finish()
    assert rounds.counts["rows compared with a plain load"] > 1000
