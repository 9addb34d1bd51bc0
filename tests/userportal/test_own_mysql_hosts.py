"""The portal's own database on several servers: it goes on with those that can be used.

The servers are not joined to each other here, so that each shows by its rows who was asked.
"""

import contextlib
import signal

import pytest

from tests import services
from tests.galera_cluster import provider, require_galera
from tests.userportal.own_nodes import NAME, Node, Portal, configured
from tests.userportal.test_own_database import managed
from usagedb.config import DatabaseConfig

COUNT = "Group.objects.count()"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Three servers with the portal's tables: node, node, node."""
    services.require_service("mariadbd", "mariadb-install-db")
    directory, port = tmp_path_factory.mktemp("nodes"), services.free_port()
    nodes = [Node(directory / str(number), number, port) for number in (2, 3, 4)]
    with contextlib.ExitStack() as stack:
        for node in nodes:
            stack.enter_context(node)
            node.run(f"CREATE DATABASE {NAME}")
        made = nodes[0]
        path = configured(directory, config_of([made]))
        done = managed(path, "migrate", "--verbosity", "0")
        assert done.returncode == 0, done.stderr
        for node in nodes[1:]:
            copy_tables(made, node)
        yield nodes


def copy_tables(one, other):
    """Make the tables of one node on another, as they are."""
    names = [name for (name,) in one.run(f"USE {NAME}", "SHOW TABLES")]
    made = [one.run(f"SHOW CREATE TABLE {NAME}.{name}")[0][1] for name in names]
    other.run(f"USE {NAME}", "SET foreign_key_checks = 0", *made)


@pytest.fixture
def nodes(servers):
    """The three servers, all of them up and empty."""
    for node in servers:
        if node.process is None or node.process.poll() is not None:
            node.start()
        node.run("SET GLOBAL read_only = 0", f"DELETE FROM {NAME}.auth_group")
    return servers


def config_of(nodes, **named):
    """Return the configuration that names these nodes."""
    return DatabaseConfig(
        "mysql", NAME, "test", tuple(node.host for node in nodes), nodes[0].port, user="root",
        **named,
    )  # fmt: skip


@contextlib.contextmanager
def portal_of(directory, nodes):
    """Give a Portal on these nodes."""
    with Portal(configured(directory, config_of(nodes))) as portal:
        yield portal


def test_the_first_host_is_asked(tmp_path, nodes):
    with portal_of(tmp_path, nodes) as portal:
        assert [portal.node() for _ in range(3)] == ["2", "2", "2"]
    assert portal.said == ""


def test_dead_hosts_are_passed_over(tmp_path, nodes):
    nodes[0].kill()
    nodes[1].stop()
    with portal_of(tmp_path, nodes) as portal:
        assert portal.node() == "4"
    assert portal.said.count("the portal's own database on 127.0.0.") == 2


def test_a_host_that_goes_away_between_two_requests_is_left(tmp_path, nodes):
    with portal_of(tmp_path, nodes) as portal:
        assert portal.ask("Group.objects.create(name='one')") == "one"
        nodes[0].kill()
        assert portal.ask("Group.objects.create(name='two')") == "two"
        nodes[1].kill()
        assert portal.ask("Group.objects.create(name='three')") == "three"
        nodes[0].start()
        nodes[2].kill()
        assert portal.ask(f"{COUNT}, list(Group.objects.values_list('name'))") == (
            "(1, [('one',)])"
        )


def test_a_request_fails_while_all_hosts_are_away_and_the_next_works(tmp_path, nodes):
    with portal_of(tmp_path, nodes[:2]) as portal:
        assert portal.ask(COUNT) == "0"
        for node in nodes[:2]:
            node.kill()
        assert [portal.ask(COUNT) for _ in range(2)] == ["OperationalError"] * 2
        nodes[1].start()
        assert (portal.ask(COUNT), portal.node()) == ("0", "3")


def test_a_host_that_dies_within_a_request_fails_it_and_no_other(tmp_path, nodes):
    with portal_of(tmp_path, nodes) as portal:
        pid = nodes[0].process.pid
        dies = f"__import__('os').kill({pid}, {int(signal.SIGKILL)})"
        assert portal.ask(f"({COUNT}, {dies}, {COUNT})") == "OperationalError"
        nodes[0].kill()
        assert (portal.ask(COUNT), portal.node()) == ("0", "3")


def test_what_may_be_done_twice_goes_on_within_the_request(tmp_path, nodes):
    with portal_of(tmp_path, nodes) as portal:
        pid = nodes[0].process.pid
        dies = f"__import__('os').kill({pid}, {int(signal.SIGKILL)})"
        again = f"with_retries(lambda: {COUNT})()"
        assert portal.ask(f"({COUNT}, {dies}, {again})") == "(0, None, 0)"


def test_a_frozen_host_is_left(tmp_path, nodes, request):
    with portal_of(tmp_path, nodes) as portal:
        assert portal.node() == "2"
        process = nodes[0].process
        process.send_signal(signal.SIGSTOP)
        request.addfinalizer(lambda: process.send_signal(signal.SIGCONT))
        assert [portal.node() for _ in range(2)] == ["3", "3"]
    assert "timed out" in portal.said


def test_a_new_connection_does_not_wait_for_a_frozen_host(tmp_path, nodes, request):
    process = nodes[0].process
    process.send_signal(signal.SIGSTOP)
    request.addfinalizer(lambda: process.send_signal(signal.SIGCONT))
    with portal_of(tmp_path, nodes) as portal:
        assert portal.node() == "3"
        assert portal.ask("connection.close()") == "None"
        assert portal.node() == "3"
    assert portal.said.count("timed out") == 1  # the second time it was asked last


def test_a_read_only_host_is_left(tmp_path, nodes):
    with portal_of(tmp_path, nodes) as portal:
        assert portal.node() == "2"
        nodes[0].run("SET GLOBAL read_only = 1")
        assert portal.node() == "3"
    assert "127.0.0.2 is read-only" in portal.said


def test_of_one_host_even_a_read_only_one_is_used(tmp_path, nodes):
    nodes[0].run("SET GLOBAL read_only = 1")
    with portal_of(tmp_path, nodes[:1]) as portal:
        assert [portal.node() for _ in range(2)] == ["2", "2"]


def test_one_host_that_was_away_is_connected_anew(tmp_path, nodes):
    with portal_of(tmp_path, nodes[:1]) as portal:
        assert portal.ask(COUNT) == "0"
        nodes[0].kill()
        assert portal.ask(COUNT) == "OperationalError"
        nodes[0].start()
        assert portal.ask(COUNT) == "0"


def test_where_all_hosts_are_read_only_one_can_read(tmp_path, nodes):
    for node in nodes:
        node.run("SET GLOBAL read_only = 1")
    with portal_of(tmp_path, nodes) as portal:
        assert portal.node() == "2"
        assert [portal.ask(COUNT) for _ in range(2)] == ["0", "0"]


def test_a_refused_account_is_told_and_no_other_host_asked(tmp_path, nodes):
    nodes[0].run("CREATE OR REPLACE USER guarded@'%' IDENTIFIED BY 'right'")
    config = config_of(nodes).replaced(user="guarded", password="wr0ng")
    with Portal(configured(tmp_path, config)) as portal:
        assert portal.ask("ask('SELECT 1')") == "OperationalError"
    assert portal.said == ""


@pytest.fixture
def galera(servers, tmp_path):
    """A node of a Galera cluster, before the others in the portal's configuration."""
    require_galera()
    node = Node(tmp_path / "galera", 9, servers[0].port)
    ports = [services.free_port() for _ in range(2)]
    node.start(
        [
            "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--wsrep-on=ON",
            f"--wsrep-provider={provider()}", "--wsrep-cluster-name=t", "--wsrep-node-name=n9",
            f"--wsrep-node-address={node.host}", "--wsrep-cluster-address=gcomm://",
            f"--wsrep-provider-options=gmcast.listen_addr=tcp://{node.host}:{ports[0]};"
            f"ist.recv_addr={node.host}:{ports[1]};gcache.size=32M;pc.wait_prim_timeout=PT1S;pc.announce_timeout=PT1S",
        ]
    )  # fmt: skip
    try:
        services.wait_until(lambda: is_synced(node), "the node to be ready")
        node.run(f"CREATE DATABASE {NAME}")
        copy_tables(servers[1], node)
        yield node
    finally:
        node.kill()


def is_synced(node):
    """Tell whether a Galera node takes statements."""
    return node.run("SHOW STATUS LIKE 'wsrep_ready'") == (("wsrep_ready", "ON"),)


def test_a_node_that_is_not_ready_is_left_and_used_when_it_is(tmp_path, nodes, galera):
    services.wait_until(lambda: is_synced(galera), "the node to be ready")
    with portal_of(tmp_path, [galera, nodes[0]]) as portal:
        assert (portal.ask(COUNT), portal.node()) == ("0", "9")
        galera.run("SET GLOBAL wsrep_reject_queries = ALL")
        assert (portal.ask(COUNT), portal.node()) == ("0", "2")
        galera.run("SET GLOBAL wsrep_reject_queries = NONE")
        nodes[0].kill()
        assert (portal.ask(COUNT), portal.node()) == ("0", "9")
    assert "WSREP has not yet prepared node" in portal.said


def test_a_node_that_has_lost_its_cluster_is_passed_over(tmp_path, nodes, galera):
    services.wait_until(lambda: is_synced(galera), "the node to be ready")
    # Nobody is there: the node is up, and belongs to no cluster.
    with contextlib.suppress(Exception):
        galera.run("SET GLOBAL wsrep_cluster_address = 'gcomm://127.0.0.1:1'")
    services.wait_until(lambda: not is_synced(galera), "the node to leave")
    with portal_of(tmp_path, [galera, nodes[0]]) as portal:
        assert (portal.ask(COUNT), portal.node()) == ("0", "2")
